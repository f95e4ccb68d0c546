//! Personal data: kept in memory only as long as one order is worked on, and never shown by `Debug`.

use std::fmt;

/// A text about a person. `Debug` tells only that it is there.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Personal(String);

impl Personal {
    /// Wraps a text; spaces at the ends are dropped.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text, to be sent to a remote and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(personal)" })
    }
}

/// An e-mail address in the form by which customers are matched: trimmed, lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address, normalised; `None` where there is none to match by (empty, or without an `@`).
    #[must_use]
    pub fn normalise(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        let (local, host) = lower.split_once('@')?;
        (!local.is_empty() && !host.is_empty()).then(|| Self(lower.clone()))
    }

    /// The address, to be sent to a remote or to be hashed with a key, and nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(e-mail)")
    }
}

/// A postal address; any part may be missing (POS and digital orders have none at all).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// The person's or contact's name.
    pub name: Personal,
    /// The company, if any.
    pub company: Personal,
    /// Street and number.
    pub street: Personal,
    /// The second line.
    pub street2: Personal,
    /// Town.
    pub city: Personal,
    /// Post code.
    pub zip: Personal,
    /// ISO 3166 alpha-2 code, such as `DK`; empty if unknown.
    pub country_code: String,
    /// The country's English name as Shopify writes it; empty if unknown.
    pub country: String,
    /// Telephone.
    pub phone: Personal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_matched_without_case_and_spaces_and_an_empty_one_matches_nobody() {
        assert_eq!(Email::normalise(" Ida@Example.TEST "), Email::normalise("ida@example.test"));
        for nobody in ["", "  ", "@", "ida", "ida@", "@example.test"] {
            assert_eq!(Email::normalise(nobody), None, "{nobody:?}");
        }
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let address = Address { name: Personal::new("Ida Holm"), ..Address::default() };
        let shown = format!("{address:?} {:?}", Email::normalise("ida@example.test"));
        assert!(!shown.contains("Ida") && !shown.contains("ida"), "{shown}");
    }
}
