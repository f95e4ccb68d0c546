//! What a store can be told. One list: the API, the command line and the checks are made from these types.

mod list;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{CustomerNumber, ItemNumber, LocationId, StockLocation};
use crate::limits;
use crate::product::ProductField;

pub use list::{LIST, Setting, setting};
pub use text::SettingText;

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

/// Which side's products are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Master {
    /// Neither: products are left alone on both sides.
    #[default]
    None,
    /// Rackbeat: its products go to the shop.
    Rackbeat,
    /// Shopify: its variants go to Rackbeat.
    Shopify,
}

/// The state a product is made in by us in Shopify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Publish {
    /// A draft that a person publishes.
    #[default]
    Draft,
    /// On sale at once.
    Active,
}

/// What becomes of an item in Rackbeat whose variant was deleted in Shopify. It is never deleted: an item with stock
/// cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum OnDelete {
    /// It stays as it is.
    #[default]
    Leave,
    /// It is barred, unless another store of the agreement still sells it.
    Bar,
}

/// Which of Rackbeat's products go to the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductFilter {
    /// Those with this value in a custom field (its slug).
    Field {
        /// The field's slug.
        slug: String,
        /// The value that opts in; compared without regard to case.
        value: String,
    },
    /// Those of these product groups (Rackbeat's numbers).
    Groups(BTreeSet<u64>),
}

/// Settings about products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductSettings {
    /// Which side is followed.
    pub master: Master,
    /// Master Rackbeat: products go to the shop.
    pub products: bool,
    /// Master Rackbeat: bills of materials go to the shop.
    pub boms: bool,
    /// The fields that are carried; `None` = those that are usual for the master's direction.
    pub fields: Option<BTreeSet<ProductField>>,
    /// Product group of products made in Rackbeat (its number).
    pub group: u64,
    /// Unit of products made in Rackbeat (its number); `None` leaves Rackbeat's own default.
    pub unit: Option<u64>,
    /// State of products made in Shopify.
    pub publish: Publish,
    /// Master Rackbeat: only these; `None` = all.
    pub filter: Option<ProductFilter>,
    /// Master Shopify: what becomes of an item whose variant was deleted.
    pub on_delete: OnDelete,
    /// The Rackbeat location that imported stock is put on; `None` is the account's default location.
    pub stock_location: Option<StockLocation>,
}

impl Default for ProductSettings {
    fn default() -> Self {
        Self {
            master: Master::default(),
            products: true,
            boms: true,
            fields: None,
            group: 1,
            unit: None,
            publish: Publish::default(),
            filter: None,
            on_delete: OnDelete::default(),
            stock_location: None,
        }
    }
}

impl ProductSettings {
    /// Whether a field is carried from the master to the other side.
    #[must_use]
    pub fn carries(&self, field: ProductField) -> bool {
        match &self.fields {
            Some(fields) => fields.contains(&field) && field.goes(self.master),
            None => field.goes_by_default(self.master),
        }
    }
}

/// Settings about prices. They never cross currencies unless a rate is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceSettings {
    /// Prices in Rackbeat are without VAT: between it and a tax-included shop the group's true rate stands.
    pub rackbeat_excludes_vat: bool,
    /// The zone whose VAT rate of the product group stands for the shop's country.
    pub vat_zone: VatZone,
    /// VAT in percent by product group, where the shop's country has another rate than the group's zone tells.
    pub vat_table: BTreeMap<u64, Decimal>,
    /// Units of the shop's currency for one of the agreement's, where these differ; `None` = no prices are carried
    /// then.
    pub rate: Option<Decimal>,
}

impl Default for PriceSettings {
    fn default() -> Self {
        Self {
            rackbeat_excludes_vat: true,
            vat_zone: VatZone::default(),
            vat_table: BTreeMap::new(),
            rate: None,
        }
    }
}

/// Which of Rackbeat's quantities is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum StockKind {
    /// What can be sold: stock less open orders. Written as Shopify's `available`.
    #[default]
    Available,
    /// What lies there. Written as Shopify's `on_hand`.
    Physical,
}

/// What is sent where Rackbeat has fewer than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Negative {
    /// Zero.
    #[default]
    Clamp,
    /// The negative number.
    Send,
}

/// From which Rackbeat location to which of Shopify. Several to one Shopify location are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StockRoute {
    /// A Rackbeat location; `None` = all of them together.
    pub from: Option<StockLocation>,
    /// The location in the shop.
    pub to: LocationId,
}

/// Settings about stock, which goes from Rackbeat to the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StockSettings {
    /// Off: no quantity is sent.
    pub enabled: bool,
    /// Which quantity.
    pub quantity: StockKind,
    /// Where from and where to; empty = all of Rackbeat's locations to the shop's only active location.
    pub locations: Vec<StockRoute>,
    /// So many units are held back from each quantity that is sent.
    pub buffer: u32,
    /// Negative quantities.
    pub negative: Negative,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            quantity: StockKind::default(),
            locations: Vec::new(),
            buffer: 0,
            negative: Negative::default(),
        }
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
    /// About prices.
    pub prices: PriceSettings,
    /// About stock.
    pub stock: StockSettings,
}

/// A setting that cannot stand: which, its value, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadSetting {
    /// The setting's path, as in the API: `orders.rounding_tolerance`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

fn bad(field: &'static str, problem: impl Into<String>) -> BadSetting {
    BadSetting { field, problem: problem.into() }
}

impl Settings {
    /// What contradicts itself or lies outside its bounds; all of it, not only the first.
    #[must_use]
    pub fn problems(&self) -> Vec<BadSetting> {
        let mut found = Vec::new();
        self.check_orders(&mut found);
        self.check_products(&mut found);
        self.check_prices(&mut found);
        self.check_stock(&mut found);
        found
    }

    fn check_orders(&self, found: &mut Vec<BadSetting>) {
        let tolerance = self.orders.rounding_tolerance;
        let most = limits::LARGEST_ROUNDING_TOLERANCE;
        if tolerance < Decimal::ZERO || tolerance > most {
            let problem = format!("{tolerance} is not allowed; give 0 to {most} in the order's currency");
            found.push(bad("orders.rounding_tolerance", problem));
        }
        let uses_default = self.customers.without_email == WithoutEmail::UseDefault;
        if uses_default && self.customers.default_customer.is_none() {
            let problem =
                "is needed when customers.without_email is use_default; give a Rackbeat customer number";
            found.push(bad("customers.default_customer", problem));
        }
    }

    fn check_products(&self, found: &mut Vec<BadSetting>) {
        let products = &self.products;
        for field in products.fields.iter().flatten() {
            if !field.goes(products.master) {
                let problem = match products.master {
                    Master::None => {
                        format!("{field} is not carried while products.master is none; leave the list out")
                    }
                    Master::Rackbeat => {
                        format!("{field} does not go from Rackbeat to Shopify; take it out of the list")
                    }
                    Master::Shopify => {
                        format!("{field} does not go from Shopify to Rackbeat; take it out of the list")
                    }
                };
                found.push(bad("products.fields", problem));
            }
        }
        if products.filter.is_some() && products.master != Master::Rackbeat {
            found.push(bad(
                "products.filter",
                "filters Rackbeat's products; set products.master to rackbeat or leave it out",
            ));
        }
    }

    fn check_prices(&self, found: &mut Vec<BadSetting>) {
        for (group, rate) in &self.prices.vat_table {
            if *rate < Decimal::ZERO || *rate > Decimal::ONE_HUNDRED {
                let problem = format!("{rate} for group {group} is not allowed; give 0 to 100 percent");
                found.push(bad("prices.vat_table", problem));
            }
        }
        if let Some(rate) = self.prices.rate
            && rate <= Decimal::ZERO
        {
            found.push(bad("prices.rate", format!("{rate} is not allowed; give a rate above 0")));
        }
    }

    fn check_stock(&self, found: &mut Vec<BadSetting>) {
        let routes = &self.stock.locations;
        for (at, route) in routes.iter().enumerate() {
            let before = routes.get(..at).unwrap_or_default();
            if before.contains(route) {
                found.push(bad(
                    "stock.locations",
                    format!("{} stands twice; name each way once", text::route(route)),
                ));
            }
            // All together and one of them again would count that one twice.
            let mixed = before
                .iter()
                .any(|other| other.to == route.to && other.from.is_none() != route.from.is_none());
            if mixed {
                let problem = format!(
                    "Shopify location {} gets all locations and a single one; choose either",
                    route.to
                );
                found.push(bad("stock.locations", problem));
            }
        }
        if self.stock.buffer > limits::LARGEST_BUFFER {
            let problem =
                format!("{} is not allowed; give 0 to {}", self.stock.buffer, limits::LARGEST_BUFFER);
            found.push(bad("stock.buffer", problem));
        }
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
        settings.products.master = Master::Shopify;
        settings.products.fields = Some([ProductField::Category].into());
        settings.prices.rate = Some(Decimal::ZERO);
        let all = StockRoute { from: None, to: LocationId(1) };
        settings.stock.locations = vec![all, StockRoute { from: Some(StockLocation(2)), ..all }, all];
        let fields: Vec<_> = settings.problems().into_iter().map(|p| p.field).collect();
        let expected = [
            "orders.rounding_tolerance",
            "customers.default_customer",
            "products.fields",
            "prices.rate",
            "stock.locations",
            "stock.locations",
            "stock.locations",
        ];
        assert_eq!(fields, expected);
    }
}
