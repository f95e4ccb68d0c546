//! Answers as JSON: the field names and words of the API, moments in RFC 3339, amounts as decimal text, null for what
//! is not known. Every message is taken apart field by field: a new field does not compile before it is shown.

mod goods;
mod replay;
mod reports;
mod run;
mod settings;
mod status;
mod store;
mod transfer;

pub(crate) use goods::{drift, product_trouble, stock, stock_report, stock_trouble};
pub(crate) use replay::replay;
pub(crate) use reports::{billing, preflight};
pub(crate) use run::{row, run};
pub(crate) use status::{store_status, worker_report};
pub(crate) use store::{connected, disconnected, report, store, updated};
pub(crate) use transfer::{parked, progress, transfer};

use serde_json::Value;

/// The text, or null for an empty one.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn list<T>(rows: &[T], show: impl Fn(&T) -> Value) -> Value {
    rows.iter().map(show).collect()
}

fn maybe<T>(row: Option<&T>, show: impl Fn(&T) -> Value) -> Value {
    row.map_or(Value::Null, show)
}

#[cfg(test)]
mod tests;
