//! What merchants and apps change in the catalogue, and which webhooks tell of it.

use rust_decimal::Decimal;
use serde_json::json;

use super::docs::gid;
use super::goods::{Level, Place, Product, Variant, WeightUnit};
use super::order_gen::Offer;
use super::product_doc::shown_weight;
use super::product_rest::product_body;
use super::shop::{Shop, sellable};
use super::webhook::Event;
use crate::catalog::{CatalogProduct, CatalogVariant};
use crate::facts::SkuSearch;

/// What becomes of a field that may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

/// An edit of a product. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductEdit {
    /// Title.
    pub title: Option<String>,
    /// Handle.
    pub handle: Option<String>,
    /// Description in HTML.
    pub body_html: Option<String>,
    /// Product type.
    pub product_type: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: Option<String>,
    /// Tags.
    pub tags: Option<Vec<String>>,
}

/// An edit of a variant and its inventory item. What is `None` or [`Change::Keep`] stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantEdit {
    /// SKU.
    pub sku: Change<String>,
    /// Barcode.
    pub barcode: Change<String>,
    /// Price in the shop's currency.
    pub price: Option<Decimal>,
    /// Price before a reduction.
    pub compare_at: Change<Decimal>,
    /// Cost per item in the shop's currency.
    pub cost: Change<Decimal>,
    /// Value and unit as GraphQL names it, such as `KILOGRAMS`.
    pub weight: Option<(Decimal, String)>,
    /// Whether Shopify keeps its stock.
    pub tracked: Option<bool>,
    /// Whether it is shipped.
    pub requires_shipping: Option<bool>,
    /// Whether it is taxed.
    pub taxable: Option<bool>,
    /// Whether it is made up of other variants.
    pub bundle: Option<bool>,
    /// Values of its product's options.
    pub values: Option<Vec<String>>,
}

fn put(to: &mut Box<str>, value: Option<String>) {
    if let Some(value) = value {
        *to = value.into_boxed_str();
    }
}

impl Shop {
    /// Fills an empty shop from its specification.
    pub(crate) fn stock_shelves(&mut self) {
        self.docs.goods.currency = self.spec.currency.clone();
        for (at, name) in self.spec.locations.clone().into_iter().enumerate() {
            let place = Place { id: self.ids.take(), name, active: true, online: at == 0 };
            self.docs.goods.places.push(place);
        }
        // Kept twice, a large catalogue would take most of the memory.
        let catalog = std::mem::take(&mut self.spec.catalog);
        for product in &catalog.products {
            self.add_product(product);
        }
    }

    /// Adds one product with its variants, stocked everywhere; its id.
    pub(crate) fn add_product(&mut self, product: &CatalogProduct) -> u64 {
        let id = self.ids.take();
        let now = self.stamp();
        self.docs.goods.put_product(Product {
            id,
            handle: self.free_handle(&product.handle).into_boxed_str(),
            title: product.title.as_str().into(),
            body_html: product.body_html.as_str().into(),
            product_type: product.product_type.as_str().into(),
            vendor: product.vendor.as_str().into(),
            tags: product.tags.clone(),
            status: if product.published { "ACTIVE" } else { "DRAFT" }.into(),
            gift_card: product.gift_card,
            options: product.options.iter().map(|name| name.as_str().into()).collect(),
            variants: Vec::with_capacity(product.variants.len()),
            created_at: now,
            updated_at: now,
        });
        for variant in &product.variants {
            self.add_variant(id, variant, true);
        }
        id
    }

    /// `tent`, or `tent-1` when that is taken.
    pub(crate) fn free_handle(&self, wanted: &str) -> String {
        let taken = |handle: &str| self.docs.goods.by_handle(handle).is_some();
        let numbered = (1_u32..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|handle| !taken(handle)).unwrap_or_default()
    }

    /// Adds a variant; stocked at the first place alone unless `everywhere`.
    pub(crate) fn add_variant(&mut self, product: u64, variant: &CatalogVariant, everywhere: bool) -> u64 {
        let (id, item) = (self.ids.take(), self.ids.take());
        let now = self.stamp();
        let units = i64::from(variant.quantity);
        let level = |at: usize| {
            let units = if at == 0 { units } else { 0 };
            let active = everywhere || at == 0;
            Level { active, available: units, on_hand: units, committed: 0, updated_at: now }
        };
        let levels = (0..self.docs.goods.places.len()).map(level).collect();
        let kept = Variant {
            id,
            product,
            item,
            sku: variant.sku.as_deref().map(Into::into),
            barcode: variant.barcode.as_deref().map(Into::into),
            values: variant.values.iter().map(|value| value.as_str().into()).collect(),
            price: variant.price,
            compare_at: None,
            cost: variant.cost,
            weight: shown_weight(variant.grams, &variant.weight_unit),
            tracked: variant.tracked,
            requires_shipping: variant.requires_shipping,
            taxable: variant.taxable,
            bundle: false,
            updated_at: now,
            levels,
        };
        let lagging = self.lagging();
        self.docs.goods.put_variant(kept, lagging);
        self.offers = None;
        id
    }

    /// Now, where the search lags behind. Not while a shop is opened: it was there before.
    fn lagging(&self) -> Option<jiff::Timestamp> {
        let lags = self.open && self.core.facts.sku_search() == SkuSearch::Lags;
        lags.then(|| self.core.clock.now())
    }

    /// Changes a product; whether anything is different now. Tells nobody yet.
    pub(crate) fn edit_product(&mut self, id: u64, edit: ProductEdit) -> bool {
        let Some(before) = self.docs.goods.product(id).cloned() else {
            return false;
        };
        if let Some(handle) = edit.handle.filter(|handle| *handle != *before.handle) {
            let handle = self.free_handle(&handle);
            self.docs.goods.rename(id, &handle);
        }
        let Some(product) = self.docs.goods.products.get_mut(&id) else {
            return false;
        };
        put(&mut product.title, edit.title);
        put(&mut product.body_html, edit.body_html);
        put(&mut product.product_type, edit.product_type);
        put(&mut product.vendor, edit.vendor);
        put(&mut product.status, edit.status);
        product.tags = edit.tags.unwrap_or(std::mem::take(&mut product.tags));
        self.offers = None;
        self.docs.goods.product(id) != Some(&before)
    }

    /// Changes a variant; whether anything is different now. Tells nobody yet.
    pub(crate) fn edit_variant(&mut self, id: u64, edit: VariantEdit) -> bool {
        let (now, lagging) = (self.stamp(), self.lagging());
        let Some(before) = self.docs.goods.variant(id).cloned() else {
            return false;
        };
        let mut sku = before.sku.as_deref().map(ToOwned::to_owned);
        edit.sku.apply(&mut sku);
        if sku.as_deref() != before.sku.as_deref() {
            self.docs.goods.set_sku(id, sku.map(String::into_boxed_str), lagging);
        }
        let Some(variant) = self.docs.goods.variant_mut(id) else {
            return false;
        };
        match edit.barcode {
            Change::Keep => {}
            Change::Clear => variant.barcode = None,
            Change::Set(barcode) => variant.barcode = Some(barcode.into_boxed_str()),
        }
        edit.compare_at.apply(&mut variant.compare_at);
        edit.cost.apply(&mut variant.cost);
        variant.price = edit.price.unwrap_or(variant.price);
        if let Some((value, unit)) = edit.weight {
            variant.weight = (value, WeightUnit::parse(&unit).unwrap_or(variant.weight.1));
        }
        variant.tracked = edit.tracked.unwrap_or(variant.tracked);
        variant.requires_shipping = edit.requires_shipping.unwrap_or(variant.requires_shipping);
        variant.taxable = edit.taxable.unwrap_or(variant.taxable);
        variant.bundle = edit.bundle.unwrap_or(variant.bundle);
        if let Some(values) = edit.values {
            variant.values = values.into_iter().map(String::into_boxed_str).collect();
        }
        let changed = *variant != before;
        if changed {
            variant.updated_at = now;
            self.offers = None;
        }
        changed
    }

    pub(crate) fn listens(&self, topic: &str) -> bool {
        self.subscriptions.values().any(|known| known.topic == topic)
    }

    /// Moves a product's `updatedAt` and tells `topic`.
    pub(crate) fn tell_product(&mut self, id: u64, topic: &'static str) {
        let (at, listens) = (self.stamp(), self.listens(topic));
        let Some(product) = self.docs.goods.products.get_mut(&id) else {
            return;
        };
        product.updated_at = at;
        if listens && let Some(product) = self.docs.goods.product(id) {
            let body = product_body(&self.docs.goods, product);
            let action = self.ids.take();
            self.outbox.push(Event { topic, body, at, action });
        }
    }

    /// Deletes a product: the webhook has nothing but its id. Whether there was one.
    pub(crate) fn delete_product(&mut self, id: u64) -> bool {
        if self.docs.goods.remove_product(id).is_none() {
            return false;
        }
        self.offers = None;
        let (at, action) = (self.stamp(), self.ids.take());
        self.outbox.push(Event { topic: "PRODUCTS_DELETE", body: json!({ "id": id }), at, action });
        true
    }

    /// What ordinary orders are made of: variants with a SKU and a price.
    pub(crate) fn make_offers(&self) -> Vec<Offer> {
        self.docs
            .goods
            .all_variants()
            .filter(|(product, variant)| sellable(variant.price) && !product.gift_card)
            .filter_map(|(product, variant)| {
                Some(Offer {
                    variant: (variant.id, product.id),
                    sku: variant.sku.as_deref()?.to_owned(),
                    title: product.title.to_string(),
                    variant_title: (!product.options.is_empty()).then(|| variant.title()),
                    vendor: Some(product.vendor.to_string()),
                    price: variant.price,
                })
            })
            .collect()
    }

    pub(crate) fn level_gid_at(&self, item: u64, place: u64) -> Option<String> {
        let at = self.docs.goods.place_at(place)?;
        self.docs.goods.of_item(item)?;
        Some(super::product_doc::level_gid(item, at))
    }

    pub(crate) fn product_gid(&self, id: u64) -> Option<String> {
        self.docs.goods.product(id).map(|found| gid("Product", found.id))
    }
}
