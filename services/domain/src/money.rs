//! Money is decimal and carries its currency; only amounts of one currency are added.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::ids::BadId;

/// An ISO 4217 code in capitals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Danish kroner.
    pub const DKK: Self = Self(*b"DKK");

    /// Reads a code; the case is folded.
    ///
    /// # Errors
    /// When it is not three letters.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let mut code = [0; 3];
        let letters = text.as_bytes();
        if letters.len() != 3 || !letters.iter().all(u8::is_ascii_alphabetic) {
            return Err(BadId {
                what: "currency",
                text: text.to_owned(),
                allowed: "three letters, such as DKK",
            });
        }
        code.copy_from_slice(letters);
        code.make_ascii_uppercase();
        Ok(Self(code))
    }

    /// How many decimals the smallest coin has (ISO 4217's minor unit).
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        match &self.0 {
            b"JPY" | b"KRW" | b"ISK" | b"CLP" | b"VND" | b"PYG" | b"UGX" | b"XAF" | b"XOF" | b"XPF"
            | b"RWF" | b"KMF" | b"GNF" | b"DJF" | b"BIF" | b"VUV" => 0,
            b"KWD" | b"BHD" | b"OMR" | b"JOD" | b"TND" | b"IQD" | b"LYD" => 3,
            _ => 2,
        }
    }

    /// The same amount with at least the minor unit's decimals, as amounts are written: `239.8` is `239.80`.
    #[must_use]
    pub fn written(self, mut amount: Decimal) -> Decimal {
        if amount.scale() < self.minor_digits() {
            amount.rescale(self.minor_digits());
        }
        amount
    }

    /// Rounds to the minor unit, halves away from zero, as both remotes' documents show amounts.
    #[must_use]
    pub fn round(self, amount: Decimal) -> Decimal {
        amount.round_dp_with_strategy(self.minor_digits(), RoundingStrategy::MidpointAwayFromZero)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Currency {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount, in whole units of the currency (not minor units).
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// An amount in a currency.
    #[must_use]
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::try_from(self.currency.minor_digits()).unwrap_or(2);
        write!(f, "{:.digits$} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_unit_follows_the_currency() {
        let amount = Decimal::new(12_345, 3);
        assert_eq!(Currency::parse("dkk").unwrap().round(amount), Decimal::new(1_235, 2));
        assert_eq!(Currency::parse("JPY").unwrap().round(amount), Decimal::from(12));
        assert_eq!(Currency::parse("KWD").unwrap().round(amount), amount);
        assert!(Currency::parse("kr").is_err());
    }

    #[test]
    fn an_amount_is_written_with_its_minor_digits_and_stays_the_same() {
        let dkk = Currency::parse("DKK").unwrap();
        assert_eq!(dkk.written(Decimal::new(2_398, 1)).to_string(), "239.80");
        assert_eq!(dkk.written(Decimal::new(1_234_567, 6)).to_string(), "1.234567");
    }

    #[test]
    fn money_is_shown_with_its_minor_digits() {
        assert_eq!(Money::new(Decimal::from(5), Currency::parse("DKK").unwrap()).to_string(), "5.00 DKK");
    }
}
