//! Orders that are not ordinary, one function each: put one over an ordinary [`OrderSpec`].

use rust_decimal::Decimal;

use super::money::Currencies;
use super::order::LineKind;
use super::order_spec::{LineSpec, OrderSpec};
use super::people::Company;

fn plain_line(kind: LineKind, title: &str, price: Decimal) -> LineSpec {
    LineSpec {
        kind,
        variant: None,
        sku: None,
        title: title.to_owned(),
        variant_title: None,
        vendor: None,
        quantity: 1,
        unit_price: price,
        taxes: Vec::new(),
        gift_card: false,
        requires_shipping: false,
        duty: None,
    }
}

/// The buyer tips: a line without variant, SKU or tax that nothing marks as a tip.
#[must_use]
pub fn tip(mut spec: OrderSpec, amount: Decimal) -> OrderSpec {
    spec.lines.push(plain_line(LineKind::Tip, "Tip", amount));
    spec
}

/// A gift card is sold.
#[must_use]
pub fn gift_card(mut spec: OrderSpec, amount: Decimal) -> OrderSpec {
    let mut line = plain_line(LineKind::Product, "Gavekort", amount);
    line.gift_card = true;
    spec.lines.push(line);
    spec
}

/// The buyer pays with a gift card.
#[must_use]
pub fn by_gift_card(mut spec: OrderSpec) -> OrderSpec {
    spec.by_gift_card = true;
    spec
}

/// A line the merchant typed in, taxed like the first line.
#[must_use]
pub fn custom_line(mut spec: OrderSpec, title: &str, price: Decimal) -> OrderSpec {
    let mut line = plain_line(LineKind::Custom, title, price);
    line.taxes = spec.lines.first().map(|first| first.taxes.clone()).unwrap_or_default();
    spec.lines.push(line);
    spec
}

/// The first line carries a SKU that no catalogue has, and its variant is gone.
#[must_use]
pub fn unknown_sku(mut spec: OrderSpec, sku: &str) -> OrderSpec {
    if let Some(line) = spec.lines.first_mut() {
        line.sku = Some(sku.to_owned());
        line.variant = None;
    }
    spec
}

/// The buyer pays in another currency, at `rate` units for one of the shop's.
#[must_use]
pub fn foreign_buyer(mut spec: OrderSpec, currency: &str, rate: Decimal) -> OrderSpec {
    spec.currencies = Currencies { shop: spec.currencies.shop, presentment: currency.to_owned(), rate };
    spec
}

/// The first line carries an import duty.
#[must_use]
pub fn duties(mut spec: OrderSpec, amount: Decimal) -> OrderSpec {
    if let Some(line) = spec.lines.first_mut() {
        line.duty = Some(amount);
    }
    spec
}

/// A fee beside lines and shipping.
#[must_use]
pub fn additional_fee(mut spec: OrderSpec, name: &str, amount: Decimal) -> OrderSpec {
    spec.fees.push((name.to_owned(), amount));
    spec
}

/// Paid in cash and rounded by `amount`.
#[must_use]
pub fn cash_rounding(mut spec: OrderSpec, amount: Decimal) -> OrderSpec {
    "pos".clone_into(&mut spec.source);
    spec.cash_rounding = amount;
    spec
}

/// Placed with the test gateway.
#[must_use]
pub fn test_order(mut spec: OrderSpec) -> OrderSpec {
    spec.test = true;
    spec
}

/// Sold over the counter: no customer, no e-mail, no address.
#[must_use]
pub fn guest(mut spec: OrderSpec) -> OrderSpec {
    spec.customer = None;
    spec.email = None;
    spec
}

/// The app may not read personal data: those fields are null, each with an error at its path.
#[must_use]
pub fn protected(mut spec: OrderSpec) -> OrderSpec {
    spec.protected = true;
    spec
}

/// Made `days` ago and changed now, as an old order is that gets a tag.
#[must_use]
pub fn old(mut spec: OrderSpec, days: u32) -> OrderSpec {
    spec.age_seconds = i64::from(days) * 86_400;
    spec
}

/// Bought by a company through B2B.
#[must_use]
pub fn business(mut spec: OrderSpec, name: &str, vat_number: Option<&str>) -> OrderSpec {
    spec.company = Some(Company {
        id: 5_100_000_001,
        name: name.to_owned(),
        vat_number: vat_number.map(ToOwned::to_owned),
    });
    spec
}

/// At least `count` lines, so that they come in pages.
#[must_use]
pub fn many_lines(mut spec: OrderSpec, count: usize) -> OrderSpec {
    let pattern = spec.lines.clone();
    while !pattern.is_empty() && spec.lines.len() < count {
        let next = pattern[spec.lines.len() % pattern.len()].clone();
        spec.lines.push(next);
    }
    spec
}
