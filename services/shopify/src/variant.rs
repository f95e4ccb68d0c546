//! A variant as Shopify writes it, in exports and in answers alike.

use rust_decimal::Decimal;
use serde::Deserialize;
use shopbeat_domain::catalog::{Level, Variant};
use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{InventoryItemId, ProductId, VariantId};
use shopbeat_domain::ports::Answer;

use crate::wire::{Amount, garbled};

/// What a product's variants share.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductNode {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description_html: String,
    pub(crate) product_type: String,
    /// ACTIVE, DRAFT, ARCHIVED, UNLISTED; only the first is on sale.
    pub(crate) status: String,
    pub(crate) is_gift_card: bool,
    pub(crate) has_only_default_variant: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantNode {
    pub(crate) id: String,
    sku: Option<String>,
    barcode: Option<String>,
    #[serde(with = "rust_decimal::serde::str")]
    price: Decimal,
    selected_options: Vec<SelectedOption>,
    requires_components: bool,
    inventory_item: InventoryItem,
}

#[derive(Debug, Clone, Deserialize)]
struct SelectedOption {
    name: String,
    value: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryItem {
    id: String,
    tracked: bool,
    unit_cost: Option<Amount>,
    measurement: Measurement,
}

#[derive(Debug, Clone, Deserialize)]
struct Measurement {
    weight: Option<Weight>,
}

#[derive(Debug, Clone, Deserialize)]
struct Weight {
    value: serde_json::Number,
    unit: String,
}

impl ProductNode {
    pub(crate) fn id(&self, call: &'static str) -> Answer<ProductId> {
        ProductId::parse_gid(&self.id).map_err(|_| garbled(call, "a product's id cannot be read"))
    }
}

impl VariantNode {
    pub(crate) fn join(self, call: &'static str, head: &ProductNode, levels: Vec<Level>) -> Answer<Variant> {
        let bad = |_| -> Failure { garbled(call, "an id of a variant cannot be read") };
        Ok(Variant {
            id: VariantId::parse_gid(&self.id).map_err(bad)?,
            product: head.id(call)?,
            inventory_item: InventoryItemId::parse_gid(&self.inventory_item.id).map_err(bad)?,
            product_title: head.title.clone(),
            options: options(&self.selected_options),
            description_html: head.description_html.clone(),
            product_type: head.product_type.clone(),
            active: head.status == "ACTIVE",
            gift_card: head.is_gift_card,
            lone: head.has_only_default_variant,
            bundle: self.requires_components,
            sku: self.sku.unwrap_or_default(),
            barcode: self.barcode.filter(|barcode| !barcode.trim().is_empty()),
            price: self.price,
            cost: self.inventory_item.unit_cost.map(|cost| cost.amount),
            weight_kg: self.inventory_item.measurement.weight.as_ref().and_then(kilograms),
            tracked: self.inventory_item.tracked,
            levels,
        })
    }
}

/// A product without options has a single variant that Shopify calls `Title: Default Title`.
fn options(selected: &[SelectedOption]) -> String {
    if let [only] = selected
        && only.name == "Title"
        && only.value == "Default Title"
    {
        return String::new();
    }
    selected.iter().map(|option| option.value.as_str()).collect::<Vec<_>>().join(" / ")
}

/// Shopify writes nought where nobody typed a weight.
fn kilograms(weight: &Weight) -> Option<Decimal> {
    let text = weight.value.to_string();
    let value: Decimal = text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()?;
    let one = match weight.unit.as_str() {
        "KILOGRAMS" => Decimal::ONE,
        "GRAMS" => Decimal::new(1, 3),
        "POUNDS" => Decimal::new(45_359_237, 8),
        "OUNCES" => Decimal::new(28_349_523_125, 12),
        _ => return None,
    };
    value.checked_mul(one).map(|kg| kg.normalize()).filter(|kg| *kg > Decimal::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(value: &str, unit: &str) -> Option<Decimal> {
        kilograms(&Weight { value: serde_json::from_str(value).unwrap(), unit: unit.to_owned() })
    }

    #[test]
    fn weights_become_kilograms_exactly() {
        assert_eq!(weight("0.1", "KILOGRAMS"), Some(Decimal::new(1, 1)));
        assert_eq!(weight("250", "GRAMS"), Some(Decimal::new(25, 2)));
        assert_eq!(weight("1", "POUNDS"), Some(Decimal::new(45_359_237, 8)));
        assert_eq!(weight("16.0", "OUNCES"), Some(Decimal::new(45_359_237, 8)));
        assert_eq!(weight("0.0", "GRAMS"), None);
        assert_eq!(weight("1", "STONES"), None);
    }

    #[test]
    fn a_product_without_options_has_none() {
        let of = |pairs: &[(&str, &str)]| {
            let read = |(name, value): &(&str, &str)| SelectedOption {
                name: (*name).into(),
                value: (*value).into(),
            };
            options(&pairs.iter().map(read).collect::<Vec<_>>())
        };
        assert_eq!(of(&[("Title", "Default Title")]), "");
        assert_eq!(of(&[("Color", "Red"), ("Size", "M")]), "Red / M");
    }
}
