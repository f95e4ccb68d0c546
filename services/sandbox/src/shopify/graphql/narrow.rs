//! Field arguments that choose among stored values (paging apart).

use apollo_compiler::executable::Field;
use serde_json::{Map, Value};

use super::arguments::{flag, size, text};
use super::execute::Found;

/// What `field` of `parent` (of type `concrete`) holds once its arguments have chosen.
pub(crate) fn narrow<'a>(
    concrete: &str,
    field: &Field,
    parent: &'a Map<String, Value>,
    arguments: &Map<String, Value>,
) -> Found<'a> {
    match (concrete, field.name.as_str()) {
        ("InventoryItem", "inventoryLevel") => {
            let wanted = text(arguments, "locationId").unwrap_or_default();
            let level = levels(parent, flag(arguments, "includeInactive"))
                .into_iter()
                .find(|level| level["$location"] == wanted);
            Found::One(level.unwrap_or(&Value::Null))
        }
        ("InventoryItem", "inventoryLevels") => {
            Found::Many(levels(parent, flag(arguments, "includeInactive")))
        }
        ("InventoryLevel", "quantities") => chosen(parent.get("quantities"), |quantity| {
            let names = arguments.get("names").and_then(Value::as_array);
            names.is_some_and(|names| names.contains(&quantity["name"]))
        }),
        ("Order", "shippingLines") if !flag(arguments, "includeRemovals") => {
            chosen(parent.get("shippingLines"), |line| line["isRemoved"] != Value::Bool(true))
        }
        // Root values stand under their response key.
        ("QueryRoot" | "Mutation", _) => plain(parent.get(field.response_key().as_str()), field, arguments),
        (_, name) => plain(parent.get(name), field, arguments),
    }
}

fn plain<'a>(value: Option<&'a Value>, field: &Field, arguments: &Map<String, Value>) -> Found<'a> {
    match (value, size(arguments, "first")) {
        (None, _) => Found::Absent,
        (Some(Value::Array(items)), Some(first)) if field.ty().is_list() => {
            Found::Many(items.iter().take(first).collect())
        }
        (Some(value), _) => Found::One(value),
    }
}

fn chosen<'a>(list: Option<&'a Value>, keep: impl Fn(&Value) -> bool) -> Found<'a> {
    match list.and_then(Value::as_array) {
        Some(items) => Found::Many(items.iter().filter(|item| keep(item)).collect()),
        None => Found::Absent,
    }
}

fn levels(item: &Map<String, Value>, inactive_too: bool) -> Vec<&Value> {
    let all = item.get("inventoryLevels").and_then(Value::as_array);
    all.into_iter().flatten().filter(|level| inactive_too || level["$active"] == Value::Bool(true)).collect()
}
