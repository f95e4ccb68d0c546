//! Settings about products, prices and stock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::VatZone;
use super::rules::{rule, rule_at};

/// Which side's products are followed.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Master {
    /// Neither.
    #[default]
    None,
    /// Rackbeat: its products go to the shop.
    Rackbeat,
    /// Shopify: its variants go to Rackbeat.
    Shopify,
}

/// A field of a product that can be carried.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductField {
    /// Name.
    Name,
    /// Sales price.
    Price,
    /// Barcode.
    Barcode,
    /// Description.
    Description,
    /// Product group in Rackbeat, product type in Shopify.
    Category,
    /// Weight.
    Weight,
    /// Cost.
    Cost,
}

/// The state that a product is made in in Shopify.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Publish {
    /// A draft that a person publishes.
    #[default]
    Draft,
    /// On sale at once.
    Active,
}

/// What becomes of an item in Rackbeat whose variant was deleted in Shopify.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDelete {
    /// It stays as it is.
    #[default]
    Leave,
    /// It is barred.
    Bar,
}

/// Which of Rackbeat's quantities is sent.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockKind {
    /// What can be sold.
    #[default]
    Available,
    /// What lies there.
    Physical,
}

/// What is sent where Rackbeat has fewer than none.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Negative {
    /// Zero.
    #[default]
    Clamp,
    /// The negative number.
    Send,
}

/// A custom field of Rackbeat's products that opts them in.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct CustomFieldFilter {
    /// The custom field's slug in Rackbeat, such as `webshop`.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^\S(.*\S)?$"))]
    pub slug: String,
    /// The value that opts a product in, such as `yes`; compared without regard to case.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^\S(.*\S)?$"))]
    pub value: String,
}

/// Which of Rackbeat's products go to the shop.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "has(self.field) != has(self.groups)",
    "products.filter needs exactly one of field and groups; leave the filter out to take all products",
)]))]
pub struct ProductFilter {
    /// Only products with this value in a custom field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<CustomFieldFilter>,
    /// Only products of these product groups, by Rackbeat's numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(range(min = 1)))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub groups: Option<Vec<i64>>,
}

/// Settings about products.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(
        ".fields",
        "!has(self.fields) || self.master != 'None'",
        "no field is carried while products.master is None: leave products.fields out",
    ),
    rule_at(
        ".fields",
        "!has(self.fields) || self.master != 'Rackbeat' || !self.fields.exists(f, f == 'Weight' || f == 'Cost')",
        "Weight and Cost do not go from Rackbeat to Shopify: take them out of products.fields",
    ),
    rule_at(
        ".fields",
        "!has(self.fields) || self.master != 'Shopify' || !self.fields.exists(f, f == 'Category')",
        "Category does not go from Shopify to Rackbeat: take it out of products.fields",
    ),
    rule_at(
        ".filter",
        "!has(self.filter) || self.master == 'Rackbeat'",
        "products.filter filters Rackbeat's products: set products.master to Rackbeat, or leave it out",
    ),
]))]
pub struct ProductSettings {
    /// Which side's products are followed; edits on the other side are told as drift. None: products are left alone on
    /// both sides. Rackbeat: its products go to the shop. Shopify: its variants go to Rackbeat.
    pub master: Master,
    /// With master Rackbeat: products go to the shop.
    pub products: bool,
    /// With master Rackbeat: bills of materials go to the shop.
    pub boms: bool,
    /// The fields that are carried from the master to the other side. Left out: those that are usual for the direction.
    /// Category goes only from Rackbeat; Weight and Cost only from Shopify, Cost only when the product is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub fields: Option<Vec<ProductField>>,
    /// Rackbeat's number of the product group of products made in Rackbeat.
    #[schemars(range(min = 1))]
    pub group: i64,
    /// Rackbeat's number of the unit of products made in Rackbeat. Left out: Rackbeat's own default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub unit: Option<i64>,
    /// The state that products are made in in Shopify. Draft: a person publishes them. Active: on sale at once.
    pub publish: Publish,
    /// With master Rackbeat: only these products go to the shop. Left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<ProductFilter>,
    /// With master Shopify: what becomes of an item in Rackbeat whose variant was deleted. Leave: it stays as it is.
    /// Bar: it is barred, unless another store of the agreement still sells it. It is never deleted.
    pub on_delete: OnDelete,
    /// Rackbeat's number of the location that imported stock is put on. Left out: the account's default location.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub stock_location: Option<i64>,
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

/// The VAT rate that stands for a product group.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct GroupVat {
    /// Rackbeat's number of the product group.
    #[schemars(range(min = 1))]
    pub group: i64,
    /// VAT in percent: a decimal text from "0" to "100", such as "25".
    #[schemars(length(min = 1, max = 8), regex(pattern = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)$"))]
    pub percent: String,
}

/// Settings about prices.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct PriceSettings {
    /// Prices in Rackbeat are without VAT: between them and a shop whose prices hold the tax stands the true rate of the
    /// product group.
    pub rackbeat_excludes_vat: bool,
    /// The zone whose VAT rate of the product group stands for the shop's country.
    pub vat_zone: VatZone,
    /// The VAT rates of product groups for which the shop's country has another rate than the zone tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["group"]))]
    pub vat_table: Vec<GroupVat>,
    /// Units of the shop's currency for one of the Rackbeat account's, where these differ: a decimal text above "0",
    /// such as "0.67". Left out: no prices cross currencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), regex(pattern = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"))]
    #[schemars(extend("x-kubernetes-validations" = [rule(
        "self.matches('[1-9]')",
        "prices.rate must be above 0; leave it out if no prices are to cross currencies",
    )]))]
    pub rate: Option<String>,
}

impl Default for PriceSettings {
    fn default() -> Self {
        Self { rackbeat_excludes_vat: true, vat_zone: VatZone::default(), vat_table: Vec::new(), rate: None }
    }
}

/// A way of stock.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct StockRoute {
    /// Rackbeat's number of the location that the quantity is read from. Left out: all of Rackbeat's locations together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub from: Option<i64>,
    /// Shopify's id of the location in the shop that gets it: the number at the end of the location's address in
    /// Shopify's admin.
    #[schemars(range(min = 1))]
    pub to: i64,
}

/// Settings about stock.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(
        ".locations",
        "!self.enabled || (has(self.locations) && size(self.locations) > 0)",
        "stock.locations is needed when stock.enabled is true: name at least one location of the shop, such as {to: 7001}",
    ),
    rule_at(
        ".locations",
        "!has(self.locations) || self.locations.all(a, self.locations.exists_one(b, a == b))",
        "stock.locations names a way twice: name each way once",
    ),
    // All together and one of them again would count that one twice.
    rule_at(
        ".locations",
        "!has(self.locations) || self.locations.all(a, has(a.from) || !self.locations.exists(b, b.to == a.to && has(b.from)))",
        "stock.locations sends all of Rackbeat's locations and a single one to the same location of the shop: choose either",
    ),
]))]
pub struct StockSettings {
    /// Quantities are sent to the shop. Off unless you say so, other than for stores that are connected through the API:
    /// quantities are written into a shop only where this resource names its locations.
    pub enabled: bool,
    /// Which of Rackbeat's quantities is sent. Available: what can be sold, written as Shopify's `available`. Physical:
    /// what lies there, written as Shopify's `on_hand`.
    pub quantity: StockKind,
    /// From where in Rackbeat to where in the shop. Several ways to one location of the shop are summed. At least one is
    /// needed when `enabled` is true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub locations: Vec<StockRoute>,
    /// So many units are held back from each quantity that is sent.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub buffer: i32,
    /// What is sent where Rackbeat has fewer than none. Clamp: zero. Send: the negative number.
    pub negative: Negative,
}
