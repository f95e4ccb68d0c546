//! Amounts as Shopify keeps them: the shop's currency and the buyer's, side by side.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

/// One amount in both currencies (GraphQL: `MoneyBag`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bag {
    /// In the shop's currency.
    pub shop: Decimal,
    /// In the buyer's currency.
    pub presentment: Decimal,
}

impl Bag {
    /// The same amount on both sides.
    #[must_use]
    pub const fn same(amount: Decimal) -> Self {
        Self { shop: amount, presentment: amount }
    }

    /// Applies `change` to each side.
    #[must_use]
    pub fn map(self, change: impl Fn(Decimal) -> Decimal) -> Self {
        Self { shop: change(self.shop), presentment: change(self.presentment) }
    }

    /// Whether both sides are zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.shop.is_zero() && self.presentment.is_zero()
    }
}

impl Add for Bag {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { shop: self.shop + other.shop, presentment: self.presentment + other.presentment }
    }
}

impl AddAssign for Bag {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Bag {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { shop: self.shop - other.shop, presentment: self.presentment - other.presentment }
    }
}

impl Sum for Bag {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// The two currencies of one order and how the buyer's is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currencies {
    /// ISO code of the shop's currency.
    pub shop: String,
    /// ISO code of the buyer's currency.
    pub presentment: String,
    /// Units of the buyer's currency for one of the shop's.
    pub rate: Decimal,
}

impl Currencies {
    /// One currency on both sides.
    #[must_use]
    pub fn single(code: &str) -> Self {
        Self { shop: code.to_owned(), presentment: code.to_owned(), rate: Decimal::ONE }
    }

    /// An amount of the shop's currency on both sides, the buyer's rounded.
    #[must_use]
    pub fn bag(&self, amount: Decimal) -> Bag {
        self.round(Bag { shop: amount, presentment: amount * self.rate })
    }

    /// Each side rounded half up to its currency's minor unit.
    #[must_use]
    pub fn round(&self, amount: Bag) -> Bag {
        Bag {
            shop: round(amount.shop, minor_digits(&self.shop)),
            presentment: round(amount.presentment, minor_digits(&self.presentment)),
        }
    }

    /// The GraphQL `MoneyBag` of `amount`.
    pub(crate) fn bag_json(&self, amount: Bag) -> Value {
        json!({
            "shopMoney": money_json(amount.shop, &self.shop),
            "presentmentMoney": money_json(amount.presentment, &self.presentment),
        })
    }

    /// The REST `…_set` object of `amount`.
    pub(crate) fn rest_set(&self, amount: Bag) -> Value {
        json!({
            "shop_money": { "amount": self.rest(amount.shop), "currency_code": self.shop },
            "presentment_money": {
                "amount": fixed(amount.presentment, &self.presentment),
                "currency_code": self.presentment
            },
        })
    }

    /// A REST amount in the shop's currency, such as `12.50`.
    pub(crate) fn rest(&self, amount: Decimal) -> String {
        fixed(amount, &self.shop)
    }

    /// Splits `total` over `weights` in proportion, to the minor unit; what rounding leaves goes
    /// unit by unit to the first parts that have a weight, so that the parts sum to `total`.
    #[must_use]
    pub fn allocate(&self, total: Bag, weights: &[Bag]) -> Vec<Bag> {
        let side = |pick: fn(&Bag) -> Decimal, code: &str| {
            let weights: Vec<Decimal> = weights.iter().map(pick).collect();
            allocate(pick(&total), &weights, minor_digits(code))
        };
        let shop = side(|bag| bag.shop, &self.shop);
        let presentment = side(|bag| bag.presentment, &self.presentment);
        shop.into_iter().zip(presentment).map(|(shop, presentment)| Bag { shop, presentment }).collect()
    }
}

/// The GraphQL `MoneyV2` of an amount.
pub(crate) fn money_json(amount: Decimal, currency: &str) -> Value {
    json!({ "__typename": "MoneyV2", "amount": decimal_text(amount), "currencyCode": currency })
}

/// Shopify's `Decimal` scalar: no trailing zeros, but at least one decimal (`100.0`, `9.95`).
pub(crate) fn decimal_text(amount: Decimal) -> String {
    let shortest = amount.normalize();
    if shortest.scale() == 0 { format!("{shortest}.0") } else { shortest.to_string() }
}

fn fixed(amount: Decimal, currency: &str) -> String {
    let digits = minor_digits(currency);
    let mut amount = round(amount, digits);
    amount.rescale(digits);
    amount.to_string()
}

/// Rounds half away from zero.
#[must_use]
pub fn round(amount: Decimal, digits: u32) -> Decimal {
    amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
}

/// Decimals of a currency's minor unit.
#[must_use]
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "CLP" | "ISK" | "VND" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

fn allocate(total: Decimal, weights: &[Decimal], digits: u32) -> Vec<Decimal> {
    let whole: Decimal = weights.iter().sum();
    if whole.is_zero() {
        return vec![Decimal::ZERO; weights.len()];
    }
    let mut parts: Vec<Decimal> = weights
        .iter()
        .map(|weight| (total * weight / whole).round_dp_with_strategy(digits, RoundingStrategy::ToZero))
        .collect();
    let unit = Decimal::new(1, digits);
    let mut left = total - parts.iter().sum::<Decimal>();
    for (part, weight) in parts.iter_mut().zip(weights) {
        // A part never outgrows the amount it discounts.
        if left >= unit && *part + unit <= *weight {
            *part += unit;
            left -= unit;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Bag, Currencies, decimal_text};
    use rust_decimal::Decimal;

    #[test]
    fn an_allocation_sums_to_its_total_with_the_remainder_in_front() {
        let currencies = Currencies::single("DKK");
        let weights = [Bag::same(Decimal::ONE_HUNDRED); 3];
        let parts = currencies.allocate(Bag::same(Decimal::TEN), &weights);
        let shop: Vec<String> = parts.iter().map(|part| part.shop.to_string()).collect();
        assert_eq!(shop, ["3.34", "3.33", "3.33"]);
    }

    #[test]
    fn decimals_are_written_as_shopify_writes_them() {
        assert_eq!(decimal_text(Decimal::new(10000, 2)), "100.0");
        assert_eq!(decimal_text(Decimal::new(995, 2)), "9.95");
        assert_eq!(Currencies::single("JPY").rest(Decimal::new(1005, 1)), "101");
        assert_eq!(Currencies::single("DKK").rest(Decimal::new(5, 1)), "0.50");
    }
}
