//! What tests and people see of an account: plain rows with exact decimals.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value;

use super::account::Account;
use super::customers::Customer;
use super::invoices::Invoice;
use super::lines::Line;
use super::number::decimal;
use super::orders::Order;
use super::product::Product;
use super::shipments::Shipment;
use super::totals::Totals;
use crate::facts::Facts;

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Item number.
    pub item: String,
    /// Text.
    pub name: String,
    /// Quantity ordered.
    pub quantity: Decimal,
    /// Quantity shipped.
    pub shipped: Decimal,
    /// Net unit price.
    pub price: Decimal,
    /// Discount in per cent.
    pub discount: Decimal,
    /// VAT in per cent.
    pub vat: Decimal,
}

impl LineRow {
    fn of(line: &Line) -> Self {
        Self {
            item: line.item.clone(),
            name: line.name.clone(),
            quantity: line.quantity,
            shipped: line.shipped,
            price: line.price,
            discount: line.discount,
            vat: line.vat,
        }
    }
}

/// An order, without persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Number, the id.
    pub number: i64,
    /// Heading.
    pub heading: String,
    /// Note.
    pub note: String,
    /// Customer number.
    pub customer: i64,
    /// Currency code.
    pub currency: String,
    /// VAT zone.
    pub vat_zone: String,
    /// Booked.
    pub booked: bool,
    /// Cancelled by a person.
    pub cancelled: bool,
    /// Ready for shipping.
    pub ready: bool,
    /// All goods shipped.
    pub shipped: bool,
    /// Some goods shipped, not all.
    pub partly_shipped: bool,
    /// A booked invoice exists.
    pub invoiced: bool,
    /// Totals under the rounding model in force.
    pub totals: Totals,
    /// Lines.
    pub lines: Vec<LineRow>,
    /// Internal notes.
    pub notes: Vec<String>,
    /// Custom fields: id and value.
    pub fields: Vec<(i64, String)>,
}

impl OrderRow {
    pub(super) fn of(order: &Order, account: &Account, facts: &Facts) -> Self {
        let (shipped, partly_shipped) = order.shipped(account);
        Self {
            number: order.number,
            heading: order.heading.clone(),
            note: order.note.clone(),
            customer: order.customer,
            currency: order.currency.clone(),
            vat_zone: order.vat_zone.clone(),
            booked: order.booked(),
            cancelled: order.cancelled,
            ready: order.ready,
            shipped,
            partly_shipped,
            invoiced: order.invoiced,
            totals: order.totals(facts),
            lines: order.lines.iter().map(LineRow::of).collect(),
            notes: order.notes.clone(),
            fields: order.fields.iter().map(|(id, value)| (*id, value.clone())).collect(),
        }
    }
}

/// A product or lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRow {
    /// Number, the id.
    pub number: String,
    /// Whether it is a bill of materials.
    pub lot: bool,
    /// Name.
    pub name: String,
    /// Net sales price.
    pub price: Decimal,
    /// Barred.
    pub barred: bool,
    /// Whether it has inventory at all.
    pub inventory: bool,
    /// Physical stock over all locations.
    pub stock: Decimal,
    /// Physical stock by location number.
    pub locations: Vec<(i64, Decimal)>,
    /// Quantity in order.
    pub in_order: Decimal,
    /// Stock less quantity in order.
    pub available: Decimal,
    /// Product group's number.
    pub group: i64,
    /// Unit's number.
    pub unit: i64,
    /// Barcode.
    pub barcode: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Recommended cost price.
    pub cost: Option<Decimal>,
    /// Weight and its unit.
    pub weight: Option<(Decimal, String)>,
    /// Custom fields: id and value.
    pub fields: Vec<(i64, Value)>,
}

impl ProductRow {
    pub(super) fn of(product: &Product) -> Self {
        let text = |key: &str| product.kept(key).and_then(Value::as_str).map(str::to_owned);
        let physical = product.physical.as_deref();
        let weight = physical.and_then(|physical| physical.weight).filter(|weight| !weight.is_zero());
        let unit = physical.and_then(|physical| physical.weight_unit.clone());
        Self {
            number: product.number.clone(),
            lot: product.lot,
            name: product.name.clone(),
            price: product.price,
            barred: product.barred,
            inventory: product.inventory,
            stock: product.stock.total(),
            locations: product.stock.iter().collect(),
            in_order: product.in_order.total(),
            available: product.available(),
            group: product.group,
            unit: product.unit,
            barcode: text("barcode"),
            description: text("description"),
            cost: product.kept("recommended_cost_price").and_then(decimal),
            weight: weight.map(|weight| (weight, unit.unwrap_or_default())),
            fields: product.fields.clone(),
        }
    }
}

/// A customer. Its Debug shows the number only: the rest is a person.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerRow {
    /// Number, the id.
    pub number: i64,
    /// Name.
    pub name: String,
    /// E-mail.
    pub email: Option<String>,
    /// VAT zone.
    pub vat_zone: String,
    /// Barred.
    pub barred: bool,
}

impl fmt::Debug for CustomerRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerRow").field("number", &self.number).finish_non_exhaustive()
    }
}

impl CustomerRow {
    pub(super) fn of(customer: &Customer) -> Self {
        Self {
            number: customer.number,
            name: customer.name.clone(),
            email: customer.email.clone(),
            vat_zone: customer.vat_zone.clone(),
            barred: customer.barred,
        }
    }
}

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRow {
    /// Number, the id.
    pub number: i64,
    /// The order it was made from.
    pub order: i64,
    /// Booked.
    pub booked: bool,
    /// Totals.
    pub totals: Totals,
}

impl InvoiceRow {
    pub(super) fn of(invoice: &Invoice) -> Self {
        Self { number: invoice.number, order: invoice.order, booked: invoice.booked, totals: invoice.totals }
    }
}

/// A shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipmentRow {
    /// Id.
    pub id: i64,
    /// The order it was made from.
    pub order: i64,
    /// Picked.
    pub picked: bool,
    /// Shipped.
    pub shipped: bool,
}

impl ShipmentRow {
    pub(super) fn of(shipment: &Shipment) -> Self {
        Self { id: shipment.id, order: shipment.order, picked: shipment.picked, shipped: shipment.shipped }
    }
}

/// A registered webhook, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRow {
    /// Id.
    pub id: i64,
    /// Event name.
    pub event: String,
    /// Address called.
    pub url: String,
    /// Whether it is called.
    pub active: bool,
    /// Failures since the last success.
    pub failures: u32,
}
