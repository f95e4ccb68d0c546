//! The proof must fail when it should: each way to be wrong is found.

use shopbeat_sandbox::rackbeat::Totals;

use super::*;

fn row(number: i64, total: i64) -> OrderRow {
    let total = Decimal::new(total, 2);
    OrderRow {
        number,
        heading: String::new(),
        note: String::new(),
        customer: 1,
        currency: "DKK".to_owned(),
        vat_zone: "domestic".to_owned(),
        booked: true,
        cancelled: false,
        ready: false,
        shipped: false,
        partly_shipped: false,
        invoiced: false,
        totals: Totals { subtotal: total, vat: Decimal::ZERO, total },
        lines: Vec::new(),
        notes: Vec::new(),
        fields: Vec::new(),
    }
}

/// An order that went over as it should.
fn good() -> Case {
    let [store, _] = STORES;
    Case {
        placed: Placed { store, id: 1, fate: Fate::Transferred },
        name: "#1001".to_owned(),
        shopify_total: Decimal::new(12_500, 2),
        told: v1::Transfer {
            state: v1::OrderState::Transferred.into(),
            reached: v1::Reached::Booked.into(),
            rackbeat_order_number: Some(1001),
            ..v1::Transfer::default()
        },
        rows: vec![row(1001, 12_500)],
        invoices: 0,
    }
}

fn parked(code: &str) -> Case {
    let park = Some(v1::Park { code: code.to_owned(), ..v1::Park::default() });
    let told = v1::Transfer { state: v1::OrderState::Parked.into(), park, ..v1::Transfer::default() };
    let placed = Placed { fate: Fate::Parked("tip"), ..good().placed };
    Case { placed, told, rows: Vec::new(), ..good() }
}

fn found(case: &Case, words: &str) {
    let problems = case.problems();
    assert!(problems.iter().any(|problem| problem.contains(words)), "{words:?} is not in {problems:?}");
}

#[test]
fn an_order_that_went_over_once_with_an_equal_total_is_right() {
    assert_eq!(good().problems(), Vec::<String>::new());
    assert_eq!(parked("tip").problems(), Vec::<String>::new());
}

#[test]
fn a_doubled_and_a_missing_order_are_found() {
    found(&Case { rows: vec![row(1001, 12_500), row(1002, 12_500)], ..good() }, "2 times");
    found(&Case { rows: Vec::new(), ..good() }, "0 times");
}

#[test]
fn a_total_that_differs_by_one_minor_unit_is_found() {
    found(&Case { rows: vec![row(1001, 12_501)], ..good() }, "125.00 in Shopify and 125.01 in Rackbeat");
}

#[test]
fn another_number_than_told_a_draft_and_a_second_invoice_are_found() {
    found(&Case { rows: vec![row(1002, 12_500)], ..good() }, "is order 1002");
    found(
        &Case { rows: vec![OrderRow { booked: false, ..row(1001, 12_500) }], ..good() },
        "not where it should be",
    );
    found(&Case { invoices: 2, ..good() }, "2 invoices");
    let short = v1::Transfer { reached: v1::Reached::Draft.into(), ..good().told };
    found(&Case { told: short, ..good() }, "not where it should be");
}

#[test]
fn an_order_that_must_not_go_over_is_found_if_it_did_or_if_its_reason_is_another() {
    found(&Case { rows: vec![row(1001, 12_500)], ..parked("tip") }, "must not stand in Rackbeat");
    found(&parked("custom_line"), "should be Parked");
    found(
        &Case { placed: Placed { fate: Fate::Transferred, ..good().placed }, ..parked("tip") },
        "should be transferred",
    );
    found(
        &Case { placed: Placed { fate: Fate::Pending, ..good().placed }, ..parked("tip") },
        "should be Pending",
    );
}

#[test]
fn a_ledger_that_does_not_add_up_or_counts_something_else_is_found() {
    let (one, two) = (good(), parked("tip"));
    let cases = [&one, &two];
    let right =
        v1::LedgerCounts { seen: 2, transferred: 1, parked: 1, adds_up: true, ..v1::LedgerCounts::default() };
    assert_eq!(ledger_problems("fjeld", &right, &cases), Vec::<String>::new());
    let broken = v1::LedgerCounts { adds_up: false, ..right.clone() };
    assert_eq!(ledger_problems("fjeld", &broken, &cases), ["the ledger of fjeld does not add up"]);
    let more = v1::LedgerCounts { seen: 3, pending: 1, ..right };
    assert_eq!(ledger_problems("fjeld", &more, &cases).len(), 2);
}
