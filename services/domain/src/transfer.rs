//! The journal of one order's transfer: what was done, with which remote ids, and the proof of its money. The
//! reference in Rackbeat guards against doubles; this record only saves repeated work and answers questions.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::erp::DraftLine;
use crate::ids::{CustomerNumber, InvoiceNumber, OrderId, OrderNumber, ShipmentId, StoreId};
use crate::money::Currency;
use crate::settings::Target;

/// A step of the transfer, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// The customer was found or made.
    Customer,
    /// A create was about to be sent: from now on, find before create.
    Intent,
    /// The draft stands in Rackbeat.
    Draft,
    /// It was read back and equals the plan.
    Compared,
    /// No twin bears its reference.
    Alone,
    /// Booked.
    Booked,
    /// Flagged ready for shipping.
    Ready,
    /// A shipment was made.
    Shipment,
    /// The shipment is picked.
    Picked,
    /// The shipment is shipped.
    Shipped,
    /// An invoice was made (not booked).
    Invoice,
    /// The invoice is booked.
    Invoiced,
    /// A while after it was done, it was still alone and still there.
    Audited,
}

impl Step {
    /// The word in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Intent => "intent",
            Self::Draft => "draft",
            Self::Compared => "compared",
            Self::Alone => "alone",
            Self::Booked => "booked",
            Self::Ready => "ready",
            Self::Shipment => "shipment",
            Self::Picked => "picked",
            Self::Shipped => "shipped",
            Self::Invoice => "invoice",
            Self::Invoiced => "invoiced",
            Self::Audited => "audited",
        }
    }
}

/// How far an order is in Rackbeat, as told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reached {
    /// Nothing there yet.
    Nothing,
    /// A draft.
    Draft,
    /// Booked.
    Booked,
    /// Flagged ready for shipping.
    ReadyToShip,
    /// Picked.
    Packed,
    /// Shipped.
    Shipped,
    /// Invoiced, not shipped.
    Invoiced,
    /// Shipped and invoiced.
    ShippedAndInvoiced,
}

impl Reached {
    /// The word in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Draft => "draft",
            Self::Booked => "booked",
            Self::ReadyToShip => "ready_to_ship",
            Self::Packed => "packed",
            Self::Shipped => "shipped",
            Self::Invoiced => "invoiced",
            Self::ShippedAndInvoiced => "shipped_and_invoiced",
        }
    }
}

/// One Rackbeat line and the Shopify amounts that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineProof {
    /// What it comes from: `line 123`, `shipping 1`, `rounding`.
    pub source: String,
    /// The amounts by name, in Shopify's words, for the whole line.
    pub amounts: Vec<(String, Decimal)>,
    /// The line that was sent.
    pub line: DraftLine,
    /// What the line comes to without VAT, to the minor unit.
    pub net: Decimal,
    /// Its VAT in Shopify.
    pub vat: Decimal,
}

/// One VAT rate: what Shopify says and what Rackbeat would say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatProof {
    /// Percent.
    pub rate_percent: Decimal,
    /// Sum without VAT of the lines at this rate.
    pub net: Decimal,
    /// Shopify's VAT at this rate.
    pub shopify: Decimal,
    /// Net times rate, rounded once.
    pub computed: Decimal,
}

/// Why the money is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyProof {
    /// Currency of all amounts.
    pub currency: Currency,
    /// Shopify's `currentTotalPriceSet`.
    pub shopify_total: Decimal,
    /// Shopify's `currentTotalTaxSet`.
    pub shopify_vat: Decimal,
    /// The lines.
    pub lines: Vec<LineProof>,
    /// The VAT rates.
    pub rates: Vec<VatProof>,
    /// What Rackbeat said on the last reading, with VAT.
    pub rackbeat_total: Option<Decimal>,
    /// The VAT that Rackbeat said.
    pub rackbeat_vat: Option<Decimal>,
    /// What went on the rounding line; zero if there is none.
    pub rounding: Decimal,
}

/// The journal of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Layout of this record.
    pub version: u32,
    /// Whose.
    pub store: StoreId,
    /// Which order.
    pub order: OrderId,
    /// What people call it.
    pub order_name: String,
    /// The target that was asked for.
    pub target: Target,
    /// Steps done, with their time.
    pub steps: Vec<(Step, Timestamp)>,
    /// The customer.
    pub customer: Option<CustomerNumber>,
    /// The order in Rackbeat.
    pub number: Option<OrderNumber>,
    /// Its shipment.
    pub shipment: Option<ShipmentId>,
    /// Its invoice.
    pub invoice: Option<InvoiceNumber>,
    /// How far it is.
    pub reached: Reached,
    /// It waits for stock to get further.
    pub waiting_for_stock: bool,
    /// Told things that are no failure: twins removed, several customers for one address.
    pub remarks: Vec<String>,
    /// The proof of its money.
    pub proof: Option<MoneyProof>,
    /// When this record was last written.
    pub updated_at: Timestamp,
}

impl Transfer {
    /// A journal with nothing in it.
    #[must_use]
    pub fn begin(store: StoreId, order: OrderId, target: Target, now: Timestamp) -> Self {
        Self {
            version: crate::store::RECORD_VERSION,
            store,
            order,
            order_name: String::new(),
            target,
            steps: Vec::new(),
            customer: None,
            number: None,
            shipment: None,
            invoice: None,
            reached: Reached::Nothing,
            waiting_for_stock: false,
            remarks: Vec::new(),
            proof: None,
            updated_at: now,
        }
    }

    /// Whether a step was done.
    #[must_use]
    pub fn did(&self, step: Step) -> bool {
        self.steps.iter().any(|(done, _)| *done == step)
    }

    /// When a step was done.
    #[must_use]
    pub fn done_at(&self, step: Step) -> Option<Timestamp> {
        self.steps.iter().find(|(done, _)| *done == step).map(|(_, at)| *at)
    }

    /// Notes a step once.
    pub fn note(&mut self, step: Step, now: Timestamp) {
        if !self.did(step) {
            self.steps.push((step, now));
        }
    }

    /// Adds a remark once.
    pub fn remark(&mut self, text: String) {
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }
}
