//! What a delivery says: its headers, and the ids in its body.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shopbeat_domain::ids::{BulkId, DeliveryId, OrderId, ProductId, ShopDomain};

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
            (_, "bulk_operations/finish") => "bulk operation",
            _ => return Ok(Self { subject: Subject::Unknown, updated_at: None }),
        };
        let body = Body::read(body).ok_or_else(|| bad(wanted))?;
        let subject = match wanted {
            "product" => {
                body.own(|t| ProductId::parse_gid(t).ok().map(|id| id.0)).map(ProductId).map(Subject::Product)
            }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn headers_are_read_whatever_is_optional() {
        let read = Headers::parse(&headers(&[
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-shop-domain", "Acme.myshopify.com"),
            ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            ("x-shopify-triggered-at", "2026-03-29T18:00:27.877041743Z"),
        ]))
        .unwrap();
        assert_eq!(read.topic, "orders/create");
        assert_eq!(read.shop.as_str(), "acme.myshopify.com");
        assert!(read.triggered_at.is_some());
        assert_eq!((read.event, read.api_version), (None, None));
    }

    #[test]
    fn a_missing_or_odd_header_is_named() {
        let good = [
            ("x-shopify-topic", "orders/create"),
            ("x-shopify-shop-domain", "acme.myshopify.com"),
            ("x-shopify-webhook-id", "1"),
        ];
        for (name, odd) in [
            ("x-shopify-topic", "orders"),
            ("x-shopify-shop-domain", "evil.com"),
            ("x-shopify-webhook-id", "a b"),
        ] {
            let mut map = headers(&good);
            map.insert(name, odd.parse().unwrap());
            assert_eq!(Headers::parse(&map), Err(Malformed::Header(name)));
            map.remove(name);
            assert_eq!(Headers::parse(&map), Err(Malformed::Header(name)));
        }
    }

    fn subject(topic: &str, body: &str) -> Option<Subject> {
        Payload::parse(topic, body.as_bytes()).ok().map(|p| p.subject)
    }

    #[test]
    fn every_topic_names_its_order_in_its_own_place() {
        let order = Some(Subject::Order(OrderId(7)));
        assert_eq!(subject("orders/create", r#"{"id": 7, "email": "a@b.test"}"#), order);
        assert_eq!(
            subject("orders/updated", r#"{"admin_graphql_api_id": "gid://shopify/Order/7", "id": 8e0}"#),
            order
        );
        assert_eq!(subject("orders/edited", r#"{"order_edit": {"id": 1, "order_id": 7}}"#), order);
        assert_eq!(subject("refunds/create", r#"{"id": 1, "order_id": 7}"#), order);
        assert_eq!(subject("fulfillments/create", r#"{"id": 1, "order_id": 7}"#), order);
        assert_eq!(subject("products/delete", r#"{"id": 7}"#), Some(Subject::Product(ProductId(7))));
        let bulk = r#"{"admin_graphql_api_id": "gid://shopify/BulkOperation/7", "status": "completed"}"#;
        assert_eq!(subject("bulk_operations/finish", bulk), Some(Subject::Bulk(BulkId(7))));
        assert_eq!(subject("app/uninstalled", "not even json"), Some(Subject::Uninstalled));
        assert_eq!(subject("carts/update", "[]"), Some(Subject::Unknown));
    }

    #[test]
    fn ids_beyond_two_to_the_53_stay_exact() {
        let exact = Some(Subject::Order(OrderId(9_007_199_254_740_993)));
        assert_eq!(subject("orders/create", r#"{"id": 9007199254740993}"#), exact);
        assert_eq!(
            subject("orders/create", r#"{"id": 18446744073709551615}"#),
            Some(Subject::Order(OrderId(u64::MAX)))
        );
        assert_eq!(subject("orders/create", r#"{"id": 18446744073709551616}"#), None, "too large is no id");
    }

    #[test]
    fn a_body_without_its_id_is_refused() {
        for body in
            ["", "{", "[7]", "{}", "null", r#"{"id": -7}"#, r#"{"id": 0}"#, r#"{"id": 7.5}"#, r#"{"id": {}}"#]
        {
            assert_eq!(subject("orders/create", body), None, "{body}");
        }
        assert_eq!(subject("orders/edited", r#"{"id": 7, "order_edit": 3}"#), None);
        assert_eq!(subject("refunds/create", r#"{"id": 7}"#), None, "a refund's id is not its order's");
    }

    #[test]
    fn the_time_counts_only_where_it_is_the_orders_own() {
        let at = |topic, body: &str| Payload::parse(topic, body.as_bytes()).unwrap().updated_at;
        let body = r#"{"id": 7, "order_id": 7, "updated_at": "2026-03-01T11:00:00+01:00"}"#;
        assert_eq!(at("orders/paid", body), Some("2026-03-01T10:00:00Z".parse().unwrap()));
        assert_eq!(at("fulfillments/create", body), None, "that is when the fulfilment changed");
        assert_eq!(at("orders/paid", r#"{"id": 7, "updated_at": "soon"}"#), None);
        assert_eq!(at("orders/paid", r#"{"id": 7, "updated_at": 5}"#), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn no_bytes_make_it_panic(
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"\{("(id|order_id|order_edit|updated_at|admin_graphql_api_id)":([0-9]{1,25}|"[^"]{0,40}"|\[+|\{"order_id":[0-9]{1,20}\}|null|-1e9),?){0,5}\}?"#
                    .prop_map(String::into_bytes),
            ],
            topic in prop_oneof![Just("orders/create"), Just("orders/edited"), Just("refunds/create"), Just("products/update"), Just("bulk_operations/finish"), Just("")],
        ) {
            if let Ok(Payload { subject: Subject::Order(id), .. }) = Payload::parse(topic, &body) {
                prop_assert!(id.0 != 0);
            }
        }
    }
}
