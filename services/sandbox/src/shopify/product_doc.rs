//! Locations, products, variants, inventory items and levels as GraphQL shows them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use super::docs::{gid, reference};
use super::goods::{Goods, Level, Place, Product, Variant};
use super::order_doc::{instant, unit_cost};

/// The document behind a global id of the goods, if there is one.
pub(crate) fn built(goods: &Goods, id: &str) -> Option<Value> {
    let (kind, rest) = id.strip_prefix("gid://shopify/")?.split_once('/')?;
    if kind == "InventoryLevel" {
        let (at, variant) = level_of(goods, rest)?;
        let (place, level) = (goods.places.get(at)?, variant.levels.get(at)?);
        return Some(level_doc(place, level, variant, at));
    }
    let number = rest.parse().ok()?;
    match kind {
        "Product" => goods.product(number).map(product_doc),
        "ProductVariant" => {
            let variant = goods.variant(number)?;
            Some(variant_doc(goods, goods.product(variant.product)?, variant))
        }
        "InventoryItem" => goods.of_item(number).map(|variant| item_doc(goods, variant)),
        "Location" => goods.places.iter().find(|place| place.id == number).map(location_doc),
        _ => None,
    }
}

/// Whether there is a document behind a global id of the goods, without building it.
pub(crate) fn is_known(goods: &Goods, id: &str) -> bool {
    let Some((kind, rest)) = id.strip_prefix("gid://shopify/").and_then(|id| id.split_once('/')) else {
        return false;
    };
    let number = || rest.parse().ok();
    match kind {
        "InventoryLevel" => {
            level_of(goods, rest).is_some_and(|(at, variant)| variant.levels.get(at).is_some())
        }
        "Product" => number().is_some_and(|id| goods.product(id).is_some()),
        "ProductVariant" => number().is_some_and(|id| goods.variant(id).is_some()),
        "InventoryItem" => number().is_some_and(|id| goods.of_item(id).is_some()),
        "Location" => number().is_some_and(|id| goods.place_at(id).is_some()),
        _ => false,
    }
}

/// The level's id: the item's number and the place's index are in it.
pub(crate) fn level_gid(item: u64, at: usize) -> String {
    let number = item + 1 + u64::try_from(at).unwrap_or_default();
    format!("gid://shopify/InventoryLevel/{number}?inventory_item_id={item}")
}

fn level_of<'a>(goods: &'a Goods, rest: &str) -> Option<(usize, &'a Variant)> {
    let (number, item) = rest.split_once("?inventory_item_id=")?;
    let (number, item): (u64, u64) = (number.parse().ok()?, item.parse().ok()?);
    let at = usize::try_from(number.checked_sub(item + 1)?).ok()?;
    Some((at, goods.of_item(item)?))
}

fn product_doc(product: &Product) -> Value {
    let variants: Value = product.variants.iter().map(|id| reference(&gid("ProductVariant", *id))).collect();
    json!({
        "__typename": "Product",
        "id": gid("Product", product.id),
        "title": product.title,
        "handle": product.handle,
        "status": product.status,
        "descriptionHtml": product.body_html,
        "productType": product.product_type,
        "vendor": product.vendor,
        "tags": product.tags,
        "isGiftCard": product.gift_card,
        "hasOnlyDefaultVariant": product.options.is_empty(),
        "createdAt": instant(product.created_at),
        "updatedAt": instant(product.updated_at),
        "variants": variants,
    })
}

fn variant_doc(goods: &Goods, product: &Product, variant: &Variant) -> Value {
    let options: Value = if product.options.is_empty() {
        json!([{ "name": "Title", "value": "Default Title" }])
    } else {
        let pairs = product.options.iter().zip(&variant.values);
        pairs.map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    let position = product.variants.iter().position(|id| *id == variant.id).map_or(1, |at| at + 1);
    let active = goods.places.iter().zip(&variant.levels).filter(|(_, level)| level.active);
    json!({
        "__typename": "ProductVariant",
        "id": gid("ProductVariant", variant.id),
        "sku": variant.sku,
        "title": variant.title(),
        "displayName": format!("{} - {}", product.title, variant.title()),
        "price": format!("{:.2}", variant.price),
        "compareAtPrice": variant.compare_at.map(|price| format!("{price:.2}")),
        "barcode": variant.barcode,
        "position": position,
        "taxable": variant.taxable,
        "requiresComponents": variant.bundle,
        "inventoryQuantity": active.map(|(_, level)| level.available).sum::<i64>(),
        "selectedOptions": options,
        "updatedAt": instant(variant.updated_at),
        "product": reference(&gid("Product", product.id)),
        "inventoryItem": reference(&gid("InventoryItem", variant.item)),
    })
}

fn item_doc(goods: &Goods, variant: &Variant) -> Value {
    let levels: Value = goods
        .places
        .iter()
        .zip(&variant.levels)
        .enumerate()
        .map(|(at, (place, level))| {
            // The marks let a level be passed over without building it.
            json!({
                "$ref": level_gid(variant.item, at),
                "$active": level.active,
                "$location": gid("Location", place.id),
            })
        })
        .collect();
    json!({
        "__typename": "InventoryItem",
        "id": gid("InventoryItem", variant.item),
        "sku": variant.sku,
        "tracked": variant.tracked,
        "requiresShipping": variant.requires_shipping,
        "unitCost": variant.cost.map(|cost| unit_cost(cost, &goods.currency)),
        "measurement": { "id": gid("InventoryItemMeasurement", variant.item), "weight": weight(variant) },
        "inventoryLevels": levels,
        "variant": reference(&gid("ProductVariant", variant.id)),
    })
}

fn level_doc(place: &Place, level: &Level, variant: &Variant, at: usize) -> Value {
    let quantity = |name: &str, units: i64| json!({ "name": name, "quantity": units });
    json!({
        "__typename": "InventoryLevel",
        "isActive": level.active,
        "updatedAt": instant(level.updated_at),
        "location": reference(&gid("Location", place.id)),
        "item": reference(&gid("InventoryItem", variant.item)),
        "quantities": [
            quantity("available", level.available),
            quantity("on_hand", level.on_hand),
            quantity("committed", level.committed),
            quantity("incoming", 0),
            quantity("reserved", 0),
        ],
        "id": level_gid(variant.item, at),
    })
}

fn location_doc(place: &Place) -> Value {
    json!({
        "__typename": "Location",
        "id": gid("Location", place.id),
        "name": place.name,
        "isActive": place.active,
        "fulfillsOnlineOrders": place.online,
        "shipsInventory": place.online,
        "isFulfillmentService": false,
    })
}

fn weight(variant: &Variant) -> Value {
    let (value, unit) = variant.weight;
    json!({ "unit": unit.name(), "value": value.to_f64() })
}

/// Grams in the unit they are shown in.
pub(crate) fn shown_weight(grams: u32, unit: &str) -> (Decimal, super::goods::WeightUnit) {
    use super::goods::WeightUnit;
    let grams = Decimal::from(grams);
    match unit {
        "g" => (grams, WeightUnit::Grams),
        "oz" => ((grams / Decimal::new(2_834_952, 5)).round_dp(4), WeightUnit::Ounces),
        "lb" => ((grams / Decimal::new(45_359_237, 5)).round_dp(4), WeightUnit::Pounds),
        _ => (grams / Decimal::ONE_THOUSAND, WeightUnit::Kilograms),
    }
}
