//! One call as the resources see it, and what they answer.

use axum::http::Method;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::number::{decimal, decode, is_plain_number};
use crate::facts::{Facts, NumberEncoding};

/// A call that passed authentication and limits.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Path segments below `/api`, percent-decoded once.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// The JSON body; null when there was none.
    pub(super) body: Value,
    pub(super) facts: &'a Facts,
    pub(super) now: Timestamp,
    pub(super) page_cap: Option<usize>,
}

impl Call<'_> {
    /// A query parameter's first value; empty counts as absent.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A flag in the query: true, 1, false, 0.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.param(name).map(|value| matches!(value, "true" | "1"))
    }

    /// `prefix[<key>]=value` parameters.
    pub(super) fn bracketed<'c>(&'c self, prefix: &'c str) -> impl Iterator<Item = (&'c str, &'c str)> {
        self.query.iter().filter_map(move |(key, value)| {
            let key = key.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key, value.as_str()))
        })
    }

    /// True when the change asks not to be told to webhooks.
    pub(super) fn silent(&self) -> bool {
        let body = self.body.get("suppress_webhooks").and_then(truthy);
        self.flag("suppress_webhooks").or(body).unwrap_or(false)
    }

    /// The product number a path segment means; `None` when it is encoded in the way that does not count.
    pub(super) fn item_number(&self, segment: &str) -> Option<String> {
        match self.facts.number_encoding() {
            NumberEncoding::Single => Some(segment.to_owned()),
            NumberEncoding::Double if segment.contains('%') => Some(decode(segment)),
            NumberEncoding::Double => is_plain_number(segment).then(|| segment.to_owned()),
        }
    }
}

/// JSON truth as PHP takes it from forms.
pub(super) fn truthy(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_i64() != Some(0)),
        Value::String(text) => Some(matches!(text.as_str(), "true" | "1")),
        _ => None,
    }
}

/// A success: status and JSON body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Answer {
        Ok(Self { status: 200, body })
    }

    pub(super) fn created(body: Value) -> Answer {
        Ok(Self { status: 201, body })
    }

    pub(super) fn gone() -> Answer {
        Ok(Self { status: 204, body: Value::Null })
    }
}

/// A refusal.
#[derive(Debug)]
pub(super) enum Refusal {
    /// 422 with `errors` by dotted path.
    Invalid(Vec<(String, String)>),
    /// 403: not allowed, or already so.
    Forbidden(&'static str),
    /// 404.
    Missing,
}

pub(super) type Answer = Result<Reply, Refusal>;

impl Refusal {
    pub(super) fn invalid(path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![(path.to_owned(), message.into())])
    }

    pub(super) fn reply(self) -> Reply {
        match self {
            Self::Invalid(found) => {
                let mut errors: Map<String, Value> = Map::new();
                for (path, message) in found {
                    let messages = errors.entry(path).or_insert_with(|| json!([]));
                    if let Value::Array(messages) = messages {
                        messages.push(message.into());
                    }
                }
                Reply { status: 422, body: json!({ "errors": errors }) }
            }
            Self::Forbidden(message) => Reply { status: 403, body: json!({ "message": message }) },
            Self::Missing => Reply { status: 404, body: json!({ "message": "Not found." }) },
        }
    }
}

/// Reads a JSON object and gathers what is wrong with it under dotted paths.
pub(super) struct Form<'a> {
    body: &'a Value,
    prefix: String,
    wrong: Vec<(String, String)>,
}

impl<'a> Form<'a> {
    pub(super) fn new(body: &'a Value) -> Self {
        Self::nested(body, String::new())
    }

    /// A form below `prefix`, which ends in a dot.
    pub(super) fn nested(body: &'a Value, prefix: String) -> Self {
        Self { body, prefix, wrong: Vec::new() }
    }

    /// A key's value unless absent or null.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.body.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.wrong.push((format!("{}{key}", self.prefix), message.into()));
    }

    /// Takes over another form's findings.
    pub(super) fn absorb(&mut self, other: Form<'_>) {
        self.wrong.extend(other.wrong);
    }

    /// A text; numbers are taken as their digits.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.wrong(key, format!("The {key} must be a string."));
                None
            }
        }
    }

    /// A text of at most `max` characters.
    pub(super) fn short(&mut self, key: &str, max: usize) -> Option<String> {
        let text = self.text(key)?;
        if text.chars().count() > max {
            self.wrong(key, format!("The {key} may not be greater than {max} characters."));
            return None;
        }
        Some(text)
    }

    /// A number of at most six decimals and twelve digits before them.
    pub(super) fn decimal(&mut self, key: &str) -> Option<Decimal> {
        let value = self.get(key)?;
        match decimal(value) {
            None => self.wrong(key, format!("The {key} must be a number.")),
            Some(number) if number.normalize().scale() > 6 => {
                self.wrong(key, format!("The {key} may not have more than 6 decimals."));
            }
            Some(number) if number.abs() >= Decimal::from(1_000_000_000_000_i64) => {
                self.wrong(key, format!("The {key} is out of range."));
            }
            found => return found,
        }
        None
    }

    /// A percentage between 0 and 100.
    pub(super) fn percentage(&mut self, key: &str) -> Option<Decimal> {
        let number = self.decimal(key)?;
        if (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&number) {
            return Some(number);
        }
        self.wrong(key, format!("The {key} must be between 0 and 100."));
        None
    }

    /// A whole number.
    pub(super) fn whole(&mut self, key: &str) -> Option<i64> {
        let value = self.get(key)?;
        let found = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        if found.is_none() {
            self.wrong(key, format!("The {key} must be an integer."));
        }
        found
    }

    /// The number of something that must exist.
    pub(super) fn known(&mut self, key: &str, what: &str, exists: impl Fn(i64) -> bool) -> Option<i64> {
        let number = self.whole(key)?;
        if exists(number) {
            return Some(number);
        }
        self.wrong(key, format!("The selected {what} is invalid."));
        None
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let found = truthy(self.get(key)?);
        if found.is_none() {
            self.wrong(key, format!("The {key} field must be true or false."));
        }
        found
    }

    /// A date as `YYYY-MM-DD`.
    pub(super) fn date(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() {
            return Some(text);
        }
        self.wrong(key, format!("The {key} does not match the format Y-m-d."));
        None
    }

    /// Adds a finding when the key is absent, null or empty.
    pub(super) fn require(&mut self, key: &str) {
        let empty = match self.get(key) {
            None => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        if empty {
            self.wrong(key, format!("The {} field is required.", key.replace('_', " ")));
        }
    }

    /// Refuses when anything was wrong.
    pub(super) fn done(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.wrong)) }
    }
}

/// `YYYY-MM-DDTHH:MM:SS+00:00`, as resources carry times.
pub(super) fn stamp(at: Timestamp) -> Value {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into()
}

/// `YYYY-MM-DD`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
