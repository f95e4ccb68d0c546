use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::SandboxConfig;
use crate::catalog::generated;
use crate::shopify::docs::gid;
use crate::shopify::order_spec::ShippingSpec;
use crate::shopify::{ShopSpec, special};

async fn all_orders(bench: &Bench, first: usize) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, Value::Null);
    loop {
        let variables =
            json!({ "query": "updated_at:>='2020-01-01T00:00:00Z'", "first": first, "after": after });
        let data = bench.data(&operation("orders_updated"), variables).await;
        let page = &data["orders"];
        ids.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].to_string()));
        pages += 1;
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return (ids, pages);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

#[tokio::test]
async fn every_page_size_brings_every_order_once() {
    let bench = Bench::small();
    bench.fill(23);
    let (whole, _) = all_orders(&bench, 250).await;
    assert_eq!(whole.len(), 23);
    for (first, pages) in [(1, 23), (7, 4), (22, 2), (23, 1), (24, 1)] {
        assert_eq!(all_orders(&bench, first).await, (whole.clone(), pages));
    }
}

#[tokio::test]
async fn pages_can_be_kept_small_whatever_is_asked_for() {
    let config = SandboxConfig { page_cap: Some(3), limits: false, ..SandboxConfig::default() };
    let bench = Bench::with(&config, ShopSpec::new("fjeld", generated(20, 1)));
    bench.fill(10);
    assert_eq!(all_orders(&bench, 250).await.1, 4);
}

#[tokio::test]
async fn an_order_updated_while_paging_is_not_lost() {
    let bench = Bench::small();
    let ids = bench.fill(9);
    let query = operation("orders_updated");
    let asked = |after: Value| json!({ "query": "", "first": 3, "after": after });
    let first = bench.data(&query, asked(Value::Null)).await;
    let cursor = first["orders"]["pageInfo"]["endCursor"].clone();
    // The order behind the cursor gets paid and may move to the end.
    bench.sim.pay(SHOP, ids[2]).unwrap();
    bench.sim.pay(SHOP, ids[3]).unwrap();
    let mut seen: Vec<String> = Vec::new();
    let mut after = cursor;
    loop {
        let page = bench.data(&query, asked(after)).await;
        seen.extend(page["orders"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].to_string()));
        if page["orders"]["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["orders"]["pageInfo"]["endCursor"].clone();
    }
    for id in &ids[3..] {
        assert!(seen.contains(&format!("\"{}\"", gid("Order", *id))), "{id}");
    }
}

#[tokio::test]
async fn lines_past_the_first_page_come_with_the_cursor() {
    let bench = Bench::small();
    let spec = special::many_lines(bench.sim.ordinary_order(SHOP).unwrap(), 60);
    let id = gid("Order", bench.sim.place_order(SHOP, &spec).unwrap());
    let data = bench.data(&operation("order_by_id"), json!({ "id": id, "lines": 50 })).await;
    let page = &data["order"]["lineItems"];
    assert_eq!(page["nodes"].as_array().unwrap().len(), 50);
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let after = &page["pageInfo"]["endCursor"];
    let rest = bench.data(&operation("order_lines"), json!({ "id": id, "lines": 50, "after": after })).await;
    assert_eq!(rest["order"]["lineItems"]["nodes"].as_array().unwrap().len(), 10);
    assert_eq!(rest["order"]["lineItems"]["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn a_page_needs_a_size_shopify_allows() {
    let bench = Bench::small();
    for query in ["{ orders { nodes { id } } }", "{ orders(first: 251) { nodes { id } } }"] {
        let (_, body) = bench.ask(query, json!({})).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{body}");
        assert!(body["data"].is_null());
    }
}

#[tokio::test]
async fn a_name_is_found_with_its_near_neighbours() {
    let bench = Bench::small();
    bench.fill(12);
    let data = bench.data(&operation("orders_by_name"), json!({ "query": "name:#101", "first": 10 })).await;
    let names: Vec<&str> = data["orders"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["#1010", "#1011", "#1012"]);
}

#[tokio::test]
async fn shipping_lines_past_the_first_page_come_with_the_cursor_too() {
    let bench = Bench::small();
    let mut spec = bench.sim.ordinary_order(SHOP).unwrap();
    let line = ShippingSpec { title: "Fragt".to_owned(), price: Decimal::TEN, taxes: Vec::new() };
    spec.shipping = vec![line; 13];
    let id = gid("Order", bench.sim.place_order(SHOP, &spec).unwrap());
    let data = bench.data(&operation("order_by_id"), json!({ "id": id, "lines": 50 })).await;
    let page = &data["order"]["shippingLines"];
    let first = page["nodes"].as_array().unwrap().len();
    let mut after = page["pageInfo"]["endCursor"].clone();
    let mut more = page["pageInfo"]["hasNextPage"] == json!(true);
    let mut seen = first;
    while more {
        let variables = json!({ "id": id, "after": after });
        let rest = bench.data(&operation("order_shipping_lines"), variables).await;
        let page = &rest["order"]["shippingLines"];
        seen += page["nodes"].as_array().unwrap().len();
        after = page["pageInfo"]["endCursor"].clone();
        more = page["pageInfo"]["hasNextPage"] == json!(true);
    }
    assert!(first < 13 && seen == 13, "{first} {seen}");
}
