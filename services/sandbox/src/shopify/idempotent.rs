//! What Shopify remembers of `@idempotent(key:)` calls, for 24 hours.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::shop::Shop;
use crate::facts::FailedKey;

/// Shopify docs: "Idempotency keys are recognised for 24 hours".
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug)]
struct Call {
    at: Timestamp,
    digest: [u8; 32],
    answer: Value,
}

/// Calls by key.
#[derive(Debug, Default)]
pub(crate) struct Keys(HashMap<String, Call>);

/// Why a call is refused for its key: Shopify's code and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyError {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

/// Same key, other parameters.
const MISMATCH: KeyError = KeyError {
    code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
    message: "The same idempotency key cannot be used with different operation parameters.",
};
/// The first call failed.
const FAILED: KeyError = KeyError {
    code: "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
    message: "The previous attempt failed. Please retry with a new idempotency key.",
};

fn digest(call: &str, arguments: &Map<String, Value>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(call.as_bytes());
    hasher.update(Value::Object(arguments.clone()).to_string().as_bytes());
    hasher.finalize().into()
}

fn was_refused(answer: &Value) -> bool {
    answer["userErrors"].as_array().is_some_and(|errors| !errors.is_empty())
}

/// Runs `act` unless `key` was seen before: then its first answer comes again.
pub(crate) fn once(
    shop: &mut Shop,
    (key, call): (&str, &str),
    arguments: &Map<String, Value>,
    act: impl FnOnce(&mut Shop) -> Value,
) -> Result<Value, KeyError> {
    let now = shop.core.clock.now();
    let digest = digest(call, arguments);
    if let Some(known) = shop.keys.0.get(key).filter(|known| known.at + REMEMBERED > now) {
        if known.digest != digest {
            return Err(MISMATCH);
        }
        let answer = known.answer.clone();
        let again = if was_refused(&answer) { shop.core.facts.failed_key() } else { FailedKey::SameAnswer };
        match again {
            FailedKey::SameAnswer => return Ok(answer),
            FailedKey::NewKeyNeeded => return Err(FAILED),
            FailedKey::RunsAgain => {}
        }
    }
    let answer = act(shop);
    if shop.keys.0.len() % 1_024 == 1_023 {
        shop.keys.0.retain(|_, known| known.at + REMEMBERED > now);
    }
    shop.keys.0.insert(key.to_owned(), Call { at: now, digest, answer: answer.clone() });
    Ok(answer)
}
