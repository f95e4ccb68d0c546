//! What a job holds while it runs: its claim, and behind it the worker's lease. Fencing guards our own state only;
//! the remotes know none, so what is left of both is checked right before every write to a remote.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::job::Claim;

use crate::ports::Ports;
use crate::transfer::{Stop, later};

/// Until when the worker's lease is known to be ours.
#[derive(Debug, Clone)]
pub(super) struct LeaseClock(Arc<Mutex<Timestamp>>);

impl LeaseClock {
    pub(super) fn until(until: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    pub(super) fn set(&self, until: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn get(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The claim of a running job, kept alive, and the lease behind it.
#[derive(Debug)]
pub struct Held {
    lease: LeaseClock,
    claim_until: Mutex<Timestamp>,
    further: AtomicBool,
}

impl Held {
    pub(super) fn new(lease: LeaseClock, claim: &Claim) -> Self {
        Self { lease, claim_until: Mutex::new(claim.until), further: AtomicBool::new(false) }
    }

    /// Tells that the job got further: a long one may meet a remote's trouble many times, and its successes in between
    /// count as much as those of many short ones.
    pub(crate) fn got_further(&self) {
        self.further.store(true, Ordering::Relaxed);
    }

    /// Whether it got further since it was claimed.
    pub(super) fn is_further(&self) -> bool {
        self.further.load(Ordering::Relaxed)
    }

    /// Keeps the claim for another lease time.
    ///
    /// # Errors
    /// [`Stop::Fenced`] if a later claim owns the job.
    pub async fn extend(&self, ports: &Ports, claim: &Claim) -> Result<(), Stop> {
        let now = ports.now();
        if !ports.state.jobs.extend(claim, ports.timing.lease, now).await? {
            return Err(Stop::Fenced);
        }
        *self.claim_until.lock().unwrap_or_else(PoisonError::into_inner) = later(now, ports.timing.lease);
        Ok(())
    }

    /// Whether one more remote call ends while claim and lease are still ours; extends the claim if it would not.
    ///
    /// # Errors
    /// [`Stop::Fenced`] if a later claim owns the job; a `Busy` of the state if the lease is about to end.
    pub async fn still_ours(&self, ports: &Ports, claim: &Claim) -> Result<(), Stop> {
        let enough = SignedDuration::try_from(ports.timing.remote_deadline()).unwrap_or(SignedDuration::MAX);
        let now = ports.now();
        if self.lease.get().duration_since(now) < enough {
            let kind = FailureKind::Busy { retry_after: None };
            return Err(
                Failure::new(Remote::State, kind, "lease", "the worker's lease is about to end").into()
            );
        }
        let until = *self.claim_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.duration_since(now) < enough { self.extend(ports, claim).await } else { Ok(()) }
    }
}
