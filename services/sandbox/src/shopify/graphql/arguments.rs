//! Arguments of a field, with variables filled in and defaults applied.

use apollo_compiler::ast;
use apollo_compiler::executable::Field;
use serde_json::{Map, Number, Value};

/// The arguments of `field` as JSON. A variable that was not sent leaves its argument out,
/// which differs from an explicit null.
pub(crate) fn arguments_of(field: &Field, variables: &Map<String, Value>) -> Map<String, Value> {
    let mut arguments = Map::new();
    for definition in &field.definition.arguments {
        let given = field
            .arguments
            .iter()
            .find(|argument| argument.name == definition.name)
            .and_then(|argument| literal(&argument.value, variables));
        let value = given
            .or_else(|| definition.default_value.as_ref().and_then(|default| literal(default, variables)));
        if let Some(value) = value {
            arguments.insert(definition.name.to_string(), value);
        }
    }
    arguments
}

/// A GraphQL literal as JSON; `None` for a variable that was not sent.
pub(crate) fn literal(value: &ast::Value, variables: &Map<String, Value>) -> Option<Value> {
    Some(match value {
        ast::Value::Null => Value::Null,
        ast::Value::Enum(name) => Value::String(name.to_string()),
        ast::Value::Variable(name) => return variables.get(name.as_str()).cloned(),
        ast::Value::String(text) => Value::String(text.clone()),
        ast::Value::Float(float) => number(float.as_str()),
        ast::Value::Int(int) => number(int.as_str()),
        ast::Value::Boolean(flag) => Value::Bool(*flag),
        ast::Value::List(items) => {
            Value::Array(items.iter().map(|item| literal(item, variables).unwrap_or(Value::Null)).collect())
        }
        ast::Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter_map(|(name, item)| Some((name.to_string(), literal(item, variables)?)))
                .collect(),
        ),
    })
}

fn number(text: &str) -> Value {
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}

/// A non-negative integer argument.
pub(crate) fn size(arguments: &Map<String, Value>, name: &str) -> Option<usize> {
    arguments.get(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok())
}

/// A text argument.
pub(crate) fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

/// A Boolean argument, false when absent.
pub(crate) fn flag(arguments: &Map<String, Value>, name: &str) -> bool {
    arguments.get(name).and_then(Value::as_bool).unwrap_or_default()
}
