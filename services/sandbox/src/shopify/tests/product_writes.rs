//! `productSet`, `productUpdate` and `productVariantsBulkUpdate`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::shopify::ProductTruth;
use crate::shopify::docs::gid;

async fn put(bench: &Bench, handle: &str, input: Value) -> Value {
    let asked = json!({ "identifier": { "handle": handle }, "input": input });
    bench.data(&operation("product_set"), asked).await["productSet"].clone()
}

fn variant(size: &str, sku: &str) -> Value {
    json!({ "sku": sku, "price": "12.50", "optionValues": [{ "optionName": "Size", "name": size }] })
}

fn sized(variants: &[Value]) -> Value {
    let sizes = json!([{ "name": "S" }, { "name": "M" }, { "name": "L" }]);
    json!({
        "title": "Sok", "status": "DRAFT",
        "productOptions": [{ "name": "Size", "values": sizes }], "variants": variants,
    })
}

fn named(bench: &Bench, handle: &str) -> ProductTruth {
    bench.sim.products(SHOP).unwrap().into_iter().find(|product| product.handle == handle).unwrap()
}

#[tokio::test]
async fn setting_a_product_twice_by_its_handle_makes_one_and_deletes_omitted_variants() {
    let bench = Bench::small();
    let made = put(&bench, "sok", sized(&[variant("S", "SOK-S"), variant("M", "SOK-M")])).await;
    assert_eq!(made["userErrors"], json!([]));
    let first = named(&bench, "sok");
    assert_eq!((first.status.as_str(), first.variants.len()), ("DRAFT", 2));
    // Made by an app it is stocked at the first location alone.
    let levels = bench.sim.quantities(SHOP).unwrap();
    let levels = levels.iter().filter(|level| level.product == first.id && level.active);
    assert_eq!(levels.count(), 2);
    let again = put(&bench, "sok", sized(&[variant("M", "SOK-M2"), variant("L", "SOK-L")])).await;
    assert_eq!(again["product"]["id"], made["product"]["id"]);
    let second = named(&bench, "sok");
    let skus: Vec<Option<&str>> = second.variants.iter().map(|variant| variant.sku.as_deref()).collect();
    assert_eq!(skus, [Some("SOK-M2"), Some("SOK-L")]);
    assert_eq!(second.variants[0].id, first.variants[1].id);
    let found = bench.data(&operation("product_by_handle"), json!({ "handle": "sok" })).await;
    assert_eq!(found["productByIdentifier"]["id"], made["product"]["id"]);
    let none = bench.data(&operation("product_by_handle"), json!({ "handle": "nix" })).await;
    assert!(none["productByIdentifier"].is_null());
}

#[tokio::test]
async fn a_product_set_that_is_not_whole_is_refused() {
    let bench = Bench::small();
    let mut no_options = sized(&[variant("S", "A")]);
    no_options.as_object_mut().unwrap().remove("productOptions");
    let mut no_variants = sized(&[]);
    no_variants.as_object_mut().unwrap().remove("variants");
    let mut negative = variant("S", "A");
    negative["price"] = json!("-1");
    for (input, code) in [
        (no_options, "PRODUCT_OPTIONS_INPUT_MISSING"),
        (no_variants, "VARIANTS_INPUT_MISSING"),
        (sized(&[variant("XXL", "A")]), "OPTION_VALUE_DOES_NOT_EXIST"),
        (sized(&[negative]), "INVALID_VARIANT"),
        (json!({ "status": "DRAFT" }), "INVALID_INPUT"),
    ] {
        let refused = put(&bench, "sok", input).await;
        assert_eq!((&refused["product"], &refused["userErrors"][0]["code"]), (&Value::Null, &json!(code)));
    }
    assert!(bench.sim.product_writes(SHOP).unwrap().is_empty());
}

#[tokio::test]
async fn variants_change_only_where_they_are_named_and_a_null_clears() {
    let bench = Bench::small();
    let before =
        bench.sim.products(SHOP).unwrap().into_iter().find(|product| product.variants.len() > 1).unwrap();
    let id = gid("Product", before.id);
    let one = gid("ProductVariant", before.variants[0].id);
    bench.clock.advance(Duration::from_secs(5));
    let update = async |variants: Value| {
        let asked = json!({ "productId": id, "variants": variants });
        bench.data(&operation("variants_update"), asked).await["productVariantsBulkUpdate"].clone()
    };
    let done = update(json!([{
        "id": one, "price": "99.95", "barcode": null, "inventoryItem": { "sku": "NY", "cost": 5 }
    }]))
    .await;
    assert_eq!((&done["userErrors"], &done["productVariants"][0]["id"]), (&json!([]), &json!(one)));
    let after = bench.sim.product(SHOP, before.id).unwrap();
    let changed = &after.variants[0];
    assert_eq!((changed.price.to_string(), changed.barcode.as_deref()), ("99.95".to_owned(), None));
    assert_eq!(changed.sku.as_deref(), Some("NY"));
    assert_eq!(after.variants[1..], before.variants[1..]);
    assert!(after.updated_at > before.updated_at);
    let stranger = json!({ "id": gid("ProductVariant", 1), "price": "1" });
    let quantities = json!({ "id": one, "inventoryQuantities": [] });
    for (wrong, code) in [
        (stranger, "PRODUCT_VARIANT_DOES_NOT_EXIST"),
        (json!({ "price": "1" }), "PRODUCT_VARIANT_ID_MISSING"),
        (json!({ "id": one, "price": "-1" }), "NEGATIVE_PRICE_VALUE"),
        (quantities, "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE"),
    ] {
        let refused = update(json!([{ "id": one, "price": "1.00" }, wrong])).await;
        assert_eq!(refused["userErrors"][0]["code"], code);
        assert_eq!(refused["userErrors"][0]["field"][1], "1");
        assert!(refused["productVariants"].is_null());
    }
    assert_eq!(bench.sim.product(SHOP, before.id).unwrap(), after);
    let writes = bench.sim.product_writes(SHOP).unwrap();
    assert_eq!((writes.len(), writes[0].variant), (1, Some(before.variants[0].id)));
}

#[tokio::test]
async fn a_product_update_moves_its_time_only_when_something_changes() {
    let bench = Bench::small();
    let before = bench.sim.products(SHOP).unwrap().remove(0);
    let update = async |product: Value| {
        bench.data(&operation("product_update"), json!({ "product": product })).await["productUpdate"].clone()
    };
    let id = gid("Product", before.id);
    bench.clock.advance(Duration::from_secs(5));
    update(json!({ "id": id, "title": before.title })).await;
    assert_eq!(bench.sim.product(SHOP, before.id).unwrap(), before);
    update(json!({ "id": id, "title": "Andet", "descriptionHtml": "<b>x</b>" })).await;
    let after = bench.sim.product(SHOP, before.id).unwrap();
    assert_eq!((after.title.as_str(), after.body_html.as_str()), ("Andet", "<b>x</b>"));
    assert_eq!((&after.tags, &after.vendor), (&before.tags, &before.vendor));
    assert!(after.updated_at > before.updated_at);
    let refused = update(json!({ "id": id, "title": " " })).await;
    assert_eq!(refused["userErrors"][0]["message"], "Title can't be blank");
    let refused = update(json!({ "id": gid("Product", 1), "title": "x" })).await;
    assert_eq!(refused["userErrors"][0]["message"], "Product does not exist");
}
