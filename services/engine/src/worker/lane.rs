//! How a worker behaves while a remote is in trouble: the lane waits, then one job probes; success opens it.

use std::time::Duration;

use jiff::Timestamp;
use shopbeat_domain::ports::Random;

use crate::retry;
use crate::transfer::later;

/// The lane's state. Pure: time and chance are handed in.
#[derive(Debug, Default)]
pub(super) struct Lane {
    failures: u32,
    /// Of these, how many refusals of our credentials came last, in a row.
    refusals: u32,
    closed_until: Option<Timestamp>,
}

/// What the lane allows now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// As many jobs as the worker takes.
    Wide,
    /// One job: a probe.
    Probe,
    /// Nothing before then.
    Not(Timestamp),
}

impl Lane {
    pub(super) fn look(&self, now: Timestamp) -> Open {
        match self.closed_until {
            Some(until) if now < until => Open::Not(until),
            _ if self.failures > 0 => Open::Probe,
            _ => Open::Wide,
        }
    }

    /// A job got through.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A remote was in trouble: closes the lane and answers until when. Failures of jobs that were under way when
    /// it closed do not count again.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        asked: Option<Duration>,
        random: &dyn Random,
    ) -> Timestamp {
        self.close(now, asked, false, random)
    }

    /// The credentials were refused: closes the lane as any trouble does, and counts it.
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        asked: Option<Duration>,
        random: &dyn Random,
    ) -> Timestamp {
        self.close(now, asked, true, random)
    }

    fn close(
        &mut self,
        now: Timestamp,
        asked: Option<Duration>,
        refused: bool,
        random: &dyn Random,
    ) -> Timestamp {
        if let Some(until) = self.closed_until
            && now < until
        {
            return until;
        }
        let wait = retry::backoff(self.failures, random).max(asked.unwrap_or_default());
        self.failures = self.failures.saturating_add(1);
        self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };
        let until = later(now, wait);
        self.closed_until = Some(until);
        until
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Refusals of the credentials in a row.
    pub(super) fn refusals(&self) -> u32 {
        self.refusals
    }

    /// The store is on hold for its refusals: whoever clears that gives good credentials.
    pub(super) fn forget_refusals(&mut self) {
        self.refusals = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;
    impl Random for Zero {
        fn next_u64(&self) -> u64 {
            0
        }
    }

    #[test]
    fn trouble_closes_the_lane_then_one_probe_goes_and_success_opens_it() {
        let mut lane = Lane::default();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(lane.look(now), Open::Wide);
        let until = lane.failed(now, None, &Zero);
        assert_eq!(lane.look(now), Open::Not(until));
        assert_eq!(lane.failed(now, None, &Zero), until, "jobs under way do not make it longer");
        assert_eq!(lane.look(until), Open::Probe);
        let longer = lane.failed(until, None, &Zero);
        assert!(longer.duration_since(until) > until.duration_since(now));
        lane.succeeded();
        assert_eq!(lane.look(longer), Open::Wide);
    }

    #[test]
    fn only_refusals_in_a_row_count_as_such() {
        let mut lane = Lane::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..5 {
            now = lane.failed(now, None, &Zero);
        }
        now = lane.refused(now, None, &Zero);
        assert_eq!(lane.refusals(), 1);
        let open = lane.refused(now, None, &Zero);
        lane.refused(now, None, &Zero);
        assert_eq!(lane.refusals(), 2, "a job that was under way when the lane closed does not count");
        lane.failed(open, None, &Zero);
        assert_eq!(lane.refusals(), 0);
    }

    #[test]
    fn a_wait_that_the_remote_asked_for_is_kept() {
        let mut lane = Lane::default();
        let asked = Duration::from_secs(60);
        let until = lane.failed(Timestamp::UNIX_EPOCH, Some(asked), &Zero);
        assert_eq!(until, later(Timestamp::UNIX_EPOCH, asked));
    }
}
