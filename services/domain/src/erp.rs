//! Rackbeat's side: what we write there and what we read back.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{
    AccountId, CustomerNumber, InvoiceNumber, ItemNumber, LineId, OrderNumber, Reference, ShipmentId,
    StockLocation,
};
use crate::money::Currency;
use crate::person::{Address, Email, Personal};
use crate::settings::VatZone;

/// The account behind a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The company's name.
    pub company: String,
}

/// A line as we want it. Every line sends price, discount and VAT, zeros too: else Rackbeat's own price, customer
/// or group discount would apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftLine {
    /// The item.
    pub item: ItemNumber,
    /// The line's text.
    pub name: String,
    /// Units.
    pub quantity: Decimal,
    /// Price of one without VAT, at most six decimals, in the order's currency.
    pub unit_price: Decimal,
    /// Discount in percent, at most two decimals.
    pub discount_percent: Decimal,
    /// VAT in percent.
    pub vat_percent: Decimal,
}

/// An order as we want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Our mark, sent in the heading and the note.
    pub reference: Reference,
    /// Shopify's name for it, `#1042`; follows the reference in the heading.
    pub shop_name: String,
    /// What the buyer wrote; follows the reference in the note.
    pub note: Personal,
    /// The customer.
    pub customer: CustomerNumber,
    /// The day of the sale.
    pub date: Date,
    /// The currency of all amounts.
    pub currency: Currency,
    /// VAT zone.
    pub vat_zone: VatZone,
    /// Layout.
    pub layout: Option<u64>,
    /// Payment terms.
    pub payment_terms: u64,
    /// Employee.
    pub employee: Option<u64>,
    /// Buyer's e-mail and phone for the delivery.
    pub email: Option<Email>,
    /// Billing address.
    pub billing: Option<Address>,
    /// Delivery address.
    pub delivery: Option<Address>,
    /// The lines.
    pub lines: Vec<DraftLine>,
}

/// A line as Rackbeat has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErpLine {
    /// Its id.
    pub id: LineId,
    /// The item.
    pub item: Option<ItemNumber>,
    /// Units.
    pub quantity: Decimal,
    /// Price of one without VAT.
    pub unit_price: Decimal,
    /// Discount in percent.
    pub discount_percent: Decimal,
    /// VAT in percent; `None` where the answer leaves it out.
    pub vat_percent: Option<Decimal>,
}

/// How far an order is, from its flags (there is no single status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "Rackbeat tells the state as independent flags")]
pub struct ErpFlags {
    /// Booked: lines are locked.
    pub booked: bool,
    /// Flagged ready for shipping.
    pub ready_to_ship: bool,
    /// A part is shipped.
    pub partly_shipped: bool,
    /// All is shipped.
    pub shipped: bool,
    /// A part is invoiced.
    pub partly_invoiced: bool,
    /// All is invoiced.
    pub invoiced: bool,
    /// Cancelled.
    pub cancelled: bool,
    /// Archived.
    pub archived: bool,
}

/// An order as Rackbeat has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErpOrder {
    /// Its number.
    pub number: OrderNumber,
    /// Heading.
    pub heading: String,
    /// Note, as far as the answer tells it.
    pub note: String,
    /// When it was made; `None` where the answer leaves it out.
    pub created_at: Option<Timestamp>,
    /// How far it is.
    pub flags: ErpFlags,
    /// Sum without VAT.
    pub net: Option<Decimal>,
    /// VAT.
    pub vat: Option<Decimal>,
    /// Sum with VAT.
    pub total: Option<Decimal>,
    /// The lines; empty in answers that leave them out.
    pub lines: Vec<ErpLine>,
}

impl ErpOrder {
    /// Whether it bears our mark in heading or note.
    #[must_use]
    pub fn bears(&self, reference: &Reference) -> bool {
        reference.is_in(&self.heading) || reference.is_in(&self.note)
    }
}

/// How far a shipment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Its id.
    pub id: ShipmentId,
    /// Picked.
    pub picked: bool,
    /// Shipped.
    pub shipped: bool,
}

/// An invoice made from an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its number.
    pub number: InvoiceNumber,
    /// Booked.
    pub booked: bool,
    /// A credit note is no invoice of the order.
    pub credit_note: bool,
}

/// A customer as far as matching needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErpCustomer {
    /// The number.
    pub number: CustomerNumber,
    /// Barred: cannot be put on orders.
    pub barred: bool,
}

/// A customer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    /// Company's or person's name; never empty.
    pub name: Personal,
    /// E-mail, if any.
    pub email: Option<Email>,
    /// Telephone.
    pub phone: Personal,
    /// VAT number.
    pub vat_number: Personal,
    /// Address.
    pub address: Option<Address>,
    /// Currency of the customer.
    pub currency: Currency,
    /// VAT zone.
    pub vat_zone: VatZone,
    /// Customer group.
    pub group: u64,
    /// Payment terms.
    pub payment_terms: u64,
    /// Layout.
    pub layout: Option<u64>,
    /// Employee.
    pub employee: Option<u64>,
}

/// What kind of item it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemKind {
    /// A product.
    Product,
    /// A bill of materials.
    Lot,
}

/// An item as Rackbeat has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number: the SKU.
    pub number: ItemNumber,
    /// Product or bill of materials.
    pub kind: ItemKind,
    /// Barred: cannot be put on orders.
    pub barred: bool,
    /// Whether stock is kept for it.
    pub keeps_stock: bool,
    /// Units in stock, all locations.
    pub stock: Decimal,
}

/// A product to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Its number: the SKU.
    pub number: ItemNumber,
    /// Its name.
    pub name: String,
    /// Product group.
    pub group: u64,
    /// Unit.
    pub unit: Option<u64>,
    /// Plain-text description.
    pub description: String,
    /// Sales price without VAT.
    pub sales_price: Decimal,
    /// Cost price; set on creation only.
    pub cost: Option<Decimal>,
    /// Weight of one in kilograms.
    pub weight_kg: Option<Decimal>,
    /// Barcode, if it is carried.
    pub barcode: Option<String>,
}

/// A product or bill of materials with all that can be carried to a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErpProduct {
    /// Its number: the SKU.
    pub number: ItemNumber,
    /// Product or bill of materials.
    pub kind: ItemKind,
    /// Its name.
    pub name: String,
    /// Its description, plain text.
    pub description: String,
    /// Sales price in the agreement's currency.
    pub sales_price: Decimal,
    /// Barcode.
    pub barcode: Option<String>,
    /// Product group (its number).
    pub group: u64,
    /// The group's name.
    pub group_name: String,
    /// Weight of one in kilograms.
    pub weight_kg: Option<Decimal>,
    /// Barred: cannot be put on orders.
    pub barred: bool,
    /// Whether stock is kept for it.
    pub keeps_stock: bool,
    /// Custom fields by slug, those that have a value.
    pub fields: Vec<(String, String)>,
    /// When it was last changed; `None` where the answer leaves it out.
    pub updated_at: Option<Timestamp>,
}

/// What a product group decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductGroup {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// VAT in percent in the own country.
    pub vat_domestic: Decimal,
    /// VAT in percent within the EU.
    pub vat_eu: Decimal,
    /// VAT in percent outside the EU.
    pub vat_abroad: Decimal,
    /// VAT in percent of exempt domestic customers.
    pub vat_domestic_exempt: Decimal,
    /// Whether stock is kept.
    pub has_inventory: bool,
}

/// A stock location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its number.
    pub number: StockLocation,
    /// Its name.
    pub name: String,
    /// Whether it is the account's default.
    pub is_default: bool,
}
