//! Locations, products, variants, inventory items and levels as GraphQL shows them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use super::docs::{gid, reference};
use super::order_doc::{instant, unit_cost};
use super::order_gen::Offer;
use super::shop::{Shop, sellable};
use crate::catalog::{CatalogProduct, CatalogVariant};

/// Fills an empty shop from its specification.
pub(crate) fn fill(shop: &mut Shop) {
    for (at, name) in shop.spec.locations.clone().iter().enumerate() {
        let id = gid("Location", shop.ids.take());
        shop.docs.put(location_doc(&id, name, at == 0));
        shop.location_ids.push(id);
    }
    let catalog = std::mem::take(&mut shop.spec.catalog);
    for product in &catalog.products {
        add_product(shop, product);
    }
    shop.spec.catalog = catalog;
}

/// Adds one product with its variants; the product's id.
pub(crate) fn add_product(shop: &mut Shop, product: &CatalogProduct) -> u64 {
    let number = shop.ids.take();
    let id = gid("Product", number);
    let variants: Vec<Value> = product
        .variants
        .iter()
        .enumerate()
        .map(|(at, variant)| reference(&add_variant(shop, number, product, at, variant)))
        .collect();
    let now = shop.stamp();
    shop.docs.put(json!({
        "__typename": "Product",
        "id": id,
        "title": product.title,
        "handle": product.handle,
        "status": if product.published { "ACTIVE" } else { "DRAFT" },
        "descriptionHtml": product.body_html,
        "productType": product.product_type,
        "vendor": product.vendor,
        "tags": product.tags,
        "isGiftCard": product.gift_card,
        "createdAt": instant(now),
        "updatedAt": instant(now),
        "variants": variants,
    }));
    shop.product_ids.push(id);
    number
}

fn add_variant(
    shop: &mut Shop,
    product_id: u64,
    product: &CatalogProduct,
    at: usize,
    variant: &CatalogVariant,
) -> String {
    let (number, item) = (shop.ids.take(), shop.ids.take());
    let (id, item_id) = (gid("ProductVariant", number), gid("InventoryItem", item));
    let options = product.options.iter().zip(&variant.values);
    let options: Vec<Value> = if product.options.is_empty() {
        vec![json!({ "name": "Title", "value": "Default Title" })]
    } else {
        options.map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    shop.docs.put(json!({
        "__typename": "ProductVariant",
        "id": id,
        "sku": variant.sku,
        "title": variant.title(),
        "displayName": format!("{} - {}", product.title, variant.title()),
        "price": format!("{:.2}", variant.price),
        "barcode": variant.barcode,
        "position": at + 1,
        "taxable": variant.taxable,
        "inventoryQuantity": variant.quantity,
        "selectedOptions": options,
        "product": reference(&gid("Product", product_id)),
        "inventoryItem": reference(&item_id),
    }));
    add_item(shop, item, variant);
    let sellable = sellable(variant.price) && !product.gift_card;
    if let Some(sku) = variant.sku.clone().filter(|_| sellable) {
        shop.offers.push(Offer {
            variant: (number, product_id),
            sku,
            title: product.title.clone(),
            variant_title: (!product.options.is_empty()).then(|| variant.title()),
            vendor: Some(product.vendor.clone()),
            price: variant.price,
        });
    }
    id
}

fn add_item(shop: &mut Shop, item: u64, variant: &CatalogVariant) {
    let locations = shop.location_ids.clone();
    let now = instant(shop.core.clock.now());
    let levels: Vec<Value> = locations
        .iter()
        .zip(0_u64..)
        .map(|(location, at)| {
            let quantity = if at == 0 { variant.quantity } else { 0 };
            let id = format!("{}?inventory_item_id={item}", gid("InventoryLevel", item + 1 + at));
            shop.docs.put(level_doc(&id, location, quantity, &now));
            reference(&id)
        })
        .collect();
    let currency = &shop.spec.currency;
    let document = json!({
        "__typename": "InventoryItem",
        "id": gid("InventoryItem", item),
        "sku": variant.sku,
        "tracked": variant.tracked,
        "requiresShipping": variant.requires_shipping,
        "unitCost": variant.cost.map(|cost| unit_cost(cost, currency)),
        "measurement": { "id": gid("InventoryItemMeasurement", item), "weight": weight(variant) },
        "inventoryLevels": levels,
    });
    shop.docs.put(document);
}

fn level_doc(id: &str, location: &str, quantity: i32, now: &str) -> Value {
    let quantities: Vec<Value> = ["available", "on_hand", "committed", "incoming", "reserved"]
        .iter()
        .map(|name| {
            let stock = if matches!(*name, "available" | "on_hand") { quantity } else { 0 };
            json!({ "id": format!("{}:{name}", id.replace("InventoryLevel", "InventoryQuantity")), "name": name, "quantity": stock })
        })
        .collect();
    json!({
        "__typename": "InventoryLevel",
        "id": id,
        "isActive": true,
        "updatedAt": now,
        "location": reference(location),
        "quantities": quantities,
    })
}

fn location_doc(id: &str, name: &str, online: bool) -> Value {
    json!({
        "__typename": "Location",
        "id": id,
        "name": name,
        "isActive": true,
        "fulfillsOnlineOrders": online,
        "shipsInventory": online,
        "isFulfillmentService": false,
    })
}

fn weight(variant: &CatalogVariant) -> Value {
    let grams = Decimal::from(variant.grams);
    let (unit, value) = match variant.weight_unit.as_str() {
        "g" => ("GRAMS", grams),
        "oz" => ("OUNCES", (grams / Decimal::new(2_834_952, 5)).round_dp(4)),
        "lb" => ("POUNDS", (grams / Decimal::new(45_359_237, 5)).round_dp(4)),
        _ => ("KILOGRAMS", grams / Decimal::ONE_THOUSAND),
    };
    json!({ "unit": unit, "value": value.to_f64() })
}
