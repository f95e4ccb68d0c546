use serde_json::{Value, json};
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

fn tent() -> ItemNumber {
    ItemNumber::parse("TENT").unwrap()
}

fn place(location: u64, physical: i64, available: Option<i64>) -> PlaceStock {
    PlaceStock {
        location: StockLocation(location),
        physical: physical.into(),
        available: available.map(Decimal::from),
    }
}

/// The item with these quantities, these rows by location, and these of `…/available`.
async fn serve(item: Value, places: Value, sellable: Option<Value>) -> Fake {
    Fake::start(move |seen| match seen.path.as_str() {
        "/items/TENT" => (200, json!({ "item": item }).to_string()),
        "/items/TENT/locations/available" => match &sellable {
            Some(rows) => (200, json!({ "locations": rows }).to_string()),
            None => (404, "{}".to_owned()),
        },
        path => match (path, item["type"] == "lot") {
            ("/products/TENT/locations", false) => (200, json!({ "product_locations": places }).to_string()),
            ("/lots/TENT/locations", true) => (200, json!({ "lot_locations": places }).to_string()),
            _ => (404, "{}".to_owned()),
        },
    })
    .await
}

fn item(kind: &str) -> Value {
    json!({ "number": "TENT", "type": kind, "inventory_enabled": true, "stock_quantity": 14.5,
        "in_order_quantity": 3, "available_quantity": "11.5" })
}

#[tokio::test]
async fn stock_without_locations_is_one_call() {
    let fake = serve(item("product"), json!([]), None).await;
    let stock = fake.client.stock(&tent(), false).await.unwrap();
    assert_eq!((stock.physical, stock.available), (Decimal::new(145, 1), Some(Decimal::new(115, 1))));
    assert_eq!((stock.keeps_stock, stock.places), (true, None));
    assert_eq!(fake.calls(), ["GET /items/TENT"]);
}

#[tokio::test]
async fn what_can_be_sold_is_taken_from_the_locations_where_they_tell_it() {
    for (kind, path) in [("product", "GET /products/TENT/locations"), ("lot", "GET /lots/TENT/locations")] {
        for key in ["available_quantity", "quantity_available", "available"] {
            let rows = json!([
                { "number": 1, "stock_quantity": 10, key: 8 }, { "number": 2, "stock_quantity": 4, key: "-1" },
            ]);
            let fake = serve(item(kind), rows, None).await;
            let stock = fake.client.stock(&tent(), true).await.unwrap();
            assert_eq!(
                stock.places,
                Some(vec![place(1, 10, Some(8)), place(2, 4, Some(-1))]),
                "{kind} {key}"
            );
            assert_eq!(fake.calls(), ["GET /items/TENT", path]);
        }
    }
}

#[tokio::test]
async fn where_locations_do_not_tell_it_the_other_list_is_asked_until_it_is_seen_not_to_tell() {
    let bare = json!([{ "number": 1, "stock_quantity": 10 }, { "number": 2, "stock_quantity": 4 }]);
    let told = json!([{ "number": 1, "available_quantity": 7 }]);
    let silent = json!([{ "number": 1, "stock_quantity": 10, "available": true }]);
    for (sellable, first, again) in [
        (Some(told), Some(7), 3),
        (Some(silent), None, 2),
        (None, None, 2),
        // Nothing there proves nothing.
        (Some(json!([])), None, 3),
    ] {
        let fake = serve(item("product"), bare.clone(), sellable.clone()).await;
        let stock = fake.client.stock(&tent(), true).await.unwrap();
        assert_eq!(stock.places, Some(vec![place(1, 10, first), place(2, 4, None)]), "{sellable:?}");
        assert_eq!(fake.take().len(), 3);
        fake.client.stock(&tent(), true).await.unwrap();
        assert_eq!(fake.calls().len(), again, "{sellable:?}");
    }
}

#[tokio::test]
async fn a_quantity_that_is_not_told_is_not_taken_for_none() {
    for (row, physical, available) in [
        (json!({ "number": "TENT", "stock_quantity": 5, "in_order_quantity": 2 }), 5, Some(3)),
        (json!({ "number": "TENT", "stock_quantity": 5 }), 5, None),
        (json!({ "number": "TENT", "available_quantity": 5 }), 0, None),
        (json!({ "number": "TENT", "stock_quantity": null, "available_quantity": 5 }), 0, None),
    ] {
        let told = serve(row.clone(), json!([]), None).await.client.stock(&tent(), false).await;
        match available {
            Some(available) => {
                let stock = told.unwrap();
                assert_eq!(stock.physical, Decimal::from(physical));
                assert_eq!(stock.available, Some(Decimal::from(available)));
            }
            None => assert_eq!(told.unwrap_err().kind, FailureKind::Garbled, "{row}"),
        }
    }
    let service = json!({ "number": "TENT", "inventory_enabled": false });
    let fake = serve(service, json!([]), None).await;
    let stock = fake.client.stock(&tent(), true).await.unwrap();
    assert_eq!((stock.keeps_stock, stock.places), (false, Some(Vec::new())));
    assert_eq!(fake.calls().len(), 1);
}

/// Lists of so many products and lots, so many a page.
async fn lists(products: usize, lots: usize, size: usize, empty_past_end: bool) -> Fake {
    Fake::start(move |seen| {
        let (key, count) = if seen.path == "/lots" { ("lots", lots) } else { ("products", products) };
        let row =
            |n| json!({ "number": format!("{key}-{n:02}"), "stock_quantity": n, "available_quantity": 1 });
        let rows: Vec<Value> = (0..count).map(row).collect();
        let pages = count.div_ceil(size).max(1);
        if empty_past_end && seen.page() > pages {
            return (206, json!({ key: [], "total": count, "pages": pages }).to_string());
        }
        page_of(key, &rows, seen.page(), size)
    })
    .await
}

async fn read(client: &RackbeatClient, mut page: u32) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let answer = client.stock_list(page).await.unwrap();
        all.extend(answer.rows.into_iter().map(|stock| stock.item.to_string()));
        if answer.next.is_none() {
            return all;
        }
        page += 1;
    }
}

fn expected(products: usize, lots: usize) -> Vec<String> {
    let products = (0..products).map(|n| format!("products-{n:02}"));
    products.chain((0..lots).map(|n| format!("lots-{n:02}"))).collect()
}

#[tokio::test]
async fn products_and_lots_come_in_one_sequence_whatever_the_page_size() {
    for size in 1..=3_usize {
        for products in [0, 1, size, size + 1, 2 * size] {
            for lots in [0, 1, size, size + 1] {
                let fake = lists(products, lots, size, false).await;
                let all = expected(products, lots);
                assert_eq!(read(&fake.client, 1).await, all, "{products} + {lots}, {size} a page");
                let calls = products.div_ceil(size).max(1) + lots.div_ceil(size).max(1);
                assert_eq!(fake.take().len(), calls);
                assert_eq!(read(&fake.client, 1).await, all, "read again with the same handle");
            }
        }
    }
}

#[tokio::test]
async fn a_reader_that_begins_in_the_middle_goes_on_where_another_was() {
    for empty_past_end in [false, true] {
        for from in 2..=5_usize {
            let fake = lists(5, 3, 2, empty_past_end).await;
            let page = u32::try_from(from).unwrap();
            // Three pages of products, of two rows each, then two of lots.
            let skipped = if from <= 3 { (from - 1) * 2 } else { 5 + (from - 4) * 2 };
            assert_eq!(read(&fake.client, page).await, expected(5, 3).split_off(skipped), "from page {from}");
        }
    }
}

#[tokio::test]
async fn the_list_is_asked_for_in_order_and_sparsely() {
    let fake = lists(1, 1, 1000, false).await;
    read(&fake.client, 1).await;
    for seen in fake.take() {
        for (param, value) in [("order_by", "number"), ("order_direction", "ASC"), ("limit", "1000")] {
            assert_eq!(seen.param(param), Some(value));
        }
        assert!(seen.param("fields").unwrap().contains("available_quantity"));
    }
}

#[tokio::test]
async fn one_item_without_quantities_stands_alone_and_a_page_of_them_is_an_error() {
    for (first, fine) in [
        (json!({ "number": "A", "stock_quantity": 1, "available_quantity": 1 }), true),
        (json!({ "number": "A" }), false),
    ] {
        let rows = [first, json!({ "number": "B" })];
        let fake = Fake::start(move |seen| page_of("products", &rows, seen.page(), 10)).await;
        match fake.client.stock_list(1).await {
            Ok(page) => assert!(fine && page.rows.len() == 1),
            Err(failure) => assert!(!fine && failure.kind == FailureKind::Garbled),
        }
    }
}

#[tokio::test]
async fn the_report_tells_what_lies_where_and_not_what_can_be_sold() {
    let fake = Fake::start(|seen| {
        let rows: Vec<Value> = (0..5)
            .map(|n| {
                json!({ "number": format!("A{n}"), "name": "x", "stock_quantity": 7, "locations": [
                    { "number": 1, "name": "Main", "stock_quantity": 7, "available_quantity": 3 },
                    { "number": 2, "name": "Shop", "stock_quantity": 0 },
                ] })
            })
            .collect();
        page_of("items", &rows, seen.page(), 2)
    })
    .await;
    let (mut all, mut page) = (Vec::new(), 1);
    loop {
        let answer = fake.client.stock_report(page).await.unwrap();
        all.extend(answer.rows);
        if answer.next.is_none() {
            break;
        }
        page += 1;
    }
    assert_eq!((all.len(), page), (5, 3));
    assert_eq!((all[0].physical, all[0].available), (Decimal::from(7), None));
    assert_eq!(all[0].places, Some(vec![place(1, 7, None)]));
    let seen = fake.take();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].param("show_all_locations")),
        ("/reports/checking", Some("true"))
    );
}

#[tokio::test]
async fn failures_tell_what_is_known() {
    for (status, body, kind) in [
        (401, "{}", FailureKind::Unauthorized(None)),
        (403, "{}", FailureKind::Refused(shopbeat_domain::failure::Refusal::Forbidden)),
        (404, "{}", FailureKind::Missing),
        (429, "{}", FailureKind::Busy { retry_after: Some(std::time::Duration::from_secs(7)) }),
        (500, "oops", FailureKind::Busy { retry_after: Some(std::time::Duration::from_secs(7)) }),
        (200, "[1,", FailureKind::Garbled),
        (200, r#"{"items":[{"number":"A","stock_quantity":"many"}]}"#, FailureKind::Garbled),
    ] {
        let fake = Fake::start(move |_| (status, body.to_owned())).await;
        assert_eq!(fake.client.stock(&tent(), true).await.unwrap_err().kind, kind, "{status}");
        assert_eq!(fake.client.stock_list(1).await.unwrap_err().kind, kind, "{status}");
        assert_eq!(fake.client.stock_report(1).await.unwrap_err().kind, kind, "{status}");
        assert_eq!(fake.calls().len(), 3, "one attempt each");
    }
}
