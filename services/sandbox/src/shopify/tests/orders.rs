use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::shopify::docs::gid;
use crate::shopify::order_spec::OrderSpec;
use crate::shopify::{LifeError, special};

fn two_of_each(bench: &Bench) -> OrderSpec {
    let spec = bench.sim.ordinary_order(SHOP).unwrap();
    let lines = spec.lines.len();
    (0..lines).fold(spec, |spec, at| spec.quantity(at, 2))
}

async fn available(bench: &Bench, product: u64, variant: u64) -> i64 {
    let query = "{ products(first: 250) { edges { node { id variants(first: 50) { edges { node { id inventoryItem { \
                 inventoryLevels(first: 1) { edges { node { quantities(names: [\"available\"]) { quantity } } } } } } } } } } } }";
    let data = bench.data(query, json!({})).await;
    let find = |edges: &Value, id: String| {
        let mut nodes = edges.as_array().unwrap().iter().map(|edge| edge["node"].clone());
        nodes.find(|node| node["id"] == id).unwrap()
    };
    let product = find(&data["products"]["edges"], gid("Product", product));
    let variant = find(&product["variants"]["edges"], gid("ProductVariant", variant));
    let level = &variant["inventoryItem"]["inventoryLevels"]["edges"][0]["node"];
    level["quantities"][0]["quantity"].as_i64().unwrap()
}

#[tokio::test]
async fn an_order_walks_from_pending_to_paid_and_fulfilled() {
    let bench = Bench::small();
    let id = bench
        .sim
        .place_order(SHOP, &special::custom_line(two_of_each(&bench), "Arbejde", Decimal::TEN))
        .unwrap();
    let status = || {
        let order = bench.sim.order(SHOP, id).unwrap().order;
        (order.financial_status(), order.fulfillment_status())
    };
    assert_eq!(status(), ("PENDING", "UNFULFILLED"));
    bench.sim.pay(SHOP, id).unwrap();
    assert_eq!(status(), ("PAID", "UNFULFILLED"));
    bench.sim.ship_some(SHOP, id, 1).unwrap();
    assert_eq!(status(), ("PAID", "PARTIALLY_FULFILLED"));
    bench.sim.fulfill(SHOP, id).unwrap();
    assert_eq!(status(), ("PAID", "FULFILLED"));
    assert_eq!(bench.sim.cancel(SHOP, id), Err(LifeError::Forbidden(id, "is cancelled or shipped")));
    assert_eq!(bench.sim.pay(SHOP, 1), Err(LifeError::NoOrder(1)));
}

#[tokio::test]
async fn a_refund_lowers_what_is_owed_and_keeps_what_was_ordered() {
    let bench = Bench::small();
    let id = bench.sim.place_order(SHOP, &two_of_each(&bench)).unwrap();
    bench.sim.pay(SHOP, id).unwrap();
    let before = bench.sim.order(SHOP, id).unwrap();
    bench.sim.refund(SHOP, id, 0, 1).unwrap();
    let after = bench.sim.order(SHOP, id).unwrap();
    assert_eq!(before.placed, after.placed);
    let back = before.current.total.shop - after.current.total.shop;
    assert_eq!(after.order.refunds[0].amount.shop, back);
    assert_eq!((after.order.lines[0].quantity, after.order.lines[0].current_quantity), (2, 1));
    let data = bench.data(&operation("order_by_id"), json!({ "id": gid("Order", id), "lines": 50 })).await;
    assert_eq!(data["order"]["lineItems"]["nodes"][0]["currentQuantity"], 1);
    assert_eq!(data["order"]["refunds"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_edit_lowers_a_line_and_marks_the_order() {
    let bench = Bench::small();
    let id = bench.sim.place_order(SHOP, &two_of_each(&bench)).unwrap();
    bench.sim.edit(SHOP, id, 0, 0).unwrap();
    let truth = bench.sim.order(SHOP, id).unwrap();
    assert!(truth.order.edited && truth.order.lines[0].current_quantity == 0);
    assert!(truth.current.total.shop <= truth.placed.total.shop);
    assert!(matches!(bench.sim.edit(SHOP, id, 0, 5), Err(LifeError::Forbidden(..))));
    assert_eq!(bench.sim.edit(SHOP, id, 99, 0), Err(LifeError::NoLine(id, 99)));
}

#[tokio::test]
async fn cancelling_owes_nothing_and_gives_the_stock_back() {
    let bench = Bench::small();
    let spec = two_of_each(&bench);
    let (variant, product) = spec.lines[0].variant.unwrap();
    let before = available(&bench, product, variant).await;
    let id = bench.sim.place_order(SHOP, &spec).unwrap();
    assert!(available(&bench, product, variant).await <= before - 2);
    bench.sim.cancel(SHOP, id).unwrap();
    assert_eq!(available(&bench, product, variant).await, before);
    let truth = bench.sim.order(SHOP, id).unwrap();
    assert!(truth.current.total.is_zero());
    assert_eq!(truth.order.financial_status(), "VOIDED");
}

#[tokio::test]
async fn a_foreign_buyer_sees_both_currencies_each_adding_up() {
    let bench = Bench::small();
    let spec = special::foreign_buyer(two_of_each(&bench), "EUR", Decimal::new(134, 3));
    let truth = bench.sim.place_order(SHOP, &spec).and_then(|id| bench.sim.order(SHOP, id)).unwrap();
    let (order, totals) = (&truth.order, truth.placed);
    let lines: Decimal = order.lines.iter().map(|line| line.total().presentment).sum();
    assert_eq!(lines, totals.subtotal.presentment);
    assert_eq!(totals.subtotal.presentment + totals.shipping.presentment, totals.total.presentment);
    assert_ne!(totals.total.presentment, totals.total.shop);
}

#[tokio::test]
async fn two_shops_of_one_seed_repeat_their_orders() {
    let orders = || {
        let bench = Bench::small();
        let ids = bench.fill(15);
        let totals =
            bench.sim.orders(SHOP).unwrap().into_iter().map(|truth| truth.placed).collect::<Vec<_>>();
        (ids, totals)
    };
    assert_eq!(orders(), orders());
}

#[tokio::test]
async fn orders_of_more_than_sixty_days_need_the_scope_for_all() {
    let bench = Bench::small();
    let spec = special::old(bench.sim.ordinary_order(SHOP).unwrap(), 61);
    let id = bench.sim.place_order(SHOP, &spec).unwrap();
    let ask = async || {
        bench.data("query Q($id: ID!) { order(id: $id) { id } }", json!({ "id": gid("Order", id) })).await
    };
    assert!(ask().await["order"].is_null());
    bench.sim.set_scopes(SHOP, &["read_orders", "read_all_orders"]).unwrap();
    assert!(ask().await["order"].is_object());
}
