//! Whether a leaf value fits its declared scalar or enum: the simulation checks itself.

use apollo_compiler::schema::ExtendedType;
use serde_json::Value;

use super::document::Slice;

/// True when `value` may stand where the schema says `declared`.
pub(crate) fn leaf_fits(slice: &Slice, declared: &str, value: &Value) -> bool {
    match declared {
        "Boolean" => value.is_boolean(),
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Float" => value.is_number(),
        "JSON" => true,
        _ => match slice.schema.types.get(declared) {
            Some(ExtendedType::Enum(known)) => {
                value.as_str().is_some_and(|text| known.values.contains_key(text))
            }
            // Shopify's own scalars (Decimal, DateTime, URL, UnsignedInt64 …) are all strings.
            Some(ExtendedType::Scalar(_)) => value.is_string(),
            Some(
                ExtendedType::Object(_)
                | ExtendedType::Interface(_)
                | ExtendedType::Union(_)
                | ExtendedType::InputObject(_),
            )
            | None => false,
        },
    }
}
