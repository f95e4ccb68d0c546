//! What is to be ordered, before Shopify's arithmetic: see [`build`](super::order_build::build).

use rust_decimal::Decimal;

use super::money::Currencies;
use super::order::{DiscountValue, LineKind};
use super::people::{Company, Customer};

/// A tax by title and rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRate {
    /// Such as `Moms`.
    pub title: String,
    /// Such as 0.25.
    pub rate: Decimal,
}

impl TaxRate {
    /// A rate in percent.
    #[must_use]
    pub fn percent(title: &str, percent: Decimal) -> Self {
        Self { title: title.to_owned(), rate: percent / Decimal::ONE_HUNDRED }
    }
}

/// One line to order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSpec {
    /// What it stands for.
    pub kind: LineKind,
    /// Variant and product ids.
    pub variant: Option<(u64, u64)>,
    /// SKU as ordered.
    pub sku: Option<String>,
    /// Product title.
    pub title: String,
    /// Variant title.
    pub variant_title: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Each, before discounts, in the shop's currency.
    pub unit_price: Decimal,
    /// Taxes on it.
    pub taxes: Vec<TaxRate>,
    /// A gift card sold.
    pub gift_card: bool,
    /// Whether it is shipped.
    pub requires_shipping: bool,
    /// Import duty.
    pub duty: Option<Decimal>,
}

/// What a discount is taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscountTarget {
    /// Across all lines but gift cards and tips, in proportion to what they still cost.
    AllLines,
    /// These lines, by index.
    Lines(Vec<usize>),
    /// All shipping lines.
    Shipping,
}

/// A discount to give; discounts apply in order, each to what the earlier ones left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscountSpec {
    /// How large.
    pub value: DiscountValue,
    /// Off what.
    pub target: DiscountTarget,
    /// Code typed by the buyer.
    pub code: Option<String>,
    /// Title told to the buyer.
    pub title: String,
}

/// A shipping line to charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingSpec {
    /// Such as `GLS Pakkeshop`.
    pub title: String,
    /// Before discounts; zero for free shipping.
    pub price: Decimal,
    /// Taxes on it.
    pub taxes: Vec<TaxRate>,
}

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSpec {
    /// The two currencies.
    pub currencies: Currencies,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// Lines.
    pub lines: Vec<LineSpec>,
    /// Discounts.
    pub discounts: Vec<DiscountSpec>,
    /// Shipping.
    pub shipping: Vec<ShippingSpec>,
    /// Fees: name and amount.
    pub fees: Vec<(String, Decimal)>,
    /// Cash rounding, in the shop's currency.
    pub cash_rounding: Decimal,
    /// Who buys; `None` for a guest without a customer record.
    pub customer: Option<Customer>,
    /// B2B buyer.
    pub company: Option<Company>,
    /// The order's own e-mail, customer or not.
    pub email: Option<String>,
    /// Personal data withheld from the app.
    pub protected: bool,
    /// Test gateway.
    pub test: bool,
    /// Paid with a gift card: a way of paying, not a discount.
    pub by_gift_card: bool,
    /// The buyer's note.
    pub note: Option<String>,
    /// `web`, `pos`, …
    pub source: String,
    /// How long ago it was made, in seconds: for orders older than the app's reach.
    pub age_seconds: i64,
}

impl OrderSpec {
    /// The line at `index` with another quantity.
    #[must_use]
    pub fn quantity(mut self, index: usize, quantity: u32) -> Self {
        if let Some(line) = self.lines.get_mut(index) {
            line.quantity = quantity;
        }
        self
    }
}
