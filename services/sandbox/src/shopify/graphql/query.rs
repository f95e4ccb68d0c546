//! Root fields of a query.

use serde_json::{Map, Value, json};

use super::RootError;
use super::arguments::{flag, text};
use super::search::Search;
use crate::shopify::docs::{gid, number_of, reference};
use crate::shopify::goods::Product;
use crate::shopify::order::Order;
use crate::shopify::order_doc::instant;
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
        "products" => products(shop, arguments),
        "product" => Ok(one(shop, "Product", arguments)),
        "productByIdentifier" => Ok(identified(shop, arguments)),
        "productVariants" => Ok(variants(shop, arguments)),
        "nodes" => Ok(nodes(shop, arguments)),
        "productVariant" => Ok(one(shop, "ProductVariant", arguments)),
        "inventoryItem" => Ok(one(shop, "InventoryItem", arguments)),
        "location" => Ok(one(shop, "Location", arguments)),
        "locations" => {
            let inactive_too = flag(arguments, "includeInactive");
            let places = shop.docs.goods.places.iter().filter(|place| inactive_too || place.active);
            let ids: Vec<String> = places.map(|place| gid("Location", place.id)).collect();
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
    if of_kind && shop.docs.knows(id) { reference(id) } else { Value::Null }
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
    let found = ids
        .iter()
        .filter_map(|id| Some((id, shop.docs.get(id)?)))
        .filter(|(_, document)| search.fits(document))
        .map(|(id, document)| (key(&document).as_str().unwrap_or_default().to_owned(), id.clone()))
        .collect();
    in_order(found, arguments)
}

/// Sort keys and ids as references, in order.
fn in_order(mut found: Vec<(String, String)>, arguments: &Map<String, Value>) -> Value {
    found.sort();
    if flag(arguments, "reverse") {
        found.reverse();
    }
    found.into_iter().map(|(key, id)| json!({ "$ref": id, "$key": key })).collect()
}

fn products(shop: &Shop, arguments: &Map<String, Value>) -> Result<Value, RootError> {
    let sort = text(arguments, "sortKey").unwrap_or("ID");
    let key = |product: &Product| match sort {
        "UPDATED_AT" => Some(instant(product.updated_at)),
        "CREATED_AT" => Some(instant(product.created_at)),
        "TITLE" => Some(product.title.to_string()),
        // Of one length, so that texts sort like numbers.
        "ID" => Some(format!("{:020}", product.id)),
        _ => None,
    };
    let search = Search::parse(text(arguments, "query").unwrap_or_default());
    let mut found = Vec::new();
    for product in shop.docs.goods.products.values().filter(|product| search.fits_product(product)) {
        let Some(key) = key(product) else {
            let why = format!("products sorted by {sort} are not simulated");
            return Err(RootError::new("INTERNAL_SERVER_ERROR", why));
        };
        found.push((key, gid("Product", product.id)));
    }
    Ok(in_order(found, arguments))
}

fn variants(shop: &Shop, arguments: &Map<String, Value>) -> Value {
    let search = Search::parse(text(arguments, "query").unwrap_or_default());
    let found = search.variants(&shop.docs.goods, shop.core.clock.now());
    let keyed = found.into_iter().map(|id| (format!("{id:020}"), gid("ProductVariant", id))).collect();
    in_order(keyed, arguments)
}

fn identified(shop: &Shop, arguments: &Map<String, Value>) -> Value {
    let by = |name: &str| arguments.get("identifier").and_then(|identifier| identifier[name].as_str());
    let found = match (by("handle"), by("id")) {
        (Some(handle), _) => shop.docs.goods.by_handle(handle).map(|id| gid("Product", id)),
        (None, Some(id)) => number_of("Product", id).and_then(|id| shop.product_gid(id)),
        (None, None) => None,
    };
    found.map_or(Value::Null, |id| reference(&id))
}

/// Null in the place of what is not there.
fn nodes(shop: &Shop, arguments: &Map<String, Value>) -> Value {
    let ids = arguments.get("ids").and_then(Value::as_array);
    let found = ids.into_iter().flatten().filter_map(Value::as_str);
    found.map(|id| if shop.docs.knows(id) { reference(id) } else { Value::Null }).collect()
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
    let (document, revoked) = (job.document(), job.revokes_tokens());
    if revoked {
        shop.tokens.clear();
        shop.spec.legacy_token = None;
    }
    document
}
