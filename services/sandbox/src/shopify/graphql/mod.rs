//! The Admin GraphQL endpoint: validate, price, run.

mod arguments;
mod connection;
mod cost;
mod document;
mod execute;
mod leaf;
mod lint;
mod mutation;
mod narrow;
mod product_set;
mod product_write;
mod query;
mod scopes;
mod search;
mod stock_write;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::validation::Valid;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::shop::Shop;
use crate::facts::ThrottledStatus;

pub(crate) use self::arguments::{arguments_of, text};
pub(crate) use self::document::{check, slice};
pub(crate) use self::execute::{Executor, Postponed};
pub(crate) use self::scopes::GUARDING;

/// The request's body.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
}

/// Status and body of the answer.
pub(crate) type Answer = (u16, Value);

/// The name of the operation in a request's body, for logs and the fault script.
pub(crate) fn operation_name(body: &[u8]) -> Option<String> {
    let request: Request = serde_json::from_slice(body).ok()?;
    if request.operation_name.is_some() {
        return request.operation_name;
    }
    let document = check(&request.query).ok()?;
    let operation = document.operations.get(None).ok()?;
    operation.name.as_ref().map(ToString::to_string)
}

/// What went wrong at a root field.
#[derive(Debug)]
pub(crate) struct RootError {
    pub(crate) message: String,
    pub(crate) code: &'static str,
}

impl RootError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), code }
    }
}

/// Answers one request against `shop`.
pub(crate) fn serve(shop: &mut Shop, request: &Request) -> Answer {
    let document = match check(&request.query) {
        Ok(document) => document,
        Err(errors) => return (200, json!({ "errors": *errors })),
    };
    let operation = match document.operations.get(request.operation_name.as_deref()) {
        Ok(operation) => operation,
        Err(_) => return refused("BAD_REQUEST", "No operation to execute was named"),
    };
    let variables = match coerce(operation, request.variables.as_ref()) {
        Ok(variables) => variables,
        Err(why) => return refused("INVALID_VARIABLE", &why),
    };
    let asked = cost::requested(&document, operation, &variables);
    if asked > cost::LARGEST_COST {
        let limit = cost::LARGEST_COST;
        let message =
            format!("Query cost is {asked}, which exceeds the single query max cost limit ({limit}).");
        return refused("MAX_COST_EXCEEDED", &message);
    }
    let now = shop.core.clock.now();
    if shop.core.limits && !shop.bucket.take(asked, now) {
        return throttled(shop, asked);
    }
    let (mut body, objects) = run(shop, &document, operation, &variables);
    let actual = if operation.is_mutation() { asked } else { objects.min(asked) };
    if shop.core.limits {
        shop.bucket.refund(asked - actual);
    }
    body["extensions"] = cost_json(shop, asked, Some(actual));
    (200, body)
}

fn refused(code: &str, message: &str) -> Answer {
    (200, json!({ "errors": [{ "message": message, "extensions": { "code": code } }] }))
}

fn throttled(shop: &mut Shop, asked: u64) -> Answer {
    let status = match shop.core.facts.throttled_status() {
        ThrottledStatus::Ok => 200,
        ThrottledStatus::TooManyRequests => 429,
    };
    let errors = json!([{
        "message": "Throttled",
        "extensions": {
            "code": "THROTTLED",
            "documentation": "https://shopify.dev/api/usage/rate-limits",
        }
    }]);
    (status, json!({ "errors": errors, "extensions": cost_json(shop, asked, None) }))
}

fn cost_json(shop: &mut Shop, asked: u64, actual: Option<u64>) -> Value {
    let now = shop.core.clock.now();
    json!({
        "cost": {
            "requestedQueryCost": asked,
            "actualQueryCost": actual,
            "throttleStatus": shop.bucket.status(now),
        }
    })
}

fn coerce(operation: &Operation, given: Option<&Map<String, Value>>) -> Result<Map<String, Value>, String> {
    let schema = &slice().map_err(ToOwned::to_owned)?.schema;
    let given = Value::Object(given.cloned().unwrap_or_default());
    let given = serde_json::from_value(given).map_err(|error| error.to_string())?;
    let coerced = apollo_compiler::request::coerce_variable_values(schema, operation, &given)
        .map_err(|error| error.message().to_string())?;
    match serde_json::to_value(&*coerced) {
        Ok(Value::Object(variables)) => Ok(variables),
        Ok(_) | Err(_) => Err("variables are no object".to_owned()),
    }
}

fn run(
    shop: &mut Shop,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Map<String, Value>,
) -> (Value, u64) {
    let slice = match slice() {
        Ok(slice) => slice,
        Err(why) => return (json!({ "errors": [{ "message": why }] }), 0),
    };
    let missing: Vec<&'static str> = GUARDING.into_iter().filter(|scope| !shop.has_scope(scope)).collect();
    let root_type = operation.object_type().as_str();
    let roots = resolve_roots(shop, document, operation, variables);
    let mut executor = Executor::new(slice, document, variables, &shop.docs, shop.core.page_cap, &missing);
    let fields = executor.collect(root_type, [&operation.selection_set]);
    let completed = executor.complete_object(root_type, fields, &roots);
    let data = completed.unwrap_or(Value::Null);
    let objects = executor.objects;
    let mut body = json!({ "data": data });
    if !executor.errors.is_empty() {
        body["errors"] = Value::Array(executor.errors);
    }
    (body, objects)
}

/// Resolves each root field once, under its response key: two aliases of one field differ.
pub(crate) fn resolve_roots(
    shop: &mut Shop,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    variables: &Map<String, Value>,
) -> Map<String, Value> {
    let mut roots = Map::new();
    for field in operation.root_fields(document) {
        let key = field.response_key().as_str();
        if roots.contains_key(key) || field.name.starts_with("__") {
            continue;
        }
        let arguments = arguments_of(field, variables);
        let resolved = if let Some(refusal) = lint::refused(&field.name, &arguments) {
            Err(refusal)
        } else if operation.is_mutation() {
            let key = lint::idempotency_key(field, variables);
            mutation::resolve(shop, &field.name, &arguments, key.as_deref())
        } else {
            query::resolve(shop, &field.name, &arguments)
        };
        let value = resolved.unwrap_or_else(|error| json!({ "$denied": error.message, "$code": error.code }));
        roots.insert(key.to_owned(), value);
    }
    roots
}
