//! Shopify's catalogue as the initial sync reads it, and what is wrong with SKUs.

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{InventoryItemId, ItemNumber, LocationId, ProductId, VariantId};
use crate::limits::ITEM_NUMBER_LENGTH;
use crate::stock::Spot;

/// Stock of one variant at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Where.
    pub location: LocationId,
    /// What can be sold.
    pub available: i64,
    /// What lies there.
    pub on_hand: i64,
}

/// One variant with its product's head: what becomes one product in Rackbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The variant.
    pub id: VariantId,
    /// Its product.
    pub product: ProductId,
    /// Its inventory item.
    pub inventory_item: InventoryItemId,
    /// The product's title.
    pub product_title: String,
    /// The option values, joined by ` / `; empty for a product with a single variant.
    pub options: String,
    /// The product's description, HTML.
    pub description_html: String,
    /// The product's type; empty if none.
    pub product_type: String,
    /// The product is on sale (not a draft, not archived).
    pub active: bool,
    /// The product is a gift card.
    pub gift_card: bool,
    /// The product has no other variant.
    pub lone: bool,
    /// A bundle: it consists of other variants, and its stock cannot be set.
    pub bundle: bool,
    /// SKU as typed; empty if none.
    pub sku: String,
    /// Barcode.
    pub barcode: Option<String>,
    /// Price in the shop's currency.
    pub price: Decimal,
    /// Cost of one.
    pub cost: Option<Decimal>,
    /// Weight of one in kilograms.
    pub weight_kg: Option<Decimal>,
    /// Whether Shopify counts its stock.
    pub tracked: bool,
    /// Stock per location.
    pub levels: Vec<Level>,
}

impl Variant {
    /// Where the store has the item that this variant's SKU names.
    #[must_use]
    pub fn spot(&self) -> Spot {
        Spot {
            product: self.product,
            variant: self.id,
            inventory_item: self.inventory_item,
            tracked: self.tracked,
            bundle: self.bundle,
            lone: self.lone,
        }
    }

    /// What a person would call it: title and option values.
    #[must_use]
    pub fn name(&self) -> String {
        if self.options.is_empty() {
            self.product_title.clone()
        } else {
            format!("{} / {}", self.product_title, self.options)
        }
    }
}

/// Why a variant was not brought over, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkipReason {
    /// Its SKU cannot be an item number.
    Sku(SkuDefect),
    /// A bundle: its parts are products of their own.
    Bundle,
    /// A gift card: not a product that is kept in stock.
    GiftCard,
    /// Rackbeat refused the product, in these words.
    Refused(String),
    /// The product is there, but Rackbeat refused its stock, in these words.
    StockRefused(String),
}

impl SkipReason {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Sku(defect) => defect.remedy().to_owned(),
            Self::Bundle => "nothing to do: a bundle's parts are products of their own".to_owned(),
            Self::GiftCard => "nothing to do: gift cards are not kept in stock".to_owned(),
            Self::Refused(words) => {
                format!("Rackbeat refused the product: {words}; correct that, then run the sync again")
            }
            Self::StockRefused(words) => {
                format!("Rackbeat refused its stock: {words}; set it in Rackbeat by hand")
            }
        }
    }
}

/// What is wrong with a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuDefect {
    /// It has no SKU.
    Missing,
    /// Another variant has the same; all of them are skipped, since none is the right one.
    Duplicate,
    /// Longer than Rackbeat takes.
    TooLong,
}

impl SkuDefect {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "give the variant a SKU in Shopify",
            Self::Duplicate => "give each variant a SKU of its own in Shopify",
            Self::TooLong => "shorten the SKU in Shopify to 25 characters",
        }
    }
}

/// Looks for SKU defects in a catalogue: first [`SkuCheck::note`] every variant, then ask about each.
#[derive(Debug, Default)]
pub struct SkuCheck {
    seen: HashMap<String, u32>,
}

impl SkuCheck {
    /// Counts one variant's SKU.
    pub fn note(&mut self, sku: &str) {
        let sku = sku.trim();
        if !sku.is_empty() {
            *self.seen.entry(sku.to_owned()).or_default() += 1;
        }
    }

    /// The SKUs that make good item numbers, in no order.
    pub fn items(&self) -> impl Iterator<Item = ItemNumber> + '_ {
        self.seen.keys().filter_map(|sku| self.item(sku).ok())
    }

    /// The SKU as an item number.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn item(&self, sku: &str) -> Result<ItemNumber, SkuDefect> {
        let number = ItemNumber::parse(sku).map_err(|_| SkuDefect::Missing)?;
        if number.as_str().chars().count() > ITEM_NUMBER_LENGTH {
            return Err(SkuDefect::TooLong);
        }
        if self.seen.get(number.as_str()).is_some_and(|count| *count > 1) {
            return Err(SkuDefect::Duplicate);
        }
        Ok(number)
    }
}

/// A description without its tags: block ends become line ends, entities their characters.
#[must_use]
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(rest.get(..start).unwrap_or_default());
        let tag_on = rest.get(start..).unwrap_or_default();
        let Some(end) = tag_on.find('>') else {
            rest = "";
            break;
        };
        let tag = tag_on.get(1..end).unwrap_or_default().trim_start_matches('/').to_ascii_lowercase();
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        if matches!(name.as_str(), "p" | "br" | "li" | "div" | "tr" | "h1" | "h2" | "h3" | "h4" | "ul" | "ol")
        {
            text.push('\n');
        }
        rest = tag_on.get(end + 1..).unwrap_or_default();
    }
    text.push_str(rest);
    let text = text
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Characters that Rackbeat, its labels or its addresses have been seen to stumble over in a number.
#[must_use]
pub fn odd_characters(sku: &str) -> Vec<char> {
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let mut found: Vec<char> = sku.trim().chars().filter(odd).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A product by its id and version, as sweeps read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductHead {
    /// The product.
    pub id: ProductId,
    /// Its version.
    pub updated_at: Timestamp,
}

/// A location of the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopLocation {
    /// Its id.
    pub id: LocationId,
    /// Its name.
    pub name: String,
    /// Inactive ones keep no stock.
    pub active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_double_and_long_skus_are_told_apart() {
        let mut check = SkuCheck::default();
        for sku in ["A", "B", "B", "", "a"] {
            check.note(sku);
        }
        assert_eq!(check.item(" A ").unwrap().as_str(), "A");
        assert_eq!(check.item("B"), Err(SkuDefect::Duplicate));
        assert_eq!(check.item("  "), Err(SkuDefect::Missing));
        assert_eq!(check.item(&"x".repeat(26)), Err(SkuDefect::TooLong));
        assert!(check.item(&"ø".repeat(25)).is_ok(), "characters count, not bytes");
    }

    #[test]
    fn a_description_loses_its_tags_and_keeps_its_lines() {
        assert_eq!(plain_text("<p>Let &amp; let</p><ul><li>A</li><li>B</li></ul>"), "Let & let\nA\nB");
        assert_eq!(plain_text("no tags"), "no tags");
        assert_eq!(plain_text("cut <b"), "cut");
    }
}
