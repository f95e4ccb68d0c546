//! Shopify's cost bucket, as its answers describe it.
//!
//! Bucket sizes are not documented and differ from shop to shop, so nothing here is a constant: maximum, level
//! and rate come from `extensions.cost` of the last answer, the price of an operation is what it was asked for
//! last. Shopify sends these numbers as floats; here they are thousandths of a point in integers.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;

/// Thousandths of a point.
pub(crate) type Milli = i64;

/// An operation that was never sent is taken to cost this, until its first answer tells.
const UNKNOWN_COST: Milli = 50_000;
/// Longest wait told when the answer's own numbers make no sense.
const ODD_WAIT: Duration = Duration::from_secs(2);

/// `extensions.cost` of an answer.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    #[serde(default, deserialize_with = "milli")]
    pub(crate) requested_query_cost: Option<Milli>,
    #[serde(default)]
    pub(crate) throttle_status: Option<ThrottleStatus>,
}

/// The bucket as the answer found it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    #[serde(default, deserialize_with = "milli")]
    maximum_available: Option<Milli>,
    #[serde(default, deserialize_with = "milli")]
    currently_available: Option<Milli>,
    #[serde(default, deserialize_with = "milli")]
    restore_rate: Option<Milli>,
}

impl Cost {
    /// How long a call that was refused for lack of points should wait: what is missing over what comes back.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let status = self.throttle_status.as_ref()?;
        let missing = self.requested_query_cost?.saturating_sub(status.currently_available?);
        Some(time_for(missing, status.restore_rate?))
    }
}

/// A number of any shape; one that cannot be one (negative, absurd, a text) is no number.
fn milli<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Milli>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let serde_json::Value::Number(number) = value else { return Ok(None) };
    let text = number.to_string();
    let decimal = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok();
    Ok(decimal
        .and_then(|d| d.checked_mul(Decimal::ONE_THOUSAND))
        .and_then(|d| d.ceil().to_i64())
        .filter(|points| *points >= 0))
}

fn time_for(points: Milli, rate: Milli) -> Duration {
    if points <= 0 {
        return Duration::ZERO;
    }
    if rate <= 0 {
        return ODD_WAIT;
    }
    // points / (rate per second), in milliseconds, rounded up
    let millis = points.saturating_mul(1000).saturating_add(rate - 1) / rate;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// What we know of one shop's bucket. Pure: time comes in.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    known: Option<Known>,
    prices: HashMap<&'static str, Milli>,
    /// Points asked for by calls that are under way.
    in_flight: Milli,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    maximum: Milli,
    available: Milli,
    rate: Milli,
    at: Timestamp,
}

impl Known {
    fn available_at(&self, now: Timestamp) -> Milli {
        let passed = now.duration_since(self.at).as_millis().max(0);
        let restored = i128::from(self.rate).saturating_mul(passed) / 1000;
        let level = i128::from(self.available).saturating_add(restored).min(i128::from(self.maximum));
        Milli::try_from(level).unwrap_or(self.maximum)
    }
}

/// Points set aside for a call under way; give it back with [`Bucket::settle`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reserved(Milli);

impl Bucket {
    /// Sets points aside for a call, or tells how long to wait before asking again.
    pub(crate) fn reserve(&mut self, operation: &'static str, now: Timestamp) -> Result<Reserved, Duration> {
        let price = self.prices.get(operation).copied().unwrap_or(UNKNOWN_COST);
        if let Some(known) = &self.known {
            // A price above the whole bucket can never be met: let Shopify itself say so.
            let wanted = price.saturating_add(self.in_flight).min(known.maximum);
            let level = known.available_at(now);
            if level < wanted {
                return Err(time_for(wanted - level, known.rate).max(Duration::from_millis(1)));
            }
        }
        self.in_flight = self.in_flight.saturating_add(price);
        Ok(Reserved(price))
    }

    /// A call ended and nothing is known of its cost.
    pub(crate) fn give_back(&mut self, reserved: &Reserved) {
        self.in_flight = self.in_flight.saturating_sub(reserved.0).max(0);
    }

    /// Takes in what the answer told; `None` when there was none.
    pub(crate) fn settle(
        &mut self,
        operation: &'static str,
        reserved: &Reserved,
        cost: Option<&Cost>,
        now: Timestamp,
    ) {
        self.give_back(reserved);
        let Some(cost) = cost else { return };
        if let Some(price) = cost.requested_query_cost {
            self.prices.insert(operation, price);
        }
        let Some(status) = &cost.throttle_status else { return };
        if let (Some(maximum), Some(available), Some(rate)) =
            (status.maximum_available, status.currently_available, status.restore_rate)
        {
            self.known = Some(Known { maximum, available, rate, at: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(requested: &str, available: &str) -> Cost {
        serde_json::from_str(&format!(
            r#"{{"requestedQueryCost": {requested}, "actualQueryCost": null, "throttleStatus":
               {{"maximumAvailable": 1000.0, "currentlyAvailable": {available}, "restoreRate": 50.0}}}}"#
        ))
        .unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn whole_broken_and_scientific_numbers_are_read() {
        assert_eq!(cost("101", "12.5").requested_query_cost, Some(101_000));
        assert_eq!(cost("1.0001", "0").requested_query_cost, Some(1_001), "rounded up: never too low");
        assert_eq!(cost("1e2", "0").requested_query_cost, Some(100_000));
        for odd in ["-1", "\"12\"", "null", "1e300", "[]"] {
            assert_eq!(cost(odd, "0").requested_query_cost, None, "{odd}");
        }
    }

    #[test]
    fn a_throttled_call_waits_for_what_is_missing() {
        assert_eq!(cost("110", "10").wait(), Some(Duration::from_secs(2)));
        assert_eq!(cost("110.5", "10.4").wait(), Some(Duration::from_millis(2_002)));
        assert_eq!(cost("10", "500").wait(), Some(Duration::ZERO));
        assert_eq!(cost("null", "1").wait(), None);
    }

    #[test]
    fn the_first_call_goes_at_once_and_later_ones_wait_for_the_bucket() {
        let mut bucket = Bucket::default();
        let first = bucket.reserve("Shop", at(0)).unwrap();
        bucket.settle("Shop", &first, Some(&cost("100", "20")), at(0));
        assert_eq!(bucket.reserve("Shop", at(0)), Err(Duration::from_millis(1_600)));
        assert_eq!(bucket.reserve("Shop", at(1_599)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.reserve("Shop", at(1_600)), Ok(Reserved(100_000)));
    }

    #[test]
    fn calls_under_way_count_until_they_are_answered() {
        let mut bucket = Bucket::default();
        let first = bucket.reserve("Shop", at(0)).unwrap();
        bucket.settle("Shop", &first, Some(&cost("100", "150")), at(0));
        let second = bucket.reserve("Shop", at(0)).unwrap();
        assert_eq!(bucket.reserve("Shop", at(0)), Err(Duration::from_secs(1)));
        bucket.settle("Shop", &second, None, at(0));
        assert!(bucket.reserve("Shop", at(0)).is_ok(), "an unanswered call frees its share");
    }

    #[test]
    fn a_price_above_the_whole_bucket_does_not_wait_forever() {
        let mut bucket = Bucket::default();
        let first = bucket.reserve("Big", at(0)).unwrap();
        bucket.settle("Big", &first, Some(&cost("5000", "1000")), at(0));
        assert!(bucket.reserve("Big", at(0)).is_ok());
    }

    #[test]
    fn a_clock_that_went_back_restores_nothing() {
        let mut bucket = Bucket::default();
        let first = bucket.reserve("Shop", at(0)).unwrap();
        bucket.settle("Shop", &first, Some(&cost("100", "0")), at(10_000));
        assert_eq!(bucket.reserve("Shop", at(0)), Err(Duration::from_secs(2)));
    }
}
