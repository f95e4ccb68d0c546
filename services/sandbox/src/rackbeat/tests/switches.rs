use serde_json::{Value, json};

use super::{Bench, bench_with, line};
use crate::SandboxConfig;
use crate::facts::{Facts, StockEventName};

/// Walks every resource once, whichever way the switches stand.
async fn walk(bench: &Bench) {
    for path in [
        "/self",
        "/settings",
        "/products?page=9",
        "/products/TENT",
        "/items",
        "/customers?search=ida",
        "/locations",
        "/items?order_by=updated_at&field_eq[7]=yes",
        "/products/TENT/locations",
        "/reports/checking",
    ] {
        bench.get(path).await;
    }
    bench.get("/customers?simple_filter[contact_email]=ida@example.test").await;
    bench
        .post(
            "/products",
            json!({ "number": "N", "name": "n", "group": 1, "sales_price": 1, "stock_quantity": 5 }),
        )
        .await;
    bench.put("/products/N", json!({ "name": "n" })).await;
    bench.put("/products/N", json!({ "number": "N2" })).await;
    let sim = bench.sandbox.rackbeat();
    let stock_event = match bench.sandbox.core().facts.stock_event_name() {
        StockEventName::Changed => "inventory.changed",
        StockEventName::Updated => "inventory.updated",
    };
    let hook = json!({ "event": stock_event, "url": "http://127.0.0.1:9/hook" });
    bench.post("/webhooks", hook.clone()).await;
    bench.post("/webhooks", hook).await;
    assert!(sim.receive(super::ACCOUNT, "TENT", 1, "5".parse().unwrap()));
    bench.post("/webhooks", json!({ "event": "order.updated", "url": "http://127.0.0.1:9/hook" })).await;
    let body = json!({
        "customer_id": 1001, "heading": "shop/1", "their_reference": "x", "address_country": "Danmark",
        "delivery_address": { "country": "Danmark" }, "lines": [line("TENT", 1)],
    });
    let (status, made) = bench.post("/orders", body.clone()).await;
    assert!(status == 201 || status == 422, "{made}");
    let number = bench.draft(json!([line("TENT", 1)])).await;
    let path = format!("/orders/{number}");
    bench.get("/orders?search=shop&is_booked=true").await;
    bench.get("/orders?order_by=created_at&field_eq[3]=x").await;
    bench.put(&path, json!({ "is_ready_for_shipping": true })).await;
    bench.post(&format!("{path}/book"), json!({})).await;
    bench.post(&format!("{path}/book-for-shipping"), Value::Null).await;
    let (_, shipment) = bench.post(&format!("{path}/create-shipment"), json!({})).await;
    let id = &shipment["order_shipment"]["id"];
    for step in ["mark-picked", "mark-shipped"] {
        bench.post(&format!("/orders/shipments/{id}/{step}"), json!({ "pick": true })).await;
        bench.post(&format!("{path}/shipments/{id}/{step}"), json!({ "pick": true })).await;
    }
    bench.post(&format!("{path}/convert-to-invoice?book=false"), json!({ "book": false })).await;
    bench.delete(&path).await;
    bench.sandbox.core().faults.clear();
    // Past the minute's limit, so that Retry-After is asked for too.
    for _ in 0..480 {
        if bench.get("/self").await.0 == 429 {
            break;
        }
    }
}

#[tokio::test]
async fn every_switch_about_rackbeat_is_read_by_something() {
    for facts in [Facts::defaults(), Facts::flipped()] {
        let bench = bench_with(SandboxConfig { facts: facts.clone(), ..SandboxConfig::default() }).await;
        walk(&bench).await;
        let mut unread = facts.unread();
        unread.retain(|name| name.starts_with("rackbeat."));
        assert!(unread.is_empty(), "nothing reads {unread:?}");
    }
}

#[tokio::test]
async fn the_remaining_switches_change_what_is_answered() {
    let flip = |facts: &[&str]| {
        let switches = Facts::defaults();
        for fact in facts {
            switches.set_text(&format!("rackbeat.{fact}")).unwrap();
        }
        bench_with(SandboxConfig { facts: switches, ..SandboxConfig::default() })
    };
    let bench = flip(&[
        "draft-delete=refused",
        "past-the-end=missing",
        "number-length=255",
        "stock-on-create=taken",
        "long-text=cut",
        "customer-terms=optional",
        "customer-name-key=company-name",
        "country-form=names-only",
        "order-references=ignored",
        "order-number-on-create=taken",
        "reserved-by=drafts-too",
        "book-mail=mails",
        "post-orders=draft",
    ])
    .await;
    let draft = bench.draft(json!([line("TENT", 1)])).await;
    assert_eq!(bench.delete(&format!("/orders/{draft}")).await.0, 403);
    assert_eq!(bench.get("/products?page=2").await.0, 404);
    let long = "N".repeat(100);
    let product = json!({ "number": long, "name": "n", "group": 1, "sales_price": 1, "stock_quantity": 5 });
    assert_eq!(bench.post("/products", product).await.1["product"]["stock_quantity"], 5);
    let (_, customer) = bench.post("/customers", json!({ "company_name": "Bo" })).await;
    assert_eq!(customer["customer"]["company_name"], "Bo");
    let body = json!({
        "customer_id": 1001, "number": 9000, "heading": "x".repeat(300), "their_reference": "r", "lines": [line("TENT", 1)],
    });
    let (_, made) = bench.post("/orders", body.clone()).await;
    let order = &made["order"];
    assert_eq!(
        (&order["number"], &order["is_booked"], &order["their_reference"]),
        (&json!(9000), &json!(false), &json!(null))
    );
    assert_eq!(order["heading"].as_str().unwrap().len(), 255);
    assert!(bench.post("/orders", body).await.1["errors"]["number"].is_array());
    assert_eq!(bench.get("/products/TENT").await.1["product"]["in_order_quantity"], 2);
    assert_eq!(bench.post("/orders/9000/book", json!({})).await.0, 200);
    assert_eq!(bench.sandbox.rackbeat().mails(super::ACCOUNT).len(), 1);
    let coded = json!({ "customer_id": 1001, "address_country": "DK" });
    assert!(bench.post("/orders/drafts", coded).await.1["errors"]["address_country"].is_array());
    assert_eq!(
        flip(&[]).await.post("/orders", json!({ "customer_id": 1001, "lines": [line("TENT", 1)] })).await.1["order"]
            ["is_booked"],
        true
    );
}
