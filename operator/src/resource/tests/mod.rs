mod committed;
mod listed;
mod schema;

use serde_json::{Map, Value, json};

use super::{ShopifyStore, definition};

pub(crate) use listed::camel;

/// The least that a resource must say, with changes over it.
pub(crate) fn store(changes: &Value) -> Value {
    let mut store = json!({
        "apiVersion": "shopbeat.dev/v1alpha1",
        "kind": "ShopifyStore",
        "metadata": {"name": "oslo", "namespace": "shops"},
        "spec": {
            "shopDomain": "acme-oslo.myshopify.com",
            "agreement": "acme",
            "shopify": {"credentialsSecretRef": {"name": "oslo-shopify"}},
            "rackbeat": {"credentialsSecretRef": {"name": "acme-rackbeat"}},
        },
    });
    merge(&mut store["spec"], changes);
    store
}

/// The same as the operator reads it: defaults are in.
pub(crate) fn read(changes: &Value) -> ShopifyStore {
    serde_json::from_value(store(changes)).unwrap()
}

fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value.clone(),
    }
}

/// The schema of the whole resource.
fn schema() -> Value {
    let definition = serde_json::to_value(definition()).unwrap();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The properties of a part of it, by path such as `spec.orders`.
fn properties(path: &str) -> Map<String, Value> {
    let mut part = schema();
    for name in path.split('.') {
        part = part["properties"][name].clone();
    }
    part["properties"].as_object().unwrap_or_else(|| panic!("{path} has no properties")).clone()
}
