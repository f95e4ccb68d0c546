//! The numbers of Rackbeat's budget, for both engines: GCRA, "the generic cell rate algorithm". A budget is one
//! number, the time at which it will be whole again; each call moves it on by one interval.
//!
//! Any closed window of 60 s then sees at most `burst + floor(60 s / interval)` calls. With the interval of
//! (480 − 16) calls a minute, rounded up, that is never more than 480.

use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{RACKBEAT_BURST, RACKBEAT_PER_MINUTE};

/// Microseconds: an interval in milliseconds would waste half a percent of the budget.
const MINUTE: i64 = 60_000_000;

/// Time between two calls in a steady flow, in microseconds.
pub(crate) const INTERVAL: i64 = ceil_div(MINUTE, (RACKBEAT_PER_MINUTE - RACKBEAT_BURST) as i64);

/// A budget that claims to be whole only this far ahead was written by a clock that has jumped: it is taken as
/// used up, not waited for.
pub(crate) const JUMPED: i64 = MINUTE;

const fn ceil_div(a: i64, b: i64) -> i64 {
    (a + b - 1) / b
}

/// How many calls of the burst a lane may have used, itself included: less urgent lanes leave room.
pub(crate) fn depth(lane: Lane) -> i64 {
    let burst = i64::from(RACKBEAT_BURST);
    match lane {
        Lane::Order => burst,
        Lane::Stock => burst * 3 / 4,
        Lane::Product => burst / 2,
        Lane::BackFill => burst / 4,
    }
}

/// One call from a budget that will be whole at `whole`: when it will be whole after it, or how long to wait.
pub(crate) fn take(whole: i64, lane: Lane, now: i64) -> Result<i64, i64> {
    let used_up = now + i64::from(RACKBEAT_BURST) * INTERVAL;
    let whole = if whole > now + JUMPED { used_up } else { whole.max(now) };
    let wait = whole - (depth(lane) - 1) * INTERVAL - now;
    if wait <= 0 { Ok(whole + INTERVAL) } else { Err(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_burst_and_a_minute_of_steady_calls_stay_within_the_limit() {
        assert!(i64::from(RACKBEAT_BURST) + MINUTE / INTERVAL <= i64::from(RACKBEAT_PER_MINUTE));
        // ... and little is wasted.
        assert!(i64::from(RACKBEAT_BURST) + MINUTE / INTERVAL >= i64::from(RACKBEAT_PER_MINUTE) - 1);
    }

    #[test]
    fn a_clock_that_came_back_from_the_future_does_not_stop_the_calls_for_long() {
        let wait = take(3_600_000_000, Lane::Order, 0).unwrap_err();
        assert!(wait <= 2 * INTERVAL, "{wait}");
    }
}
