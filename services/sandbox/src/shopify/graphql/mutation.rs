//! Root fields of a mutation.

use serde_json::{Map, Value, json};

use super::arguments::text;
use super::{RootError, product_write, scopes, stock_write};
use crate::shopify::bulk;
use crate::shopify::docs::gid;
use crate::shopify::shop::Shop;
use crate::shopify::webhook::{Subscription, acceptable_uri, scope_of};

pub(super) fn resolve(
    shop: &mut Shop,
    field: &str,
    arguments: &Map<String, Value>,
    key: Option<&str>,
) -> Result<Value, RootError> {
    if let Some(scope) = scopes::to_write(field).filter(|scope| !shop.has_scope(scope)) {
        return Err(RootError::new("ACCESS_DENIED", scopes::refusal(field, scope)));
    }
    let key = key.unwrap_or_default();
    match field {
        "inventorySetQuantities" => stock_write::set_quantities(shop, arguments, key),
        "inventoryActivate" => stock_write::activate(shop, arguments, key),
        "productSet" => Ok(product_write::set(shop, arguments)),
        "productUpdate" => Ok(product_write::update(shop, arguments)),
        "productVariantsBulkUpdate" => Ok(product_write::update_variants(shop, arguments)),
        "webhookSubscriptionCreate" => Ok(create_subscription(shop, arguments)),
        "webhookSubscriptionDelete" => Ok(delete_subscription(shop, arguments)),
        "bulkOperationRunQuery" => Ok(bulk::start(shop, arguments)),
        "bulkOperationCancel" => Ok(bulk::cancel(shop, arguments)),
        other => Err(RootError::new("INTERNAL_SERVER_ERROR", format!("{other} is not simulated"))),
    }
}

fn user_error(field: &[&str], message: &str) -> Value {
    json!([{ "field": field, "message": message }])
}

fn create_subscription(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let refuse = |field: &[&str], message: &str| json!({ "webhookSubscription": null, "userErrors": user_error(field, message) });
    let topic = text(arguments, "topic").unwrap_or_default().to_owned();
    let input = arguments.get("webhookSubscription").and_then(Value::as_object);
    let input = input.cloned().unwrap_or_default();
    let uri = text(&input, "uri").or_else(|| text(&input, "callbackUrl")).unwrap_or_default().to_owned();
    if uri.is_empty() {
        return refuse(&["webhookSubscription", "uri"], "Address can't be blank");
    }
    if !acceptable_uri(&uri) {
        return refuse(&["webhookSubscription", "uri"], "Address is invalid");
    }
    if scope_of(&topic).is_some_and(|scope| !shop.has_scope(scope)) {
        let why = "You do not have permission to create or update webhooks with the given topic";
        return refuse(&["topic"], why);
    }
    if shop.subscriptions.values().any(|known| known.topic == topic && known.uri == uri) {
        let why = "Address for this topic has already been taken";
        return refuse(&["webhookSubscription", "uri"], why);
    }
    let id = shop.ids.take();
    let subscription = Subscription {
        id,
        topic,
        uri,
        name: text(&input, "name").map(ToOwned::to_owned),
        include_fields: input
            .get("includeFields")
            .and_then(Value::as_array)
            .map(|fields| fields.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
            .unwrap_or_default(),
        filter: text(&input, "filter").map(ToOwned::to_owned),
        failures: 0,
    };
    let document = subscription.document();
    shop.subscriptions.insert(id, subscription);
    json!({ "webhookSubscription": document, "userErrors": [] })
}

fn delete_subscription(shop: &mut Shop, arguments: &Map<String, Value>) -> Value {
    let id = text(arguments, "id").unwrap_or_default();
    let number =
        id.strip_prefix("gid://shopify/WebhookSubscription/").and_then(|number| number.parse::<u64>().ok());
    match number.and_then(|number| shop.subscriptions.remove(&number)) {
        Some(gone) => json!({
            "deletedWebhookSubscriptionId": gid("WebhookSubscription", gone.id),
            "userErrors": [],
        }),
        None => json!({
            "deletedWebhookSubscriptionId": null,
            "userErrors": user_error(&["id"], "Webhook subscription does not exist"),
        }),
    }
}
