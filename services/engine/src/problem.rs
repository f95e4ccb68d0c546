//! Why something that was asked for cannot be done. `sync` turns each into a gRPC status.

use std::time::Duration;

use shopbeat_domain::failure::Failure;

/// One field of a request that cannot stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request, `settings.orders.freight_product`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Violation {
    /// A field and what is wrong with it.
    #[must_use]
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no such thing; says what and its name.
    #[error("no {what} {name:?}")]
    Unknown {
        /// `store`, `order`, `run`.
        what: &'static str,
        /// The name that was given.
        name: String,
    },
    /// The request cannot stand: every field that is wrong.
    #[error("the request has fields that cannot stand")]
    BadInput(Vec<Violation>),
    /// It cannot be done as things are; the reason for machines, the message for people.
    #[error("{message}")]
    Precondition {
        /// Machine-readable, `STORE_PAUSED`.
        reason: &'static str,
        /// What is the case and what to do.
        message: String,
    },
    /// A remote or the state failed.
    #[error("{failure}")]
    Failed {
        /// What failed.
        failure: Failure,
        /// When it makes sense to ask again.
        retry_after: Duration,
    },
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let retry_after = crate::retry::ask_again_after(&failure);
        Self::Failed { failure, retry_after }
    }
}

impl Problem {
    /// A precondition that does not hold.
    #[must_use]
    pub fn precondition(reason: &'static str, message: impl Into<String>) -> Self {
        Self::Precondition { reason, message: message.into() }
    }
}
