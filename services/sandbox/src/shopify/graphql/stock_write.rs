//! `inventorySetQuantities` and `inventoryActivate`.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::RootError;
use super::arguments::text;
use crate::shopify::docs::{gid, number_of, reference};
use crate::shopify::idempotent::once;
use crate::shopify::shop::Shop;
use crate::shopify::stock::InventoryWrite;

/// Shopify docs: the reasons an app may give.
const REASONS: [&str; 15] = [
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_canceled",
    "movement_created",
    "movement_received",
    "movement_updated",
    "other",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
];
const MOST: i64 = 1_000_000_000;

fn blank_key() -> RootError {
    RootError::new("BAD_REQUEST", "The idempotency key can't be blank")
}

/// One row of the input, as far as it can be read.
struct Row {
    item: Option<u64>,
    location: Option<u64>,
    ids: (String, String),
    quantity: i64,
    from: Option<i64>,
}

/// Sets quantities: all of them or, when one is refused, none.
pub(super) fn set_quantities(
    shop: &mut Shop,
    arguments: &Map<String, Value>,
    key: &str,
) -> Result<Value, RootError> {
    if key.trim().is_empty() {
        return Err(blank_key());
    }
    if let Some(code) = shop.refusals.pop_front() {
        return Ok(refused(&[error(&[], &code, words_of(&code))]));
    }
    let done = once(shop, (key, "inventorySetQuantities"), arguments, |shop| set(shop, arguments, key));
    Ok(done.unwrap_or_else(|why| refused(&[error(&[], why.code, why.message)])))
}

fn words_of(code: &str) -> &'static str {
    match code {
        "IDEMPOTENCY_CONCURRENT_REQUEST" => {
            "Another request with this idempotency key is in progress. Please retry."
        }
        "CHANGE_FROM_QUANTITY_STALE" => {
            "The changeFromQuantity argument no longer matches the persisted quantity."
        }
        "NON_MUTABLE_INVENTORY_ITEM" => "The specified inventory item is not allowed to be adjusted via API.",
        _ => "The quantity could not be set.",
    }
}

fn error(field: &[&str], code: &str, message: &str) -> Value {
    let field: Vec<&str> = std::iter::once("input").chain(field.iter().copied()).collect();
    json!({ "field": field, "code": code, "message": message })
}

fn refused(errors: &[Value]) -> Value {
    json!({ "inventoryAdjustmentGroup": null, "userErrors": errors })
}

fn set(shop: &mut Shop, arguments: &Map<String, Value>, key: &str) -> Value {
    let input = arguments.get("input").and_then(Value::as_object).cloned().unwrap_or_default();
    let name = text(&input, "name").unwrap_or_default();
    let rows: Vec<Row> =
        input.get("quantities").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    let mut errors = wrong_heads(&input);
    let mut pairs = HashSet::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some((field, code, message)) = wrong_row(shop, row, name, &mut pairs) {
            errors.push(error(&["quantities", &at.to_string(), field], code, message));
        }
    }
    // A poison item spoils the call only when nothing else is wrong with it.
    if errors.is_empty() {
        errors.extend(rows.iter().enumerate().filter_map(|(at, row)| poisoned(shop, at, row)));
    }
    if errors.is_empty() { apply(shop, &rows, name, key) } else { refused(&errors) }
}

fn row(given: &Value) -> Row {
    let id = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    let ids = (id("inventoryItemId"), id("locationId"));
    Row {
        item: number_of("InventoryItem", &ids.0),
        location: number_of("Location", &ids.1),
        quantity: given["quantity"].as_i64().unwrap_or_default(),
        from: given["changeFromQuantity"].as_i64(),
        ids,
    }
}

fn wrong_heads(input: &Map<String, Value>) -> Vec<Value> {
    let mut errors = Vec::new();
    if !matches!(text(input, "name"), Some("available" | "on_hand")) {
        errors.push(error(
            &["name"],
            "INVALID_NAME",
            "The quantity name must be either 'available' or 'on_hand'.",
        ));
    }
    if !text(input, "reason").is_some_and(|reason| REASONS.contains(&reason)) {
        errors.push(error(&["reason"], "INVALID_REASON", "The specified reason is invalid."));
    }
    if text(input, "referenceDocumentUri").is_some_and(|uri| !uri.contains("://")) {
        let why = "The specified reference document is invalid.";
        errors.push(error(&["referenceDocumentUri"], "INVALID_REFERENCE_DOCUMENT", why));
    }
    errors
}

type Wrong = (&'static str, &'static str, &'static str);

fn wrong_row(shop: &Shop, row: &Row, name: &str, pairs: &mut HashSet<(String, String)>) -> Option<Wrong> {
    if !pairs.insert(row.ids.clone()) {
        let why = "The combination of inventoryItemId and locationId must be unique.";
        return Some(("locationId", "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", why));
    }
    if row.quantity > MOST {
        return Some((
            "quantity",
            "INVALID_QUANTITY_TOO_HIGH",
            "The quantity can't be higher than 1,000,000,000.",
        ));
    }
    if row.quantity < -MOST {
        return Some((
            "quantity",
            "INVALID_QUANTITY_TOO_LOW",
            "The quantity can't be lower than -1,000,000,000.",
        ));
    }
    let Some(variant) = row.item.and_then(|item| shop.docs.goods.of_item(item)) else {
        let why = "The specified inventory item could not be found.";
        return Some(("inventoryItemId", "INVALID_INVENTORY_ITEM", why));
    };
    let Some(at) = row.location.and_then(|location| shop.docs.goods.place_at(location)) else {
        return Some(("locationId", "INVALID_LOCATION", "The specified location could not be found."));
    };
    if variant.bundle {
        return Some((
            "inventoryItemId",
            "NON_MUTABLE_INVENTORY_ITEM",
            words_of("NON_MUTABLE_INVENTORY_ITEM"),
        ));
    }
    let stands = Shop::quantity(variant.levels.get(at)?, name);
    if row.from.is_some_and(|from| from != stands) {
        let code = "CHANGE_FROM_QUANTITY_STALE";
        return Some(("changeFromQuantity", code, words_of(code)));
    }
    None
}

fn poisoned(shop: &Shop, at: usize, row: &Row) -> Option<Value> {
    let poison = shop.poison.get(&row.item?)?;
    let row = at.to_string();
    let field: &[&str] =
        if poison.tells_row { &["quantities", &row, "inventoryItemId"] } else { &["quantities"] };
    Some(error(field, &poison.code, words_of(&poison.code)))
}

/// A write to an inactive level succeeds, and the item is not stocked there all the same (Shopify changelog
/// "removal of ITEM_NOT_STOCKED_AT_LOCATION").
fn apply(shop: &mut Shop, rows: &[Row], name: &str, key: &str) -> Value {
    let at = shop.core.clock.now();
    let mut changed = false;
    for row in rows {
        let (Some(item), Some(location)) = (row.item, row.location) else {
            continue;
        };
        let Some(before) = shop.set_level(item, location, name, row.quantity) else {
            continue;
        };
        changed |= before != row.quantity;
        let (name, key) = (name.to_owned(), key.to_owned());
        let write = InventoryWrite { item, location, name, quantity: row.quantity, before, key, at };
        shop.inventory_writes.push(write);
    }
    // Nothing changed makes no group.
    let group = changed.then(|| {
        let id = gid("InventoryAdjustmentGroup", shop.ids.take());
        json!({ "__typename": "InventoryAdjustmentGroup", "id": id })
    });
    json!({ "inventoryAdjustmentGroup": group, "userErrors": [] })
}

/// Stocks an item at a location. Its errors have no codes, those about the key neither.
pub(super) fn activate(
    shop: &mut Shop,
    arguments: &Map<String, Value>,
    key: &str,
) -> Result<Value, RootError> {
    if key.trim().is_empty() {
        return Err(blank_key());
    }
    let refuse = |field: Value, message: &str| json!({ "inventoryLevel": null, "userErrors": [{ "field": field, "message": message }] });
    let act = |shop: &mut Shop| {
        let item = text(arguments, "inventoryItemId").and_then(|id| number_of("InventoryItem", id));
        let location = text(arguments, "locationId").and_then(|id| number_of("Location", id));
        let Some(item) = item.filter(|item| shop.docs.goods.of_item(*item).is_some()) else {
            return refuse(
                json!(["inventoryItemId"]),
                "The product couldn't be stocked because it wasn't found.",
            );
        };
        let Some(level) = location.and_then(|location| shop.level_gid_at(item, location)) else {
            let why = "The product couldn't be stocked because the location wasn't found.";
            return refuse(json!(["locationId"]), why);
        };
        let location = location.unwrap_or_default();
        if shop.docs.goods.places.iter().any(|place| place.id == location && !place.active) {
            let why = "The product couldn't be stocked because the location isn't active.";
            return refuse(json!(["locationId"]), why);
        }
        let was_active = shop.docs.get(&level).is_some_and(|found| found["isActive"] == json!(true));
        shop.set_level_active(item, location, true);
        // Quantities count only for a level that was not active (Shopify changelog, 2024-10).
        let sent = [("available", "available"), ("onHand", "on_hand")];
        for (argument, name) in sent.into_iter().filter(|_| !was_active) {
            if let Some(quantity) = arguments.get(argument).and_then(Value::as_i64) {
                shop.set_level(item, location, name, quantity);
            }
        }
        json!({ "inventoryLevel": reference(&level), "userErrors": [] })
    };
    let done = once(shop, (key, "inventoryActivate"), arguments, act);
    Ok(done.unwrap_or_else(|why| refuse(Value::Null, why.message)))
}
