//! How records are written down, for both engines: times as milliseconds, records as JSON with their version,
//! phases by name. Records are read one by one, so that an unreadable one is answered alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shopbeat_domain::billing::BillingEntry;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::{Lane, Park, ParkCode};
use shopbeat_domain::replay::Replay;
use shopbeat_domain::run::Run;
use shopbeat_domain::store::{Agreement, RECORD_VERSION, Store};
use shopbeat_domain::transfer::Transfer;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// A moment as it is stored. Rounds down, so that a watermark is never ahead of what was read.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX)
}

/// A stored moment.
pub(crate) fn moment(call: &str, millis: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_millisecond(millis).map_err(|_| garbled(call, "a stored time is out of range"))
}

/// The ledger's hour in which a moment lies, in milliseconds.
pub(crate) fn hour(at: Timestamp) -> i64 {
    millis(at).div_euclid(HOUR) * HOUR
}

/// A length of time in milliseconds.
pub(crate) fn length(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A failure of the state.
pub(crate) fn failed(call: &str, kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(Remote::State, kind, call, message)
}

/// A record that cannot be read.
pub(crate) fn garbled(call: &str, message: &str) -> Failure {
    failed(call, FailureKind::Garbled, message)
}

/// A write that came too late.
pub(crate) fn conflict(call: &str, message: &str) -> Failure {
    failed(call, FailureKind::Conflict, message)
}

/// What `Journal::save`, `Runs::save_run` and `Replays::save_replay` answer to a late holder.
pub(crate) fn fenced(call: &str) -> Failure {
    conflict(call, "a later claim owns the job")
}

/// What `Board::post` answers to a late holder.
pub(crate) fn late_holder(call: &str) -> Failure {
    conflict(call, "a later holder of the agreement's lease has posted")
}

/// Readers take the version that is written now and the one before.
pub(crate) fn readable_version(version: u32) -> bool {
    (RECORD_VERSION.saturating_sub(1)..=RECORD_VERSION).contains(&version)
}

/// A record of which the version is known.
pub(crate) trait Versioned: Serialize + DeserializeOwned {
    /// What the record is, for messages.
    const WHAT: &'static str;
    /// The version it was written in.
    fn version(&self) -> u32;
}

macro_rules! versioned {
    ($($record:ty, $what:literal;)+) => {
        $(impl Versioned for $record {
            const WHAT: &'static str = $what;
            fn version(&self) -> u32 {
                self.version
            }
        })+
    };
}

versioned! {
    Store, "a store's record";
    Agreement, "an agreement's record";
    Transfer, "an order's journal";
    Run, "the record of a run";
    Replay, "the record of a replay";
    BillingEntry, "an entry of a billing journal";
}

/// Writes a record.
pub(crate) fn encode<T: Serialize>(call: &str, record: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(record).map_err(|_| garbled(call, "a record cannot be written down"))
}

/// Reads a record. The message names neither its text nor serde's, which would quote it.
pub(crate) fn decode<T: Versioned>(call: &str, bytes: &[u8]) -> Result<T, Failure> {
    let record: T = serde_json::from_slice(bytes)
        .map_err(|_| failed(call, FailureKind::Garbled, format!("{} cannot be read", T::WHAT)))?;
    if readable_version(record.version()) {
        Ok(record)
    } else {
        let message =
            format!("{} has version {}, this program knows {RECORD_VERSION}", T::WHAT, record.version());
        Err(failed(call, FailureKind::Garbled, message))
    }
}

/// Reads the records of a listing; unreadable ones are told in the log and left out.
pub(crate) fn decode_all<T: Versioned>(
    call: &str,
    records: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> Vec<T> {
    let read = |(key, bytes): (String, Vec<u8>)| match decode(call, &bytes) {
        Ok(record) => Some(record),
        Err(failure) => {
            tracing::error!(%failure, key, "{} ({key}) cannot be read and is left out of a listing", T::WHAT);
            None
        }
    };
    records.into_iter().filter_map(read).collect()
}

/// A lane's place, most urgent first.
pub(crate) fn lane_number(lane: Lane) -> u8 {
    match lane {
        Lane::Order => 0,
        Lane::Stock => 1,
        Lane::Product => 2,
        Lane::BackFill => 3,
    }
}

/// The places of several lanes, most urgent first, each once.
pub(crate) fn lane_numbers(lanes: &[Lane]) -> Vec<u8> {
    let numbers: BTreeSet<u8> = lanes.iter().copied().map(lane_number).collect();
    numbers.into_iter().collect()
}

/// Units by item; an item that is named twice holds both.
pub(crate) fn summed(units: &[(ItemNumber, u64)]) -> BTreeMap<String, u64> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (item, units) in units.iter().filter(|(_, units)| *units > 0) {
        let sum = sums.entry(item.as_str().to_owned()).or_default();
        *sum = sum.saturating_add(*units);
    }
    sums
}

/// The lane at a place.
pub(crate) fn lane(number: u64) -> Option<Lane> {
    Lane::ALL.into_iter().find(|lane| u64::from(lane_number(*lane)) == number)
}

/// Why a job whose own record cannot be read is parked.
pub(crate) fn garbled_park(now: Timestamp) -> Park {
    Park {
        code: ParkCode::Garbled,
        culprit: "job record".to_owned(),
        message: "the stored record of this job cannot be read".to_owned(),
        since: now,
        retry_at: None,
        number: None,
    }
}

/// Reads why a job is parked; what cannot be read is replaced by that very reason.
pub(crate) fn park(json: &str, first_seen: Timestamp) -> Park {
    #[derive(Deserialize)]
    struct Stored(Park);
    serde_json::from_str::<Stored>(json).map_or_else(|_| garbled_park(first_seen), |Stored(park)| park)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down_before_and_after_1970() {
        assert_eq!(millis(Timestamp::new(1, 1_999_999).unwrap()), 1001);
        assert_eq!(millis(Timestamp::from_nanosecond(-1).unwrap()), -1);
        assert_eq!(hour(Timestamp::from_millisecond(HOUR + 5).unwrap()), HOUR);
    }

    #[test]
    fn every_lane_comes_back_from_its_number() {
        for known in Lane::ALL {
            assert_eq!(lane(u64::from(lane_number(known))), Some(known));
        }
        assert_eq!(lane(4), None);
    }

    #[test]
    fn a_record_of_a_later_version_is_not_guessed_at() {
        assert!(readable_version(RECORD_VERSION) && readable_version(RECORD_VERSION - 1));
        assert!(!readable_version(RECORD_VERSION + 1));
    }
}
