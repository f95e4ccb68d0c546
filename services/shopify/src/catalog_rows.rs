//! The rows of the catalogue's export, joined. Shopify does not promise that children follow their parent
//! (`groupObjects` is false since 2026-01), so all rows are taken in first; of each only what a variant needs.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use shopbeat_domain::catalog::{Level, Variant};
use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{InventoryItemId, LocationId, ProductId, VariantId};
use shopbeat_domain::ports::Answer;

use crate::wire::{Amount, Id, garbled};

const READ: &str = "GET export";

/// What the rows of one file say.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    rows: u64,
    products: HashMap<ProductId, Product>,
    /// In the file's order.
    variants: Vec<VariantRow>,
    levels: HashMap<VariantId, Vec<Level>>,
}

#[derive(Debug)]
struct Product {
    title: Arc<str>,
    description_html: Arc<str>,
}

#[derive(Debug)]
struct VariantRow {
    product: ProductId,
    node: VariantNode,
}

#[derive(Deserialize)]
struct RowHead {
    id: String,
    #[serde(rename = "__parentId", default)]
    parent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductNode {
    title: String,
    description_html: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantNode {
    id: String,
    sku: Option<String>,
    #[serde(with = "rust_decimal::serde::str")]
    price: Decimal,
    selected_options: Vec<SelectedOption>,
    inventory_item: InventoryItem,
}

#[derive(Debug, Deserialize)]
struct SelectedOption {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryItem {
    id: String,
    tracked: bool,
    unit_cost: Option<Amount>,
    measurement: Measurement,
}

#[derive(Debug, Deserialize)]
struct Measurement {
    weight: Option<Weight>,
}

#[derive(Debug, Deserialize)]
struct Weight {
    value: serde_json::Number,
    unit: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LevelNode {
    location: Id,
    quantities: Vec<Quantity>,
}

#[derive(Debug, Deserialize)]
struct Quantity {
    name: String,
    quantity: i64,
}

impl Catalog {
    /// Takes in one line.
    pub(crate) fn take(&mut self, line: &[u8]) -> Answer<()> {
        self.rows += 1;
        let row = self.rows;
        let unreadable = |what: &str| garbled(READ, format!("row {row} of the export: {what}"));
        let head: RowHead = serde_json::from_slice(line).map_err(|_| unreadable("no JSON with an id"))?;
        let parent = head.parent.as_deref();
        if let Ok(id) = ProductId::parse_gid(&head.id) {
            let node: ProductNode = serde_json::from_slice(line).map_err(|_| unreadable("no product"))?;
            let product =
                Product { title: node.title.into(), description_html: node.description_html.into() };
            self.products.insert(id, product);
        } else if VariantId::parse_gid(&head.id).is_ok() {
            let node = serde_json::from_slice(line).map_err(|_| unreadable("no variant"))?;
            let product = parent.and_then(|p| ProductId::parse_gid(p).ok());
            let product = product.ok_or_else(|| unreadable("a variant without its product's id"))?;
            self.variants.push(VariantRow { product, node });
        } else if head.id.starts_with("gid://shopify/InventoryLevel/") {
            let node: LevelNode = serde_json::from_slice(line).map_err(|_| unreadable("no stock level"))?;
            let level =
                level(&node).ok_or_else(|| unreadable("a stock level without location or quantities"))?;
            // The inventory item between the two stands in no connection, so the parent is the variant.
            let variant = parent.and_then(|p| VariantId::parse_gid(p).ok());
            let variant = variant.ok_or_else(|| unreadable("a stock level without its variant's id"))?;
            self.levels.entry(variant).or_default().push(level);
        } else {
            return Err(unreadable("a kind of row nobody asked for"));
        }
        Ok(())
    }

    /// Whether the file is whole: as many rows as Shopify counted objects, and every child's parent among them.
    pub(crate) fn check(&self, objects: u64) -> Answer<()> {
        if self.rows != objects {
            return Err(garbled(
                READ,
                format!("the export has {} rows, Shopify counted {objects}", self.rows),
            ));
        }
        if let Some(orphan) = self.variants.iter().find(|row| !self.products.contains_key(&row.product)) {
            return Err(garbled(
                READ,
                format!("product {} is not in the export, its variant is", orphan.product),
            ));
        }
        let with_levels = self.variants.iter().filter_map(|row| VariantId::parse_gid(&row.node.id).ok());
        if with_levels.filter(|id| self.levels.contains_key(id)).count() != self.levels.len() {
            return Err(garbled(
                READ,
                "the export has stock of a variant that is not in it, or a variant twice",
            ));
        }
        Ok(())
    }

    /// The variants in the file's order, each put together when it is asked for.
    pub(crate) fn into_variants(self) -> impl Iterator<Item = Answer<Variant>> + Send {
        let Self { products, variants, mut levels, .. } = self;
        variants.into_iter().map(move |row| {
            let missing = || garbled(READ, format!("product {} is not in the export", row.product));
            let product = products.get(&row.product).ok_or_else(missing)?;
            row.node.join(row.product, product, &mut levels)
        })
    }
}

impl VariantNode {
    fn join(
        self,
        product: ProductId,
        head: &Product,
        levels: &mut HashMap<VariantId, Vec<Level>>,
    ) -> Answer<Variant> {
        let bad = |_| -> Failure { garbled(READ, "an id in the export cannot be read") };
        let id = VariantId::parse_gid(&self.id).map_err(bad)?;
        Ok(Variant {
            id,
            product,
            inventory_item: InventoryItemId::parse_gid(&self.inventory_item.id).map_err(bad)?,
            product_title: head.title.to_string(),
            options: options(&self.selected_options),
            description_html: head.description_html.to_string(),
            sku: self.sku.unwrap_or_default(),
            price: self.price,
            cost: self.inventory_item.unit_cost.map(|cost| cost.amount),
            weight_kg: self.inventory_item.measurement.weight.as_ref().and_then(kilograms),
            tracked: self.inventory_item.tracked,
            levels: levels.remove(&id).unwrap_or_default(),
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

fn level(node: &LevelNode) -> Option<Level> {
    let of = |name: &str| node.quantities.iter().find(|q| q.name == name).map(|q| q.quantity);
    Some(Level {
        location: LocationId::parse_gid(&node.location.id).ok()?,
        available: of("available")?,
        on_hand: of("on_hand")?,
    })
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
