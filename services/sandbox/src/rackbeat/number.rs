//! Decimals to and from JSON numbers, and product numbers in paths.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Number, Value};

/// A JSON number, or a numeric string as PHP takes it, as an exact decimal.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}

/// A decimal as a JSON number: whole values as integers, others as floats, as PHP writes them.
pub(super) fn number(value: Decimal) -> Value {
    let value = value.normalize();
    if value.scale() == 0
        && let Some(whole) = value.to_i64()
    {
        return whole.into();
    }
    // By way of text: the nearest float prints the same digits again, arithmetic would not.
    value.to_string().parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Percent-encodes all but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Undoes one round of percent-encoding; a stray percent sign stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = hex {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// True when every character may stand in a path as it is.
pub(super) fn is_plain_number(text: &str) -> bool {
    text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::{decimal, decode, encode, number};
    use rust_decimal::Decimal;
    use serde_json::json;

    #[test]
    fn decimals_pass_through_json_unchanged() {
        for text in
            ["959.36", "0.000001", "-12.5", "39.2", "1000000", "0", "123456789.123457", "0.07", "8.41"]
        {
            let value: Decimal = text.parse().unwrap();
            assert_eq!(decimal(&number(value)), Some(value), "{text}");
        }
        assert_eq!(number("25.00".parse().unwrap()), json!(25));
        assert_eq!(decimal(&json!("12.5")), Some("12.5".parse().unwrap()));
        assert_eq!(decimal(&json!([])), None);
    }

    #[test]
    fn odd_numbers_survive_one_round_of_encoding() {
        for odd in ["ABC/123", "#1 ø%", "50%", "A%2FB"] {
            assert_eq!(decode(&encode(odd)), odd);
        }
        assert_eq!(encode("ABC/123"), "ABC%2F123");
        assert_eq!(decode("50%zz%"), "50%zz%");
    }
}
