//! A Shopify order as it is NOW, as far as we read it. All amounts are in the shop's currency unless said
//! otherwise; the presentment side is only looked at to know that it differs.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::ids::{OrderId, VariantId};
use crate::money::Currency;
use crate::person::{Address, Email, Personal};

/// Enough of an order to know that it must be looked at: a row of the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderHead {
    /// The order.
    pub id: OrderId,
    /// What people call it, `#1001`; not unique.
    pub name: String,
    /// When it was created in Shopify.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

/// How far it is paid (Shopify's `displayFinancialStatus`); unknown words are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Financial {
    /// Payment is authorised, not captured.
    Authorized,
    /// The authorisation ran out.
    Expired,
    /// Paid in full.
    Paid,
    /// A part is paid.
    PartiallyPaid,
    /// Paid, and a part given back.
    PartiallyRefunded,
    /// Waiting for a payment.
    Pending,
    /// Paid, and all given back.
    Refunded,
    /// The payment was voided.
    Voided,
    /// A word that is newer than this code.
    Other(String),
}

/// How far it is sent (Shopify's `displayFulfillmentStatus`); unknown words are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fulfillment {
    /// All is sent.
    Fulfilled,
    /// There is nothing to send (new in 2026-10).
    NotRequired,
    /// Anything short of that, in Shopify's word.
    Open(String),
}

/// One tax on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxLine {
    /// Its name, such as `Moms`.
    pub title: String,
    /// The rate in percent, `25`.
    pub rate_percent: Decimal,
    /// The amount for the whole line, already in the price if the order's `taxes_included`.
    pub amount: Decimal,
}

/// One line of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Shopify's line item id (the number of its GID).
    pub id: u64,
    /// Title with the variant's, as ordered.
    pub title: String,
    /// SKU as ordered; `None` for custom lines and variants without.
    pub sku: Option<String>,
    /// The variant, unless it is a custom line or was deleted since.
    pub variant: Option<VariantId>,
    /// Ordered, with what was refunded or removed later.
    pub quantity: u64,
    /// Still owed.
    pub current_quantity: u64,
    /// Price of one before any discount.
    pub unit_price: Decimal,
    /// Every discount given on this line, line and order level, for the whole ordered quantity.
    pub discount: Decimal,
    /// The taxes on the line.
    pub taxes: Vec<TaxLine>,
    /// A gift card was sold.
    pub is_gift_card: bool,
    /// A line typed in by staff: neither product nor variant.
    pub is_custom: bool,
    /// A tip (a line without product that is no custom line), where Shopify tells it.
    pub is_tip: bool,
    /// Units sent so far.
    pub fulfilled_quantity: u64,
    /// Duties charged on this line.
    pub duties: Decimal,
}

/// One shipping line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingLine {
    /// What the customer chose, `PostNord Pakke`.
    pub title: String,
    /// Price before discounts.
    pub price: Decimal,
    /// Discounts on it.
    pub discount: Decimal,
    /// The taxes on it.
    pub taxes: Vec<TaxLine>,
    /// Taken off the order again.
    pub is_removed: bool,
}

/// The sums as Shopify tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// What is owed now, all told (`currentTotalPriceSet`): the transfer must equal it.
    pub current_total: Decimal,
    /// The tax in it (`currentTotalTaxSet`).
    pub current_tax: Decimal,
    /// What was owed at first (`totalPriceSet`).
    pub original_total: Decimal,
    /// Tips.
    pub tip: Decimal,
    /// Duties.
    pub duties: Decimal,
    /// Additional fees.
    pub fees: Decimal,
    /// Cash rounding of the payment (`totalCashRoundingAdjustment`), signed.
    pub cash_rounding: Decimal,
    /// Sum of successful captures and sales.
    pub captured: Decimal,
    /// Paid with gift cards.
    pub gift_card_paid: Decimal,
}

/// Who bought, as far as Shopify tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Buyer {
    /// The address by which the customer is matched: the order's own, else the customer's.
    pub email: Option<Email>,
    /// Telephone.
    pub phone: Personal,
    /// First and last name.
    pub name: Personal,
    /// Company of a business purchase.
    pub company: Personal,
    /// VAT number, if given.
    pub vat_number: Personal,
    /// Language of the customer, `da`; empty if unknown.
    pub locale: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Head: id, name, times.
    pub head: OrderHead,
    /// When the sale was made (differs from `created_at` for imported orders).
    pub processed_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// A test order.
    pub test: bool,
    /// Lines were added, removed or changed after the order was placed.
    pub edited: bool,
    /// How many refunds there are.
    pub refunds: usize,
    /// How far it is paid; `None` where Shopify says nothing.
    pub financial: Option<Financial>,
    /// How far it is sent.
    pub fulfillment: Fulfillment,
    /// The shop's currency when it was placed.
    pub currency: Currency,
    /// The buyer's currency.
    pub presentment_currency: Currency,
    /// Prices hold the tax already.
    pub taxes_included: bool,
    /// Who bought.
    pub buyer: Buyer,
    /// Where the bill goes.
    pub billing: Option<Address>,
    /// Where the goods go.
    pub shipping: Option<Address>,
    /// What the buyer wrote.
    pub note: Personal,
    /// All lines, every page.
    pub lines: Vec<OrderLine>,
    /// All shipping lines.
    pub shipping_lines: Vec<ShippingLine>,
    /// The sums.
    pub totals: Totals,
    /// Paths that Shopify's data rules emptied (an `errors` entry at that path): null there is not "none".
    pub redacted: Vec<String>,
}

impl OrderLine {
    /// The tax rate of the line in percent: several taxes on one line are added.
    #[must_use]
    pub fn rate_percent(&self) -> Decimal {
        self.taxes.iter().map(|tax| tax.rate_percent).sum()
    }

    /// The tax on the whole line.
    #[must_use]
    pub fn tax(&self) -> Decimal {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }

    /// Price times quantity, less the discounts: with tax if the order's prices hold it.
    #[must_use]
    pub fn charged(&self) -> Decimal {
        self.unit_price * Decimal::from(self.quantity) - self.discount
    }
}

impl ShippingLine {
    /// The tax rate in percent.
    #[must_use]
    pub fn rate_percent(&self) -> Decimal {
        self.taxes.iter().map(|tax| tax.rate_percent).sum()
    }

    /// The tax on it.
    #[must_use]
    pub fn tax(&self) -> Decimal {
        self.taxes.iter().map(|tax| tax.amount).sum()
    }

    /// Price less discounts: with tax if the order's prices hold it.
    #[must_use]
    pub fn charged(&self) -> Decimal {
        self.price - self.discount
    }
}
