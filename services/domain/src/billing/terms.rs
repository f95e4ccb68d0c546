//! What a store costs.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::ids::BadId;
use crate::money::Currency;

/// How a month that was not used whole is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ProRata {
    /// By days: price × billed days / days of the month, rounded to the minor unit for each store.
    #[default]
    ByDay,
    /// A month that was begun is a whole one. A store that takes the paid place of one that left costs nothing more:
    /// as many prices are owed as stores were billable at once.
    WholeMonths,
}

impl fmt::Display for ProRata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByDay => "by-day",
            Self::WholeMonths => "whole-months",
        })
    }
}

impl FromStr for ProRata {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "by-day" => Ok(Self::ByDay),
            "whole-months" => Ok(Self::WholeMonths),
            _ => Err(BadId {
                what: "billing rule",
                text: text.chars().take(40).collect(),
                allowed: "by-day or whole-months",
            }),
        }
    }
}

/// What a store costs. The default: the first store of an agreement is free, each further one costs 100 DKK a month,
/// by days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    price: Decimal,
    currency: Currency,
    free: u32,
    rule: ProRata,
}

impl Terms {
    /// No price above this: more is a mistake of a key, and no product of it with days overflows.
    pub const LARGEST_PRICE: u32 = 1_000_000;

    /// Terms: price of a store and month in whole units of the currency, how many stores are free, and the rule.
    ///
    /// # Errors
    /// A price below zero, above [`Self::LARGEST_PRICE`], or finer than the currency's smallest coin.
    pub fn new(price: Decimal, currency: Currency, free: u32, rule: ProRata) -> Result<Self, BadId> {
        let in_range = price >= Decimal::ZERO && price <= Decimal::from(Self::LARGEST_PRICE);
        if !in_range || currency.round(price) != price {
            return Err(BadId {
                what: "price",
                text: price.to_string(),
                allowed: "0 to 1000000, no finer than the currency's smallest coin",
            });
        }
        Ok(Self { price, currency, free, rule })
    }

    /// Price of a store and month.
    #[must_use]
    pub fn price(&self) -> Decimal {
        self.price
    }

    /// Currency of all amounts.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// How many stores of an agreement are free.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.free
    }

    /// How a month that was not used whole is billed.
    #[must_use]
    pub fn rule(&self) -> ProRata {
        self.rule
    }

    /// What so many days of a month cost.
    pub(super) fn for_days(&self, billed: u32, of: u32) -> Decimal {
        if of == 0 {
            return Decimal::ZERO;
        }
        // Multiplied first: a whole month is exactly its price.
        self.currency.round(self.price * Decimal::from(billed) / Decimal::from(of))
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { price: Decimal::ONE_HUNDRED, currency: Currency::DKK, free: 1, rule: ProRata::ByDay }
    }
}
