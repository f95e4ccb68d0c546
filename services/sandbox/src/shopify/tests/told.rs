//! Which webhooks tell of stock and products.

use std::collections::HashSet;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::webhooks::{Mailbox, subscribe};
use super::{Bench, SHOP, operation};
use crate::catalog::{Catalog, CatalogProduct, generated};
use crate::shopify::docs::gid;

/// Topics and bodies that came since the last look, once all is delivered.
async fn came(bench: &Bench, mailbox: &Mailbox) -> Vec<(String, Value)> {
    bench.sim.settled().await;
    let arrivals: Vec<_> = mailbox.arrivals.lock().unwrap().drain(..).collect();
    let mut came: Vec<(String, Value)> =
        arrivals.into_iter().map(|arrival| (arrival.topic, arrival.body)).collect();
    came.sort_by_key(|(topic, _)| topic.clone());
    came
}

#[tokio::test]
async fn orders_our_own_writes_and_the_merchants_hand_all_tell_what_is_available() {
    let topics = ["INVENTORY_LEVELS_UPDATE", "PRODUCTS_UPDATE"];
    let (bench, mailbox, _) = subscribe(Bench::small(), &topics).await;
    let level = bench.sim.quantities(SHOP).unwrap()[0].clone();
    bench.sim.set_quantity(SHOP, level.item, level.location, -3).unwrap();
    let told = came(&bench, &mailbox).await;
    assert_eq!(told.len(), 1);
    let (topic, body) = &told[0];
    assert_eq!((topic.as_str(), &body["available"]), ("inventory_levels/update", &json!(-3)));
    assert_eq!(
        (&body["inventory_item_id"], &body["location_id"]),
        (&json!(level.item), &json!(level.location))
    );
    let id = body["admin_graphql_api_id"].as_str().unwrap();
    assert!(id.ends_with(&format!("?inventory_item_id={}", level.item)) && body.get("on_hand").is_none());
    let input = json!({ "name": "on_hand", "reason": "correction", "quantities": [{
        "inventoryItemId": gid("InventoryItem", level.item),
        "locationId": gid("Location", level.location),
        "quantity": 9,
        "changeFromQuantity": null,
    }] });
    bench.data(&operation("inventory_set"), json!({ "key": "k", "input": input })).await;
    assert_eq!(came(&bench, &mailbox).await[0].1["available"], 9);
    bench.set_fact("shopify.stock-touches-product=touches");
    bench.sim.set_quantity(SHOP, level.item, level.location, 8).unwrap();
    let topics: Vec<String> = came(&bench, &mailbox).await.into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(topics, ["inventory_levels/update", "products/update"]);
}

#[tokio::test]
async fn a_product_is_told_as_updated_when_it_is_merely_ordered() {
    let topics = ["INVENTORY_LEVELS_UPDATE", "PRODUCTS_UPDATE"];
    let (bench, mailbox, _) = subscribe(Bench::small(), &topics).await;
    let spec = bench.sim.ordinary_order(SHOP).unwrap();
    let products: HashSet<u64> =
        spec.lines.iter().filter_map(|line| line.variant).map(|(_, product)| product).collect();
    bench.sim.place_order(SHOP, &spec).unwrap();
    let told = came(&bench, &mailbox).await;
    let updated: Vec<u64> = told
        .iter()
        .filter(|(topic, _)| topic == "products/update")
        .map(|(_, body)| body["id"].as_u64().unwrap())
        .collect();
    assert_eq!(updated.iter().copied().collect::<HashSet<_>>(), products);
    assert_eq!(updated.len(), products.len());
    assert_eq!(told.len() - updated.len(), spec.lines.len());
}

/// One product of `count` variants.
fn wide(count: usize) -> CatalogProduct {
    let mut product = generated(1, 1).products.remove(0);
    let variant = product.variants[0].clone();
    product.handle = "bred".to_owned();
    product.options = vec!["Nummer".to_owned()];
    product.variants = (0..count)
        .map(|at| {
            let mut variant = variant.clone();
            variant.values = vec![at.to_string()];
            variant.sku = Some(format!("BRED-{at}"));
            variant
        })
        .collect();
    product
}

#[tokio::test]
async fn a_product_made_edited_and_deleted_is_told_with_at_most_a_hundred_variants() {
    let topics = ["PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE"];
    let (bench, mailbox, _) = subscribe(Bench::new(Catalog::default()), &topics).await;
    let id = bench.sim.add_product(SHOP, &wide(130)).unwrap();
    let told = came(&bench, &mailbox).await;
    assert_eq!(told[0].0, "products/create");
    assert_eq!(told[0].1["variants"].as_array().unwrap().len(), 100);
    assert_eq!(told[0].1["variant_gids"].as_array().unwrap().len(), 130);
    assert_eq!(told[0].1["variants"][99]["sku"], "BRED-99");
    let variant = bench.sim.product(SHOP, id).unwrap().variants[129].id;
    bench.sim.set_price(SHOP, variant, Decimal::from(5)).unwrap();
    bench.sim.set_price(SHOP, variant, Decimal::from(5)).unwrap();
    let told = came(&bench, &mailbox).await;
    assert_eq!(told.len(), 1, "an edit that changes nothing is not told");
    assert_eq!(told[0].0, "products/update");
    bench.sim.delete_product(SHOP, id).unwrap();
    assert_eq!(came(&bench, &mailbox).await, [("products/delete".to_owned(), json!({ "id": id }))]);
    assert!(bench.sim.product(SHOP, id).is_err() && bench.sim.quantities(SHOP).unwrap().is_empty());
}

#[tokio::test]
async fn an_order_outlives_its_deleted_product() {
    let bench = Bench::small();
    let order = bench.fill(1)[0];
    let line = bench.sim.order(SHOP, order).unwrap().order.lines[0].clone();
    bench.sim.delete_product(SHOP, line.variant.unwrap().1).unwrap();
    let data = bench.data(&operation("order_by_id"), json!({ "id": gid("Order", order), "lines": 50 })).await;
    let told = &data["order"]["lineItems"]["nodes"][0];
    assert!(told["variant"].is_null());
    assert_eq!(told["sku"], json!(line.sku));
}
