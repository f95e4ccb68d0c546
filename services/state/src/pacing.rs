//! Rackbeat's budget, for both engines. `redis/lua/pace.lua` takes the same steps.
//!
//! Two things decide. The calls of the last minute are counted one by one: never more than the limit. And a budget is
//! filled evenly (GCRA, "the generic cell rate algorithm"): it has a time at which it will be whole again, which each
//! call moves on by one interval; less urgent lanes may use less of it ahead, so that an urgent call finds room.
//!
//! A lane that has had nothing for [`SHARE`] intervals and asks is *owed* a call: it may go as far as the most urgent
//! one, and all others leave a place for it until it has gone. So no lane starves, and with one lane alone nothing is
//! kept free.

use std::collections::VecDeque;

use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{RACKBEAT_BURST, RACKBEAT_PER_MINUTE};

use crate::record::lane_number;

/// Microseconds: an interval in milliseconds would waste half a percent of the budget.
const MINUTE: i64 = 60_000_000;

/// A little more than a minute, since calls do not arrive as evenly as they are sent.
pub(crate) const WINDOW: i64 = MINUTE + 200_000;

/// Time between two calls in a steady flow.
pub(crate) const INTERVAL: i64 = ceil_div(WINDOW, RACKBEAT_PER_MINUTE as i64);

/// A budget that claims to be whole only this far ahead was written by a clock that has jumped: it is taken as
/// used up, not waited for.
pub(crate) const JUMPED: i64 = MINUTE;

/// Each lane behind the orders is sure of one call in so many intervals: a twelfth of all, where a sixteenth is
/// promised, since whoever asks again comes late.
pub(crate) const SHARE: i64 = 12;

/// A place is kept for whoever was told to wait until so long after it should have come back; it may have died.
pub(crate) const GRACE: i64 = 1_000_000;

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

/// How many calls of a minute a lane may see, its own included: what the last ones are, the most urgent decides.
pub(crate) fn most(lane: Lane) -> i64 {
    i64::from(RACKBEAT_PER_MINUTE) - i64::from(lane_number(lane))
}

/// When a lane had its last call, and until when one is kept for it. `None`: never.
#[derive(Debug, Clone, Copy, Default)]
struct Asker {
    served: Option<i64>,
    asks_until: Option<i64>,
}

impl Asker {
    /// From when on a call is owed to it.
    fn owed_from(self) -> Option<i64> {
        self.served.map(|served| served + SHARE * INTERVAL)
    }
}

/// One budget, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    whole: Option<i64>,
    /// The calls of the last minute, newest first.
    calls: VecDeque<i64>,
    askers: [Asker; 4],
}

impl Budget {
    /// Takes one call, or tells how long to wait.
    pub(crate) fn take(&mut self, lane: Lane, now: i64) -> Result<(), i64> {
        let place = usize::from(lane_number(lane));
        if self.whole.is_some_and(|whole| whole > now + JUMPED) {
            let used_up = now + i64::from(RACKBEAT_BURST) * INTERVAL;
            *self = Self { whole: Some(used_up), ..Self::default() };
        }
        let whole = self.whole.unwrap_or(now).max(now);
        let owed = self.owed_to_others(place, now);
        let mut wait = self.wait(whole, depth(lane) - owed, most(lane) - owed, now);
        if lane != Lane::Order {
            let asker = self.askers.get(place).copied().unwrap_or_default();
            let owed_in = asker.owed_from().map_or(0, |from| from - now);
            let ahead = self.wait(whole, depth(Lane::Order), most(Lane::Order), now);
            wait = wait.min(ahead.max(owed_in));
        }
        if let Some(asker) = self.askers.get_mut(place) {
            if wait > 0 {
                asker.asks_until = Some(now + wait + GRACE);
                return Err(wait);
            }
            asker.served = Some(now);
        }
        self.whole = Some(whole + INTERVAL);
        // Clocks of several processes are not quite one: the calls stay in order.
        let newest = self.calls.front().copied().unwrap_or(now);
        self.calls.push_front(now.max(newest));
        self.calls.truncate(usize::try_from(RACKBEAT_PER_MINUTE).unwrap_or(usize::MAX));
        Ok(())
    }

    /// How long until the budget is filled so far, and the last minute has seen so few calls, that one may go.
    fn wait(&self, whole: i64, depth: i64, most: i64, now: i64) -> i64 {
        let filled = whole - (depth - 1) * INTERVAL - now;
        let nth = usize::try_from(most - 1).ok().and_then(|nth| self.calls.get(nth));
        let passed = nth.map_or(0, |call| call + WINDOW - now);
        filled.max(passed).max(0)
    }

    /// How many other lanes wait for a call that is owed to them.
    fn owed_to_others(&self, place: usize, now: i64) -> i64 {
        let owed = |(other, asker): &(usize, &Asker)| {
            *other != place
                && *other != 0
                && asker.asks_until.is_some_and(|until| until >= now)
                && asker.owed_from().is_none_or(|from| from <= now)
        };
        i64::try_from(self.askers.iter().enumerate().filter(owed).count()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_came_back_from_the_future_does_not_stop_the_calls_for_long() {
        let mut budget = Budget::default();
        for call in 0..480 {
            let _ = budget.take(Lane::Order, 3_600_000_000 + call * INTERVAL);
        }
        let wait = budget.take(Lane::Order, 0).unwrap_err();
        assert!(wait <= 2 * INTERVAL, "{wait}");
        assert_eq!(budget.take(Lane::Order, wait), Ok(()));
    }

    #[test]
    fn a_steady_flow_makes_use_of_the_whole_minute() {
        let per_minute = MINUTE / INTERVAL;
        assert!(per_minute * 100 >= 99 * i64::from(RACKBEAT_PER_MINUTE), "{per_minute}");
    }
}
