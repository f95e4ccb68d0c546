use serde_json::{Value, json};

use super::{Bench, operation};
use crate::shopify::docs::gid;
use crate::shopify::special;
use rust_decimal::Decimal;

fn variables(bench: &Bench, operation: &str, order: u64) -> Option<Value> {
    let product = &bench.sim.products(super::SHOP).unwrap()[0];
    let (product, variant, item) =
        (gid("Product", product.id), product.variants[0].id, product.variants[0].item);
    let (variant, item) = (gid("ProductVariant", variant), gid("InventoryItem", item));
    let location = gid("Location", bench.sim.locations(super::SHOP).unwrap()[0].id);
    Some(match operation {
        "inventory_activate" => json!({ "item": item, "location": location, "key": "activate" }),
        "inventory_levels" => json!({ "ids": [item], "levels": 20 }),
        "inventory_set" => json!({
            "key": "set",
            "input": { "name": "available", "reason": "correction", "quantities": [
                { "inventoryItemId": item, "locationId": location, "quantity": 1, "changeFromQuantity": null }
            ] }
        }),
        "product_by_handle" => json!({ "handle": "ting-1" }),
        "product_by_id" => json!({ "id": product, "variants": 50 }),
        "product_set" => json!({
            "identifier": { "handle": "nyt" },
            "input": {
                "title": "Nyt",
                "productOptions": [{ "name": "Title", "values": [{ "name": "Default Title" }] }],
                "variants": [{ "optionValues": [{ "optionName": "Title", "name": "Default Title" }] }],
            }
        }),
        "product_update" => json!({ "product": { "id": product, "title": "Andet" } }),
        "products_updated" => json!({ "query": "updated_at:>='2020-01-01T00:00:00Z'", "first": 50 }),
        "recent_orders" => json!({ "first": 20, "lines": 10 }),
        "variants_by_sku" => json!({ "query": "sku:\"T00001-01\"", "first": 10 }),
        "variants_update" => {
            json!({ "productId": product, "variants": [{ "id": variant, "price": "1.50" }] })
        }
        "bulk_cancel" | "bulk_operation" => json!({ "id": gid("BulkOperation", 1) }),
        "bulk_run_query" => json!({ "query": super::operation("bulk_catalog") }),
        "locations" => json!({ "first": 10 }),
        "order_by_id" => json!({ "id": gid("Order", order), "lines": 50 }),
        "orders_by_name" => json!({ "query": "name:#1001", "first": 5 }),
        "orders_updated" => json!({ "query": "updated_at:>='2020-01-01T00:00:00Z'", "first": 50 }),
        "shop" => json!({}),
        "webhook_subscription_create" => json!({
            "topic": "ORDERS_CREATE",
            "subscription": { "uri": "http://127.0.0.1:9/webhooks" }
        }),
        "webhook_subscription_delete" => json!({ "id": gid("WebhookSubscription", 1) }),
        "webhook_subscriptions" => json!({ "first": 50 }),
        _ => return None,
    })
}

#[tokio::test]
async fn every_operation_of_the_service_runs_against_a_filled_shop() {
    let bench = Bench::small();
    let order = bench.fill(20)[7];
    let folder = format!("{}/../shopify/operations", env!("CARGO_MANIFEST_DIR"));
    let mut ran = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // Examples of variables lie beside the operations.
        let Some(name) = name.strip_suffix(".graphql") else {
            continue;
        };
        // Runs inside bulk_run_query; the others need cursors and are run by the paging tests.
        let elsewhere = [
            "bulk_catalog",
            "order_lines",
            "order_shipping_lines",
            "inventory_item_levels",
            "product_variants",
        ];
        if elsewhere.contains(&name) {
            continue;
        }
        let variables = variables(&bench, name, order).unwrap_or_else(|| panic!("no variables for {name}"));
        let data = bench.data(&operation(name), variables).await;
        assert!(data.is_object(), "{name}");
        ran += 1;
    }
    assert!(ran >= 10);
}

#[tokio::test]
async fn every_kind_of_special_order_can_be_read() {
    let bench = Bench::small();
    let amount = Decimal::new(1_250, 2);
    let plain = || bench.sim.ordinary_order(super::SHOP).unwrap();
    let specs = [
        special::tip(plain(), amount),
        special::gift_card(plain(), amount),
        special::custom_line(plain(), "Reparation", amount),
        special::unknown_sku(plain(), "NIX"),
        special::foreign_buyer(plain(), "EUR", Decimal::new(134, 3)),
        special::duties(plain(), amount),
        special::additional_fee(plain(), "Gebyr", amount),
        special::cash_rounding(plain(), amount),
        special::test_order(plain()),
        special::guest(plain()),
        special::business(plain(), "Fjeld ApS", Some("DK1")),
        special::many_lines(plain(), 60),
    ];
    for spec in &specs {
        let id = bench.sim.place_order(super::SHOP, spec).unwrap();
        bench.sim.pay(super::SHOP, id).unwrap();
        bench.sim.refund(super::SHOP, id, 0, 1).unwrap();
        let data =
            bench.data(&operation("order_by_id"), json!({ "id": gid("Order", id), "lines": 250 })).await;
        let truth = bench.sim.order(super::SHOP, id).unwrap();
        let told = data["order"]["currentTotalPriceSet"]["shopMoney"]["amount"].as_str().unwrap();
        assert_eq!(told.parse::<Decimal>().unwrap(), truth.current.total.shop);
        assert_eq!(data["order"]["lineItems"]["nodes"].as_array().unwrap().len(), spec.lines.len());
    }
}

#[tokio::test]
async fn operations_the_schema_does_not_know_are_refused() {
    let bench = Bench::small();
    for (query, code) in [
        ("{ shop { nome } }", "undefinedField"),
        ("{ order { id } }", "missingRequiredArguments"),
        ("{ shop { id ", "parseError"),
    ] {
        let (status, body) = bench.ask(query, json!({})).await;
        assert_eq!(status, 200);
        assert!(body.get("data").is_none());
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{body}");
    }
    let (_, body) = bench.ask("query Q($id: ID!) { order(id: $id) { id } }", json!({})).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "INVALID_VARIABLE", "{body}");
}

#[tokio::test]
async fn withheld_personal_data_is_null_with_an_error_at_its_path() {
    let bench = Bench::small();
    let spec = special::protected(bench.sim.ordinary_order(super::SHOP).unwrap());
    let id = bench.sim.place_order(super::SHOP, &spec).unwrap();
    let query = "query Q($id: ID!) { order(id: $id) { id name email customer { id defaultEmailAddress \
                 { emailAddress } } shippingAddress { city address1 } } }";
    let (status, body) = bench.ask(query, json!({ "id": gid("Order", id) })).await;
    assert_eq!(status, 200);
    let order = &body["data"]["order"];
    assert_eq!(order["name"], "#1001");
    assert!(order["email"].is_null() && order["customer"]["defaultEmailAddress"].is_null());
    assert!(order["shippingAddress"]["address1"].is_null() && order["shippingAddress"]["city"].is_string());
    let paths: Vec<String> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|error| assert_eq!(error["extensions"]["code"], "ACCESS_DENIED"))
        .map(|error| error["path"].to_string())
        .collect();
    assert_eq!(
        paths,
        [
            r#"["order","email"]"#,
            r#"["order","customer","defaultEmailAddress","emailAddress"]"#,
            r#"["order","shippingAddress","address1"]"#
        ]
    );
}

#[tokio::test]
async fn a_missing_scope_nulls_its_fields_and_leaves_the_rest() {
    let bench = Bench::small();
    let id = bench.fill(1)[0];
    bench.sim.set_scopes(super::SHOP, &["read_orders"]).unwrap();
    let query = "query Q($id: ID!) { order(id: $id) { id customer { id } } }";
    let (_, body) = bench.ask(query, json!({ "id": gid("Order", id) })).await;
    assert!(body["data"]["order"]["id"].is_string() && body["data"]["order"]["customer"].is_null());
    assert_eq!(body["errors"][0]["path"], json!(["order", "customer"]));
    let (_, body) = bench.ask("{ products(first: 1) { edges { node { id } } } }", json!({})).await;
    assert!(body["data"].is_null());
    assert_eq!(body["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
}
