//! Settings of stores in tests.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_proto::v1;

/// The item that stands for freight.
pub const FREIGHT: &str = "FREIGHT";
/// The item that takes residues of rounding.
pub const ROUNDING: &str = "ROUNDING";

/// Paid orders of the last hour are booked; items for freight and rounding are set.
#[must_use]
pub fn settings() -> v1::Settings {
    v1::Settings {
        orders: Some(v1::OrderSettings {
            since: Some(ago(Duration::from_secs(3600))),
            freight_product: Some(FREIGHT.to_owned()),
            rounding_product: Some(ROUNDING.to_owned()),
            ..v1::OrderSettings::default()
        }),
        ..v1::Settings::default()
    }
}

/// The seed of a test by chance: its own, or what `SHOPBEAT_TEST_SEED` says, to try others.
#[must_use]
pub fn seed(own: u64) -> u64 {
    std::env::var("SHOPBEAT_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(own)
}

#[expect(clippy::disallowed_methods, reason = "the program under test has the system's clock, too")]
/// The moment so long ago, to the second.
#[must_use]
pub fn ago(time: Duration) -> prost_types::Timestamp {
    let ago = SignedDuration::try_from(time).unwrap_or_default();
    let then = Timestamp::now() - ago;
    prost_types::Timestamp { seconds: then.as_second(), nanos: 0 }
}
