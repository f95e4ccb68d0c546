//! Settings about orders and customers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::rule_at;

/// The state of a Shopify order that starts its transfer.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// The order exists.
    Received,
    /// It is paid in full.
    #[default]
    Paid,
    /// All of it is sent.
    Fulfilled,
}

/// How far an order is taken in Rackbeat.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// A draft that a person books.
    Draft,
    /// Booked.
    #[default]
    Booked,
    /// Booked and flagged ready for shipping.
    ReadyToShip,
    /// Booked, with a picked shipment.
    Packed,
    /// Booked, with a shipped shipment.
    Shipped,
    /// Booked and invoiced, no shipment.
    Invoiced,
    /// Shipped, then invoiced.
    ShippedAndInvoiced,
}

/// What to do with Shopify's test orders.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestOrders {
    /// They are left alone.
    #[default]
    Ignore,
    /// They are transferred like any other.
    Transfer,
}

/// The customer of an order that has no e-mail address.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutEmail {
    /// A new customer for each such order.
    #[default]
    Create,
    /// The default customer.
    UseDefault,
}

/// Rackbeat's VAT zones.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VatZone {
    /// VAT of the own country.
    #[default]
    Domestic,
    /// Within the EU.
    Eu,
    /// Outside the EU.
    Abroad,
    /// Domestic, exempt.
    DomesticExempt,
}

/// Settings about orders.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderSettings {
    /// Off: orders are counted and left alone, by rule `orders_off`.
    pub enabled: bool,
    /// Orders created in Shopify earlier than this are left alone, by rule `before_start`, whatever happens to them
    /// later: a moment such as `2026-11-01T00:00:00Z`. Left out: the moment of the first connect. Name it, so that no
    /// loss of the service's state moves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 40), regex(pattern = r"(Z|[+-][0-9]{2}:[0-9]{2})$"))]
    pub since: Option<String>,
    /// The state in Shopify that starts the transfer; having ever reached it counts, not today's label. Received: the
    /// order exists. Paid: it is paid in full. Fulfilled: all of it is sent.
    pub trigger: Trigger,
    /// How far an order is taken in Rackbeat. Draft: a draft that a person books. Booked. ReadyToShip: booked and
    /// flagged ready for shipping. Packed: booked, with a picked shipment. Shipped: booked, with a shipped shipment.
    /// Invoiced: booked and invoiced, no shipment. ShippedAndInvoiced: shipped, then invoiced.
    pub target: Target,
    /// What to do with Shopify's test orders. Ignore: they are left alone, by rule `test_order`. Transfer: they are
    /// transferred like any other.
    pub test: TestOrders,
    /// Number of the Rackbeat product that stands for freight, such as `FREIGHT`. Without it orders with freight are
    /// parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25), regex(pattern = r"^\S(.*\S)?$"))]
    pub freight_product: Option<String>,
    /// Number of the Rackbeat product that takes a residue of rounding, at 0 % VAT. Without it orders that Rackbeat
    /// rounds otherwise than Shopify are parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25), regex(pattern = r"^\S(.*\S)?$"))]
    pub rounding_product: Option<String>,
    /// The largest residue that may go on the rounding line: a decimal text from "0" to "1", in whole units of the
    /// order's currency. An order with a larger one is parked.
    #[schemars(length(min = 1, max = 8), regex(pattern = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"))]
    pub rounding_tolerance: String,
    /// Rackbeat's number of the layout of new orders. Left out: the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub layout: Option<i64>,
    /// Rackbeat's number of the employee shown as "our reference" on new orders. Left out: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub employee: Option<i64>,
}

impl Default for OrderSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            since: None,
            trigger: Trigger::default(),
            target: Target::default(),
            test: TestOrders::default(),
            freight_product: None,
            rounding_product: None,
            rounding_tolerance: "0.05".to_owned(),
            layout: None,
            employee: None,
        }
    }
}

/// Settings about customers that have to be made.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".defaultCustomer",
    "self.withoutEmail != 'UseDefault' || has(self.defaultCustomer)",
    "customers.defaultCustomer is needed when customers.withoutEmail is UseDefault: give a Rackbeat customer number",
)]))]
pub struct CustomerSettings {
    /// VAT zone of new customers and of orders. Domestic: VAT of the own country. Eu: within the EU. Abroad: outside the
    /// EU. DomesticExempt: domestic, exempt.
    pub vat_zone: VatZone,
    /// Rackbeat's number of the customer group of new customers.
    #[schemars(range(min = 1))]
    pub group: i64,
    /// Rackbeat's number of the payment terms of new customers and of orders.
    #[schemars(range(min = 1))]
    pub payment_terms: i64,
    /// The customer of an order that has no e-mail address. Create: a new one for each such order. UseDefault: the one
    /// that `defaultCustomer` names.
    pub without_email: WithoutEmail,
    /// Rackbeat's number of the customer for `withoutEmail: UseDefault`; needed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub default_customer: Option<i64>,
}

impl Default for CustomerSettings {
    fn default() -> Self {
        Self {
            vat_zone: VatZone::default(),
            group: 1,
            payment_terms: 1,
            without_email: WithoutEmail::default(),
            default_customer: None,
        }
    }
}
