//! Messages of the API ↔ domain types. What cannot be read becomes a violation that names the field and the
//! remedy; a request is answered with all of its violations at once.

mod billing;
mod choice;
mod drift;
mod ledger;
mod mask;
mod preflight;
mod replay;
mod run;
mod settings;
mod standing;
mod stock;
mod store;
mod transfer;

pub use billing::bill;
pub(crate) use choice::choose;
pub use drift::{drift, product_trouble};
pub use ledger::ledger;
pub use mask::{read_mask, unknown as unknown_setting};
pub use preflight::preflight;
pub use replay::replay;
pub use run::{estimate, read_run_id, row, run};
pub use settings::{product_field, read_product_field, read_settings, read_values, settings};
pub use standing::{store_status, worker_report};
pub use stock::{read_item, stock_report, stock_view, trouble};
pub(super) use store::secret_text;
pub use store::{agreement, job_counts, read_credentials, read_desired, read_owner, store};
pub use transfer::{Progress, park, parked_order, reached, transfer};

use std::fmt::Display;

use jiff::Timestamp;
use rust_decimal::Decimal;
use shopbeat_domain::money::Currency;
use tonic::Status;
use tonic_types::FieldViolation;

use super::status;

/// The violations of one request, as they are found.
#[derive(Debug, Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// Notes what is wrong with a field, and what would be right.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(FieldViolation::new(field, problem));
    }

    /// The value, or a violation of the field and `None`.
    pub fn take<T, E: Display>(&mut self, field: &str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(field, problem.to_string());
                None
            }
        }
    }

    /// A text that must be there.
    pub fn needed<'a>(&mut self, field: &str, text: &'a str) -> Option<&'a str> {
        if text.trim().is_empty() {
            self.add(field, "is needed");
            return None;
        }
        Some(text.trim())
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with every violation, if there is any.
    pub fn done(self) -> Result<(), Status> {
        if self.0.is_empty() { Ok(()) } else { Err(status::bad_request(self.0)) }
    }

    /// The value that was read if nothing was found, else all violations.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with every violation, if there is any or the value is missing.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Status> {
        match value {
            Some(value) => self.done().map(|()| value),
            None => {
                if self.0.is_empty() {
                    self.add("request", "is not complete");
                }
                Err(status::bad_request(self.0))
            }
        }
    }
}

/// A moment as a message has it.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (at.as_second(), at.subsec_nanosecond());
    // The message counts nanoseconds forward, jiff towards zero.
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// A moment from a message.
pub fn read_timestamp(
    violations: &mut Violations,
    field: &str,
    at: prost_types::Timestamp,
) -> Option<Timestamp> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        violations.add(field, "nanos must be 0 to 999999999");
        return None;
    }
    violations
        .take(field, Timestamp::new(at.seconds, at.nanos).map_err(|_| "lies outside years -9999 to 9999"))
}

/// A number as decimal text without exponent and trailing zeros.
#[must_use]
pub fn decimal(number: Decimal) -> String {
    number.normalize().to_string()
}

/// An amount as decimal text with at least the currency's minor digits: `9179.00`.
#[must_use]
pub fn amount(amount: Decimal, currency: Currency) -> String {
    let mut plain = amount.normalize();
    if plain.scale() < currency.minor_digits() {
        plain.rescale(currency.minor_digits());
    }
    plain.to_string()
}

/// A number from decimal text such as `1234.50`: digits, at most one point, perhaps a minus before.
pub fn read_decimal(violations: &mut Violations, field: &str, text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let number = plain.then(|| Decimal::from_str_exact(text).ok()).flatten();
    if number.is_none() {
        violations.add(field, format!("{text:?} is not a decimal number; give text such as 0.05"));
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic_types::StatusExt as _;

    use super::*;

    proptest! {
        #[test]
        fn a_moment_is_read_back_as_it_was_written(nanos in -377_705_023_201_000_000_000_i128..253_402_207_200_000_000_000) {
            let at = Timestamp::from_nanosecond(nanos).unwrap();
            let mut violations = Violations::default();
            prop_assert_eq!(read_timestamp(&mut violations, "at", timestamp(at)), Some(at));
            prop_assert!(violations.is_empty());
        }

        #[test]
        fn a_number_is_read_back_as_it_was_written(mantissa in any::<i64>(), scale in 0_u32..20) {
            let number = Decimal::new(mantissa, scale);
            let mut violations = Violations::default();
            prop_assert_eq!(read_decimal(&mut violations, "n", &decimal(number)), Some(number));
        }
    }

    #[test]
    fn an_amount_is_written_with_its_minor_digits_and_never_cut() {
        let dkk = Currency::parse("DKK").unwrap();
        for (number, text) in
            [("9179", "9179.00"), ("9179.0", "9179.00"), ("1.234", "1.234"), ("-0.5000", "-0.50")]
        {
            assert_eq!(amount(number.parse().unwrap(), dkk), text);
        }
        assert_eq!(amount(Decimal::from(5), Currency::parse("JPY").unwrap()), "5");
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let mut violations = Violations::default();
        assert_eq!(violations.needed("shop", " "), None);
        for bad in ["", "1e5", "1,000", "abc", "1.2.3", "--1", "0x10", "1_000"] {
            assert_eq!(read_decimal(&mut violations, bad, bad), None, "{bad:?}");
        }
        let late = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
        let odd = prost_types::Timestamp { seconds: 0, nanos: -1 };
        assert_eq!(read_timestamp(&mut violations, "late", late), None);
        assert_eq!(read_timestamp(&mut violations, "odd", odd), None);
        let status = violations.done().unwrap_err();
        let details = status.get_error_details();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 11);
    }

    #[test]
    fn a_value_that_was_not_read_is_never_taken_for_good() {
        assert_eq!(Violations::default().finish(Some(1)).unwrap(), 1);
        assert_eq!(
            Violations::default().finish(None::<u8>).unwrap_err().code(),
            tonic::Code::InvalidArgument
        );
    }
}
