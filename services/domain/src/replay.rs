//! One replay: orders of a span of time that go through once more, each as if its webhook had just come. No personal
//! data: of an order only its id, and in few words how it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{BadId, OrderId, StoreId};
use crate::job::{JobRecord, Outcome};
use crate::store::RECORD_VERSION;
use crate::transfer::Transfer;

/// Where a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplayPhase {
    /// Waiting for a worker.
    Queued,
    /// What is under way for the store is finished first.
    Draining,
    /// The orders of the span are read from Shopify.
    Reading,
    /// They go through once more.
    Processing,
    /// All are through.
    Finished,
    /// It cannot go on.
    Failed,
}

/// The longest id of a replay, in characters.
pub const REPLAY_ID_LENGTH: usize = 100;
/// So many differences are kept.
pub const DIFFERENCES_SHOWN: usize = 50;
/// What is said of an order that was never seen.
pub const UNKNOWN: &str = "unknown";

/// The caller's text for a replay, without the spaces around it.
///
/// # Errors
/// When it is empty, too long, or holds control characters.
pub fn parse_replay_id(text: &str) -> Result<&str, BadId> {
    let id = text.trim();
    let good = !id.is_empty() && id.chars().count() <= REPLAY_ID_LENGTH && !id.contains(char::is_control);
    let bad = || BadId {
        what: "id of a replay",
        text: id.chars().take(REPLAY_ID_LENGTH).collect(),
        allowed: "1 to 100 letters, none of them a control character",
    };
    if good { Ok(id) } else { Err(bad()) }
}

/// An order that stands otherwise after a replay than before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayDifference {
    /// The order.
    pub order: OrderId,
    /// How it stood before, in a few words; [`UNKNOWN`] for one that was never seen.
    pub before: String,
    /// How it stands now.
    pub after: String,
}

/// The record of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Layout of this record.
    pub version: u32,
    /// The caller's text for it.
    pub id: String,
    /// Whose.
    pub store: StoreId,
    /// Orders that changed from then on,
    pub from: Timestamp,
    /// and were there by then.
    pub to: Timestamp,
    /// Where it is.
    pub phase: ReplayPhase,
    /// Until when what was under way before is waited for.
    pub drained_by: Option<Timestamp>,
    /// Orders that changed before this moment are read.
    pub read_to: Option<Timestamp>,
    /// The last order, by id, that was asked to go through once more.
    pub offered: Option<OrderId>,
    /// The last order, by id, of those that are through: all before it are.
    pub through: Option<OrderId>,
    /// Orders of the span.
    pub orders: u64,
    /// Of these, through.
    pub done: u64,
    /// Of these, never seen before.
    pub unknown: u64,
    /// Of these, standing otherwise than before; those never seen before among them.
    pub changed: u64,
    /// The first of those, by order id.
    pub differences: Vec<ReplayDifference>,
    /// Why it failed, for people.
    pub failure: Option<String>,
    /// Told things that are no failure.
    pub remarks: Vec<String>,
    /// When it was asked for.
    pub begun_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

impl Replay {
    /// A replay that nothing was done for yet.
    #[must_use]
    pub fn begin(store: StoreId, id: &str, from: Timestamp, to: Timestamp, now: Timestamp) -> Self {
        Self {
            version: RECORD_VERSION,
            id: id.to_owned(),
            store,
            from,
            to,
            phase: ReplayPhase::Queued,
            drained_by: None,
            read_to: None,
            offered: None,
            through: None,
            orders: 0,
            done: 0,
            unknown: 0,
            changed: 0,
            differences: Vec::new(),
            failure: None,
            remarks: Vec::new(),
            begun_at: now,
            ended_at: None,
        }
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, ReplayPhase::Finished | ReplayPhase::Failed)
    }

    /// Ends it for this reason.
    pub fn fail(&mut self, reason: impl Into<String>, now: Timestamp) {
        self.phase = ReplayPhase::Failed;
        self.failure = Some(reason.into());
        self.ended_at = Some(now);
    }

    /// Counts an order that is through.
    pub fn count(&mut self, order: OrderId, before: &str, after: &str) {
        self.through = Some(order);
        self.done += 1;
        self.unknown += u64::from(before == UNKNOWN);
        if before == after {
            return;
        }
        self.changed += 1;
        if self.differences.len() < DIFFERENCES_SHOWN {
            let (before, after) = (before.to_owned(), after.to_owned());
            self.differences.push(ReplayDifference { order, before, after });
        }
    }
}

/// What a replay notes of an order before that goes through once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayNote {
    /// Layout of this record.
    pub version: u32,
    /// How it stood, in a few words; `None`: it is not looked at yet.
    pub before: Option<String>,
}

impl ReplayNote {
    /// An order of the span that is not looked at yet.
    #[must_use]
    pub fn blank() -> Self {
        Self { version: RECORD_VERSION, before: None }
    }

    /// An order as it stands now.
    #[must_use]
    pub fn of(job: Option<&JobRecord>, transfer: Option<&Transfer>) -> Self {
        Self { version: RECORD_VERSION, before: Some(standing(job, transfer)) }
    }

    /// The key of an order's note: keys sort as ids do.
    #[must_use]
    pub fn key(order: OrderId) -> String {
        format!("{:020}", order.0)
    }
}

/// How an order stands, in a few words: `parked: unknown_sku`, `transferred: 1042, booked`, `ignored: test_order`.
#[must_use]
pub fn standing(job: Option<&JobRecord>, transfer: Option<&Transfer>) -> String {
    let Some(job) = job else { return UNKNOWN.to_owned() };
    match job.outcome {
        Outcome::Pending => "pending".to_owned(),
        Outcome::Parked => match &job.park {
            Some(park) => format!("parked: {}", park.code.name()),
            None => "parked".to_owned(),
        },
        Outcome::Ignored(rule) => format!("ignored: {}", rule.name()),
        Outcome::RemovedInRackbeat => "removed_in_rackbeat".to_owned(),
        Outcome::Transferred => {
            let Some((number, transfer)) = transfer.and_then(|journal| Some((journal.number?, journal)))
            else {
                return "transferred".to_owned();
            };
            let waits = if transfer.waiting_for_stock { ", waiting for stock" } else { "" };
            format!("transferred: {number}, {}{waits}", transfer.reached.name())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrderNumber;
    use crate::job::{IgnoreRule, JobPhase, Park, ParkCode, Subject};
    use crate::settings::Target;
    use crate::transfer::Reached;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn job(outcome: Outcome, park: Option<Park>) -> JobRecord {
        JobRecord {
            subject: Subject::Order(OrderId(7)),
            phase: JobPhase::Idle,
            outcome,
            park,
            first_seen: at("2026-11-24T10:00:00Z"),
            version: None,
            settled: 3,
            due: None,
            strikes: 0,
        }
    }

    #[test]
    fn how_an_order_stands_is_said_in_few_words() {
        let park = Park {
            code: ParkCode::UnknownSku,
            culprit: "CUP".to_owned(),
            message: "no CUP".to_owned(),
            since: at("2026-11-24T10:00:00Z"),
            retry_at: None,
            number: None,
        };
        let store = StoreId::parse("acme").unwrap();
        let mut transfer = Transfer::begin(store, OrderId(7), Target::Shipped, at("2026-11-24T10:00:00Z"));
        transfer.number = Some(OrderNumber(1042));
        transfer.reached = Reached::Booked;
        transfer.waiting_for_stock = true;
        for (job, words) in [
            (None, "unknown"),
            (Some(job(Outcome::Pending, None)), "pending"),
            (Some(job(Outcome::Parked, Some(park))), "parked: unknown_sku"),
            (Some(job(Outcome::Ignored(IgnoreRule::TestOrder), None)), "ignored: test_order"),
            (Some(job(Outcome::RemovedInRackbeat, None)), "removed_in_rackbeat"),
            (Some(job(Outcome::Transferred, None)), "transferred: 1042, booked, waiting for stock"),
        ] {
            assert_eq!(standing(job.as_ref(), Some(&transfer)), words);
        }
        assert_eq!(standing(Some(&job(Outcome::Transferred, None)), None), "transferred");
    }

    #[test]
    fn only_the_first_differences_are_kept_and_all_are_counted() {
        let store = StoreId::parse("acme").unwrap();
        let now = at("2026-11-24T10:00:00Z");
        let mut replay = Replay::begin(store, "r", now, now, now);
        for id in 1..=60 {
            replay.count(OrderId(id), UNKNOWN, "transferred");
        }
        replay.count(OrderId(61), "transferred", "transferred");
        assert_eq!((replay.done, replay.unknown, replay.changed), (61, 60, 60));
        assert_eq!(replay.differences.len(), DIFFERENCES_SHOWN);
        assert_eq!(replay.through, Some(OrderId(61)));
    }

    #[test]
    fn an_id_is_any_text_of_up_to_100_letters() {
        assert_eq!(parse_replay_id(" after the outage: 2 "), Ok("after the outage: 2"));
        let longest = "å".repeat(REPLAY_ID_LENGTH);
        assert_eq!(parse_replay_id(&longest), Ok(longest.as_str()));
        for bad in ["", "  ", "a\nb", &"å".repeat(REPLAY_ID_LENGTH + 1)] {
            assert!(parse_replay_id(bad).is_err(), "{bad:?}");
        }
    }
}
