//! What a store can be told. One list: the API, the command line and the checks are made from these types.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{CustomerNumber, ItemNumber, StockLocation};
use crate::limits;

/// The state of a Shopify order that starts the transfer. "Has ever reached it" counts, not today's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum TestOrders {
    /// They are ignored by rule `test_order`.
    #[default]
    Ignore,
    /// They are transferred like any other.
    Transfer,
}

/// The customer of an order that has no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum WithoutEmail {
    /// A new customer for each such order.
    #[default]
    Create,
    /// The customer named by `default_customer`.
    UseDefault,
}

/// Rackbeat's VAT zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderSettings {
    /// Off: orders are counted and ignored by rule `orders_off`.
    pub enabled: bool,
    /// Orders created earlier are ignored by rule `before_start`. `None` only before the first connect.
    pub since: Option<Timestamp>,
    /// What starts the transfer.
    pub trigger: Trigger,
    /// How far it goes.
    pub target: Target,
    /// Test orders.
    pub test: TestOrders,
    /// The item that stands for freight.
    pub freight_product: Option<ItemNumber>,
    /// The item that takes a residue of rounding, at 0 % VAT.
    pub rounding_product: Option<ItemNumber>,
    /// The largest residue that may go on the rounding line, in the order's currency.
    pub rounding_tolerance: Decimal,
    /// The layout of new orders (Rackbeat's number).
    pub layout: Option<u64>,
    /// The employee shown as "our reference" (Rackbeat's number).
    pub employee: Option<u64>,
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
            rounding_tolerance: limits::ROUNDING_TOLERANCE,
            layout: None,
            employee: None,
        }
    }
}

/// Settings about customers that have to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerSettings {
    /// VAT zone of new customers and of orders.
    pub vat_zone: VatZone,
    /// Customer group of new customers (Rackbeat's number).
    pub group: u64,
    /// Payment terms of new customers and of orders (Rackbeat's number).
    pub payment_terms: u64,
    /// Orders without an e-mail address.
    pub without_email: WithoutEmail,
    /// The customer for `WithoutEmail::UseDefault`.
    pub default_customer: Option<CustomerNumber>,
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

/// Settings about products that the initial sync makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductSettings {
    /// Product group of new products (Rackbeat's number).
    pub group: u64,
    /// Unit of new products (Rackbeat's number); `None` leaves Rackbeat's own default.
    pub unit: Option<u64>,
    /// Prices in Rackbeat are without VAT: a tax-included shop's price is divided by the group's true rate.
    pub prices_exclude_vat: bool,
    /// The Rackbeat location that imported stock is put on; `None` is the account's default location.
    pub stock_location: Option<StockLocation>,
}

impl Default for ProductSettings {
    fn default() -> Self {
        Self { group: 1, unit: None, prices_exclude_vat: true, stock_location: None }
    }
}

/// All settings of one store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// About orders.
    pub orders: OrderSettings,
    /// About customers.
    pub customers: CustomerSettings,
    /// About products.
    pub products: ProductSettings,
}

/// A setting that cannot stand: which, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadSetting {
    /// The setting's path, as in the API: `orders.rounding_tolerance`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Settings {
    /// What contradicts itself or lies outside its bounds; all of it, not only the first.
    #[must_use]
    pub fn problems(&self) -> Vec<BadSetting> {
        let mut found = Vec::new();
        let tolerance = self.orders.rounding_tolerance;
        if tolerance < Decimal::ZERO || tolerance > limits::LARGEST_ROUNDING_TOLERANCE {
            found.push(BadSetting {
                field: "orders.rounding_tolerance",
                problem: format!(
                    "{tolerance} is not allowed; give 0 to {} in the order's currency",
                    limits::LARGEST_ROUNDING_TOLERANCE
                ),
            });
        }
        if self.customers.without_email == WithoutEmail::UseDefault
            && self.customers.default_customer.is_none()
        {
            found.push(BadSetting {
                field: "customers.default_customer",
                problem:
                    "is needed when customers.without_email is USE_DEFAULT; give a Rackbeat customer number"
                        .to_owned(),
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_stand_and_a_contradiction_names_its_field() {
        assert_eq!(Settings::default().problems(), []);
        let mut settings = Settings::default();
        settings.customers.without_email = WithoutEmail::UseDefault;
        settings.orders.rounding_tolerance = Decimal::from(5);
        let fields: Vec<_> = settings.problems().into_iter().map(|p| p.field).collect();
        assert_eq!(fields, ["orders.rounding_tolerance", "customers.default_customer"]);
    }
}
