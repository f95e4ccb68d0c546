//! The order model: what was ordered, what it cost, what happened to it since.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::money::{Bag, Currencies};
use super::people::{Address, Company, Customer};

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// A variant of the catalogue (or one that has been deleted since).
    Product,
    /// Typed in by the merchant: no variant, no SKU.
    Custom,
    /// A tip. Shopify marks it nowhere on the line: no variant, not shipped, untaxed.
    Tip,
}

/// A tax on a line, a shipping line or the whole order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax {
    /// Such as `Moms`.
    pub title: String,
    /// Such as 0.25.
    pub rate: Decimal,
    /// Rounded to the minor unit; within the price if the order's prices include tax.
    pub amount: Bag,
}

/// A share of a discount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Index into [`Order::applications`].
    pub application: usize,
    /// For the whole original quantity.
    pub amount: Bag,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Numeric id.
    pub id: u64,
    /// What it stands for.
    pub kind: LineKind,
    /// Variant and product, while they exist.
    pub variant: Option<(u64, u64)>,
    /// As ordered.
    pub sku: Option<String>,
    /// Product title as ordered.
    pub title: String,
    /// Variant title as ordered.
    pub variant_title: Option<String>,
    /// Vendor as ordered.
    pub vendor: Option<String>,
    /// Ordered, whatever was removed or refunded later.
    pub quantity: u32,
    /// Still owed.
    pub current_quantity: u32,
    /// Shipped so far.
    pub fulfilled: u32,
    /// Before discounts.
    pub unit_price: Bag,
    /// Line-level and order-level discounts.
    pub allocations: Vec<Allocation>,
    /// One entry per rate.
    pub taxes: Vec<Tax>,
    /// A gift card sold.
    pub gift_card: bool,
    /// Whether it is shipped at all.
    pub requires_shipping: bool,
    /// Import duty on this line.
    pub duty: Option<Bag>,
}

impl Line {
    fn times(&self, quantity: u32) -> Bag {
        self.unit_price.map(|price| price * Decimal::from(quantity))
    }

    /// Σ allocations.
    #[must_use]
    pub fn discount(&self) -> Bag {
        self.allocations.iter().map(|share| share.amount).sum()
    }

    /// Price × quantity − discounts, for what was ordered.
    #[must_use]
    pub fn total(&self) -> Bag {
        self.times(self.quantity) - self.discount()
    }

    fn share(&self, amount: Bag, currencies: &Currencies) -> Bag {
        if self.current_quantity == self.quantity {
            return amount;
        }
        let (part, whole) = (Decimal::from(self.current_quantity), Decimal::from(self.quantity));
        currencies.round(amount.map(|side| side * part / whole))
    }
}

/// One shipping line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipping {
    /// Numeric id.
    pub id: u64,
    /// Such as `GLS Pakkeshop`.
    pub title: String,
    /// Before discounts.
    pub price: Bag,
    /// Shipping discounts.
    pub allocations: Vec<Allocation>,
    /// After discounts.
    pub taxes: Vec<Tax>,
    /// Taken out by an edit.
    pub removed: bool,
}

impl Shipping {
    /// Price − discounts.
    #[must_use]
    pub fn total(&self) -> Bag {
        self.price - self.allocations.iter().map(|share| share.amount).sum()
    }
}

/// How large a discount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscountValue {
    /// Percent of what it applies to, such as 10.
    Percentage(Decimal),
    /// A fixed amount in the shop's currency.
    Fixed(Decimal),
}

/// A discount as it was given; its effect stands in the allocations that name its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The code typed by the buyer; without one the merchant gave it.
    pub code: Option<String>,
    /// Told to the buyer.
    pub title: String,
    /// How large.
    pub value: DiscountValue,
    /// Off the shipping lines rather than off the lines.
    pub on_shipping: bool,
    /// Given to chosen lines rather than across all.
    pub on_chosen_lines: bool,
}

/// Something charged beside lines, shipping and tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Numeric id.
    pub id: u64,
    /// What for.
    pub name: String,
    /// How much.
    pub price: Bag,
}

/// What a transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionKind {
    /// Money taken at once.
    Sale,
    /// Money given back.
    Refund,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Numeric id.
    pub id: u64,
    /// What it did.
    pub kind: TransactionKind,
    /// How much.
    pub amount: Bag,
    /// When.
    pub at: Timestamp,
}

/// Money and goods given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Numeric id.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// How much money.
    pub amount: Bag,
    /// Line id, quantity.
    pub lines: Vec<(u64, u32)>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Numeric id.
    pub id: u64,
    /// The number behind the `#`.
    pub number: u32,
    /// Shop's and buyer's currency.
    pub currencies: Currencies,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// The lines, tip lines among them.
    pub lines: Vec<Line>,
    /// The shipping lines.
    pub shipping: Vec<Shipping>,
    /// The discounts given.
    pub applications: Vec<Application>,
    /// Fees.
    pub fees: Vec<Fee>,
    /// Rounding of a cash payment.
    pub cash_rounding: Bag,
    /// Who bought.
    pub customer: Option<Customer>,
    /// The order's own e-mail.
    pub email: Option<String>,
    /// Bought for a company.
    pub company: Option<Company>,
    /// Invoice address.
    pub billing: Option<Address>,
    /// Where it goes.
    pub ship_to: Option<Address>,
    /// The app may not see personal data: those fields are null with an error at their path.
    pub protected: bool,
    /// Placed with the test gateway.
    pub test: bool,
    /// Paid with a gift card.
    pub by_gift_card: bool,
    /// Changed by an order edit.
    pub edited: bool,
    /// The buyer's note.
    pub note: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// `web`, `pos`, …
    pub source: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// Money moved.
    pub transactions: Vec<Transaction>,
    /// Given back.
    pub refunds: Vec<Refund>,
    /// Shipments: id and time.
    pub fulfillments: Vec<(u64, Timestamp)>,
}

/// What an order comes to. Sums of its parts, never kept beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Σ lines after discounts, without tips.
    pub subtotal: Bag,
    /// Σ shipping after discounts.
    pub shipping: Bag,
    /// Σ tax lines of lines and shipping.
    pub tax: Bag,
    /// Σ discounts, shipping discounts among them.
    pub discounts: Bag,
    /// Σ duties.
    pub duties: Bag,
    /// Σ fees.
    pub fees: Bag,
    /// Σ tip lines.
    pub tip: Bag,
    /// What is to be paid.
    pub total: Bag,
}

impl Order {
    /// `#1001`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("#{}", self.number)
    }

    /// As ordered.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.sum(|_, amount| amount, |line| line.quantity)
    }

    /// After removals and refunds.
    #[must_use]
    pub fn current(&self) -> Totals {
        let currencies = &self.currencies;
        self.sum(|line, amount| line.share(amount, currencies), |line| line.current_quantity)
    }

    fn sum(&self, part: impl Fn(&Line, Bag) -> Bag, quantity: impl Fn(&Line) -> u32) -> Totals {
        let mut totals = Totals::default();
        for line in &self.lines {
            let discount = part(line, line.discount());
            let after = line.times(quantity(line)) - discount;
            if line.kind == LineKind::Tip {
                totals.tip += after;
            } else {
                totals.subtotal += after;
            }
            totals.discounts += discount;
            totals.tax += line.taxes.iter().map(|tax| part(line, tax.amount)).sum();
            totals.duties += part(line, line.duty.unwrap_or_default());
        }
        for shipping in self.shipping.iter().filter(|shipping| !shipping.removed) {
            totals.shipping += shipping.total();
            totals.discounts += shipping.price - shipping.total();
            totals.tax += shipping.taxes.iter().map(|tax| tax.amount).sum();
        }
        totals.fees = self.fees.iter().map(|fee| fee.price).sum();
        totals.total = totals.subtotal + totals.shipping + totals.duties + totals.fees + totals.tip;
        if !self.taxes_included {
            totals.total += totals.tax;
        }
        totals
    }

    /// The current taxes summed by title and rate, in order of first sight.
    #[must_use]
    pub fn current_taxes(&self) -> Vec<Tax> {
        let of_lines = self.lines.iter().flat_map(|line| {
            line.taxes
                .iter()
                .map(|tax| Tax { amount: line.share(tax.amount, &self.currencies), ..tax.clone() })
        });
        let of_shipping = self.shipping.iter().filter(|shipping| !shipping.removed);
        let mut sums: Vec<Tax> = Vec::new();
        for tax in of_lines.chain(of_shipping.flat_map(|shipping| shipping.taxes.clone())) {
            match sums.iter_mut().find(|sum| sum.title == tax.title && sum.rate == tax.rate) {
                Some(sum) => sum.amount += tax.amount,
                None => sums.push(tax),
            }
        }
        sums
    }

    /// Σ of the transactions of one kind.
    #[must_use]
    pub fn moved(&self, kind: TransactionKind) -> Bag {
        self.transactions
            .iter()
            .filter(|transaction| transaction.kind == kind)
            .map(|transaction| transaction.amount)
            .sum()
    }

    /// GraphQL's `displayFinancialStatus`.
    #[must_use]
    pub fn financial_status(&self) -> &'static str {
        let (paid, refunded) =
            (self.moved(TransactionKind::Sale).shop, self.moved(TransactionKind::Refund).shop);
        let owed = self.totals().total.shop;
        if self.transactions.is_empty() && !owed.is_zero() {
            return if self.cancelled_at.is_some() { "VOIDED" } else { "PENDING" };
        }
        if refunded > Decimal::ZERO {
            return if refunded >= paid { "REFUNDED" } else { "PARTIALLY_REFUNDED" };
        }
        // An edit may have made the order cheaper or dearer than what was paid.
        if paid >= owed.min(self.current().total.shop) { "PAID" } else { "PARTIALLY_PAID" }
    }

    /// GraphQL's `displayFulfillmentStatus`.
    #[must_use]
    pub fn fulfillment_status(&self) -> &'static str {
        let shippable = |line: &&Line| line.kind != LineKind::Tip;
        if !self.lines.iter().any(|line| line.requires_shipping) {
            return "FULFILLMENT_NOT_REQUIRED";
        }
        let owed: u32 = self.lines.iter().filter(shippable).map(|line| line.current_quantity).sum();
        let open: u32 = self.lines.iter().filter(shippable).map(Line::unfulfilled).sum();
        let done: u32 = self.lines.iter().map(|line| line.fulfilled).sum();
        match (owed, open, done) {
            (0, _, 0) => "UNFULFILLED",
            (_, 0, _) => "FULFILLED",
            (_, _, 0) => "UNFULFILLED",
            _ => "PARTIALLY_FULFILLED",
        }
    }
}

impl Line {
    /// Owed and not shipped.
    #[must_use]
    pub fn unfulfilled(&self) -> u32 {
        self.current_quantity.saturating_sub(self.fulfilled)
    }
}
