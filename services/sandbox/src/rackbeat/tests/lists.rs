use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{ACCOUNT, bench, bench_with};
use crate::SandboxConfig;
use crate::rackbeat::NewItem;

fn numbers(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["number"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn items_come_in_the_order_asked_for_and_by_number_when_the_switch_ignores_it() {
    let bench = bench(&[]).await;
    let sim = bench.sandbox.rackbeat();
    let later = || bench.sandbox.core().clock.advance(Duration::from_secs(5));
    later();
    assert!(sim.edit_product(ACCOUNT, "FREIGHT", json!({ "name": "Zz" })));
    later();
    assert!(sim.receive(ACCOUNT, "TENT", 1, Decimal::ONE));
    let order = async |query: &str| {
        let (_, rows) = bench.get(&format!("/items?{query}")).await;
        numbers(&rows["items"]).join(" ")
    };
    assert_eq!(order("order_by=updated_at").await, "TENT FREIGHT MUG");
    assert_eq!(order("order_by=updated_at&order_direction=ASC").await, "MUG FREIGHT TENT");
    assert_eq!(order("order_by=name&limit=2").await, "FREIGHT TENT");
    assert_eq!(order("order_by=name&limit=1&page=3").await, "MUG");
    assert_eq!(order("is_barred=false&order_by=number").await, "TENT MUG FREIGHT");
    bench.sandbox.core().facts.set("rackbeat.stock-touches-item", "leaves").unwrap();
    later();
    assert!(sim.receive(ACCOUNT, "MUG", 1, Decimal::ONE));
    assert_eq!(order("order_by=updated_at&limit=1").await, "TENT");
    bench.sandbox.core().facts.set("rackbeat.item-sort", "ignored").unwrap();
    assert_eq!(order("order_by=updated_at").await, "FREIGHT MUG TENT");
}

#[tokio::test]
async fn custom_fields_come_on_request_and_filter_exactly_or_by_their_start() {
    let bench = bench(&[]).await;
    let sim = bench.sandbox.rackbeat();
    assert!(sim.set_field(ACCOUNT, "TENT", "webshop", json!("yes")));
    assert!(!sim.set_field(ACCOUNT, "TENT", "webshop-order", json!("yes")));
    assert_eq!(bench.get("/fields?for=item").await.1["fields"][0]["slug"], "webshop");
    let (_, values) = bench.get("/products/TENT/fields").await;
    assert_eq!(values["field_values"][0]["value"], "yes");
    assert_eq!(values["field_values"][0]["field"]["slug"], "webshop");
    assert!(bench.get("/products/TENT").await.1["product"].get("field_values").is_none());
    let query = "fields=number,field_values(value)&expand=field_values&order_by=number&order_direction=ASC";
    let (_, rows) = bench.get(&format!("/products?{query}")).await;
    assert_eq!(rows["products"][2], json!({ "number": "TENT", "field_values": [{ "value": "yes" }] }));
    assert_eq!(rows["products"][1], json!({ "number": "MUG", "field_values": [] }));
    for (filter, found) in [("field_eq[7]=yes", 1), ("field_eq[7]=ye", 0), ("field[7]=ye", 1)] {
        assert_eq!(bench.get(&format!("/items?{filter}")).await.1["total"], found, "{filter}");
    }
    assert!(sim.set_field(ACCOUNT, "TENT", "webshop", Value::Null));
    assert_eq!(bench.get("/items?field_eq[7]=yes").await.1["total"], 0);
}

#[tokio::test]
async fn twenty_thousand_items_are_paged_without_gap_or_double() {
    let bench = bench_with(SandboxConfig { limits: false, ..SandboxConfig::default() }).await;
    let sim = bench.sandbox.rackbeat();
    let items = (0..20_000).map(|at| NewItem {
        number: format!("T{at:06}"),
        name: format!("Thing {at}"),
        price: Decimal::ONE,
        stock: Decimal::from(at),
    });
    assert_eq!(sim.add_products(ACCOUNT, items), 20_000);
    assert_eq!(
        sim.add_products(
            ACCOUNT,
            [NewItem {
                number: "T000001".to_owned(),
                name: "x".to_owned(),
                price: Decimal::ONE,
                stock: Decimal::ONE
            }]
        ),
        0
    );
    let mut seen = Vec::new();
    for page in 1.. {
        let path = format!(
            "/reports/checking?show_all_locations=true&limit=1000&page={page}&fields=number,stock_quantity"
        );
        let (_, rows) = bench.get(&path).await;
        let rows_here = rows["items"].as_array().unwrap();
        seen.extend(rows_here.iter().map(|row| row["number"].as_str().unwrap().to_owned()));
        if rows["pages"] == page {
            assert_eq!(rows_here[0]["stock_quantity"], 20_000 - 1);
            break;
        }
    }
    // MUG and TENT too; the freight has no stock.
    assert_eq!((seen.len(), seen[0].as_str(), seen[20_001].as_str()), (20_002, "MUG", "TENT"));
    assert!(seen.is_sorted());
    let (_, last) = bench.get("/products?limit=1000&page=21&fields=number,available_quantity").await;
    assert_eq!((&last["total"], last["products"].as_array().unwrap().len()), (&json!(20_003), 3));
}
