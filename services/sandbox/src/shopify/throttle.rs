//! The cost bucket of one app in one shop (Shopify docs: "leaky bucket per app and store").

use jiff::Timestamp;
use serde_json::{Value, json};

/// Seconds of restoring a full bucket holds; undocumented, observed on all plans.
const DEPTH_SECONDS: i64 = 20;

/// Points in thousandths, so that restoring needs no fractions.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: i64,
    milli: i64,
    at: Timestamp,
}

impl Bucket {
    pub(crate) fn new(rate: u32, now: Timestamp) -> Self {
        let rate = i64::from(rate.max(1));
        Self { rate, milli: rate * DEPTH_SECONDS * 1_000, at: now }
    }

    fn full(&self) -> i64 {
        self.rate * DEPTH_SECONDS * 1_000
    }

    fn restore(&mut self, now: Timestamp) {
        let elapsed = now.as_millisecond() - self.at.as_millisecond();
        self.milli = (self.milli + elapsed.max(0).saturating_mul(self.rate)).min(self.full());
        self.at = self.at.max(now);
    }

    /// Takes the requested cost before running; false when the bucket does not hold it.
    pub(crate) fn take(&mut self, cost: u64, now: Timestamp) -> bool {
        self.restore(now);
        let cost = i64::try_from(cost).unwrap_or(i64::MAX / 2_000) * 1_000;
        let fits = self.milli >= cost;
        if fits {
            self.milli -= cost;
        }
        fits
    }

    /// Gives back what a query asked for and did not use.
    pub(crate) fn refund(&mut self, points: u64) {
        let points = i64::try_from(points).unwrap_or_default() * 1_000;
        self.milli = (self.milli + points).min(self.full());
    }

    /// `extensions.cost.throttleStatus`.
    pub(crate) fn status(&mut self, now: Timestamp) -> Value {
        self.restore(now);
        json!({
            "maximumAvailable": self.full() / 1_000,
            "currentlyAvailable": self.milli / 1_000,
            "restoreRate": self.rate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use jiff::Timestamp;

    #[test]
    fn a_bucket_empties_and_fills_again_at_its_rate() {
        let start = Timestamp::UNIX_EPOCH;
        let later = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut bucket = Bucket::new(100, start);
        assert!(bucket.take(1_000, start) && bucket.take(1_000, start));
        assert!(!bucket.take(1, start));
        assert!(!bucket.take(101, later(1)));
        assert!(bucket.take(100, later(1)));
        bucket.refund(50);
        assert_eq!(bucket.status(later(1))["currentlyAvailable"], 50);
        assert_eq!(bucket.status(later(1_000))["currentlyAvailable"], 2_000);
    }
}
