//! Webhook subscriptions: which topics point where.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ports::{Answer, Subscribed};
use url::Url;

use crate::transport::Transport;
use crate::wire::{Connection, Operation, UserError, garbled, refused};

const PAGE: u32 = 100;

/// The topics a store listens to, with the members its bodies are trimmed to: ids and times, so that no personal
/// data is sent to us that we would only drop. `updated_at` must stay in: deliveries with equal bodies within a
/// short time are merged by Shopify. No list means the whole body.
pub const TOPICS: [(&str, &[&str]); 13] = [
    ("orders/create", ORDER),
    ("orders/updated", ORDER),
    ("orders/paid", ORDER),
    ("orders/fulfilled", ORDER),
    ("orders/cancelled", ORDER),
    ("orders/edited", &[]),
    ("refunds/create", &["id", "order_id", "created_at"]),
    ("products/create", PRODUCT),
    ("products/update", PRODUCT),
    ("products/delete", &[]),
    ("inventory_levels/update", &["inventory_item_id", "location_id", "available", "updated_at"]),
    ("app/uninstalled", &[]),
    ("app/scopes_update", &[]),
];
const PRODUCT: &[&str] = &["id", "admin_graphql_api_id", "updated_at"];
const ORDER: &[&str] = &["id", "admin_graphql_api_id", "created_at", "updated_at"];

/// `orders/create` as GraphQL writes it, `ORDERS_CREATE`.
fn graphql_topic(topic: &str) -> String {
    topic.replace('/', "_").to_ascii_uppercase()
}

pub(crate) struct ListSubscriptions;

impl Operation for ListSubscriptions {
    const NAME: &'static str = "WebhookSubscriptions";
    const TEXT: &'static str = include_str!("../operations/webhook_subscriptions.graphql");
    type Variables = ListVariables;
    type Data = ListData;
}

#[derive(Serialize)]
pub(crate) struct ListVariables {
    first: u32,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListData {
    webhook_subscriptions: Connection<Subscription>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    id: String,
    topic: String,
    uri: String,
    format: String,
    include_fields: Vec<String>,
    filter: Option<String>,
}

impl Subscription {
    /// Whether it delivers what we would ask for; a filter or another format would keep things from us.
    fn serves(&self, fields: &[&str]) -> bool {
        self.format == "JSON" && self.filter.as_deref().is_none_or(str::is_empty) && self.covers(fields)
    }

    fn covers(&self, fields: &[&str]) -> bool {
        self.include_fields.is_empty()
            || (!fields.is_empty() && fields.iter().all(|f| self.include_fields.iter().any(|i| i == f)))
    }
}

pub(crate) struct CreateSubscription;

impl Operation for CreateSubscription {
    const NAME: &'static str = "WebhookSubscriptionCreate";
    const TEXT: &'static str = include_str!("../operations/webhook_subscription_create.graphql");
    const CHANGES: bool = true;
    type Variables = CreateVariables;
    type Data = CreateData;
}

#[derive(Serialize)]
pub(crate) struct CreateVariables {
    topic: String,
    subscription: SubscriptionInput,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionInput {
    uri: String,
    format: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include_fields: &'static [&'static str],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateData {
    webhook_subscription_create: Option<CreatePayload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatePayload {
    webhook_subscription: Option<Created>,
    user_errors: Vec<UserError>,
}

#[derive(Debug, Deserialize)]
struct Created {
    uri: String,
}

pub(crate) struct DeleteSubscription;

impl Operation for DeleteSubscription {
    const NAME: &'static str = "WebhookSubscriptionDelete";
    const TEXT: &'static str = include_str!("../operations/webhook_subscription_delete.graphql");
    const CHANGES: bool = true;
    type Variables = DeleteVariables;
    type Data = DeleteData;
}

#[derive(Serialize)]
pub(crate) struct DeleteVariables {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteData {
    webhook_subscription_delete: Option<DeletePayload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletePayload {
    deleted_webhook_subscription_id: Option<String>,
    user_errors: Vec<UserError>,
}

/// Makes every topic point to `address`; safe to repeat, and to go on after a part was done. Subscriptions to other
/// addresses are left alone, even on our own path: they may belong to another installation with the same app.
pub(crate) async fn subscribe(transport: &Transport, address: &Url) -> Answer<Subscribed> {
    let standing = list(transport).await?;
    let mut outcome = Subscribed { made: Vec::new(), kept: Vec::new(), refused: Vec::new() };
    for (topic, fields) in TOPICS {
        let name = graphql_topic(topic);
        let here: Vec<&Subscription> =
            standing.iter().filter(|s| s.topic == name && s.uri == address.as_str()).collect();
        if here.iter().any(|s| s.serves(fields)) {
            outcome.kept.push(topic.to_owned());
            continue;
        }
        // Shopify refuses a second subscription of a topic to the same address: one that keeps something from us
        // goes first. What falls between is found by the sweep.
        for blind in here {
            delete(transport, &blind.id).await?;
        }
        match create(transport, name, fields, address).await {
            Ok(()) => outcome.made.push(topic.to_owned()),
            Err(Failure { kind: FailureKind::Refused(_), message, .. }) => {
                outcome.refused.push((topic.to_owned(), message));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(outcome)
}

/// Removes every subscription that points to `address`, whatever its topic.
pub(crate) async fn unsubscribe(transport: &Transport, address: &Url) -> Answer<()> {
    for subscription in list(transport).await?.iter().filter(|s| s.uri == address.as_str()) {
        delete(transport, &subscription.id).await?;
    }
    Ok(())
}

async fn list(transport: &Transport) -> Answer<Vec<Subscription>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let variables = ListVariables { first: PAGE, after: after.clone() };
        let page = transport.call::<ListSubscriptions>(&variables).await?.data.webhook_subscriptions;
        all.extend(page.nodes);
        match page.page_info.next(ListSubscriptions::NAME, after.as_deref())? {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

async fn create(
    transport: &Transport,
    topic: String,
    include_fields: &'static [&'static str],
    address: &Url,
) -> Answer<()> {
    let subscription = SubscriptionInput { uri: address.to_string(), format: "JSON", include_fields };
    let data = transport.call::<CreateSubscription>(&CreateVariables { topic, subscription }).await?.data;
    let payload = data.webhook_subscription_create.ok_or_else(|| empty(CreateSubscription::NAME))?;
    refused(CreateSubscription::NAME, &payload.user_errors)?;
    match payload.webhook_subscription {
        Some(created) if created.uri == address.as_str() => Ok(()),
        Some(_) => Err(garbled(CreateSubscription::NAME, "the subscription was made for another address")),
        None => Err(empty(CreateSubscription::NAME)),
    }
}

async fn delete(transport: &Transport, id: &str) -> Answer<()> {
    let data = transport.call::<DeleteSubscription>(&DeleteVariables { id: id.to_owned() }).await?.data;
    let payload = data.webhook_subscription_delete.ok_or_else(|| empty(DeleteSubscription::NAME))?;
    // Somebody else (or a lost attempt of ours) deleted it: what we wanted stands.
    if payload.user_errors.iter().any(|e| e.message.to_ascii_lowercase().contains("does not exist")) {
        return Ok(());
    }
    refused(DeleteSubscription::NAME, &payload.user_errors)?;
    payload.deleted_webhook_subscription_id.map(drop).ok_or_else(|| empty(DeleteSubscription::NAME))
}

/// A mutation that answers neither a result nor an error: nobody knows.
fn empty(call: &'static str) -> Failure {
    Failure::new(
        Remote::Shopify,
        FailureKind::Unanswered,
        call,
        "the answer holds neither a result nor an error",
    )
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn standing(fields: &[&str], format: &str, filter: Option<&str>) -> Subscription {
        Subscription {
            id: "gid://shopify/WebhookSubscription/1".to_owned(),
            topic: "ORDERS_CREATE".to_owned(),
            uri: "https://here.test/webhooks/shopify/acme".to_owned(),
            format: format.to_owned(),
            include_fields: fields.iter().map(|f| (*f).to_owned()).collect(),
            filter: filter.map(str::to_owned),
        }
    }

    #[test]
    fn a_subscription_serves_only_if_nothing_is_kept_from_us() {
        assert!(standing(ORDER, "JSON", None).serves(ORDER));
        assert!(standing(&[], "JSON", Some("")).serves(ORDER), "the whole body holds them");
        assert!(!standing(&["id"], "JSON", None).serves(ORDER));
        assert!(!standing(ORDER, "JSON", None).serves(&[]), "a trimmed body where the whole is wanted");
        assert!(!standing(ORDER, "JSON", Some("total_price:>=10")).serves(ORDER));
        assert!(!standing(ORDER, "XML", None).serves(ORDER));
    }
}
