//! Everything GraphQL can see of a shop: one JSON document per object, in the schema's shape. What is sold is
//! kept in [`Goods`] and its documents are built when they are looked at.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::goods::Goods;
use super::product_doc;

/// Documents by global id.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    by_id: HashMap<String, Value>,
    pub(crate) goods: Goods,
}

impl Docs {
    /// Stores `document` under its own `id`.
    pub(crate) fn put(&mut self, document: Value) {
        if let Some(id) = document.get("id").and_then(Value::as_str) {
            self.by_id.insert(id.to_owned(), document);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Cow<'_, Value>> {
        match self.by_id.get(id) {
            Some(kept) => Some(Cow::Borrowed(kept)),
            None => product_doc::built(&self.goods, id).map(Cow::Owned),
        }
    }

    /// Whether there is such a document, without building it.
    pub(crate) fn knows(&self, id: &str) -> bool {
        product_doc::is_known(&self.goods, id) || self.by_id.contains_key(id)
    }

    /// The document a reference names; anything else is its own document.
    pub(crate) fn follow<'a>(&'a self, value: &'a Value) -> Option<Cow<'a, Value>> {
        match value.get("$ref").and_then(Value::as_str) {
            Some(id) => self.get(id),
            None => Some(Cow::Borrowed(value)),
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

/// The number in a global id of this kind.
pub(crate) fn number_of(kind: &str, id: &str) -> Option<u64> {
    id.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse().ok()
}
