//! The definition of the resource, as the API server gets it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::ShopifyStore;
use super::columns::columns;

/// The definition.
#[must_use]
pub fn definition() -> CustomResourceDefinition {
    let mut definition = ShopifyStore::crd();
    for version in &mut definition.spec.versions {
        version.additional_printer_columns = Some(columns());
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            polish(schema);
        }
    }
    definition
}

/// The definition as YAML.
///
/// # Errors
/// None that is known: it is plain data.
pub fn definition_yaml() -> anyhow::Result<String> {
    let mut plain = serde_json::to_value(definition())?;
    whole_numbers(&mut plain);
    Ok(serde_saphyr::to_string(&plain)?)
}

/// Bounds are floating numbers in Kubernetes' type; `minimum: 1` reads better than `minimum: 1.0`.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for bound in ["minimum", "maximum"] {
                let whole =
                    object.get(bound).and_then(|bound| bound.to_string().strip_suffix(".0")?.parse().ok());
                if let Some(whole) = whole {
                    object.insert(bound.to_owned(), Value::Number(i64::into(whole)));
                }
            }
            object.values_mut().for_each(whole_numbers);
        }
        Value::Array(list) => list.iter_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes of a derived schema what Kubernetes is best at. Values that are not set are left out and never null: the API
/// server drops a null where it is not allowed, and the rules need not ask for it. Formats of Rust's it does not know.
/// Descriptions keep the lines of the source, and `kubectl explain` breaks lines itself; it does not show defaults, so
/// they are said.
fn polish(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint")) {
        schema.format = None;
    }
    if let Some(text) = &mut schema.description {
        let paragraphs: Vec<String> =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
        if let Some(default) = schema.default.as_ref().and_then(|default| plain(&default.0)) {
            text.push_str(&format!(" Default: {default}."));
        }
    }
    schema.properties.iter_mut().flatten().for_each(|(_, property)| polish(property));
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => polish(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(polish),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        polish(values);
    }
}

/// A default that is one value; those of whole sections are told by their fields.
fn plain(default: &Value) -> Option<String> {
    match default {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(default.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
