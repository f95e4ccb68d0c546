//! The one place that asks what time it is.

use jiff::Timestamp;

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the operator has no virtual time; this is its only clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
