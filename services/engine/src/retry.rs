//! The only place that decides whether something is tried again, and when.

use std::time::Duration;

use shopbeat_domain::failure::{Failure, FailureKind, Refusal};
use shopbeat_domain::job::ParkCode;
use shopbeat_domain::limits;
use shopbeat_domain::ports::Random;
use shopbeat_domain::store::Hold;

/// What becomes of a job whose call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The remote is the trouble, not the job: the whole lane waits, then one job probes. Never counts against it.
    LaneWaits {
        /// At least this long, if the remote asked for it.
        asked: Option<Duration>,
        /// The credentials are refused: the hold that the store gets if it goes on.
        hold: Option<Hold>,
    },
    /// This job is put off and it counts: after `tries` in a row it is parked.
    Strike {
        /// The code it is parked under then.
        then: ParkCode,
        /// So many may come in a row.
        tries: u32,
    },
    /// The job itself is the trouble.
    Park(ParkCode),
}

/// Decides by what is known about the failed call. No wildcard: a new kind of failure needs a decision here.
#[must_use]
pub fn decide(failure: &Failure) -> Decision {
    match &failure.kind {
        FailureKind::Busy { retry_after } => Decision::LaneWaits {
            asked: retry_after.map(|wait| wait.min(limits::RETRY_AFTER_MAX)),
            hold: None,
        },
        // Unanswered is retried like the others because every write of the engine is found out about before it is
        // repeated.
        FailureKind::Unreachable | FailureKind::Unanswered => Decision::LaneWaits { asked: None, hold: None },
        FailureKind::Unauthorized(hold) => Decision::LaneWaits { asked: None, hold: *hold },
        FailureKind::Garbled => Decision::Strike { then: ParkCode::Garbled, tries: limits::GARBLED_TRIES },
        FailureKind::Conflict => {
            Decision::Strike { then: ParkCode::KeepsChanging, tries: limits::CONFLICT_TRIES }
        }
        FailureKind::Missing => Decision::Park(ParkCode::Refused),
        FailureKind::Refused(refusal) => refused(*refusal),
    }
}

fn refused(refusal: Refusal) -> Decision {
    match refusal {
        // A missing right is a matter of the store, not of this order.
        Refusal::Forbidden => Decision::LaneWaits { asked: None, hold: None },
        Refusal::BarredItem => Decision::Park(ParkCode::BarredItem),
        Refusal::UnknownItem => Decision::Park(ParkCode::UnknownSku),
        Refusal::UnknownCustomer => Decision::Park(ParkCode::CustomerRefused),
        Refusal::Duplicate
        | Refusal::NoChange
        | Refusal::Locked
        | Refusal::NothingToShip
        | Refusal::NotFilterable
        | Refusal::Other => Decision::Park(ParkCode::Refused),
    }
}

/// The wait before try number `tries` (from 0): doubling from [`limits::BACKOFF_FIRST`] to
/// [`limits::BACKOFF_MAX`], with the upper half by chance, so that many workers do not come back at once.
#[must_use]
pub fn backoff(tries: u32, random: &dyn Random) -> Duration {
    doubled(limits::BACKOFF_FIRST, tries, limits::BACKOFF_MAX, random)
}

/// The wait before a parked job whose cause may be gone is looked at again.
#[must_use]
pub fn parked_wait(parkings: u32, random: &dyn Random) -> Duration {
    doubled(limits::PARKED_RETRY, parkings, Duration::from_secs(24 * 3600), random)
}

fn doubled(first: Duration, times: u32, most: Duration, random: &dyn Random) -> Duration {
    let whole = first.saturating_mul(1 << times.min(20)).min(most);
    let half = whole / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_millis(random.next_u64() % span)
}

/// When somebody who asked and met this failure may ask again.
#[must_use]
pub fn ask_again_after(failure: &Failure) -> Duration {
    match decide(failure) {
        Decision::LaneWaits { asked, .. } => asked.unwrap_or(limits::BACKOFF_FIRST * 2),
        Decision::Strike { .. } | Decision::Park(_) => limits::BACKOFF_FIRST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shopbeat_domain::failure::Remote;

    struct Fixed(u64);
    impl Random for Fixed {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(Remote::Rackbeat, kind, "POST /orders/drafts", "test")
    }

    #[test]
    fn a_remote_in_trouble_never_counts_against_an_order() {
        for kind in [
            FailureKind::Busy { retry_after: None },
            FailureKind::Unreachable,
            FailureKind::Unanswered,
            FailureKind::Unauthorized(None),
            FailureKind::Refused(Refusal::Forbidden),
        ] {
            assert!(matches!(decide(&failure(kind.clone())), Decision::LaneWaits { .. }), "{kind:?}");
        }
    }

    #[test]
    fn a_retry_after_of_a_day_is_not_believed() {
        let kind = FailureKind::Busy { retry_after: Some(Duration::from_secs(86_400)) };
        let expected = Decision::LaneWaits { asked: Some(limits::RETRY_AFTER_MAX), hold: None };
        assert_eq!(decide(&failure(kind)), expected);
    }

    proptest! {
        #[test]
        fn the_wait_grows_and_stays_within_its_bounds(tries in 0u32..64, chance: u64) {
            let wait = backoff(tries, &Fixed(chance));
            prop_assert!(wait >= limits::BACKOFF_FIRST / 2);
            prop_assert!(wait <= limits::BACKOFF_MAX);
            if tries >= 9 {
                prop_assert!(wait >= limits::BACKOFF_MAX / 2);
            }
        }
    }
}
