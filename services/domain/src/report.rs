//! What a store's worker tells of itself and of what it sees. No personal data: names of topics, times, and a remote's
//! words about a failed call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::store::RECORD_VERSION;

/// How a remote is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteHealth {
    /// Calls get through.
    pub reachable: bool,
    /// Since when they do, or do not.
    pub since: Timestamp,
    /// What the last call that did not get through met; empty while they do.
    pub trouble: String,
}

impl RemoteHealth {
    /// Calls get through since a moment.
    #[must_use]
    pub fn fine(since: Timestamp) -> Self {
        Self { reachable: true, since, trouble: String::new() }
    }

    /// Takes in what is known now: the trouble, or that there is none. `since` moves only when it turns.
    pub fn turn(&mut self, trouble: Option<&str>, now: Timestamp) {
        let reachable = trouble.is_none();
        if self.reachable != reachable {
            (self.reachable, self.since) = (reachable, now);
        }
        self.trouble = trouble.unwrap_or_default().to_owned();
    }
}

/// The record that a store's worker keeps of itself, under [`REPORT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Layout of this record.
    pub version: u32,
    /// The worker's name, as its lease has it.
    pub worker: String,
    /// Version and commit of its program.
    pub build: String,
    /// When it took the store.
    pub since: Timestamp,
    /// How Shopify is doing.
    pub shopify: RemoteHealth,
    /// How Rackbeat is doing.
    pub rackbeat: RemoteHealth,
    /// Topics of webhooks that the shop refuses; empty: all stand, or none are wanted.
    pub webhooks_missing: Vec<String>,
    /// The version of Shopify's API that is spoken.
    pub shopify_api: String,
}

/// The order that went over last, under [`LAST_ORDER`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastOrder {
    /// Layout of this record.
    pub version: u32,
    /// The order.
    pub order: OrderId,
    /// What people call it.
    pub name: String,
    /// When it went over.
    pub at: Timestamp,
}

/// The key of the [`WorkerReport`] among [`crate::ports::Family::Status`].
pub const REPORT: &str = "report";
/// The key of the [`LastOrder`] among [`crate::ports::Family::Status`].
pub const LAST_ORDER: &str = "last-order";

/// Reads one of these records; what cannot be read, or is of a later layout, counts as not there: it is written anew
/// by the next worker.
fn read<T: for<'a> Deserialize<'a>>(text: &str, version: impl Fn(&T) -> u32) -> Option<T> {
    let record: T = serde_json::from_str(text).ok()?;
    (RECORD_VERSION.saturating_sub(1)..=RECORD_VERSION).contains(&version(&record)).then_some(record)
}

impl WorkerReport {
    /// Reads a stored report.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        read(text, |report: &Self| report.version)
    }
}

impl LastOrder {
    /// Reads a stored order.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        read(text, |order: &Self| order.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_moves_only_when_a_remote_turns() {
        let mut health = RemoteHealth::fine(at(1));
        health.turn(None, at(2));
        assert_eq!(health, RemoteHealth::fine(at(1)));
        health.turn(Some("503"), at(3));
        health.turn(Some("timeout"), at(4));
        assert_eq!(health, RemoteHealth { reachable: false, since: at(3), trouble: "timeout".to_owned() });
        health.turn(None, at(5));
        assert_eq!(health, RemoteHealth::fine(at(5)));
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written_and_one_of_a_later_layout_is_not_guessed_at() {
        let report = WorkerReport {
            version: RECORD_VERSION,
            worker: "w".to_owned(),
            build: "1".to_owned(),
            since: at(1),
            shopify: RemoteHealth::fine(at(1)),
            rackbeat: RemoteHealth::fine(at(1)),
            webhooks_missing: vec!["orders/paid".to_owned()],
            shopify_api: "2026-10".to_owned(),
        };
        let text = |report: &WorkerReport| serde_json::to_string(report).unwrap();
        assert_eq!(WorkerReport::read(&text(&report)), Some(report.clone()));
        let later = WorkerReport { version: RECORD_VERSION + 1, ..report };
        assert_eq!(WorkerReport::read(&text(&later)), None);
        assert_eq!(LastOrder::read("{"), None);
    }
}
