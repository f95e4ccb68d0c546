//! What went wrong, said by what is KNOWN about the call. Clients make one attempt and report one of these;
//! whether to try again is decided in one place, `engine::retry`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::Hold;

/// Who failed to do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, PartialOrd, Ord)]
pub enum Remote {
    /// Shopify's Admin API.
    Shopify,
    /// Rackbeat's REST API.
    Rackbeat,
    /// Our own state (Redis or the embedded engine).
    State,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shopify => "Shopify",
            Self::Rackbeat => "Rackbeat",
            Self::State => "the state",
        })
    }
}

/// Why a remote said no, as far as it can be told from its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The item is barred.
    BarredItem,
    /// The item does not exist.
    UnknownItem,
    /// The customer does not exist.
    UnknownCustomer,
    /// The number or name is taken.
    Duplicate,
    /// A stock adjustment that would change nothing.
    NoChange,
    /// Booked or otherwise locked against this change.
    Locked,
    /// Nothing on the order can be shipped now (no stock, or nothing that has stock).
    NothingToShip,
    /// The property cannot be filtered by.
    NotFilterable,
    /// A scope or a right is missing; the message names it.
    Forbidden,
    /// Anything else; the message says it in the remote's words.
    Other,
}

/// What is known about a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// They have too much to do; nothing was done. Come back after this long, if they said so.
    Busy {
        /// The wait they asked for.
        retry_after: Option<Duration>,
    },
    /// The request never left: nothing was done.
    Unreachable,
    /// The request was sent and no answer came: it may have been done. The one that makes double orders: to be
    /// tried again only by finding out first.
    Unanswered,
    /// They said no, and will say no again.
    Refused(Refusal),
    /// What was asked for is not there.
    Missing,
    /// It was changed by somebody else meanwhile, or a later holder owns it.
    Conflict,
    /// The answer could not be understood.
    Garbled,
    /// Our key does not open the door (any more). With the hold that the store should get, where it is clear.
    Unauthorized(Option<Hold>),
}

/// A failed call to a remote or to the state. Its text holds no personal data, token or body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is known.
    pub kind: FailureKind,
    /// Who failed.
    pub remote: Remote,
    /// Which call: an operation's name or `METHOD /path` with ids left out.
    pub call: String,
    /// The remote's words, where they are fit to be shown; else ours.
    pub message: String,
    /// For refusals: the fields (dotted paths) and what is wrong with each.
    pub fields: Vec<(String, String)>,
}

impl Failure {
    /// A failure without fields.
    #[must_use]
    pub fn new(
        remote: Remote,
        kind: FailureKind,
        call: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, remote, call: call.into(), message: message.into(), fields: Vec::new() }
    }

    /// The same failure with the fields that a refusal named.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }

    /// What the remote said, with what it said of single fields.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = self.message.clone();
        for (path, problem) in &self.fields {
            if !words.contains(problem.as_str()) {
                words.push_str(&format!("; {path}: {problem}"));
            }
        }
        words
    }

    /// Whether this is a refusal of that sort.
    #[must_use]
    pub fn is_refusal(&self, refusal: Refusal) -> bool {
        self.kind == FailureKind::Refused(refusal)
    }

    /// Whether the thing asked for is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == FailureKind::Missing
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.kind {
            FailureKind::Busy { .. } => "is busy",
            FailureKind::Unreachable => "cannot be reached",
            FailureKind::Unanswered => "did not answer",
            FailureKind::Refused(_) => "refused",
            FailureKind::Missing => "does not have it",
            FailureKind::Conflict => "has it changed by somebody else",
            FailureKind::Garbled => "answered something that cannot be read",
            FailureKind::Unauthorized(_) => "does not accept our credentials",
        };
        write!(f, "{} {what} ({}): {}", self.remote, self.call, self.message)
    }
}

impl std::error::Error for Failure {}
