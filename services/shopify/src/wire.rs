//! What all operations share: the shape of a call, of its answer, and the small types inside answers.

use std::sync::atomic::{AtomicU32, Ordering};

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};

/// One operation: a `.graphql` file, what goes in and what comes out.
pub(crate) trait Operation {
    /// Its name in the file; also the key of its cost.
    const NAME: &'static str;
    /// The file.
    const TEXT: &'static str;
    /// Whether it changes anything: then a lost answer leaves it open whether it happened.
    const CHANGES: bool = false;
    type Variables: Serialize + Send + Sync;
    type Data: DeserializeOwned + Send;
}

/// Data, and the places in it that an error emptied.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    pub(crate) data: T,
    /// Dotted paths; a null there is not "none".
    pub(crate) gaps: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bag {
    pub(crate) shop_money: Amount,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Amount {
    /// Shopify writes amounts as strings; a number would have gone through a float and is refused.
    #[serde(with = "rust_decimal::serde::str")]
    pub(crate) amount: Decimal,
    pub(crate) currency_code: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

/// A page of a connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<T> {
    pub(crate) nodes: Vec<T>,
    pub(crate) page_info: PageInfo,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
    pub(crate) end_cursor: Option<String>,
}

impl PageInfo {
    /// Where the next page begins. A page that has a successor but no cursor, or leads to itself, would loop.
    pub(crate) fn next(self, call: &'static str, this: Option<&str>) -> Result<Option<String>, Failure> {
        match self.end_cursor {
            _ if !self.has_next_page => Ok(None),
            Some(cursor) if this != Some(cursor.as_str()) => Ok(Some(cursor)),
            _ => Err(garbled(call, "a page says there is a next one and does not lead there")),
        }
    }
}

/// How many things to ask for at once. What a query really costs is not documented: a shop that refuses a page as too
/// costly gets smaller ones from then on.
#[derive(Debug)]
pub(crate) struct PageSize(AtomicU32);

impl PageSize {
    pub(crate) fn of(size: u32) -> Self {
        Self(AtomicU32::new(size))
    }

    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Halves the page that was too big; false if it was one thing already.
    pub(crate) fn shrink(&self, tried: u32) -> bool {
        self.0.fetch_min((tried / 2).max(1), Ordering::Relaxed);
        tried > 1
    }
}

/// Fails where an error emptied a place in the data that may not be taken for nothing.
pub(crate) fn whole(call: &'static str, gaps: &[String], may_lack: &str, scope: &str) -> Result<(), Failure> {
    match gaps.iter().find(|gap| may_lack.is_empty() || !gap.split('.').any(|step| step == may_lack)) {
        None => Ok(()),
        Some(gap) => {
            let kind = FailureKind::Refused(Refusal::Forbidden);
            let text = format!("Shopify hides {gap}; the scope {scope} may be missing");
            Err(Failure::new(Remote::Shopify, kind, call, text))
        }
    }
}

/// An entry of a mutation's `userErrors`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UserError {
    #[serde(default)]
    pub(crate) field: Option<Vec<String>>,
    pub(crate) message: String,
    /// Typed errors have one, plain ones do not.
    #[serde(default)]
    pub(crate) code: Option<String>,
}

/// A refusal in the mutation's own words, or nothing.
pub(crate) fn refused(call: &'static str, errors: &[UserError]) -> Result<(), Failure> {
    if errors.is_empty() {
        return Ok(());
    }
    let messages: Vec<&str> = errors.iter().map(|e| e.message.as_str()).collect();
    let fields =
        errors.iter().map(|e| (e.field.clone().unwrap_or_default().join("."), e.message.clone())).collect();
    let kind = FailureKind::Refused(Refusal::Other);
    Err(Failure::new(Remote::Shopify, kind, call, messages.join("; ")).with_fields(fields))
}

pub(crate) fn garbled(call: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Shopify, FailureKind::Garbled, call, message)
}

pub(crate) fn missing(call: &'static str, message: impl Into<String>) -> Failure {
    Failure::new(Remote::Shopify, FailureKind::Missing, call, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(has_next_page: bool, cursor: Option<&str>) -> PageInfo {
        PageInfo { has_next_page, end_cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn a_page_that_leads_nowhere_or_to_itself_is_an_error() {
        assert_eq!(page(false, Some("a")).next("Op", None).unwrap(), None);
        assert_eq!(page(true, Some("a")).next("Op", Some("b")).unwrap().as_deref(), Some("a"));
        assert!(page(true, None).next("Op", None).is_err());
        assert!(page(true, Some("a")).next("Op", Some("a")).is_err());
    }

    #[test]
    fn an_amount_that_is_a_number_is_refused() {
        assert!(serde_json::from_str::<Amount>(r#"{"amount": 1.1, "currencyCode": "DKK"}"#).is_err());
        let amount: Amount = serde_json::from_str(r#"{"amount": "1.10", "currencyCode": "DKK"}"#).unwrap();
        assert_eq!(amount.amount, Decimal::new(110, 2));
    }
}
