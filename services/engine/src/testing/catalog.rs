//! Variants for tests.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{Level, Variant};
use shopbeat_domain::ids::{InventoryItemId, LocationId, ProductId, VariantId};

/// A tracked variant at 100.00 with `available` units at one location, of which two more lie there (sold, not sent).
pub(crate) fn variant(id: u64, sku: &str, available: i64) -> Variant {
    Variant {
        id: VariantId(id),
        product: ProductId(id / 10),
        inventory_item: InventoryItemId(id + 5000),
        product_title: format!("Thing {id}"),
        options: "Red / M".to_owned(),
        description_html: "<p>Good &amp; cheap</p>".to_owned(),
        product_type: String::new(),
        active: true,
        gift_card: false,
        lone: false,
        bundle: false,
        sku: sku.to_owned(),
        barcode: None,
        price: Decimal::ONE_HUNDRED,
        cost: Some(Decimal::new(4050, 2)),
        weight_kg: Some(Decimal::new(15, 1)),
        tracked: true,
        levels: vec![Level { location: LocationId(1), available, on_hand: available + 2 }],
    }
}
