use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::BillingEvent::{Connected, Disconnected, Paused, Resumed, Uninstalled};
use super::super::{BillingEntry, BillingEvent, ProRata, Terms, bill};
use super::{LATER, agreement, at, entry, month};
use crate::ids::StoreId;
use crate::money::Currency;

const STORES: [&str; 5] = ["alta", "bergen", "drammen", "oslo", "voss"];
const EVENTS: [BillingEvent; 5] = [Connected, Paused, Resumed, Uninstalled, Disconnected];

/// A journal of up to sixty entries over 70 days from September 20th 2026 on, many of them at the same time.
fn any_journal(stores: usize) -> impl Strategy<Value = Vec<BillingEntry>> {
    let told = (0..70 * 8_i64, 0..stores, 0..EVENTS.len());
    proptest::collection::vec(told, 0..60).prop_map(|mut told| {
        told.sort_unstable_by_key(|(time, _, _)| *time);
        let entry = |(number, (time, store, event)): (u64, (i64, usize, usize))| {
            let begin = at("2026-09-20T00:00:00Z");
            entry(number, begin + (time * 3).hours(), STORES[store], EVENTS[event])
        };
        (1..).zip(told).map(entry).collect()
    })
}

/// From when to when each store was connected.
fn spans(entries: &[BillingEntry]) -> Vec<(StoreId, Timestamp, Timestamp)> {
    let mut spans: Vec<(StoreId, Timestamp, Timestamp)> = Vec::new();
    for entry in entries {
        let open = spans.iter_mut().find(|(store, _, to)| *store == entry.store && *to == Timestamp::MAX);
        match (entry.event, open) {
            (Connected, None) => spans.push((entry.store.clone(), entry.at, Timestamp::MAX)),
            (Uninstalled | Disconnected, Some((_, _, to))) => *to = entry.at,
            _ => {}
        }
    }
    spans
}

/// The most stores that were connected at once between two moments.
fn most_at_once(entries: &[BillingEntry], from: Timestamp, to: Timestamp) -> usize {
    let open_after =
        |told: usize| spans(&entries[..told]).iter().filter(|(_, _, end)| *end == Timestamp::MAX).count();
    let before = entries.partition_point(|entry| entry.at < from);
    let until = entries.partition_point(|entry| entry.at < to);
    (before..=until).map(open_after).max().unwrap_or_default()
}

proptest! {
    #[test]
    fn every_bill_adds_up_and_owes_no_more_than_was_connected_at_once(
        entries in any_journal(5), free in 0..3_u32, whole: bool, minor in 0..20_000_i64,
    ) {
        let rule = if whole { ProRata::WholeMonths } else { ProRata::ByDay };
        let price = Decimal::new(minor, 2);
        let terms = Terms::new(price, Currency::DKK, free, rule).unwrap();
        let of = month("2026-10");
        let bill = bill(&agreement(), &entries, None, of, terms, at(LATER));

        prop_assert_eq!(bill.total, bill.lines.iter().map(|line| line.amount).sum::<Decimal>());
        let spans = spans(&entries);
        for line in &bill.lines {
            prop_assert!(line.amount >= Decimal::ZERO && line.amount <= price);
            prop_assert_eq!(line.days, line.days_free + line.days_billed);
            prop_assert!(line.days_paused <= line.days);
            // The days on which it was connected for a moment, counted apart from the walk.
            let days = of.midnights().windows(2).filter(|day| {
                spans.iter().any(|(store, from, to)| {
                    *store == line.store && *from < day[1] && (*to > day[0] || *from >= day[0])
                })
            }).count();
            prop_assert_eq!(usize::try_from(line.days).unwrap(), days);
        }
        let at_once = most_at_once(&entries, of.begin(), of.end());
        let payable = at_once.saturating_sub(usize::try_from(free).unwrap());
        let rounding = if whole { Decimal::ZERO } else { Decimal::new(5, 3) * Decimal::from(bill.lines.len()) };
        prop_assert!(bill.total <= price * Decimal::from(payable) + rounding, "{:?}", bill);
        let order: Vec<_> = bill.lines.iter().map(|line| line.connected_at).collect();
        prop_assert!(order.is_sorted());
    }

    #[test]
    fn an_agreement_with_one_store_never_owes(entries in any_journal(1), whole: bool) {
        let rule = if whole { ProRata::WholeMonths } else { ProRata::ByDay };
        let terms = Terms::new(Decimal::ONE_HUNDRED, Currency::DKK, 1, rule).unwrap();
        let bill = bill(&agreement(), &entries, None, month("2026-10"), terms, at(LATER));
        prop_assert_eq!(bill.total, Decimal::ZERO);
    }

    #[test]
    fn the_order_in_which_entries_are_given_changes_nothing(
        (entries, mixed) in any_journal(5).prop_flat_map(|entries| (Just(entries.clone()), Just(entries).prop_shuffle())),
    ) {
        let of = |entries: &[BillingEntry]| {
            bill(&agreement(), entries, None, month("2026-10"), Terms::default(), at(LATER))
        };
        prop_assert_eq!(of(&entries), of(&mixed));
    }
}
