//! Rules Shopify enforces at run time although its schema does not show them.

use apollo_compiler::executable::{ExecutableDocument, Field, OperationType};
use apollo_compiler::validation::Valid;
use serde_json::{Map, Value, json};

use super::RootError;
use super::arguments::literal;

/// The longest list in an input (Shopify docs: "input arrays accept at most 250 items").
const LONGEST_LIST: usize = 250;

/// Mutations refused without `@idempotent(key:)` since 2026-04 (Shopify changelog "making
/// idempotency mandatory for inventory adjustments and refund mutations").
const IDEMPOTENT: [&str; 19] = [
    "inventoryActivate",
    "inventoryAdjustQuantities",
    "inventoryMoveQuantities",
    "inventorySetQuantities",
    "inventorySetOnHandQuantities",
    "inventoryShipmentAddItems",
    "inventoryShipmentCreate",
    "inventoryShipmentCreateInTransit",
    "inventoryShipmentReceive",
    "inventoryTransferCreate",
    "inventoryTransferCreateAsReadyToShip",
    "inventoryTransferDuplicate",
    "inventoryTransferSetItems",
    "locationActivate",
    "locationDeactivate",
    "refundCreate",
    "appUsageRecordCreate",
    "orderCreateMandatePayment",
    "subscriptionBillingAttemptCreate",
];

/// One error per mutation field that lacks the directive it must carry.
pub(crate) fn missing_idempotency(document: &Valid<ExecutableDocument>) -> Vec<Value> {
    document
        .operations
        .iter()
        .filter(|operation| operation.operation_type == OperationType::Mutation)
        .flat_map(|operation| operation.root_fields(document))
        .filter(|field| lacks_key(field.name.as_str(), field.directives.has("idempotent")))
        .map(|field| {
            json!({
                "message": "The @idempotent directive is required for this mutation but was not provided",
                "path": [field.response_key().as_str()],
                "extensions": { "code": "BAD_REQUEST" }
            })
        })
        .collect()
}

fn lacks_key(field: &str, has_directive: bool) -> bool {
    IDEMPOTENT.contains(&field) && !has_directive
}

/// The input list whose rows must carry `changeFromQuantity`, by mutation, with the input's type.
fn quantity_rows(field: &str) -> Option<(&'static str, &'static str)> {
    match field {
        "inventorySetQuantities" => Some(("quantities", "InventoryQuantityInput")),
        "inventoryAdjustQuantities" => Some(("changes", "InventoryChangeInput")),
        _ => None,
    }
}

/// The error Shopify gives when a row leaves `changeFromQuantity` out: an explicit null is
/// needed to skip the comparison, although the schema calls the field nullable.
pub(crate) fn missing_change_from(field: &str, arguments: &Map<String, Value>) -> Option<String> {
    let (list, input_type) = quantity_rows(field)?;
    let rows = arguments.get("input")?.get(list)?.as_array()?;
    rows.iter()
        .any(|row| row.get("changeFromQuantity").is_none())
        .then(|| format!("{input_type} must include the following argument: changeFromQuantity"))
}

/// The key that `field` carries.
pub(crate) fn idempotency_key(field: &Field, variables: &Map<String, Value>) -> Option<String> {
    let directive = field.directives.get("idempotent")?;
    let key = literal(directive.specified_argument_by_name("key")?, variables)?;
    key.as_str().map(ToOwned::to_owned)
}

/// What is refused before anything runs, although the schema allows it.
pub(crate) fn refused(field: &str, arguments: &Map<String, Value>) -> Option<RootError> {
    // A product may have 2,048 variants in one call.
    if field != "productSet"
        && let Some(length) =
            arguments.values().filter_map(longest).max().filter(|length| *length > LONGEST_LIST)
    {
        let why = format!(
            "The input array size of {length} is greater than the maximum allowed of {LONGEST_LIST}."
        );
        return Some(RootError::new("MAX_INPUT_SIZE_EXCEEDED", why));
    }
    missing_change_from(field, arguments).map(|why| RootError::new("INVALID_FIELD_ARGUMENTS", why))
}

fn longest(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => items.iter().filter_map(longest).max().max(Some(items.len())),
        Value::Object(fields) => fields.values().filter_map(longest).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{lacks_key, missing_change_from};
    use serde_json::json;

    #[test]
    fn inventory_writes_without_a_key_are_refused_and_product_writes_are_not() {
        assert!(lacks_key("inventorySetQuantities", false));
        assert!(!lacks_key("inventorySetQuantities", true));
        assert!(!lacks_key("productSet", false));
    }

    #[test]
    fn an_explicit_null_satisfies_change_from_quantity_and_a_missing_key_does_not() {
        let given = json!({ "input": { "quantities": [{ "quantity": 1, "changeFromQuantity": null }] } });
        let absent = json!({ "input": { "quantities": [{ "quantity": 1 }] } });
        let check = |input: &serde_json::Value| {
            missing_change_from("inventorySetQuantities", input.as_object().unwrap())
        };
        assert_eq!(check(&given), None);
        assert_eq!(
            check(&absent).as_deref(),
            Some("InventoryQuantityInput must include the following argument: changeFromQuantity")
        );
    }
}
