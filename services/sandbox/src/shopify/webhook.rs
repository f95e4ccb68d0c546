//! Webhook subscriptions, signatures and names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::API_VERSION;
use super::docs::gid;

/// A shop-specific subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    /// GraphQL's name, such as `ORDERS_CREATE`.
    pub(crate) topic: String,
    pub(crate) uri: String,
    pub(crate) name: Option<String>,
    pub(crate) include_fields: Vec<String>,
    pub(crate) filter: Option<String>,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
}

impl Subscription {
    pub(crate) fn document(&self) -> Value {
        let id = gid("WebhookSubscription", self.id);
        json!({
            "__typename": "WebhookSubscription",
            "id": id,
            "topic": self.topic,
            "uri": self.uri,
            "name": self.name,
            "format": "JSON",
            "includeFields": self.include_fields,
            "filter": self.filter,
            "apiVersion": { "handle": API_VERSION, "displayName": API_VERSION, "supported": true },
        })
    }

    /// The body this subscription asked for.
    pub(crate) fn trim(&self, body: &Value) -> Value {
        let Some(whole) = body.as_object().filter(|_| !self.include_fields.is_empty()) else {
            return body.clone();
        };
        let kept: Map<String, Value> = whole
            .iter()
            .filter(|(key, _)| self.include_fields.contains(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Value::Object(kept)
    }
}

/// Something that happened in a shop and may be told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// GraphQL's name of the topic.
    pub(crate) topic: &'static str,
    pub(crate) body: Value,
    pub(crate) at: Timestamp,
    /// One for all topics of one action.
    pub(crate) action: u64,
}

/// `ORDERS_CREATE` → `orders/create`; the last word is the action, the rest the resource. Topics whose
/// action has two words are listed.
pub(crate) fn header_topic(topic: &str) -> String {
    let lower = topic.to_lowercase();
    for action in ["partially_fulfilled", "scopes_update"] {
        if let Some(resource) = lower.strip_suffix(action) {
            return format!("{}/{action}", resource.trim_end_matches('_'));
        }
    }
    match lower.rsplit_once('_') {
        Some((resource, action)) => format!("{resource}/{action}"),
        None => lower,
    }
}

/// The scope a topic needs; `None` for topics anyone may have.
pub(crate) fn scope_of(topic: &str) -> Option<&'static str> {
    let starts = |prefix: &str| topic.starts_with(prefix);
    if starts("FULFILLMENTS_") {
        Some("read_fulfillments")
    } else if starts("ORDERS_") || starts("REFUNDS_") || starts("ORDER_TRANSACTIONS_") {
        Some("read_orders")
    } else if starts("PRODUCTS_") {
        Some("read_products")
    } else if starts("INVENTORY_") {
        Some("read_inventory")
    } else if starts("CUSTOMERS_") {
        Some("read_customers")
    } else if starts("LOCATIONS_") {
        Some("read_locations")
    } else {
        None
    }
}

/// Shopify takes https alone; a loopback address stands in for it here.
pub(crate) fn acceptable_uri(uri: &str) -> bool {
    let Ok(parsed) = reqwest::Url::parse(uri) else {
        return false;
    };
    let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    parsed.scheme() == "https" || (parsed.scheme() == "http" && loopback)
}

/// base64(HMAC-SHA256(client secret, raw body)).
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so the error cannot come up.
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(body);
            STANDARD.encode(mac.finalize().into_bytes())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{acceptable_uri, header_topic, sign};

    #[test]
    fn the_signature_is_the_known_answer() {
        // RFC 4231, test case 2, in base64.
        let signature = sign("Jefe", b"what do ya want for nothing?");
        assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn topics_are_written_as_the_header_writes_them() {
        assert_eq!(header_topic("ORDERS_CREATE"), "orders/create");
        assert_eq!(header_topic("BULK_OPERATIONS_FINISH"), "bulk_operations/finish");
        assert_eq!(header_topic("ORDERS_PARTIALLY_FULFILLED"), "orders/partially_fulfilled");
    }

    #[test]
    fn an_address_outside_must_be_https() {
        assert!(
            acceptable_uri("https://sync.example.test/webhooks") && acceptable_uri("http://127.0.0.1:80/x")
        );
        assert!(!acceptable_uri("http://sync.example.test/webhooks") && !acceptable_uri("pubsub"));
    }
}
