use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::shopify::docs::gid;
use crate::shopify::{OrderSpec, StockTruth};

/// The first variant's levels, one per location.
fn levels(bench: &Bench) -> (StockTruth, StockTruth) {
    let rows = bench.sim.quantities(SHOP).unwrap();
    (rows[0].clone(), rows[1].clone())
}

fn row(level: &StockTruth, quantity: i64, from: Option<i64>) -> Value {
    json!({
        "inventoryItemId": gid("InventoryItem", level.item),
        "locationId": gid("Location", level.location),
        "quantity": quantity,
        "changeFromQuantity": from,
    })
}

async fn set(bench: &Bench, key: &str, rows: &[Value]) -> Value {
    let input = json!({ "name": "available", "reason": "correction", "quantities": rows });
    let data = bench.data(&operation("inventory_set"), json!({ "key": key, "input": input })).await;
    data["inventorySetQuantities"].clone()
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["userErrors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect()
}

/// An order of `quantity` of the level's variant.
fn order_of(bench: &Bench, level: &StockTruth, quantity: u32) -> OrderSpec {
    let mut spec = bench.sim.ordinary_order(SHOP).unwrap();
    spec.lines.truncate(1);
    spec.lines[0].variant = Some((level.variant, level.product));
    spec.lines[0].quantity = quantity;
    spec
}

#[tokio::test]
async fn an_order_commits_stock_and_fulfilment_takes_it_off_hand() {
    let bench = Bench::small();
    let (before, _) = levels(&bench);
    let id = bench.sim.place_order(SHOP, &order_of(&bench, &before, 3)).unwrap();
    let (placed, _) = levels(&bench);
    assert_eq!(
        (placed.available, placed.on_hand, placed.committed),
        (before.available - 3, before.on_hand, 3)
    );
    bench.sim.fulfill(SHOP, id).unwrap();
    let (shipped, _) = levels(&bench);
    assert_eq!(
        (shipped.available, shipped.on_hand, shipped.committed),
        (before.available - 3, before.on_hand - 3, 0)
    );
}

#[tokio::test]
async fn untracked_items_and_bundles_are_sold_without_a_move() {
    let bench = Bench::small();
    let (before, _) = levels(&bench);
    bench.sim.set_tracked(SHOP, before.variant, false).unwrap();
    bench.sim.place_order(SHOP, &order_of(&bench, &before, 3)).unwrap();
    bench.sim.set_tracked(SHOP, before.variant, true).unwrap();
    bench.sim.set_bundle(SHOP, before.variant, true).unwrap();
    bench.sim.place_order(SHOP, &order_of(&bench, &before, 3)).unwrap();
    let (after, _) = levels(&bench);
    assert_eq!((after.available, after.committed), (before.available, 0));
}

#[tokio::test]
async fn quantities_are_set_once_per_key_and_logged_once() {
    let bench = Bench::small();
    let (first, second) = levels(&bench);
    let rows = [row(&first, 7, Some(first.available)), row(&second, 4, None)];
    let answer = set(&bench, "k1", &rows).await;
    assert_eq!(answer["userErrors"], json!([]));
    assert!(answer["inventoryAdjustmentGroup"]["id"].is_string());
    let moved = first.available - 7;
    assert_eq!(levels(&bench).0.on_hand, first.on_hand - moved);
    // The merchant changes it; the same call again answers the same and does nothing.
    bench.sim.set_quantity(SHOP, first.item, first.location, 50).unwrap();
    assert_eq!(set(&bench, "k1", &rows).await, answer);
    assert_eq!(levels(&bench).0.available, 50);
    let writes = bench.sim.inventory_writes(SHOP).unwrap();
    let told: Vec<(u64, i64, &str)> =
        writes.iter().map(|write| (write.location, write.quantity, write.key.as_str())).collect();
    assert_eq!(told, [(first.location, 7, "k1"), (second.location, 4, "k1")]);
    let other = [row(&first, 8, None)];
    assert_eq!(codes(&set(&bench, "k1", &other).await), ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]);
    // A day later the key is free.
    bench.clock.advance(Duration::from_secs(86_401));
    assert_eq!(set(&bench, "k1", &other).await["userErrors"], json!([]));
    assert_eq!(levels(&bench).0.available, 8);
    assert!(set(&bench, "k2", &other).await["inventoryAdjustmentGroup"].is_null());
}

#[tokio::test]
async fn one_stale_row_stops_the_whole_call_and_its_key_does_as_the_switch_says() {
    let bench = Bench::small();
    let (first, second) = levels(&bench);
    let rows = [row(&second, 9, None), row(&first, 7, Some(first.available + 1))];
    let answer = set(&bench, "k", &rows).await;
    assert_eq!(codes(&answer), ["CHANGE_FROM_QUANTITY_STALE"]);
    assert_eq!(answer["userErrors"][0]["field"], json!(["input", "quantities", "1", "changeFromQuantity"]));
    assert_eq!(levels(&bench), (first.clone(), second));
    bench.sim.set_quantity(SHOP, first.item, first.location, first.available + 1).unwrap();
    assert_eq!(set(&bench, "k", &rows).await, answer);
    bench.set_fact("shopify.failed-key=new-key-needed");
    assert_eq!(codes(&set(&bench, "k", &rows).await), ["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]);
    bench.set_fact("shopify.failed-key=runs-again");
    assert_eq!(set(&bench, "k", &rows).await["userErrors"], json!([]));
    assert_eq!(levels(&bench).0.available, 7);
}

#[tokio::test]
async fn every_wrong_row_is_named_with_its_code() {
    let bench = Bench::small();
    let (first, second) = levels(&bench);
    bench.sim.set_bundle(SHOP, bench.sim.quantities(SHOP).unwrap()[2].variant, true).unwrap();
    let bundle = bench.sim.quantities(SHOP).unwrap()[2].clone();
    let nowhere = StockTruth { location: 1, ..first.clone() };
    let nothing = StockTruth { item: 1, ..first.clone() };
    let rows = [
        row(&first, 1, None),
        row(&first, 2, None),
        row(&nothing, 1, None),
        row(&nowhere, 1, None),
        row(&bundle, 1, None),
        row(&second, 1_000_000_001, None),
    ];
    assert_eq!(
        codes(&set(&bench, "k", &rows).await),
        [
            "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
            "INVALID_INVENTORY_ITEM",
            "INVALID_LOCATION",
            "NON_MUTABLE_INVENTORY_ITEM",
            "INVALID_QUANTITY_TOO_HIGH",
        ]
    );
    let heads =
        json!({ "name": "incoming", "reason": "because", "referenceDocumentUri": "x", "quantities": [] });
    let data = bench.data(&operation("inventory_set"), json!({ "key": "h", "input": heads })).await;
    assert_eq!(
        codes(&data["inventorySetQuantities"]),
        ["INVALID_NAME", "INVALID_REASON", "INVALID_REFERENCE_DOCUMENT"]
    );
    assert!(bench.sim.inventory_writes(SHOP).unwrap().is_empty());
}

#[tokio::test]
async fn what_the_schema_cannot_say_is_refused_at_run_time() {
    let bench = Bench::small();
    let (first, _) = levels(&bench);
    let mut bare = row(&first, 1, None);
    bare.as_object_mut().unwrap().remove("changeFromQuantity");
    let many = vec![row(&first, 1, None); 251];
    for (key, rows, code) in [
        ("k", vec![bare], "INVALID_FIELD_ARGUMENTS"),
        ("k", many, "MAX_INPUT_SIZE_EXCEEDED"),
        (" ", vec![row(&first, 1, None)], "BAD_REQUEST"),
    ] {
        let input = json!({ "name": "available", "reason": "correction", "quantities": rows });
        let (status, body) =
            bench.ask(&operation("inventory_set"), json!({ "key": key, "input": input })).await;
        assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (200, &json!(code)), "{body}");
        assert!(body["data"]["inventorySetQuantities"].is_null());
    }
    let unkeyed =
        operation("inventory_set").replace("@idempotent(key: $key)", "").replace(", $key: String!", "");
    let input = json!({ "name": "available", "reason": "correction", "quantities": [row(&first, 1, None)] });
    let (_, body) = bench.ask(&unkeyed, json!({ "input": input })).await;
    assert_eq!(
        body["errors"][0]["message"],
        "The @idempotent directive is required for this mutation but was not provided"
    );
    bench.sim.set_scopes(SHOP, &["read_inventory", "read_products"]).unwrap();
    let (_, body) = bench.ask(&operation("inventory_set"), json!({ "key": "k", "input": input })).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
    assert!(bench.sim.inventory_writes(SHOP).unwrap().is_empty());
}

#[tokio::test]
async fn a_poison_item_spoils_every_call_it_is_in_and_no_other() {
    let bench = Bench::small();
    let (first, second) = levels(&bench);
    let third = bench.sim.quantities(SHOP).unwrap()[2].clone();
    bench.sim.poison_item(SHOP, first.item, Some("INVALID_INVENTORY_ITEM"), false).unwrap();
    let both = [row(&third, 5, None), row(&first, 5, None)];
    let answer = set(&bench, "both", &both).await;
    assert_eq!(codes(&answer), ["INVALID_INVENTORY_ITEM"]);
    assert_eq!(answer["userErrors"][0]["field"], json!(["input", "quantities"]));
    assert_eq!(set(&bench, "rest", &both[..1]).await["userErrors"], json!([]));
    bench.sim.poison_item(SHOP, first.item, None, false).unwrap();
    bench.sim.refuse_next_sets(SHOP, 1, "IDEMPOTENCY_CONCURRENT_REQUEST").unwrap();
    let one = [row(&second, 5, None)];
    assert_eq!(codes(&set(&bench, "one", &one).await), ["IDEMPOTENCY_CONCURRENT_REQUEST"]);
    assert_eq!(set(&bench, "one", &one).await["userErrors"], json!([]));
    assert_eq!(bench.sim.inventory_writes(SHOP).unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_to_an_inactive_level_succeeds_and_only_activating_stocks_the_item() {
    let bench = Bench::small();
    let (first, second) = levels(&bench);
    bench.sim.set_level_active(SHOP, second.item, second.location, false).unwrap();
    assert_eq!(set(&bench, "k", &[row(&second, 6, None)]).await["userErrors"], json!([]));
    let read = async || {
        let asked =
            json!({ "ids": [gid("InventoryItem", first.item), gid("InventoryItem", 1)], "levels": 20 });
        let data = bench.data(&operation("inventory_levels"), asked).await;
        assert!(data["nodes"][1].is_null());
        let level = &data["nodes"][0]["inventoryLevels"]["nodes"][1];
        (level["isActive"].clone(), level["quantities"].clone())
    };
    let quantities = json!([{ "name": "available", "quantity": 6 }, { "name": "on_hand", "quantity": second.on_hand + 6 }]);
    assert_eq!(read().await, (json!(false), quantities.clone()));
    let (item, location) = (gid("InventoryItem", second.item), gid("Location", second.location));
    let asked = json!({ "item": item, "location": location, "key": "a" });
    let data = bench.data(&operation("inventory_activate"), asked).await;
    assert_eq!(data["inventoryActivate"]["inventoryLevel"]["isActive"], true);
    assert_eq!(read().await, (json!(true), quantities));
    let asked = json!({ "item": gid("InventoryItem", 1), "location": location, "key": "b" });
    let data = bench.data(&operation("inventory_activate"), asked).await;
    assert!(data["inventoryActivate"]["userErrors"][0]["message"].as_str().unwrap().contains("wasn't found"));
}
