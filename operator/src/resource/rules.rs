//! CEL rules, as the schema holds them. The API server refuses what breaks one, with its message.

use serde_json::{Value, json};

/// A rule over the object or value that it stands on.
pub(super) fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// A rule over an object whose breach is told of one of its fields, such as `.to`.
pub(super) fn rule_at(field: &str, rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message, "fieldPath": field})
}
