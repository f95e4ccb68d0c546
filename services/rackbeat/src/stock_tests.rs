use serde_json::json;
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::Fake;

fn tent() -> ItemNumber {
    ItemNumber::parse("TENT-2P").unwrap()
}

#[tokio::test]
async fn stock_is_made_in_two_steps() {
    let fake = Fake::start(|_| (201, json!({ "inventory_regulation": { "id": 4711 } }).to_string())).await;
    fake.client.set_stock(&tent(), StockLocation(1), Decimal::from(14), "Initial import").await.unwrap();
    let seen = fake.take();
    let expected = json!({
        "item_id": "TENT-2P", "adjustment_type": "quantity", "quantity": 14, "location": 1,
        "regulated_at": "2026-03-01", "reason": "Initial import",
    });
    assert_eq!((seen[0].call().as_str(), seen[0].json()), ("POST /inventory-adjustments", expected));
    assert_eq!(seen[1].call(), "POST /inventory-adjustments/4711/book");
}

#[tokio::test]
async fn a_change_of_nothing_is_told_as_such_and_not_booked() {
    let refusal =
        json!({ "errors": { "quantity": ["Adjustment can't be created, since no change is made."] } });
    let fake = Fake::start(move |_| (422, refusal.to_string())).await;
    let failure = fake.client.set_stock(&tent(), StockLocation(1), Decimal::ONE, "x").await.unwrap_err();
    assert!(failure.is_refusal(Refusal::NoChange));
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn stock_of_products_and_of_lots_is_read_at_one_location() {
    for (path, key) in
        [("/products/TENT-2P/locations", "product_locations"), ("/lots/TENT-2P/locations", "lot_locations")]
    {
        let fake = Fake::start(move |seen| match seen.path == path {
            true => (200, json!({ key: [{ "number": 1, "stock_quantity": 2.5 }] }).to_string()),
            false => (404, "{}".to_owned()),
        })
        .await;
        assert_eq!(fake.client.stock_at(&tent(), StockLocation(1)).await.unwrap(), Decimal::new(25, 1));
        assert_eq!(fake.client.stock_at(&tent(), StockLocation(2)).await.unwrap(), Decimal::ZERO);
    }
}

#[tokio::test]
async fn stock_that_is_not_told_is_not_taken_for_none() {
    let fake = Fake::start(|_| (200, json!({ "product_locations": [{ "number": 1 }] }).to_string())).await;
    let failure = fake.client.stock_at(&tent(), StockLocation(1)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Garbled);
}

#[tokio::test]
async fn an_odd_number_is_read_in_the_form_that_was_found_to_work() {
    let fake = Fake::start(|seen| match seen.path.as_str() {
        "/items/A%252FB" => (200, json!({ "item": { "number": "A/B" } }).to_string()),
        "/products/A%252FB/locations" => {
            (200, json!({ "product_locations": [{ "number": 1, "stock_quantity": 3 }] }).to_string())
        }
        _ => (404, "{}".to_owned()),
    })
    .await;
    let odd = ItemNumber::parse("A/B").unwrap();
    assert_eq!(fake.client.stock_at(&odd, StockLocation(1)).await.unwrap(), Decimal::from(3));
    fake.take();
    fake.client.stock_at(&odd, StockLocation(1)).await.unwrap();
    assert_eq!(fake.calls(), ["GET /products/A%252FB/locations"]);
}
