//! Who may call what: bearer tokens with a role and agreements, a table of the least role per call, and the gate in
//! front of the API that checks both and keeps the callers' deadlines.

mod deadline;
mod gate;
mod table;
mod tokens;

pub use deadline::Deadline;
pub use gate::Gate;
pub use table::Rpc;
pub use tokens::{BadTokens, Tokens};

use std::collections::BTreeSet;

use serde::Deserialize;
use shopbeat_domain::ids::AgreementId;

/// What a caller may do; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Reader,
    /// Also transfer and retry single orders.
    Support,
    /// Also connect, pause and disconnect stores and start initial syncs.
    Operator,
}

impl Role {
    /// The role's word in the tokens file and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Support => "support",
            Self::Operator => "operator",
        }
    }
}

/// The agreements that a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All, those to come too.
    All,
    /// These.
    Only(BTreeSet<AgreementId>),
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, for the log.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where.
    pub reach: Reach,
}

impl Caller {
    /// Anyone who can reach the socket, where authentication is off.
    #[must_use]
    pub fn anyone() -> Self {
        Self { name: "anyone".to_owned(), role: Role::Operator, reach: Reach::All }
    }

    /// Whether something of this agreement exists for them.
    #[must_use]
    pub fn sees(&self, agreement: &AgreementId) -> bool {
        match &self.reach {
            Reach::All => true,
            Reach::Only(these) => these.contains(agreement),
        }
    }
}
