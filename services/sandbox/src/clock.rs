//! The sandbox's time: the wall clock plus an offset that tests may advance.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Wall time plus an offset. Clones share the offset.
#[derive(Debug, Clone, Default)]
pub struct SandboxClock {
    ahead_ms: Arc<AtomicI64>,
}

impl SandboxClock {
    /// The sandbox's now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox stands in for remotes, which have clocks of their own"
    )]
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Moves the sandbox's time forward: rate windows, token lifetimes and delays follow.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(by, Ordering::SeqCst);
    }
}
