//! The times that hang together: change the lease, and the rest follows.

use std::time::Duration;

use shopbeat_domain::limits;

/// How long a lease lasts, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Life of a lease and of a claim without renewal.
    pub lease: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { lease: limits::WORKER_LEASE }
    }
}

impl Timing {
    /// How often a lease is renewed.
    #[must_use]
    pub fn renewal(self) -> Duration {
        limits::lease_renewal(self.lease)
    }

    /// Deadline of one remote call.
    #[must_use]
    pub fn remote_deadline(self) -> Duration {
        limits::remote_deadline(self.lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_call_ends_within_a_third_of_the_lease() {
        let timing = Timing::default();
        assert!(timing.remote_deadline() * 3 < timing.lease);
        assert!(timing.renewal() * 3 <= timing.lease);
    }
}
