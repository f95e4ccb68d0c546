//! Why a transfer did not come to an end.

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::mapping::Block;
use shopbeat_domain::transfer::Transfer;

/// Why a transfer stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A call failed; `engine::retry` decides.
    Failed(Failure),
    /// Something is wrong with this order.
    Parked {
        /// What.
        block: Block,
        /// The journal as it stands: the order's name and number, if they are known.
        journal: Option<Box<Transfer>>,
    },
    /// A later claim owns the order: nothing more may be written.
    Fenced,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        // The state's only conflict in a transfer is the fence.
        if failure.remote == Remote::State && failure.kind == FailureKind::Conflict {
            Self::Fenced
        } else {
            Self::Failed(failure)
        }
    }
}

impl From<Block> for Stop {
    fn from(block: Block) -> Self {
        Self::Parked { block, journal: None }
    }
}
