//! What a delivery says: its headers, and the ids in its body.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shopbeat_domain::ids::{BulkId, DeliveryId, InventoryItemId, LocationId, OrderId, ProductId, ShopDomain};

const TOPIC: &str = "x-shopify-topic";
const SHOP: &str = "x-shopify-shop-domain";
const DELIVERY: &str = "x-shopify-webhook-id";
const EVENT: &str = "x-shopify-event-id";
const TRIGGERED_AT: &str = "x-shopify-triggered-at";
const API_VERSION: &str = "x-shopify-api-version";
/// No topic is longer.
const LONGEST_HEADER: usize = 256;

/// What is wrong with a delivery that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header that every delivery has is missing or not what it should be.
    #[error("header {0} is missing or malformed")]
    Header(&'static str),
    /// The body is no JSON object, or the id that its topic carries is not in it.
    #[error("the body of a {topic} delivery does not name its {wanted}")]
    Body {
        /// The topic.
        topic: String,
        /// What should have been named.
        wanted: &'static str,
    },
}

/// The headers of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `orders/create` and so on.
    pub topic: String,
    /// The shop it came from.
    pub shop: ShopDomain,
    /// Unique per delivery and subscription: the key by which a repeat is known.
    pub delivery: DeliveryId,
    /// The same for all deliveries of one action of the merchant: for correlation only.
    pub event: Option<String>,
    /// When the action happened.
    pub triggered_at: Option<Timestamp>,
    /// The version the payload is written in; may differ from ours.
    pub api_version: Option<String>,
}

impl Headers {
    /// Reads the headers (call it only after the signature was found good).
    ///
    /// # Errors
    /// When topic, shop or delivery id are missing or malformed.
    pub fn parse(headers: &HeaderMap) -> Result<Self, Malformed> {
        let topic = text(headers, TOPIC).filter(|t| is_topic(t)).ok_or(Malformed::Header(TOPIC))?;
        let shop =
            text(headers, SHOP).and_then(|t| ShopDomain::parse(t).ok()).ok_or(Malformed::Header(SHOP))?;
        let delivery = text(headers, DELIVERY)
            .and_then(|t| DeliveryId::parse(t).ok())
            .ok_or(Malformed::Header(DELIVERY))?;
        Ok(Self {
            topic: topic.to_owned(),
            shop,
            delivery,
            event: text(headers, EVENT).map(str::to_owned),
            triggered_at: text(headers, TRIGGERED_AT).and_then(|t| t.parse().ok()),
            api_version: text(headers, API_VERSION).map(str::to_owned),
        })
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|t| !t.is_empty() && t.len() <= LONGEST_HEADER)
}

fn is_topic(topic: &str) -> bool {
    topic.contains('/') && topic.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'/')
}

/// What a delivery tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An order, or something that belongs to it (a refund, a fulfilment, a payment).
    Order(OrderId),
    /// A product.
    Product(ProductId),
    /// A quantity at a location. Fires for every order and for our own writes, too.
    Level {
        /// The inventory item.
        inventory_item: InventoryItemId,
        /// The location.
        location: LocationId,
        /// What can be sold; `None` where the item is not stocked.
        available: Option<i64>,
    },
    /// A bulk operation that ended, well or badly.
    Bulk(BulkId),
    /// The app was uninstalled; the token is dead already.
    Uninstalled,
    /// The granted scopes changed.
    ScopesChanged,
    /// A topic nobody here listens to.
    Unknown,
}

/// The part of a body that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it tells of.
    pub subject: Subject,
    /// When the order or product itself last changed, where the body says so: deliveries come in any order.
    pub updated_at: Option<Timestamp>,
}

impl Payload {
    /// Reads the ids that deliveries of this topic carry; whatever else is in the body is skipped unread. Numbers
    /// above 2^53 stay exact. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// When the id that the topic carries is not there.
    pub fn parse(topic: &str, body: &[u8]) -> Result<Self, Malformed> {
        let bad = |wanted| Malformed::Body { topic: topic.to_owned(), wanted };
        let (family, _) = topic.split_once('/').unwrap_or((topic, ""));
        let wanted = match (family, topic) {
            (_, "app/uninstalled") => return Ok(Self { subject: Subject::Uninstalled, updated_at: None }),
            (_, "app/scopes_update") => {
                return Ok(Self { subject: Subject::ScopesChanged, updated_at: None });
            }
            ("orders" | "refunds" | "fulfillments" | "order_transactions", _) => "order",
            ("products", _) => "product",
            (_, "inventory_levels/update") => "inventory item",
            (_, "bulk_operations/finish") => "bulk operation",
            _ => return Ok(Self { subject: Subject::Unknown, updated_at: None }),
        };
        let body = Body::read(body).ok_or_else(|| bad(wanted))?;
        let subject = match wanted {
            "product" => {
                body.own(|t| ProductId::parse_gid(t).ok().map(|id| id.0)).map(ProductId).map(Subject::Product)
            }
            "inventory item" => body.level(),
            "bulk operation" => {
                body.own(|t| BulkId::parse_gid(t).ok().map(|id| id.0)).map(BulkId).map(Subject::Bulk)
            }
            _ => body.order(family, topic).map(OrderId).map(Subject::Order),
        };
        // Of a refund or a fulfilment it would be that thing's time, not the order's.
        let own_time = matches!(family, "orders" | "products");
        let updated_at = body.updated_at.text().filter(|_| own_time).and_then(|t| t.parse().ok());
        Ok(Self { subject: subject.ok_or_else(|| bad(wanted))?, updated_at })
    }
}

/// The few members that are read. Any of them may be of a wrong type: it is then as good as missing.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    id: Loose,
    #[serde(default)]
    admin_graphql_api_id: Loose,
    #[serde(default)]
    order_id: Loose,
    #[serde(default)]
    updated_at: Loose,
    #[serde(default)]
    order_edit: Edit,
    #[serde(default)]
    inventory_item_id: Loose,
    #[serde(default)]
    location_id: Loose,
    #[serde(default)]
    available: Signed,
}

/// A quantity: may be below zero.
#[derive(Deserialize)]
#[serde(untagged)]
enum Signed {
    Number(i64),
    Else(IgnoredAny),
}

impl Default for Signed {
    fn default() -> Self {
        Self::Else(IgnoredAny)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u64),
    Text(String),
    Else(IgnoredAny),
}

impl Default for Loose {
    fn default() -> Self {
        Self::Else(IgnoredAny)
    }
}

impl Loose {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Else(_) => None,
        }
    }

    fn id(&self, parse_gid: impl Fn(&str) -> Option<u64>) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => parse_gid(text).or_else(|| text.parse().ok()),
            Self::Else(_) => None,
        }
        .filter(|id| *id != 0)
    }
}

/// `orders/edited` names its order one level down.
#[derive(Deserialize)]
#[serde(untagged)]
enum Edit {
    Of {
        #[serde(default)]
        order_id: Loose,
    },
    Else(IgnoredAny),
}

impl Default for Edit {
    fn default() -> Self {
        Self::Else(IgnoredAny)
    }
}

impl Body {
    fn read(bytes: &[u8]) -> Option<Self> {
        // An array would be taken for the members in order.
        let object = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        object.then(|| serde_json::from_slice(bytes).ok()).flatten()
    }

    /// The resource's own id: its GID where there is one, since the number may have gone through a float.
    fn own(&self, parse_gid: impl Fn(&str) -> Option<u64>) -> Option<u64> {
        let gid = self.admin_graphql_api_id.text().and_then(&parse_gid).filter(|id| *id != 0);
        gid.or_else(|| self.id.id(parse_gid))
    }
}

impl Body {
    fn level(&self) -> Option<Subject> {
        let inventory_item =
            self.inventory_item_id.id(|text| InventoryItemId::parse_gid(text).ok().map(|id| id.0))?;
        let location = self.location_id.id(|text| LocationId::parse_gid(text).ok().map(|id| id.0))?;
        let available = match self.available {
            Signed::Number(available) => Some(available),
            Signed::Else(_) => None,
        };
        let (inventory_item, location) = (InventoryItemId(inventory_item), LocationId(location));
        Some(Subject::Level { inventory_item, location, available })
    }

    fn order(&self, family: &str, topic: &str) -> Option<u64> {
        match (family, &self.order_edit) {
            ("orders", Edit::Of { order_id }) if topic == "orders/edited" => order_id.id(order_gid),
            ("orders", _) if topic == "orders/edited" => None,
            ("orders", _) => self.own(order_gid),
            _ => self.order_id.id(order_gid),
        }
    }
}

fn order_gid(text: &str) -> Option<u64> {
    OrderId::parse_gid(text).ok().map(|id| id.0)
}
