//! Which scope guards which field (Shopify's own annotations in the schema's descriptions).

/// Scopes that guard a field of the slice.
pub(crate) const GUARDING: [&str; 5] =
    ["read_products", "read_inventory", "read_locations", "read_orders", "read_customers"];

/// The scope that `field` of `concrete` needs and that is among the `missing` ones.
pub(crate) fn needed(concrete: &str, field: &str, missing: &[&'static str]) -> Option<&'static str> {
    if missing.is_empty() {
        return None;
    }
    let scope = match (concrete, field) {
        ("QueryRoot", "order" | "orders") => "read_orders",
        (
            "QueryRoot",
            "products" | "product" | "productByIdentifier" | "productVariants" | "productVariant",
        )
        | ("LineItem", "variant" | "product") => "read_products",
        ("QueryRoot", "locations" | "location") | ("Location", "name") => "read_locations",
        ("QueryRoot", "inventoryItem" | "inventoryItems")
        | ("ProductVariant", "inventoryItem")
        | ("InventoryItem", "inventoryLevels" | "inventoryLevel") => "read_inventory",
        ("QueryRoot", "customer" | "customers") | ("Order", "customer") => "read_customers",
        _ => return None,
    };
    missing.iter().copied().find(|absent| *absent == scope)
}

/// The scope that a mutation needs.
pub(crate) fn to_write(mutation: &str) -> Option<&'static str> {
    match mutation {
        "inventorySetQuantities" | "inventoryActivate" => Some("write_inventory"),
        "productSet" | "productUpdate" | "productVariantsBulkUpdate" => Some("write_products"),
        _ => None,
    }
}

/// Shopify's words.
pub(crate) fn refusal(field: &str, scope: &str) -> String {
    format!("Access denied for {field} field. Required access: `{scope}` access scope.")
}
