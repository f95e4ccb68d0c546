use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, Seen, page_of, reference};

/// Order n was made at minute n of the day and bears `acme/<1000 + n>`.
fn order(n: u64) -> Value {
    json!({
        "number": n, "heading": format!("acme/{} #{n}", 1000 + n), "note": null, "is_booked": n.is_multiple_of(2),
        "created_at": format!("2026-02-01T{:02}:{:02}:00+00:00", n / 60, n % 60), "total_total": 12.5,
    })
}

fn start_of_day() -> Timestamp {
    "2026-02-01T00:00:00Z".parse().unwrap()
}

fn answer(seen: &Seen, orders: u64, covers_heading: bool, sorts: bool) -> (u16, String) {
    let mut rows: Vec<_> = (1..=orders).map(order).collect();
    if sorts {
        rows.reverse();
    }
    if let Some(text) = seen.param("search") {
        let found = |row: &Value| {
            row["number"].to_string().contains(text)
                || (covers_heading && row["heading"].as_str().unwrap().contains(text))
        };
        rows.retain(found);
    }
    page_of("orders", &rows, seen.page(), 50)
}

async fn serve(orders: u64, covers_heading: bool, sorts: bool) -> Fake {
    Fake::start(move |seen| answer(seen, orders, covers_heading, sorts)).await
}

async fn found(fake: &Fake, order: u64) -> Vec<u64> {
    let found = fake.client.find_orders(&reference(order), start_of_day()).await.unwrap();
    found.iter().map(|order| order.number.0).collect()
}

fn searches(calls: &[Seen]) -> Vec<bool> {
    calls.iter().map(|seen| seen.param("search").is_some()).collect()
}

#[tokio::test]
async fn a_search_that_finds_the_order_is_one_call_and_proves_itself() {
    let fake = serve(120, true, true).await;
    assert_eq!(found(&fake, 1007).await, [7]);
    assert_eq!(searches(&fake.take()), [true]);
    // Proven: from now on "not there" is one call too.
    assert_eq!(found(&fake, 5000).await, Vec::<u64>::new());
    assert_eq!(searches(&fake.take()), [true]);
}

#[tokio::test]
async fn not_there_is_believed_only_after_paging_or_proof() {
    let fake = serve(120, true, true).await;
    assert_eq!(found(&fake, 5000).await, Vec::<u64>::new());
    // Search, three pages back to the day before, and a search for an order that is known to be there.
    assert_eq!(searches(&fake.take()), [true, false, false, false, true]);
    assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Proven);
    assert_eq!(fake.calls().len(), 0, "known already");
}

#[tokio::test]
async fn where_search_does_not_cover_headings_orders_are_found_by_paging() {
    for sorts in [true, false] {
        let fake = serve(120, false, sorts).await;
        assert_eq!(found(&fake, 1119).await, [119]);
        assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Disproven);
        fake.take();
        assert_eq!(found(&fake, 1003).await, [3], "sorts: {sorts}");
        assert!(searches(&fake.take()).iter().all(|search| !search), "the search is not tried again");
        assert_eq!(found(&fake, 5000).await, Vec::<u64>::new());
    }
}

#[tokio::test]
async fn paging_ends_a_day_before_the_order_was_made() {
    let fake = serve(1400, false, true).await;
    fake.client.shared.quirks.heading_search.set(false);
    let later: Timestamp = "2026-02-02T23:00:00Z".parse().unwrap();
    let found = fake.client.find_orders(&reference(2399), later).await.unwrap();
    assert_eq!(found[0].number.0, 1399);
    assert_eq!(fake.calls().len(), 1, "the first page reaches back to 22:30");
}

#[tokio::test]
async fn every_order_that_bears_the_reference_is_told_lowest_first_cancelled_ones_too() {
    let fake = Fake::start(|seen| {
        let row =
            |n: u64, heading: &str, note: &str| json!({ "number": n, "heading": heading, "note": note });
        let mut rows = vec![
            row(9, "acme/1001 #1", ""),
            row(4, "DUPLICATE", "acme/1001\nplease ring"),
            row(5, "acme/10011 #2", ""),
        ];
        rows[0]["is_cancelled"] = json!(true);
        page_of("orders", &rows, seen.page(), 50)
    })
    .await;
    let found = fake.client.find_orders(&reference(1001), start_of_day()).await.unwrap();
    assert_eq!(found.iter().map(|order| order.number.0).collect::<Vec<_>>(), [4, 9]);
    assert!(found[1].flags.cancelled && !found[0].flags.cancelled);
}

#[tokio::test]
async fn an_order_without_a_reference_proves_nothing() {
    let fake = Fake::start(|seen| {
        let rows =
            [json!({ "number": 1042, "heading": "1042 for Ida, 5/7", "created_at": "2026-02-01 10:00:00" })];
        page_of("orders", &rows, seen.page(), 50)
    })
    .await;
    assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Unknown);
    assert_eq!(found(&fake, 1001).await, Vec::<u64>::new());
    assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Unknown);
}

#[tokio::test]
async fn a_refused_search_is_none() {
    let fake = Fake::start(|seen| match seen.param("search") {
        Some(_) => (422, r#"{"message":"Property 'search' is not filterable"}"#.to_owned()),
        None => answer(seen, 20, false, true),
    })
    .await;
    assert_eq!(found(&fake, 1007).await, [7]);
    assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Disproven);
}

#[tokio::test]
async fn a_list_without_headings_is_never_taken_for_not_there() {
    let fake = Fake::start(|seen| page_of("orders", &[json!({ "number": 1 })], seen.page(), 50)).await;
    let failure = fake.client.find_orders(&reference(1001), start_of_day()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Garbled);
}

#[tokio::test]
async fn what_a_clone_learned_all_know() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let fake = Fake::start(move |seen| {
        count.fetch_add(1, Ordering::SeqCst);
        answer(seen, 20, true, true)
    })
    .await;
    let clone = fake.client.in_lane(shopbeat_domain::job::Lane::BackFill);
    assert_eq!(clone.probe_search().await.unwrap(), Proof::Proven);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(fake.client.probe_search().await.unwrap(), Proof::Proven);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
