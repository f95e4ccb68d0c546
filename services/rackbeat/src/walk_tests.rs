use std::sync::Arc;

use serde_json::{Value, json};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

type Shelf = Arc<Mutex<Vec<String>>>;

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("N{n:03}")).collect()
}

/// A list of items by number; a page past the end is empty, or 404.
async fn serve(count: usize, size: usize, empty_past_end: bool) -> (Fake, Shelf) {
    let shelf: Shelf = Arc::new(Mutex::new(numbers(count)));
    let shown = Arc::clone(&shelf);
    let fake = Fake::start(move |seen| {
        let rows: Vec<Value> =
            shown.lock().unwrap().iter().map(|number| json!({ "number": number })).collect();
        let pages = rows.len().div_ceil(size).max(1);
        if empty_past_end && seen.page() > pages {
            let body = json!({ "items": [], "total": rows.len(), "pages": pages, "page": seen.page() });
            return (206, body.to_string());
        }
        page_of("items", &rows, seen.page(), size)
    })
    .await;
    (fake, shelf)
}

/// Reads all pages; `between` is done after each.
async fn walk(fake: &Fake, mut between: impl FnMut(u32)) -> Vec<String> {
    let (mut all, mut page) = (Vec::new(), 1);
    loop {
        let answer = fake.client.items(page).await.unwrap();
        all.extend(answer.rows.into_iter().map(|item| item.number.to_string()));
        let Some(next) = answer.next else { return all };
        assert_eq!(next, (page + 1).to_string());
        between(page);
        page += 1;
    }
}

#[tokio::test]
async fn every_row_comes_once_whatever_the_page_size() {
    for size in 1..=4_usize {
        for count in [0, 1, size - 1, size, size + 1, 3 * size, 3 * size + 1] {
            let (fake, _) = serve(count, size, false).await;
            assert_eq!(walk(&fake, |_| {}).await, numbers(count), "{count} rows, {size} a page");
            assert_eq!(fake.calls().len(), count.div_ceil(size).max(1));
        }
    }
}

#[tokio::test]
async fn a_row_that_slips_onto_a_page_already_read_is_not_lost() {
    for empty_past_end in [false, true] {
        for (gone, size) in [(1, 4), (3, 4), (5, 4), (9, 4), (1, 1), (2, 1)] {
            let (fake, shelf) = serve(24, size, empty_past_end).await;
            let read = walk(&fake, |page| {
                if page == 3 {
                    shelf.lock().unwrap().drain(..gone);
                }
            })
            .await;
            for left in shelf.lock().unwrap().iter() {
                let times = read.iter().filter(|number| *number == left).count();
                assert!(times >= 1, "{left} was lost: {gone} gone, {size} a page, empty: {empty_past_end}");
            }
        }
    }
}

#[tokio::test]
async fn a_last_page_that_is_gone_gives_what_slipped_onto_the_one_before() {
    for empty_past_end in [false, true] {
        let (fake, shelf) = serve(5, 2, empty_past_end).await;
        let read = walk(&fake, |page| {
            if page == 2 {
                shelf.lock().unwrap().remove(0);
            }
        })
        .await;
        assert_eq!(read, numbers(5), "empty: {empty_past_end}");
    }
}

#[tokio::test]
async fn a_row_that_moves_onto_the_next_page_comes_once() {
    let (fake, shelf) = serve(6, 2, false).await;
    let read = walk(&fake, |page| {
        if page == 1 {
            shelf.lock().unwrap().insert(0, "M".to_owned());
        }
    })
    .await;
    assert_eq!(read, numbers(6));
}

#[tokio::test]
async fn each_handle_has_a_reader_of_its_own() {
    let (fake, shelf) = serve(6, 2, false).await;
    let other = fake.client.in_lane(Lane::Stock);
    fake.client.items(1).await.unwrap();
    shelf.lock().unwrap().remove(0);
    other.items(1).await.unwrap();
    let rows = fake.client.items(2).await.unwrap().rows;
    assert!(rows.iter().any(|item| item.number.as_str() == "N002"), "the other reader hid the loss");
}

#[tokio::test]
async fn a_first_page_that_is_not_there_is_no_empty_list() {
    let fake = Fake::start(|_| (404, "{}".to_owned())).await;
    assert!(fake.client.items(1).await.unwrap_err().is_missing());
    assert_eq!(fake.client.items(4).await.unwrap().rows, []);
}
