//! Rules Shopify enforces at run time although its schema does not show them.

use apollo_compiler::executable::{ExecutableDocument, OperationType};
use apollo_compiler::validation::Valid;
use serde_json::{Map, Value, json};

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
