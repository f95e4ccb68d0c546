use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Fake, page_of};
use crate::wire::Whole;

#[derive(Debug, Deserialize)]
struct Row {
    id: Whole,
    #[serde(default)]
    at: Option<i64>,
}

impl Aged for Row {
    fn id(&self) -> u64 {
        self.id.0
    }
    fn age_rank(&self) -> Option<i64> {
        self.at
    }
}

fn list() -> List {
    List::new("GET /things", "/things", "things")
}

fn rows(ids: impl Iterator<Item = u64>) -> Vec<Value> {
    ids.map(|id| json!({ "id": id, "at": id })).collect()
}

async fn serve(rows: Vec<Value>, size: usize) -> Fake {
    Fake::start(move |seen| page_of("things", &rows, seen.page(), size)).await
}

async fn ids(fake: &Fake, floor: Option<i64>) -> Vec<u64> {
    let rows = fake.client.newest::<Row>(&list(), floor).await.unwrap();
    let mut ids: Vec<_> = rows.iter().map(Aged::id).collect();
    ids.sort_unstable();
    ids
}

fn has_all(found: &[u64], wanted: std::ops::RangeInclusive<u64>) -> bool {
    wanted.into_iter().all(|id| found.contains(&id))
}

#[tokio::test]
async fn newest_first_stops_below_the_floor() {
    let fake = serve(rows((1..=100).rev()), 10).await;
    assert!(has_all(&ids(&fake, Some(75)).await, 75..=100));
    assert_eq!(fake.calls().len(), 3);
}

#[tokio::test]
async fn oldest_first_is_read_from_its_end() {
    let fake = serve(rows(1..=100), 10).await;
    assert!(has_all(&ids(&fake, Some(75)).await, 75..=100));
    let pages: Vec<_> = fake.take().iter().map(crate::testing::Seen::page).collect();
    assert_eq!(pages, [1, 10, 9, 8, 7]);
}

#[tokio::test]
async fn no_order_at_all_reads_every_page() {
    // 37 and 100 have no common divisor: every id once, in no order.
    let fake = serve(rows((0..100).map(|n| n * 37 % 100 + 1)), 10).await;
    assert_eq!(ids(&fake, Some(99)).await, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_single_row_a_page_is_no_proof_of_order() {
    for rows in [rows(1..=6), rows([3, 1, 2, 6, 5, 4].into_iter())] {
        let fake = serve(rows, 1).await;
        assert!(ids(&fake, Some(6)).await.contains(&6));
    }
}

#[tokio::test]
async fn rows_that_do_not_tell_their_age_are_all_read() {
    let silent: Vec<_> = (1..=30).map(|id| json!({ "id": id })).collect();
    let fake = serve(silent, 10).await;
    assert_eq!(ids(&fake, Some(29)).await.len(), 30);
}

#[tokio::test]
async fn a_row_that_moves_to_the_next_page_is_taken_once() {
    let calls = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| {
        // A newer row appears after the first page was read.
        let newest = if calls.fetch_add(1, Ordering::SeqCst) == 0 { 30 } else { 31 };
        page_of("things", &rows((1..=newest).rev()), seen.page(), 10)
    })
    .await;
    assert_eq!(ids(&fake, None).await, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_that_vanish_while_reading_make_it_begin_again() {
    let calls = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| {
        let gone = calls.fetch_add(1, Ordering::SeqCst) > 0;
        let left = rows((1..=30).rev().filter(|id| !gone || *id != 30));
        page_of("things", &left, seen.page(), 10)
    })
    .await;
    // Row 20 moved onto the page that had been read already.
    assert!(ids(&fake, None).await.contains(&20));
}

#[tokio::test]
async fn a_list_that_never_holds_still_is_put_off() {
    let calls = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| {
        let left = 90_u64 - u64::try_from(calls.fetch_add(1, Ordering::SeqCst)).unwrap();
        page_of("things", &rows((1..=left).rev()), seen.page(), 10)
    })
    .await;
    let failure = fake.client.newest::<Row>(&list(), None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Busy { retry_after: None });
}

#[tokio::test]
async fn all_pages_are_read_and_a_list_without_pages_too() {
    let fake = serve(rows(1..=25), 10).await;
    assert_eq!(fake.client.all::<Row>(&list()).await.unwrap().len(), 25);
    assert_eq!(fake.calls().len(), 3);
    let fake = Fake::start(|_| (200, json!({ "things": [{ "id": 1 }] }).to_string())).await;
    assert_eq!(fake.client.all::<Row>(&list()).await.unwrap().len(), 1);
}
