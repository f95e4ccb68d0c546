//! One product or lot: what is kept of it and how it is shown.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::account::{Account, n};
use super::call::stamp;
use super::groups::Group;
use super::hooks::Event;
use super::list::Fields;
use super::number::encode;
use super::places::Places;

/// Where goods of an order line without a location come from: the item's default location.
pub(super) const ANYWHERE: i64 = 0;

/// Weight and size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Physical {
    pub(super) weight: Option<Decimal>,
    pub(super) weight_unit: Option<String>,
    /// Width, height, depth.
    pub(super) sizes: [Option<Decimal>; 3],
    pub(super) size_unit: Option<String>,
}

impl Physical {
    fn to_json(&self) -> Value {
        let [width, height, depth] = self.sizes.map(|size| n(size.unwrap_or_default()));
        json!({
            "weight": n(self.weight.unwrap_or_default()), "weight_unit": self.weight_unit,
            "width": width, "height": height, "depth": depth, "size_unit": self.size_unit,
        })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) number: String,
    /// Lot (bill of materials) or product.
    pub(super) lot: bool,
    pub(super) name: String,
    pub(super) group: i64,
    pub(super) unit: i64,
    pub(super) price: Decimal,
    pub(super) barred: bool,
    pub(super) inventory: bool,
    pub(super) location: i64,
    /// Physical stock by location.
    pub(super) stock: Places,
    /// Of it, what stands on open shipments.
    pub(super) on_shipments: Places,
    /// Ordered and not yet shipped, by the lines' locations or [`ANYWHERE`].
    pub(super) in_order: Places,
    /// Whether goods ever moved or a document used it: then it cannot be deleted.
    pub(super) used: bool,
    /// What a lot is made of.
    pub(super) lines: Value,
    pub(super) physical: Option<Box<Physical>>,
    /// Keys that are kept and given back as they came.
    pub(super) kept: Vec<(&'static str, Value)>,
    /// Custom fields: id and value.
    pub(super) fields: Vec<(i64, Value)>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// What a row shows, in the order of the real one's.
const KEYS: [&str; 55] = [
    "id",
    "number",
    "urlfriendly_number",
    "type",
    "barcode",
    "name",
    "description",
    "sales_price",
    "recommended_sales_price",
    "cost_price",
    "recommended_cost_price",
    "extra_cost",
    "stock_quantity",
    "in_order_quantity",
    "available_quantity",
    "purchased_quantity",
    "used_in_production_quantity",
    "min_inventory_quantity",
    "min_sales_quantity",
    "min_purchase_quantity",
    "supplier_product_number",
    "default_supplier_id",
    "default_location_id",
    "default_location",
    "image_url",
    "picture_url",
    "pictures",
    "is_barred",
    "is_convertable",
    "inventory_enabled",
    "should_assure_quality",
    "group_id",
    "group",
    "discount_group",
    "unit_id",
    "unit",
    "variation_id",
    "physical",
    "serial_numbers",
    "batch_control",
    "goods_code",
    "country_code",
    "department_id",
    "metadata",
    "created_at",
    "updated_at",
    "deleted_at",
    "pdf_url",
    "self",
    "lines",
    "add_products_individually",
    "adjust_to_zero",
    "min_produced",
    "sales_profit",
    "cost_addition_percentage",
];

impl Product {
    pub(super) fn kind(&self) -> &'static str {
        if self.lot { "lot" } else { "product" }
    }

    pub(super) fn available(&self) -> Decimal {
        self.stock.total() - self.in_order.total()
    }

    /// Ordered and not yet shipped from one location.
    pub(super) fn ordered_at(&self, location: i64) -> Decimal {
        let anywhere = if location == self.location { self.in_order.get(ANYWHERE) } else { Decimal::ZERO };
        self.in_order.get(location) + anywhere
    }

    pub(super) fn kept(&self, key: &str) -> Option<&Value> {
        self.kept.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    pub(super) fn barcode(&self) -> &str {
        self.kept("barcode").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn keep(&mut self, key: &'static str, value: Value) {
        match self.kept.iter_mut().find(|(known, _)| *known == key) {
            Some((_, own)) => *own = value,
            None => {
                self.kept.reserve_exact(1);
                self.kept.push((key, value));
            }
        }
    }

    pub(super) fn event(&self, verb: &'static str) -> Event {
        Event::keyed(self.kind(), verb, "number", self.number.clone().into())
    }

    /// A lot shows what it is made of, a product does not.
    fn shows(&self, key: &str) -> bool {
        self.lot || !matches!(key, "lines" | "add_products_individually" | "adjust_to_zero" | "min_produced")
    }

    fn value(&self, key: &str, account: &Account) -> Value {
        match key {
            "number" => self.number.as_str().into(),
            "urlfriendly_number" => encode(&self.number).into(),
            "type" => self.kind().into(),
            "name" => self.name.as_str().into(),
            "sales_price" | "recommended_sales_price" => n(self.price),
            "is_barred" => self.barred.into(),
            "inventory_enabled" => self.inventory.into(),
            "stock_quantity" => n(self.stock.total()),
            "in_order_quantity" => n(self.in_order.total()),
            "available_quantity" => n(self.available()),
            "group_id" => self.group.into(),
            "group" => account.group(self.group).map_or(Value::Null, Group::to_json),
            "unit_id" => self.unit.into(),
            "unit" => account.unit(self.unit),
            "default_location_id" => self.location.into(),
            "default_location" => account.location(self.location),
            "physical" => self.physical.as_deref().cloned().unwrap_or_default().to_json(),
            "created_at" => stamp(self.created),
            "updated_at" => stamp(self.updated),
            "lines" => self.lines.clone(),
            "is_convertable" => (!self.used).into(),
            "self" => {
                format!("https://app.rackbeat.com/api/{}s/{}", self.kind(), encode(&self.number)).into()
            }
            _ => self.kept(key).cloned().unwrap_or_else(|| untouched(key)),
        }
    }

    /// The row as the API gives it; with `fields`, only what they name is made.
    pub(super) fn show(&self, account: &Account, fields: Option<&Fields>) -> Value {
        let shown = KEYS.iter().filter(|key| fields.is_none_or(|fields| fields.names(key)));
        let row: Map<String, Value> = shown
            .filter(|key| self.shows(key))
            .map(|key| ((*key).to_owned(), self.value(key, account)))
            .collect();
        Value::Object(row)
    }

    pub(super) fn to_json(&self, account: &Account) -> Value {
        self.show(account, None)
    }

    pub(super) fn field_values(&self, account: &Account) -> Value {
        let values = self.fields.iter();
        values
            .filter_map(|(id, value)| {
                let field = account.setup.fields.iter().find(|field| field.id == *id)?;
                Some(json!({ "value": value, "field": field.to_json() }))
            })
            .collect()
    }
}

/// What a key says of an item for which nobody set it.
fn untouched(key: &str) -> Value {
    match key {
        "cost_price"
        | "sales_profit"
        | "cost_addition_percentage"
        | "purchased_quantity"
        | "used_in_production_quantity" => 0.into(),
        "pictures" => json!({ "thumb": "", "display": "", "large": "", "original": "" }),
        "picture_url" | "pdf_url" => "".into(),
        "should_assure_quality" | "add_products_individually" | "adjust_to_zero" => false.into(),
        "serial_numbers" | "batch_control" => json!({ "is_active": false }),
        "metadata" => json!([]),
        _ => Value::Null,
    }
}
