//! Products a simulated shop sells: loaded from Shopify's product CSV export or generated.

mod csv;
mod generate;
mod skus;

use rust_decimal::Decimal;

pub use self::csv::CatalogError;
pub use self::generate::generated;
pub use self::skus::{SKU_LIMIT, SkuDefects};

/// The catalogue that comes with the sandbox: a Danish outdoor shop, SKU defects included.
pub const NORDIC_OUTDOOR: &str = include_str!("../../catalogs/nordic-outdoor.csv");

/// A list of products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// In the file's order.
    pub products: Vec<CatalogProduct>,
}

/// One product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogProduct {
    /// The part of its address that names it.
    pub handle: String,
    /// Title.
    pub title: String,
    /// Description in HTML.
    pub body_html: String,
    /// Vendor.
    pub vendor: String,
    /// Product type.
    pub product_type: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Published; otherwise a draft.
    pub published: bool,
    /// A gift card.
    pub gift_card: bool,
    /// Names of its options; empty for a product with one default variant.
    pub options: Vec<String>,
    /// At least one.
    pub variants: Vec<CatalogVariant>,
}

/// One variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogVariant {
    /// A value for each of the product's options.
    pub values: Vec<String>,
    /// SKU: optional, not unique, any length.
    pub sku: Option<String>,
    /// Grams.
    pub grams: u32,
    /// Unit shown: `g`, `kg`, `oz` or `lb`.
    pub weight_unit: String,
    /// Whether Shopify keeps its stock.
    pub tracked: bool,
    /// Units in stock; negative when oversold.
    pub quantity: i32,
    /// Price in the shop's currency.
    pub price: Decimal,
    /// Cost per item in the shop's currency.
    pub cost: Option<Decimal>,
    /// Barcode.
    pub barcode: Option<String>,
    /// Shipped.
    pub requires_shipping: bool,
    /// Taxed.
    pub taxable: bool,
}

impl CatalogVariant {
    /// `Blue / L`, or `Default Title`.
    #[must_use]
    pub fn title(&self) -> String {
        if self.values.is_empty() { "Default Title".to_owned() } else { self.values.join(" / ") }
    }
}

impl Catalog {
    /// Reads Shopify's product CSV export format. Rows that only carry an image are skipped.
    ///
    /// # Errors
    /// [`CatalogError`] with the line at which the file is not such an export.
    pub fn from_csv(text: &str) -> Result<Self, CatalogError> {
        csv::parse(text)
    }

    /// The catalogue that comes with the sandbox.
    ///
    /// # Errors
    /// Never, unless the file in the crate is broken; a test reads it.
    pub fn nordic_outdoor() -> Result<Self, CatalogError> {
        Self::from_csv(NORDIC_OUTDOOR)
    }

    /// Gives SKUs to a catalogue that has none: to `share_ppm` millionths of its variants, one pair
    /// doubled and one over-long on purpose when there is room for it. A catalogue with any SKU of
    /// its own is left as it is.
    pub fn fill_skus(&mut self, share_ppm: u32, seed: u64) {
        skus::fill(self, share_ppm, seed);
    }

    /// What is wrong with its SKUs.
    #[must_use]
    pub fn sku_defects(&self) -> SkuDefects {
        skus::defects(self)
    }

    /// How many variants.
    #[must_use]
    pub fn variant_count(&self) -> usize {
        self.products.iter().map(|product| product.variants.len()).sum()
    }
}
