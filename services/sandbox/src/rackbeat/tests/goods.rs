use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::hooks::{Listener, register};
use super::{ACCOUNT, Bench, bench, line};
use crate::rackbeat::{Group, Location};

fn amount(units: i64) -> Decimal {
    Decimal::from(units)
}

/// Main (1) with a shelf (2) in it, and a second house (3).
fn houses(bench: &Bench) {
    let sim = bench.sandbox.rackbeat();
    sim.set_location(ACCOUNT, Location::new(2, "Shelf").inside(1));
    sim.set_location(ACCOUNT, Location::new(3, "Second house"));
    assert!(sim.receive(ACCOUNT, "TENT", 2, amount(4)));
    assert!(sim.receive(ACCOUNT, "TENT", 3, amount(6)));
}

fn stocks(rows: &Value) -> Vec<(i64, i64)> {
    let of = |row: &Value| (row["number"].as_i64().unwrap(), row["stock_quantity"].as_i64().unwrap());
    rows.as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn goods_lie_in_a_tree_of_locations_and_are_counted_once_unless_parents_hold_their_children() {
    let bench = bench(&[]).await;
    houses(&bench);
    let (_, tree) = bench.get("/locations/2").await;
    let tree = &tree["location"];
    assert_eq!((&tree["parent_id"], &tree["nest_list"]), (&json!(1), &json!("Main > Shelf")));
    assert_eq!(bench.get("/locations/1/children").await.1["locations"][0]["number"], 2);
    let report =
        "/reports/checking?show_all_locations=true&limit=1000&fields=number,stock_quantity,locations(*)";
    let own = [(1, 10), (2, 4), (3, 6)];
    for path in ["/products/TENT/locations", "/items/TENT/locations/available"] {
        let (_, rows) = bench.get(path).await;
        assert_eq!(stocks(rows.get("locations").unwrap_or(&rows["product_locations"])), own, "{path}");
    }
    let (status, all) = bench.get(report).await;
    assert_eq!((status, &all["items"][1]["stock_quantity"]), (206, &json!(20)));
    assert_eq!(stocks(&all["items"][1]["locations"]), own);
    let (_, top) = bench.get("/products/TENT/locations?only_toplevel=true").await;
    assert_eq!(stocks(&top["product_locations"]), [(1, 14), (3, 6)]);
    let facts = &bench.sandbox.core().facts;
    facts.set("rackbeat.parent-stock", "with-children").unwrap();
    let (_, all) = bench.get(report).await;
    assert_eq!(all["items"][1]["stock_quantity"], 20);
    assert_eq!(stocks(&all["items"][1]["locations"]), [(1, 14), (2, 4), (3, 6)]);
    facts.set("rackbeat.location-list", "top-level").unwrap();
    assert_eq!(bench.get("/locations").await.1["total"], 2);
    assert_eq!(bench.get("/locations/flat").await.1["total"], 3);
}

#[tokio::test]
async fn what_is_ordered_is_not_available_where_it_is_taken_from() {
    let bench = bench(&[]).await;
    houses(&bench);
    let mut there = line("TENT", 2);
    there["location_id"] = json!(3);
    bench.booked(json!([line("TENT", 3), there])).await;
    let (_, rows) = bench.get("/products/TENT/locations?fields=number,available_quantity").await;
    let expected = json!([
        { "number": 1, "available_quantity": 7 }, { "number": 2, "available_quantity": 4 },
        { "number": 3, "available_quantity": 4 },
    ]);
    assert_eq!(rows["product_locations"], expected);
    let held = &bench.sandbox.rackbeat().quantities(ACCOUNT)["TENT"];
    assert_eq!((held.physical, held.available), (amount(20), amount(15)));
    assert_eq!(held.locations, [(1, amount(10)), (2, amount(4)), (3, amount(6))]);
    bench.sandbox.core().facts.set("rackbeat.location-available", "absent").unwrap();
    let (_, row) = bench.get("/products/TENT/locations/3").await;
    assert_eq!(row["product_location"], json!({ "number": 3, "name": "Second house", "stock_quantity": 6 }));
}

#[tokio::test]
async fn stock_is_told_when_goods_move_and_by_switch_when_orders_take_them() {
    let bench =
        bench(&["rackbeat.stock-event-name=inventory-updated", "rackbeat.stock-event-body=item-and-key"])
            .await;
    let mut listener = Listener::start(0).await;
    let hook = json!({ "event": "inventory.changed", "url": listener.url });
    assert_eq!(bench.post("/webhooks", hook).await.0, 422);
    register(&bench, "inventory.updated", &listener.url).await;
    let number = bench.booked(json!([line("TENT", 3)])).await;
    let sim = bench.sandbox.rackbeat();
    assert_eq!(sim.hook_counts().sent, 0);
    assert!(sim.receive(ACCOUNT, "TENT", 1, amount(1)));
    let (headers, body) = listener.next().await;
    assert_eq!(headers["rackbeat-webhook-event"], "inventory.updated");
    assert_eq!(
        (&body["item"], &body["item_type"], &body["type"]),
        (&json!("TENT"), &json!("product"), &json!("stock"))
    );
    // The key is the entry's: who takes it for the item's number is wrong.
    assert!(body["key_name"] == "id" && body["key"] != "TENT");
    bench.sandbox.core().facts.set("rackbeat.stock-event-scope", "orders-too").unwrap();
    assert!(sim.cancel_order(ACCOUNT, number));
    assert_eq!(listener.next().await.1["item"], "TENT");
    assert!(!sim.receive(ACCOUNT, "FREIGHT", 1, amount(1)));
}

#[tokio::test]
async fn a_lot_has_stock_and_events_of_its_own_and_silence_is_kept_for_goods_too() {
    let bench = bench(&[]).await;
    let mut listener = Listener::start(0).await;
    for event in ["inventory.changed", "lot.created", "lot.updated"] {
        register(&bench, event, &listener.url).await;
    }
    let sim = bench.sandbox.rackbeat();
    let lines = json!([{ "product_id": "TENT", "quantity": 1 }]);
    assert!(sim.create_lot(ACCOUNT, json!({ "number": "SET", "name": "Set", "lines": lines })));
    assert_eq!(listener.next().await.0["rackbeat-webhook-event"], "lot.created");
    let body = json!({ "item_id": "SET", "adjustment_type": "quantity", "quantity": 2 });
    let (_, made) = bench.post("/inventory-adjustments", body).await;
    let book =
        format!("/inventory-adjustments/{}/book?suppress_webhooks=true", made["inventory_regulation"]["id"]);
    assert_eq!(bench.post(&book, Value::Null).await.0, 200);
    assert_eq!(bench.put("/lots/SET", json!({ "is_barred": true })).await.0, 200);
    assert_eq!(listener.next().await.0["rackbeat-webhook-event"], "lot.updated");
    assert!(sim.receive(ACCOUNT, "SET", 1, amount(1)));
    assert_eq!(listener.next().await.1, json!({ "item": "SET", "item_type": "lot", "type": "stock" }));
    assert_eq!(bench.get("/lots/SET/locations").await.1["lot_locations"][0]["stock_quantity"], 3);
    assert_eq!(bench.delete("/lots/SET").await.0, 422);
}

#[tokio::test]
async fn an_update_tells_what_it_changed_and_one_that_changes_nothing_is_silent_by_switch() {
    let bench = bench(&["rackbeat.webhook-body=documented"]).await;
    let mut listener = Listener::start(0).await;
    register(&bench, "product.updated", &listener.url).await;
    let path = "/products/TENT";
    let same = json!({ "name": "Tent", "sales_price": 100.0, "group": 1 });
    assert_eq!(bench.put(path, same.clone()).await.0, 200);
    let changes = json!({ "name": "Tent", "sales_price": 99, "barcode": "57", "physical": { "weight": 2, "weight_unit": "kg" } });
    let (_, product) = bench.put(path, changes).await;
    assert_eq!(product["product"]["physical"]["weight"], 2);
    assert_eq!(listener.next().await.1["changed"], json!(["sales_price", "physical", "barcode"]));
    bench.sandbox.core().facts.set("rackbeat.unchanged-update", "told").unwrap();
    assert_eq!(bench.put(path, json!({ "name": "Tent" })).await.0, 200);
    assert_eq!(listener.next().await.1["changed"], json!([]));
}

#[tokio::test]
async fn a_renamed_item_takes_its_documents_along_unless_renaming_is_refused() {
    let bench = bench(&[]).await;
    let sim = bench.sandbox.rackbeat();
    let lines = json!([{ "product_id": "TENT", "quantity": 1 }]);
    assert!(sim.create_lot(ACCOUNT, json!({ "number": "SET", "name": "Set", "lines": lines })));
    let number = bench.booked(json!([line("TENT", 3)])).await;
    let moved = json!({ "number": "TENT-2" });
    assert_eq!(bench.put("/products/TENT", moved.clone()).await.1["product"]["available_quantity"], 7);
    assert_eq!(bench.get("/products/TENT").await.0, 404);
    assert_eq!(sim.order(ACCOUNT, number).unwrap().lines[0].item, "TENT-2");
    assert_eq!(bench.get("/lots/SET").await.1["lot"]["lines"][0]["product_id"], "TENT-2");
    bench.sandbox.core().facts.set("rackbeat.product-rename", "refused").unwrap();
    let (status, refused) = bench.put("/products/TENT-2", json!({ "number": "TENT" })).await;
    assert!(status == 422 && refused["errors"]["number"].is_array());
    assert_eq!(bench.put("/products/TENT-2", moved).await.0, 200);
}

#[tokio::test]
async fn a_group_gives_its_rates_and_takes_its_items_along() {
    let bench = bench(&[]).await;
    let sim = bench.sandbox.rackbeat();
    let vat = [amount(25), amount(21), amount(0), amount(0)];
    let name = "Gear".to_owned();
    sim.set_group(ACCOUNT, Group { number: 9, name, vat, has_inventory: true, is_sellable: true });
    assert!(sim.edit_product(ACCOUNT, "MUG", json!({ "group": 9 })));
    assert_eq!(bench.get("/products/MUG?fields=group(vat_eu)").await.1["product"]["group"]["vat_eu"], 21);
    assert_eq!(bench.get("/reports/checking").await.1["total"], 2);
    let (_, changed) = bench.put("/product-groups/9", json!({ "has_inventory": false })).await;
    assert_eq!(
        (&changed["product_group"]["vat_eu"], &changed["product_group"]["name"]),
        (&json!(21), &json!("Gear"))
    );
    assert_eq!(bench.get("/reports/checking").await.1["total"], 1);
    assert_eq!(bench.delete("/product-groups/9").await.0, 422);
}

#[tokio::test]
async fn the_control_api_moves_goods_edits_items_and_counts_calls() {
    let bench = bench(&[]).await;
    let control = format!("{}/control/rackbeat", bench.sandbox.control_url());
    let send = async |path: &str, body: Value| {
        let request = bench.client.post(format!("{control}{path}")).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let put = async |path: &str, body: Value| {
        let request = bench.client.put(format!("{control}{path}")).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("/locations", json!({ "number": 2, "name": "Shelf", "parent": 1 })).await, 201);
    assert_eq!(send("/receive", json!({ "item": "TENT", "location": 2, "quantity": 5 })).await, 204);
    assert_eq!(send("/count", json!({ "item": "TENT", "location": 1, "quantity": 1.5 })).await, 204);
    assert_eq!(send("/receive", json!({ "item": "NONE", "location": 2, "quantity": 5 })).await, 404);
    assert_eq!(send("/items", json!({ "lot": true, "number": "SET", "name": "Set" })).await, 201);
    assert_eq!(put("/items/SET", json!({ "is_barred": true })).await, 204);
    assert_eq!(put("/items/SET/fields", json!({ "webshop": "yes" })).await, 204);
    assert_eq!(put("/items/SET/fields", json!({ "nothing": "yes" })).await, 404);
    bench.get("/lots/SET").await;
    let get = async |path: &str| {
        let response = bench.client.get(format!("{control}{path}")).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let held = json!({ "physical": 6.5, "available": 6.5, "locations": { "1": 1.5, "2": 5 } });
    assert_eq!(get("/quantities").await["TENT"], held);
    let traffic = get("/traffic").await;
    assert_eq!((&traffic["total"], &traffic["by_endpoint"]["GET /lots/{}"]), (&json!(1), &json!(1)));
}
