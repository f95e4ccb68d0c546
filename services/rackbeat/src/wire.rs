//! JSON as Rackbeat writes it: numbers that are integers, floats or texts; flags that are booleans or 0/1; a key
//! that names what an answer holds. Decimals are taken from the JSON text itself and written as JSON text, so that
//! no float ever stands between.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::value::RawValue;
use shopbeat_domain::limits::PRICE_DECIMALS;

/// A decimal, read from an integer, a float or a text and written as a JSON number. Reading rounds to six
/// decimals, which is all that Rackbeat documents: more is the noise of its floats (`959.3600000000001`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Num(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        decimal(raw.get()).map(Self).ok_or_else(|| D::Error::custom("not a number"))
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.normalize().to_string();
        RawValue::from_string(text).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

fn decimal(json: &str) -> Option<Decimal> {
    let text = json.trim().trim_matches('"').trim();
    let exact = text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())?;
    Some(exact.round_dp(PRICE_DECIMALS))
}

/// A whole number that may be written as `7`, `7.0` or `"7"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Num::deserialize(deserializer)?.0;
        let whole = number.is_integer().then(|| u64::try_from(number).ok()).flatten();
        whole.map(Self).ok_or_else(|| D::Error::custom("not a whole number"))
    }
}

/// A text that may be written as a number (item numbers made of digits).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            serde_json::from_str(raw).map(Self).map_err(|_| D::Error::custom("not a text"))
        } else if raw.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
            Ok(Self(raw.to_owned()))
        } else {
            Err(D::Error::custom("not a text"))
        }
    }
}

/// A yes or no that may be written as `true`, `1` or `"1"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <&'de RawValue>::deserialize(deserializer)?.get().trim_matches('"') {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" | "" => Ok(Self(false)),
            _ => Err(D::Error::custom("not a flag")),
        }
    }
}

/// A list that may be there: anything else in its place is no list, and fails nothing.
#[derive(Debug)]
pub(crate) struct Loose<T>(pub(crate) Option<Vec<T>>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::from_str(<&'de RawValue>::deserialize(deserializer)?.get()).ok()))
    }
}

/// Whether a flag is there and set.
pub(crate) fn is_set(flag: Option<Flag>) -> bool {
    flag.is_some_and(|flag| flag.0)
}

/// A text, or nothing.
pub(crate) fn text_or_empty(text: Option<Text>) -> String {
    text.map(|text| text.0).unwrap_or_default()
}

/// Something told by its number, alone or in an object.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Numbered {
    /// The number, as text.
    #[serde(default)]
    pub(crate) number: Option<Text>,
}

/// A moment: resources carry `2026-03-01T10:00:00+00:00`, the webhook's example `2026-03-01 10:00:00`.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// Why an answer could not be read. Says where, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        // The error's own text would quote the answer.
        let what = if error.is_data() { "has not the expected shape" } else { "is not whole JSON" };
        Self(format!("the answer {what} (line {}, column {})", error.line(), error.column()))
    }
}

/// The one thing an answer holds under `key`; where the key has another name (`inventory_regulation` for an
/// adjustment), the only value there is.
pub(crate) fn one<T: DeserializeOwned>(body: &[u8], key: &str) -> Result<T, Unreadable> {
    let parts: HashMap<String, &RawValue> = serde_json::from_slice(body)?;
    let found = match parts.get(key) {
        Some(value) => value,
        None if parts.len() == 1 => parts.values().next().ok_or_else(|| missing(key))?,
        None => return Err(missing(key)),
    };
    Ok(serde_json::from_str(found.get())?)
}

fn missing(key: &str) -> Unreadable {
    Unreadable(format!("the answer has no {key:?}"))
}

/// One page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Listing<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// How many pages there are; 1 for lists that come whole (they have no `pages`).
    pub(crate) pages: u64,
    /// How many rows there are in all, where told.
    pub(crate) total: Option<u64>,
}

/// The list an answer holds under `key`; where the key has another name, the only list there is.
pub(crate) fn list<T: DeserializeOwned>(body: &[u8], key: &str) -> Result<Listing<T>, Unreadable> {
    let parts: HashMap<String, &RawValue> = serde_json::from_slice(body)?;
    let mut arrays = parts.values().filter(|value| value.get().starts_with('['));
    let found = match (parts.get(key), arrays.next(), arrays.next()) {
        (Some(value), ..) | (None, Some(value), None) => value,
        _ => return Err(missing(key)),
    };
    let number = |key: &str| -> Result<Option<u64>, Unreadable> {
        let Some(value) = parts.get(key) else { return Ok(None) };
        let whole: Option<Whole> = serde_json::from_str(value.get())?;
        Ok(whole.map(|whole| whole.0))
    };
    let (pages, total) = (number("pages")?.unwrap_or(1), number("total")?);
    Ok(Listing { rows: serde_json::from_str(found.get())?, pages, total })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    #[test]
    fn numbers_flags_and_texts_are_read_however_they_are_written() {
        let read = |json: &str| serde_json::from_str::<Num>(json).map(|num| num.0.to_string());
        for (json, expected) in [("7", "7"), ("7.50", "7.50"), ("\"39.2\"", "39.2"), ("1e-6", "0.000001")] {
            assert_eq!(read(json).unwrap(), expected);
        }
        assert_eq!(read("959.3600000000001").unwrap(), "959.360000");
        assert!(read("[]").is_err() && read("\"x\"").is_err() && read("null").is_err());
        for json in ["7", "7.0", "\"7\""] {
            assert_eq!(serde_json::from_str::<Whole>(json).unwrap(), Whole(7));
        }
        assert!(
            serde_json::from_str::<Whole>("7.5").is_err() && serde_json::from_str::<Whole>("-7").is_err()
        );
        assert_eq!(serde_json::from_str::<Text>("1042").unwrap().0, "1042");
        assert_eq!(serde_json::from_str::<Text>(r#""A\u00f8/1""#).unwrap().0, "Aø/1");
        assert!(
            serde_json::from_str::<Flag>("1").unwrap().0 && !serde_json::from_str::<Flag>("false").unwrap().0
        );
    }

    #[test]
    fn a_list_is_read_with_and_without_pages_and_under_another_name() {
        let paged = br#"{"orders":[1,2],"total":412,"pages":"5","limit":100,"page":1}"#;
        let listing: Listing<Whole> = list(paged, "orders").unwrap();
        assert_eq!((listing.rows.len(), listing.pages, listing.total), (2, 5, Some(412)));
        assert_eq!(list::<Whole>(br#"{"product_locations":[1]}"#, "locations").unwrap().pages, 1);
        assert!(list::<Whole>(br#"{"orders":{}}"#, "orders").is_err());
        assert!(list::<Whole>(br#"{"message":"no"}"#, "orders").is_err());
        assert!(list::<Whole>(br#"{"orders":[1,2"#, "orders").is_err());
    }

    #[test]
    fn an_unreadable_answer_is_told_without_quoting_it() {
        let failure = one::<Num>(br#"{"customer":"ida@example.test"}"#, "customer").unwrap_err();
        assert!(!failure.0.contains("ida"), "{failure:?}");
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let expected = Some("2026-03-01T10:00:00Z".parse().unwrap());
        assert_eq!(moment("2026-03-01T10:00:00+00:00"), expected);
        assert_eq!(moment("2026-03-01 10:00:00"), expected);
        assert_eq!(moment("yesterday"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_price_comes_back_exactly_as_it_was_sent(units in any::<i64>(), scale in 0_u32..=6) {
            let amount = Decimal::new(units, scale);
            let json = serde_json::to_string(&Num(amount)).unwrap();
            assert!(!json.contains('"') && !json.contains('e'), "{json} is no plain JSON number");
            assert_eq!(serde_json::from_str::<Num>(&json).unwrap().0, amount);
            assert_eq!(serde_json::from_str::<Num>(&format!("\"{json}\"")).unwrap().0, amount);
        }
    }
}
