//! Identifiers as newtypes: parsed where they enter, never cast. Shopify's are numbers behind a GID, Rackbeat's
//! are numbers, but for items, whose number is text (the SKU).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not the id it claims to be; says which id, the text and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {allowed}")]
pub struct BadId {
    /// The kind of id that was expected.
    pub what: &'static str,
    /// The text that was given.
    pub text: String,
    /// What would have been accepted.
    pub allowed: &'static str,
}

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.parse().map($name).map_err(|_| BadId {
                    what: $what,
                    text: text.to_owned(),
                    allowed: "a whole number",
                })
            }
        }
    };
}

macro_rules! shopify_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        numeric_id!($(#[$doc])* $name, $kind);

        impl $name {
            /// The global id as Shopify writes it, `gid://shopify/Kind/123`.
            #[must_use]
            pub fn gid(self) -> String {
                format!(concat!("gid://shopify/", $kind, "/{}"), self.0)
            }

            /// Reads a global id (a `?query` behind it, as inventory levels carry, is ignored).
            ///
            /// # Errors
            /// When the text is no global id of this kind.
            pub fn parse_gid(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(concat!("gid://shopify/", $kind, "/"))
                    .and_then(|rest| rest.split('?').next())
                    .and_then(|number| number.parse().ok())
                    .map($name)
                    .ok_or_else(|| BadId {
                        what: $kind,
                        text: text.to_owned(),
                        allowed: concat!("gid://shopify/", $kind, "/<number>"),
                    })
            }
        }
    };
}

shopify_id!(/// A Shopify order.
    OrderId, "Order");
shopify_id!(/// A Shopify product.
    ProductId, "Product");
shopify_id!(/// A Shopify variant: the thing that has a price and a SKU.
    VariantId, "ProductVariant");
shopify_id!(/// A Shopify inventory item: the thing that has stock.
    InventoryItemId, "InventoryItem");
shopify_id!(/// A Shopify location.
    LocationId, "Location");
shopify_id!(/// A Shopify bulk operation.
    BulkId, "BulkOperation");
shopify_id!(/// A Shopify webhook subscription.
    SubscriptionId, "WebhookSubscription");

numeric_id!(/// The number of an order in Rackbeat; people see it.
    OrderNumber, "Rackbeat order number");
numeric_id!(/// The number of a customer in Rackbeat.
    CustomerNumber, "Rackbeat customer number");
numeric_id!(/// The id of one order line in Rackbeat.
    LineId, "Rackbeat order line");
numeric_id!(/// The id of a shipment in Rackbeat.
    ShipmentId, "Rackbeat shipment");
numeric_id!(/// The number of a customer invoice in Rackbeat.
    InvoiceNumber, "Rackbeat invoice number");
numeric_id!(/// The account behind a Rackbeat token, as `/self` tells it.
    AccountId, "Rackbeat account");
numeric_id!(/// A stock location in Rackbeat.
    StockLocation, "Rackbeat location");

/// An item's number in Rackbeat: the SKU, case kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemNumber(String);

impl ItemNumber {
    /// Takes the text as it is, but for spaces at the ends.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(BadId {
                what: "item number",
                text: text.to_owned(),
                allowed: "a text that is not empty",
            });
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A shop's permanent address, `acme-oslo.myshopify.com`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShopDomain(String);

const SHOP_SUFFIX: &str = ".myshopify.com";

impl ShopDomain {
    /// Reads a shop's domain; the case is folded.
    ///
    /// # Errors
    /// When it is no `<handle>.myshopify.com`.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let lower = text.trim().to_ascii_lowercase();
        let good = lower.strip_suffix(SHOP_SUFFIX).is_some_and(|handle| is_slug(handle, 60));
        if good {
            Ok(Self(lower))
        } else {
            Err(BadId {
                what: "shop domain",
                text: text.to_owned(),
                allowed: "the permanent domain, such as acme-oslo.myshopify.com",
            })
        }
    }

    /// The whole domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `.myshopify.com`.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.0.strip_suffix(SHOP_SUFFIX).unwrap_or(&self.0)
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for ShopDomain {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

impl From<ShopDomain> for String {
    fn from(domain: ShopDomain) -> Self {
        domain.0
    }
}

fn is_slug(text: &str, longest: usize) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.len() <= longest
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the id.
            ///
            /// # Errors
            /// When it is no slug of at most 60 characters.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                if is_slug(text, 60) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadId {
                        what: $what,
                        text: text.to_owned(),
                        allowed: "1 to 60 of a-z, 0-9 and -, starting with a letter or digit",
                    })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

slug_id!(/// A connected store: the shop's handle, so that losing the state changes no address and no key.
    StoreId, "store id");
slug_id!(/// A Rackbeat account under the name that the operator gave it.
    AgreementId, "agreement");

impl StoreId {
    /// The id that belongs to a shop.
    #[must_use]
    pub fn of(shop: &ShopDomain) -> Self {
        Self(shop.handle().to_owned())
    }
}

/// The id of one webhook delivery (`X-Shopify-Webhook-Id`): the key by which a repeat is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// Takes a header's text.
    ///
    /// # Errors
    /// When it is empty, longer than 128 bytes or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        if !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId {
                what: "delivery id",
                text: text.chars().take(40).collect(),
                allowed: "1 to 128 visible ASCII characters",
            })
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The mark that ties a Rackbeat order to the Shopify order it was made from: `<shop handle>/<order id>`. It
/// travels in the order's heading and note, and is what guards against doubles.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference(String);

impl Reference {
    /// The reference of one order of one store.
    #[must_use]
    pub fn new(store: &StoreId, order: OrderId) -> Self {
        Self(format!("{store}/{order}"))
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text (heading or note) bears this reference as a word of its own: `acme/12` is not in
    /// `acme/123`.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').any(|word| word == self.0)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gid_of_another_kind_is_refused() {
        assert_eq!(
            OrderId::parse_gid("gid://shopify/Order/9007199254740993"),
            Ok(OrderId(9_007_199_254_740_993))
        );
        assert!(OrderId::parse_gid("gid://shopify/Product/1").is_err());
        assert!(OrderId::parse_gid("gid://shopify/Order/").is_err());
    }

    #[test]
    fn a_reference_is_found_only_as_a_whole_word() {
        let store = StoreId::of(&ShopDomain::parse("Acme.myshopify.com").unwrap());
        let reference = Reference::new(&store, OrderId(12));
        assert!(reference.is_in("Shopify acme/12 #1001"));
        assert!(!reference.is_in("acme/123"));
        assert!(!reference.is_in("other-acme/12"));
    }

    #[test]
    fn a_shop_domain_must_be_the_permanent_one() {
        assert!(ShopDomain::parse("acme.com").is_err());
        assert!(ShopDomain::parse(".myshopify.com").is_err());
        assert!(ShopDomain::parse("evil.com/x.myshopify.com").is_err());
        assert_eq!(ShopDomain::parse("acme-oslo.myshopify.com").unwrap().handle(), "acme-oslo");
    }
}
