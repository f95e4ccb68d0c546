//! Root fields of a query.

use serde_json::{Map, Value, json};

use super::RootError;
use super::arguments::{flag, text};
use super::search::Search;
use crate::shopify::docs::{gid, reference};
use crate::shopify::order::Order;
use crate::shopify::shop::Shop;

pub(super) fn resolve(
    shop: &mut Shop,
    field: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, RootError> {
    match field {
        "shop" => Ok(reference(&gid("Shop", 60_000_000_000 + shop.number))),
        "currentAppInstallation" => Ok(installation(shop)),
        "order" => {
            let found = one(shop, "Order", arguments);
            let id =
                text(arguments, "id").and_then(|id| id.rsplit('/').next()).and_then(|id| id.parse().ok());
            let order = id.and_then(|id: u64| shop.orders.get(&id));
            Ok(if order.is_some_and(|order| is_in_reach(shop, order)) { found } else { Value::Null })
        }
        "orders" => orders(shop, arguments),
        "products" => {
            let ids = shop.product_ids.clone();
            Ok(listed(shop, &ids, arguments, |product| product["id"].clone()))
        }
        "product" => Ok(one(shop, "Product", arguments)),
        "productVariant" => Ok(one(shop, "ProductVariant", arguments)),
        "inventoryItem" => Ok(one(shop, "InventoryItem", arguments)),
        "location" => Ok(one(shop, "Location", arguments)),
        "locations" => {
            let ids = shop.location_ids.clone();
            let inactive_too = flag(arguments, "includeInactive");
            let ids: Vec<String> = ids
                .into_iter()
                .filter(|id| {
                    let active = shop.docs.get(id).is_some_and(|found| found["isActive"] == json!(true));
                    inactive_too || active
                })
                .collect();
            Ok(listed(shop, &ids, arguments, |location| location["name"].clone()))
        }
        "webhookSubscriptions" => Ok(subscriptions(shop, arguments)),
        "bulkOperation" => Ok(bulk_operation(shop, arguments)),
        other => Err(RootError::new("INTERNAL_SERVER_ERROR", format!("{other} is not simulated"))),
    }
}

/// A single object by id; null for an id of another kind or of nothing.
fn one(shop: &Shop, kind: &str, arguments: &Map<String, Value>) -> Value {
    let id = text(arguments, "id").unwrap_or_default();
    let of_kind = id.starts_with(&format!("gid://shopify/{kind}/"));
    if of_kind && shop.docs.get(id).is_some() { reference(id) } else { Value::Null }
}

fn installation(shop: &Shop) -> Value {
    let scopes: Vec<Value> = shop.spec.scopes.iter().map(|scope| json!({ "handle": scope })).collect();
    json!({
        "__typename": "AppInstallation",
        "id": gid("AppInstallation", 500_000_000 + shop.number),
        "accessScopes": scopes,
    })
}

fn orders(shop: &Shop, arguments: &Map<String, Value>) -> Result<Value, RootError> {
    let sort = text(arguments, "sortKey").unwrap_or("PROCESSED_AT");
    let key = match sort {
        "UPDATED_AT" => "updatedAt",
        "CREATED_AT" => "createdAt",
        "PROCESSED_AT" => "processedAt",
        "ID" => "id",
        "ORDER_NUMBER" => "name",
        other => {
            let why = format!("orders sorted by {other} are not simulated");
            return Err(RootError::new("INTERNAL_SERVER_ERROR", why));
        }
    };
    let seen = shop.orders.values().filter(|order| is_in_reach(shop, order));
    let ids: Vec<String> = seen.map(|order| gid("Order", order.id)).collect();
    Ok(listed(shop, &ids, arguments, |order| order[key].clone()))
}

/// Without `read_all_orders` an app sees the orders of the last 60 days alone.
fn is_in_reach(shop: &Shop, order: &Order) -> bool {
    let oldest = shop.core.clock.now() - jiff::SignedDuration::from_hours(60 * 24);
    order.created_at >= oldest || shop.has_scope("read_all_orders")
}

/// References to those of `ids` that fit the search, each with its sort key, in order.
fn listed(
    shop: &Shop,
    ids: &[String],
    arguments: &Map<String, Value>,
    key: impl Fn(&Value) -> Value,
) -> Value {
    let search = Search::parse(text(arguments, "query").unwrap_or_default());
    let mut found: Vec<(String, &String)> = ids
        .iter()
        .filter_map(|id| Some((id, shop.docs.get(id)?)))
        .filter(|(_, document)| search.fits(document))
        .map(|(id, document)| (key(document).as_str().unwrap_or_default().to_owned(), id))
        .collect();
    found.sort();
    if flag(arguments, "reverse") {
        found.reverse();
    }
    found.into_iter().map(|(key, id)| json!({ "$ref": id, "$key": key })).collect()
}

fn subscriptions(shop: &Shop, arguments: &Map<String, Value>) -> Value {
    let topics = arguments.get("topics").and_then(Value::as_array);
    shop.subscriptions
        .values()
        .filter(|found| topics.is_none_or(|topics| topics.contains(&json!(found.topic))))
        .filter(|found| text(arguments, "uri").is_none_or(|uri| uri == found.uri))
        .map(|found| found.document())
        .collect()
}

fn bulk_operation(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let id = text(arguments, "id").unwrap_or_default();
    let number = id.strip_prefix("gid://shopify/BulkOperation/").and_then(|number| number.parse().ok());
    let now = shop.stamp();
    let polls = shop.bulk_polls;
    let Some(job) = number.and_then(|number: u64| shop.bulk.get_mut(&number)) else {
        return Value::Null;
    };
    job.polled(polls, now);
    job.document()
}
