//! Shopify's arithmetic: discounts allocated to lines, then tax line by line, then sums.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::money::{Bag, Currencies};
use super::order::{Allocation, Application, DiscountValue, Fee, Line, LineKind, Order, Shipping, Tax};
use super::order_spec::{DiscountSpec, DiscountTarget, LineSpec, OrderSpec, ShippingSpec, TaxRate};

/// Hands out rising ids.
#[derive(Debug)]
pub struct Ids {
    next: u64,
}

impl Ids {
    /// Starts after `last`.
    #[must_use]
    pub const fn after(last: u64) -> Self {
        Self { next: last + 1 }
    }

    /// The next id. Steps of 32 768, as Shopify's are nowhere near dense.
    pub fn take(&mut self) -> u64 {
        let id = self.next;
        self.next += 32_768;
        id
    }
}

/// Makes the order that `spec` describes, placed at `at`, with number `number`.
#[must_use]
pub fn build(spec: &OrderSpec, number: u32, at: Timestamp, ids: &mut Ids) -> Order {
    let currencies = &spec.currencies;
    let id = ids.take();
    let mut lines: Vec<Line> = spec.lines.iter().map(|line| new_line(line, currencies, ids)).collect();
    let mut shipping: Vec<Shipping> =
        spec.shipping.iter().map(|line| new_shipping(line, currencies, ids)).collect();
    let mut applications = Vec::new();
    for discount in &spec.discounts {
        discount_lines(discount, applications.len(), currencies, &mut lines, &mut shipping);
        applications.push(application(discount));
    }
    for (line, wanted) in lines.iter_mut().zip(&spec.lines) {
        line.taxes = taxes(&wanted.taxes, line.total(), spec.taxes_included, currencies);
    }
    for (line, wanted) in shipping.iter_mut().zip(&spec.shipping) {
        line.taxes = taxes(&wanted.taxes, line.total(), spec.taxes_included, currencies);
    }
    let fees = spec
        .fees
        .iter()
        .map(|(name, price)| Fee { id: ids.take(), name: name.clone(), price: currencies.bag(*price) })
        .collect();
    let address = spec.customer.as_ref().map(|customer| customer.address.clone());
    Order {
        id,
        number,
        currencies: currencies.clone(),
        taxes_included: spec.taxes_included,
        lines,
        shipping,
        applications,
        fees,
        cash_rounding: currencies.bag(spec.cash_rounding),
        customer: spec.customer.clone(),
        email: spec.email.clone(),
        company: spec.company.clone(),
        billing: address.clone(),
        ship_to: address,
        protected: spec.protected,
        test: spec.test,
        by_gift_card: spec.by_gift_card,
        edited: false,
        note: spec.note.clone(),
        tags: Vec::new(),
        source: spec.source.clone(),
        created_at: at - jiff::SignedDuration::from_secs(spec.age_seconds),
        updated_at: at,
        cancelled_at: None,
        transactions: Vec::new(),
        refunds: Vec::new(),
        fulfillments: Vec::new(),
    }
}

/// A line of a later edit or of the order itself, before discounts and tax.
pub(crate) fn new_line(spec: &LineSpec, currencies: &Currencies, ids: &mut Ids) -> Line {
    Line {
        id: ids.take(),
        kind: spec.kind,
        variant: spec.variant,
        sku: spec.sku.clone(),
        title: spec.title.clone(),
        variant_title: spec.variant_title.clone(),
        vendor: spec.vendor.clone(),
        quantity: spec.quantity,
        current_quantity: spec.quantity,
        fulfilled: 0,
        unit_price: currencies.bag(spec.unit_price),
        allocations: Vec::new(),
        taxes: Vec::new(),
        gift_card: spec.gift_card,
        requires_shipping: spec.requires_shipping,
        duty: spec.duty.map(|duty| currencies.bag(duty)),
    }
}

fn new_shipping(spec: &ShippingSpec, currencies: &Currencies, ids: &mut Ids) -> Shipping {
    Shipping {
        id: ids.take(),
        title: spec.title.clone(),
        price: currencies.bag(spec.price),
        allocations: Vec::new(),
        taxes: Vec::new(),
        removed: false,
    }
}

fn application(discount: &DiscountSpec) -> Application {
    Application {
        code: discount.code.clone(),
        title: discount.title.clone(),
        value: discount.value,
        on_shipping: discount.target == DiscountTarget::Shipping,
        on_chosen_lines: matches!(discount.target, DiscountTarget::Lines(_)),
    }
}

fn discount_lines(
    discount: &DiscountSpec,
    index: usize,
    currencies: &Currencies,
    lines: &mut [Line],
    shipping: &mut [Shipping],
) {
    if discount.target == DiscountTarget::Shipping {
        let weights: Vec<Bag> = shipping.iter().map(Shipping::total).collect();
        let shares = shares(discount.value, &weights, currencies);
        for (line, amount) in shipping.iter_mut().zip(shares) {
            push_share(&mut line.allocations, index, amount);
        }
        return;
    }
    let discounted = |at: usize, line: &Line| match &discount.target {
        DiscountTarget::Lines(chosen) => chosen.contains(&at),
        DiscountTarget::AllLines | DiscountTarget::Shipping => line.kind != LineKind::Tip && !line.gift_card,
    };
    let weights: Vec<Bag> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| if discounted(at, line) { line.total() } else { Bag::default() })
        .collect();
    let shares = shares(discount.value, &weights, currencies);
    for (line, amount) in lines.iter_mut().zip(shares) {
        push_share(&mut line.allocations, index, amount);
    }
}

fn push_share(allocations: &mut Vec<Allocation>, application: usize, amount: Bag) {
    if !amount.is_zero() {
        allocations.push(Allocation { application, amount });
    }
}

/// A discount is computed on the sum and then split, which is why single lines show odd cents.
fn shares(value: DiscountValue, weights: &[Bag], currencies: &Currencies) -> Vec<Bag> {
    let whole: Bag = weights.iter().copied().sum();
    let wanted = match value {
        DiscountValue::Percentage(percent) => {
            currencies.round(whole.map(|side| side * percent / Decimal::ONE_HUNDRED))
        }
        DiscountValue::Fixed(amount) => currencies.bag(amount),
    };
    let total =
        Bag { shop: wanted.shop.min(whole.shop), presentment: wanted.presentment.min(whole.presentment) };
    currencies.allocate(total, weights)
}

/// One tax line per rate, each rounded half up to the minor unit. Included taxes are taken out of
/// the price by the sum of the rates.
pub(crate) fn taxes(rates: &[TaxRate], total: Bag, included: bool, currencies: &Currencies) -> Vec<Tax> {
    let sum: Decimal = rates.iter().map(|tax| tax.rate).sum();
    rates
        .iter()
        .map(|tax| Tax {
            title: tax.title.clone(),
            rate: tax.rate,
            amount: currencies.round(
                total.map(
                    |side| {
                        if included { side * tax.rate / (Decimal::ONE + sum) } else { side * tax.rate }
                    },
                ),
            ),
        })
        .collect()
}
