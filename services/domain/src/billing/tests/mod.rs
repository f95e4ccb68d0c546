//! Examples; the laws that every bill keeps are in [`laws`].

mod chain;
mod laws;
mod standing;

use rust_decimal::Decimal;

use super::*;
use crate::ids::AgreementId;
use crate::money::Currency;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn agreement() -> AgreementId {
    AgreementId::parse("nordlys").unwrap()
}

fn entry(number: u64, time: Timestamp, store: &str, event: BillingEvent) -> BillingEntry {
    let shop = ShopDomain::parse(&format!("{store}.myshopify.com")).unwrap();
    BillingEntry { version: 1, number, at: time, store: StoreId::of(&shop), shop, event, seal: String::new() }
}

fn journal(told: &[(&str, &str, BillingEvent)]) -> Vec<BillingEntry> {
    (1..).zip(told).map(|(number, (time, store, event))| entry(number, at(time), store, *event)).collect()
}

const LATER: &str = "2030-01-01T00:00:00Z";
use BillingEvent::{Connected, Disconnected, Paused, Resumed, Uninstalled};

fn by(rule: ProRata, told: &[(&str, &str, BillingEvent)], of: &str) -> Bill {
    let terms = Terms::new(Decimal::ONE_HUNDRED, Currency::DKK, 1, rule).unwrap();
    bill(&agreement(), &journal(told), None, month(of), terms, at(LATER))
}

fn by_day(told: &[(&str, &str, BillingEvent)], of: &str) -> Bill {
    by(ProRata::ByDay, told, of)
}

/// `store days/paused/free/billed amount` of each line.
fn told(bill: &Bill) -> Vec<String> {
    let line = |line: &BillLine| {
        let BillLine { store, days, days_paused, days_free, days_billed, amount, .. } = line;
        format!("{store} {days}/{days_paused}/{days_free}/{days_billed} {amount}")
    };
    bill.lines.iter().map(line).collect()
}

#[test]
fn the_first_store_is_free_and_each_further_one_costs_its_price_a_month() {
    let bill = by_day(
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-09-02T08:00:00Z", "bergen", Connected),
            ("2026-09-03T08:00:00Z", "alta", Connected),
        ],
        "2026-11",
    );
    assert_eq!(told(&bill), ["oslo 30/0/30/0 0.00", "bergen 30/0/0/30 100.00", "alta 30/0/0/30 100.00"]);
    assert_eq!((bill.total.to_string(), bill.closed), ("200.00".to_owned(), true));
    assert!(
        bill.lines.iter().all(|line| line.events.is_empty()),
        "what happened before the month is not told"
    );
}

#[test]
fn a_store_counts_from_the_day_of_its_connect_and_a_paused_one_goes_on_counting() {
    let bill = by_day(
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-11-21T22:59:59Z", "bergen", Connected),
            ("2026-11-24T10:00:00Z", "bergen", Paused),
            ("2026-11-26T10:00:00Z", "bergen", Resumed),
        ],
        "2026-11",
    );
    assert_eq!(told(&bill), ["oslo 30/0/30/0 0.00", "bergen 10/3/0/10 33.33"]);
    assert_eq!(bill.lines[1].events.len(), 3);
}

#[test]
fn the_day_is_copenhagens_and_the_day_of_the_end_is_the_last_one() {
    let told_of = |end: &str| {
        let bill = by_day(
            &[
                ("2026-09-01T08:00:00Z", "oslo", Connected),
                ("2026-10-31T23:00:00Z", "bergen", Connected),
                (end, "bergen", Uninstalled),
            ],
            "2026-11",
        );
        (bill.lines[1].days_billed, bill.lines[1].ended_at)
    };
    for (end, days) in [("2026-11-10T22:59:59Z", 10), ("2026-11-10T23:00:00Z", 11)] {
        assert_eq!(told_of(end), (days, Some(at(end))), "{end}");
    }
}

#[test]
fn when_the_free_store_leaves_the_next_oldest_is_free_from_the_next_day() {
    let bill = by_day(
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-09-02T08:00:00Z", "bergen", Connected),
            ("2026-09-03T08:00:00Z", "alta", Connected),
            ("2026-11-15T12:00:00Z", "oslo", Disconnected),
        ],
        "2026-11",
    );
    assert_eq!(told(&bill), ["oslo 15/0/15/0 0.00", "bergen 30/0/15/15 50.00", "alta 30/0/0/30 100.00"]);
    let whole = by(
        ProRata::WholeMonths,
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-09-02T08:00:00Z", "bergen", Connected),
            ("2026-11-15T12:00:00Z", "oslo", Disconnected),
        ],
        "2026-11",
    );
    assert_eq!(told(&whole), ["oslo 15/0/15/0 0.00", "bergen 30/0/15/15 100.00"]);
}

#[test]
fn a_store_that_comes_back_counts_from_that_day_and_has_its_old_place_in_the_order() {
    let bill = by_day(
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-09-02T08:00:00Z", "bergen", Connected),
            ("2026-11-05T12:00:00Z", "oslo", Uninstalled),
            ("2026-11-06T12:00:00Z", "oslo", Disconnected),
            ("2026-11-21T12:00:00Z", "oslo", Connected),
        ],
        "2026-11",
    );
    assert_eq!(told(&bill), ["oslo 15/0/15/0 0.00", "bergen 30/0/15/15 50.00"]);
    assert_eq!(bill.lines[0].ended_at, None);
    assert_eq!(bill.lines[0].connected_at, at("2026-09-01T08:00:00Z"));
}

#[test]
fn one_store_that_follows_another_on_the_same_day_takes_its_place_and_never_costs_more() {
    let free_one = [
        ("2026-09-01T08:00:00Z", "oslo", Connected),
        ("2026-11-10T10:00:00Z", "oslo", Disconnected),
        ("2026-11-10T10:00:00Z", "bergen", Connected),
    ];
    let paid_one = [
        ("2026-09-01T08:00:00Z", "oslo", Connected),
        ("2026-09-02T08:00:00Z", "bergen", Connected),
        ("2026-11-10T10:00:00Z", "bergen", Disconnected),
        ("2026-11-10T11:00:00Z", "alta", Connected),
    ];
    assert_eq!(by_day(&free_one, "2026-11").total, Decimal::ZERO);
    assert_eq!(
        told(&by_day(&paid_one, "2026-11")),
        ["oslo 30/0/30/0 0.00", "bergen 10/0/1/9 30.00", "alta 21/0/0/21 70.00"]
    );
    let whole = by(ProRata::WholeMonths, &paid_one, "2026-11");
    assert_eq!(
        told(&whole),
        ["oslo 30/0/30/0 0.00", "bergen 10/0/1/9 100.00", "alta 21/0/0/21 0.00"],
        "one paid place in the month, whoever had it"
    );
    assert_eq!(whole.lines.iter().map(|line| line.place_paid).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn a_store_that_came_and_went_on_one_day_is_billed_that_day() {
    let bill = by_day(
        &[
            ("2026-09-01T08:00:00Z", "oslo", Connected),
            ("2026-11-10T10:00:00Z", "bergen", Connected),
            ("2026-11-10T10:00:00Z", "bergen", Disconnected),
        ],
        "2026-11",
    );
    assert_eq!(told(&bill), ["oslo 30/0/30/0 0.00", "bergen 1/0/0/1 3.33"]);
    assert_eq!(bill.lines[1].ended_at, Some(at("2026-11-10T10:00:00Z")));
    assert!(by_day(&[], "2026-11").lines.is_empty());
}

#[test]
fn months_with_a_change_of_clocks_and_leap_februaries_have_their_days() {
    let two = [
        ("2020-01-01T08:00:00Z", "oslo", Connected),
        ("2020-01-02T08:00:00Z", "bergen", Connected),
        // A minute before and at midnight of the day after the clocks went forward.
        ("2026-03-29T21:59:00Z", "alta", Connected),
        ("2026-03-29T22:00:00Z", "bodo", Connected),
    ];
    let days = |of: &str| by_day(&two, of).lines.iter().map(|line| line.days).collect::<Vec<_>>();
    assert_eq!(days("2026-03"), [31, 31, 3, 2]);
    assert_eq!(days("2026-10"), [31, 31, 31, 31]);
    assert_eq!((days("2024-02"), days("2026-02")), (vec![29, 29], vec![28, 28]));
    for (month_of, begin, end) in [
        ("2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
        ("2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
        ("2026-12", "2026-11-30T23:00:00Z", "2026-12-31T23:00:00Z"),
    ] {
        assert_eq!((month(month_of).begin(), month(month_of).end()), (at(begin), at(end)), "{month_of}");
        assert_eq!(Month::of(at(begin)), month(month_of));
        assert_ne!(Month::of(at(end)), month(month_of));
    }
}

#[test]
fn a_month_under_way_is_told_up_to_now_and_one_to_come_owes_nothing() {
    let entries = journal(&[
        ("2026-09-01T08:00:00Z", "oslo", Connected),
        ("2026-09-02T08:00:00Z", "bergen", Connected),
        ("2026-11-24T12:00:00Z", "bergen", Disconnected),
    ]);
    let asked =
        |now: &str, of: &str| bill(&agreement(), &entries, None, month(of), Terms::default(), at(now));
    let open = asked("2026-11-03T12:00:00Z", "2026-11");
    assert_eq!(told(&open), ["oslo 3/0/3/0 0.00", "bergen 3/0/0/3 10.00"]);
    assert_eq!((open.closed, open.until), (false, at("2026-11-03T12:00:00Z")));
    // What another process, whose clock is ahead, has written down is not yet.
    let last_day = asked("2026-11-24T11:59:59Z", "2026-11");
    assert_eq!((last_day.lines[1].days, last_day.lines[1].ended_at), (24, None));
    let over = asked("2026-11-30T23:00:00Z", "2026-11");
    assert_eq!((over.closed, over.total.to_string()), (true, "80.00".to_owned()));
    assert!(asked("2026-11-03T12:00:00Z", "2026-12").lines.is_empty());
}

#[test]
fn a_month_is_read_strictly_and_written_alike() {
    assert_eq!(month("2026-01").to_string(), "2026-01");
    for bad in ["2026-13", "2026-00", "2026-1", "26-01", "2026/01", "+026-01", "2026-01-01", "1999-12", ""] {
        assert!(bad.parse::<Month>().is_err(), "{bad}");
    }
}

#[test]
fn a_price_that_cannot_be_owed_is_refused() {
    let terms = |price: Decimal, currency: &str| {
        Terms::new(price, Currency::parse(currency).unwrap(), 1, ProRata::ByDay)
    };
    assert!(terms(Decimal::new(-1, 0), "DKK").is_err());
    assert!(terms(Decimal::new(1_000_001, 0), "DKK").is_err());
    assert!(terms(Decimal::new(12_345, 3), "DKK").is_err());
    assert!(terms(Decimal::new(9_950, 2), "DKK").is_ok() && terms(Decimal::ZERO, "DKK").is_ok());
    assert!(terms(Decimal::new(105, 1), "ISK").is_err());
    assert_eq!(ProRata::default(), "by-day".parse().unwrap());
    assert_eq!("whole-months".parse(), Ok(ProRata::WholeMonths));
}
