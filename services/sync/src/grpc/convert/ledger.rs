//! The ledger: the state's counts by outcome name, as the fields of a message.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shopbeat_domain::job::Outcome;
use shopbeat_domain::ports::LedgerRow;
use shopbeat_proto::v1;

use super::timestamp;

/// The ledger from these rows, with its hours if asked for.
#[must_use]
pub fn ledger(rows: &[LedgerRow], from: Timestamp, to: Timestamp, with_hours: bool) -> v1::Ledger {
    let mut sum = Counts::default();
    for row in rows {
        sum.add(row);
    }
    let mut total = sum.message();
    total.adds_up = rows.iter().all(LedgerRow::adds_up) && sum.unknown == 0;
    let hours = rows.iter().filter(|_| with_hours).map(|row| {
        let mut counts = Counts::default();
        counts.add(row);
        let mut message = counts.message();
        message.adds_up = row.adds_up() && counts.unknown == 0;
        v1::LedgerHour { hour: Some(timestamp(row.hour)), counts: Some(message) }
    });
    v1::Ledger {
        from: Some(timestamp(from)),
        to: Some(timestamp(to)),
        total: Some(total),
        hours: hours.collect(),
    }
}

#[derive(Default)]
struct Counts {
    seen: u64,
    transferred: u64,
    parked: u64,
    ignored: BTreeMap<String, u64>,
    pending: u64,
    removed: u64,
    /// Outcomes by names that this version does not know: shown nowhere, so the ledger must not claim to add up.
    unknown: u64,
}

impl Counts {
    fn add(&mut self, row: &LedgerRow) {
        self.seen += row.seen;
        for (name, count) in &row.outcomes {
            if let Some((_, rule)) = name.split_once("ignored:") {
                *self.ignored.entry(rule.to_owned()).or_default() += count;
            } else if *name == Outcome::Transferred.name() {
                self.transferred += count;
            } else if *name == Outcome::Parked.name() {
                self.parked += count;
            } else if *name == Outcome::Pending.name() {
                self.pending += count;
            } else if *name == Outcome::RemovedInRackbeat.name() {
                self.removed += count;
            } else {
                self.unknown += count;
            }
        }
    }

    fn message(&self) -> v1::LedgerCounts {
        let ignored = self.ignored.iter().filter(|(_, orders)| **orders > 0);
        v1::LedgerCounts {
            seen: self.seen,
            transferred: self.transferred,
            parked: self.parked,
            ignored: ignored
                .map(|(rule, orders)| v1::IgnoredCount { rule: rule.clone(), orders: *orders })
                .collect(),
            pending: self.pending,
            removed_in_rackbeat: self.removed,
            adds_up: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use shopbeat_domain::job::IgnoreRule;

    use super::*;

    fn row(hour: i64, seen: u64, outcomes: &[(Outcome, u64)]) -> LedgerRow {
        LedgerRow {
            hour: Timestamp::from_second(hour * 3600).unwrap(),
            seen,
            outcomes: outcomes.iter().map(|(outcome, count)| (outcome.name(), *count)).collect(),
        }
    }

    fn of(rows: &[LedgerRow]) -> v1::Ledger {
        ledger(rows, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, true)
    }

    #[test]
    fn every_outcome_has_its_column_and_the_sum_adds_up() {
        let all = [
            (Outcome::Transferred, 1),
            (Outcome::Parked, 2),
            (Outcome::Ignored(IgnoreRule::TestOrder), 3),
            (Outcome::Ignored(IgnoreRule::BeforeStart), 4),
            (Outcome::Pending, 5),
            (Outcome::RemovedInRackbeat, 6),
        ];
        let ledger = of(&[row(1, 21, &all), row(2, 1, &[(Outcome::Transferred, 1)])]);
        let total = ledger.total.unwrap();
        assert_eq!((total.seen, total.transferred, total.parked), (22, 2, 2));
        assert_eq!((total.pending, total.removed_in_rackbeat), (5, 6));
        assert_eq!(total.ignored.iter().map(|i| i.orders).sum::<u64>(), 7);
        assert!(total.adds_up);
        assert_eq!(ledger.hours.len(), 2);
    }

    #[test]
    fn two_hours_that_are_off_by_the_same_do_not_add_up_together() {
        let ledger = of(&[row(1, 2, &[(Outcome::Pending, 1)]), row(2, 1, &[(Outcome::Pending, 2)])]);
        assert!(!ledger.total.unwrap().adds_up);
    }

    #[test]
    fn an_outcome_that_is_not_known_is_not_hidden() {
        let mut odd = row(1, 1, &[]);
        odd.outcomes.push(("resolved_elsewhere".to_owned(), 1));
        assert!(!of(&[odd]).total.unwrap().adds_up);
    }
}
