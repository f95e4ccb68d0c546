//! Everything GraphQL can see of a shop: one JSON document per object, in the schema's shape.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Documents by global id.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    by_id: HashMap<String, Value>,
}

impl Docs {
    /// Stores `document` under its own `id`.
    pub(crate) fn put(&mut self, document: Value) {
        if let Some(id) = document.get("id").and_then(Value::as_str) {
            self.by_id.insert(id.to_owned(), document);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.by_id.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Value> {
        self.by_id.get_mut(id)
    }

    /// The document a reference names; anything else is its own document.
    pub(crate) fn follow<'a>(&'a self, value: &'a Value) -> Option<&'a Value> {
        match value.get("$ref").and_then(Value::as_str) {
            Some(id) => self.by_id.get(id),
            None => Some(value),
        }
    }
}

/// A reference to the document `id`.
pub(crate) fn reference(id: &str) -> Value {
    json!({ "$ref": id })
}

/// A global id.
pub(crate) fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}
