//! The schema slice and the documents checked against it, each parsed once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use apollo_compiler::collections::HashMap as ApolloMap;
use apollo_compiler::schema::Implementers;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Schema};
use serde_json::{Value, json};

use super::lint;

/// The part of Shopify's Admin schema that the house's operations touch.
const SLICE: &str = include_str!("../../../../shopify/schema/admin-2026-10.graphql");

/// Documents kept; a client that never repeats itself must not grow the process.
const KEPT_DOCUMENTS: usize = 2_000;

pub(crate) struct Slice {
    pub(crate) schema: Valid<Schema>,
    pub(crate) implementers: ApolloMap<Name, Implementers>,
}

static LOADED: LazyLock<Result<Slice, String>> = LazyLock::new(|| {
    Schema::parse_and_validate(SLICE, "admin-2026-10.graphql")
        .map(|schema| Slice { implementers: schema.implementers_map(), schema })
        .map_err(|broken| broken.errors.to_string())
});

/// The schema slice, or why it does not parse.
pub(crate) fn slice() -> Result<&'static Slice, &'static str> {
    LOADED.as_ref().map_err(String::as_str)
}

impl Slice {
    /// Whether an object of type `concrete` satisfies a fragment on `condition`.
    pub(crate) fn satisfies(&self, concrete: &str, condition: &str) -> bool {
        if concrete == condition {
            return true;
        }
        if let Some(union_type) = self.schema.get_union(condition) {
            return union_type.members.iter().any(|member| member.name.as_str() == concrete);
        }
        self.implementers
            .get(condition)
            .is_some_and(|found| found.objects.iter().any(|object| object.as_str() == concrete))
    }
}

/// One document that passed validation, or the `errors` Shopify would answer with.
pub(crate) type Checked = Result<Arc<Valid<ExecutableDocument>>, Arc<Vec<Value>>>;

static KNOWN: LazyLock<Mutex<HashMap<String, Checked>>> = LazyLock::new(Mutex::default);

/// Parses and validates `text`, remembering the outcome by text.
pub(crate) fn check(text: &str) -> Checked {
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = known.get(text) {
        return found.clone();
    }
    let checked = check_fresh(text);
    if known.len() >= KEPT_DOCUMENTS {
        known.clear();
    }
    known.insert(text.to_owned(), checked.clone());
    checked
}

fn check_fresh(text: &str) -> Checked {
    let slice = slice().map_err(|why| Arc::new(vec![json!({ "message": why })]))?;
    let document = ExecutableDocument::parse_and_validate(&slice.schema, text, "query")
        .map_err(|broken| Arc::new(validation_errors(&broken.errors)))?;
    let missing = lint::missing_idempotency(&document);
    if missing.is_empty() { Ok(Arc::new(document)) } else { Err(Arc::new(missing)) }
}

fn validation_errors(found: &apollo_compiler::validation::DiagnosticList) -> Vec<Value> {
    let mut errors: Vec<Value> = found
        .iter()
        .map(|diagnostic| {
            let mut error = serde_json::to_value(diagnostic.to_json()).unwrap_or_default();
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            let code = validation_code(message);
            error["extensions"] = json!({ "code": code });
            error
        })
        .collect();
    // An unknown field leaves its parent without a selection, which is told as an error of its own.
    if errors.iter().any(|error| error["extensions"]["code"] == "undefinedField") {
        errors.retain(|error| error["extensions"]["code"] != "selectionMismatch");
    }
    errors
}

/// Shopify names the broken rule in `extensions.code`; the ones seen in the wild are told apart.
fn validation_code(message: &str) -> &'static str {
    if message.contains("does not have a field") {
        "undefinedField"
    } else if message.contains("must have a subselection set") {
        "selectionMismatch"
    } else if message.contains("is not supported by") {
        "argumentNotAccepted"
    } else if message.contains("is required") || message.contains("not provided") {
        "missingRequiredArguments"
    } else if message.contains("expected value of type") {
        "argumentLiteralsIncompatible"
    } else {
        "parseError"
    }
}
