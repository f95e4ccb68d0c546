//! What a shop sells, kept small: a hundred thousand variants must fit. The documents that GraphQL shows are
//! built from it when asked for.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::goods_index::SkuIndex;

/// A place where goods lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) online: bool,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) id: u64,
    pub(crate) handle: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) body_html: Box<str>,
    pub(crate) product_type: Box<str>,
    pub(crate) vendor: Box<str>,
    pub(crate) tags: Vec<String>,
    /// As GraphQL names it.
    pub(crate) status: Box<str>,
    pub(crate) gift_card: bool,
    /// Empty for a product that only has its default variant.
    pub(crate) options: Vec<Box<str>>,
    /// By position.
    pub(crate) variants: Vec<u64>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A variant with its inventory item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) id: u64,
    pub(crate) product: u64,
    pub(crate) item: u64,
    pub(crate) sku: Option<Box<str>>,
    pub(crate) barcode: Option<Box<str>>,
    /// A value for each of the product's options.
    pub(crate) values: Vec<Box<str>>,
    pub(crate) price: Decimal,
    pub(crate) compare_at: Option<Decimal>,
    pub(crate) cost: Option<Decimal>,
    /// Value and GraphQL's name of the unit.
    pub(crate) weight: (Decimal, WeightUnit),
    pub(crate) tracked: bool,
    pub(crate) requires_shipping: bool,
    pub(crate) taxable: bool,
    /// Made up of other variants: its own stock cannot be set.
    pub(crate) bundle: bool,
    pub(crate) updated_at: Timestamp,
    /// One for each place, in the shop's order of places.
    pub(crate) levels: Vec<Level>,
}

impl Variant {
    /// `Blue / L`, or `Default Title`.
    pub(crate) fn title(&self) -> String {
        if self.values.is_empty() { "Default Title".to_owned() } else { self.values.join(" / ") }
    }
}

/// A unit of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WeightUnit {
    Grams,
    Kilograms,
    Ounces,
    Pounds,
}

impl WeightUnit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Grams => "GRAMS",
            Self::Kilograms => "KILOGRAMS",
            Self::Ounces => "OUNCES",
            Self::Pounds => "POUNDS",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Grams, Self::Kilograms, Self::Ounces, Self::Pounds]
            .into_iter()
            .find(|unit| unit.name() == name)
    }
}

/// What lies at one place. `on_hand` = `available` + `committed`; the other states are never used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) active: bool,
    pub(crate) available: i64,
    pub(crate) on_hand: i64,
    pub(crate) committed: i64,
    pub(crate) updated_at: Timestamp,
}

/// All products of a shop, and where they lie.
#[derive(Debug, Default)]
pub(crate) struct Goods {
    pub(crate) currency: String,
    pub(crate) places: Vec<Place>,
    pub(crate) products: BTreeMap<u64, Product>,
    variants: HashMap<u64, Variant>,
    owners: HashMap<u64, u64>,
    handles: HashMap<Box<str>, u64>,
    index: SkuIndex,
}

impl Goods {
    pub(crate) fn product(&self, id: u64) -> Option<&Product> {
        self.products.get(&id)
    }

    pub(crate) fn variant(&self, id: u64) -> Option<&Variant> {
        self.variants.get(&id)
    }

    /// The variant of an inventory item.
    pub(crate) fn of_item(&self, item: u64) -> Option<&Variant> {
        self.variants.get(self.owners.get(&item)?)
    }

    pub(crate) fn of_item_mut(&mut self, item: u64) -> Option<&mut Variant> {
        self.variants.get_mut(self.owners.get(&item)?)
    }

    /// Changes to the SKU must go through [`set_sku`](Self::set_sku).
    pub(crate) fn variant_mut(&mut self, id: u64) -> Option<&mut Variant> {
        self.variants.get_mut(&id)
    }

    pub(crate) fn by_handle(&self, handle: &str) -> Option<u64> {
        self.handles.get(handle).copied()
    }

    /// Variants in the order of their products and positions.
    pub(crate) fn all_variants(&self) -> impl Iterator<Item = (&Product, &Variant)> {
        self.products.values().flat_map(move |product| {
            product.variants.iter().filter_map(move |id| Some((product, self.variants.get(id)?)))
        })
    }

    pub(crate) fn place_at(&self, id: u64) -> Option<usize> {
        self.places.iter().position(|place| place.id == id)
    }

    /// Keeps a product without variants yet.
    pub(crate) fn put_product(&mut self, product: Product) {
        self.handles.insert(product.handle.clone(), product.id);
        self.products.insert(product.id, product);
    }

    /// Gives a product another handle.
    pub(crate) fn rename(&mut self, product: u64, handle: &str) {
        if let Some(found) = self.products.get_mut(&product) {
            self.handles.remove(&found.handle);
            found.handle = handle.into();
            self.handles.insert(handle.into(), product);
        }
    }

    /// Adds a variant at the end of its product. `lagging` is now, where the search is to find it only later.
    pub(crate) fn put_variant(&mut self, variant: Variant, lagging: Option<Timestamp>) {
        if let Some(product) = self.products.get_mut(&variant.product) {
            product.variants.push(variant.id);
        }
        self.owners.insert(variant.item, variant.id);
        self.index.moved(variant.id, None, variant.sku.as_deref(), lagging);
        self.variants.insert(variant.id, variant);
    }

    pub(crate) fn set_sku(&mut self, id: u64, sku: Option<Box<str>>, lagging: Option<Timestamp>) {
        if let Some(variant) = self.variants.get_mut(&id) {
            self.index.moved(id, variant.sku.as_deref(), sku.as_deref(), lagging);
            variant.sku = sku;
        }
    }

    pub(crate) fn remove_variant(&mut self, id: u64) -> Option<Variant> {
        let gone = self.variants.remove(&id)?;
        self.owners.remove(&gone.item);
        if let Some(product) = self.products.get_mut(&gone.product) {
            product.variants.retain(|variant| *variant != id);
        }
        Some(gone)
    }

    pub(crate) fn remove_product(&mut self, id: u64) -> Option<Product> {
        let gone = self.products.remove(&id)?;
        self.handles.remove(&gone.handle);
        for variant in &gone.variants {
            self.remove_variant(*variant);
        }
        Some(gone)
    }

    /// Variants whose SKU holds the words of `wanted` in a row, as the index knew it at `now`.
    pub(crate) fn search_sku(&self, wanted: &str, now: Timestamp) -> Vec<u64> {
        self.index.search(wanted, now, |id| self.variants.get(&id).map(|found| found.sku.as_deref()))
    }
}
