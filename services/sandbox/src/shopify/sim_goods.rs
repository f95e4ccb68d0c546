//! The library side of what is sold and where it lies: playing merchant, and reading what came of it.

use rust_decimal::Decimal;

use super::goods::{Goods, Level, Product, Variant};
use super::goods_edit::{Change, ProductEdit, VariantEdit};
use super::life::LifeError;
use super::sim::ShopifySim;
use super::stock::{InventoryWrite, Poison, ProductWrite};
use crate::catalog::CatalogProduct;

/// A location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationTruth {
    /// Numeric id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// In use.
    pub active: bool,
}

/// What lies of one variant at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockTruth {
    /// Product.
    pub product: u64,
    /// Variant.
    pub variant: u64,
    /// Inventory item.
    pub item: u64,
    /// Location.
    pub location: u64,
    /// SKU.
    pub sku: Option<String>,
    /// Whether Shopify keeps its stock.
    pub tracked: bool,
    /// Whether it is made up of other variants.
    pub bundle: bool,
    /// Whether it is stocked there.
    pub active: bool,
    /// Can be sold.
    pub available: i64,
    /// Lies there.
    pub on_hand: i64,
    /// Sold and not shipped.
    pub committed: i64,
}

/// A variant as the shop knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantTruth {
    /// Variant.
    pub id: u64,
    /// Inventory item.
    pub item: u64,
    /// `Blue / L`, or `Default Title`.
    pub title: String,
    /// SKU.
    pub sku: Option<String>,
    /// Barcode.
    pub barcode: Option<String>,
    /// Price in the shop's currency.
    pub price: Decimal,
    /// Cost per item.
    pub cost: Option<Decimal>,
    /// Whether Shopify keeps its stock.
    pub tracked: bool,
    /// Whether it is made up of other variants.
    pub bundle: bool,
    /// When it last changed.
    pub updated_at: jiff::Timestamp,
}

/// A product as the shop knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductTruth {
    /// Product.
    pub id: u64,
    /// Handle.
    pub handle: String,
    /// Title.
    pub title: String,
    /// Description in HTML.
    pub body_html: String,
    /// Product type.
    pub product_type: String,
    /// Vendor.
    pub vendor: String,
    /// Tags.
    pub tags: Vec<String>,
    /// `ACTIVE`, `ARCHIVED`, `DRAFT` or `UNLISTED`.
    pub status: String,
    /// When it last changed.
    pub updated_at: jiff::Timestamp,
    /// By position.
    pub variants: Vec<VariantTruth>,
}

fn text(found: Option<&str>) -> Option<String> {
    found.map(ToOwned::to_owned)
}

fn variant_truth(variant: &Variant) -> VariantTruth {
    VariantTruth {
        id: variant.id,
        item: variant.item,
        title: variant.title(),
        sku: text(variant.sku.as_deref()),
        barcode: text(variant.barcode.as_deref()),
        price: variant.price,
        cost: variant.cost,
        tracked: variant.tracked,
        bundle: variant.bundle,
        updated_at: variant.updated_at,
    }
}

fn product_truth(goods: &Goods, product: &Product) -> ProductTruth {
    ProductTruth {
        id: product.id,
        handle: product.handle.to_string(),
        title: product.title.to_string(),
        body_html: product.body_html.to_string(),
        product_type: product.product_type.to_string(),
        vendor: product.vendor.to_string(),
        tags: product.tags.clone(),
        status: product.status.to_string(),
        updated_at: product.updated_at,
        variants: product.variants.iter().filter_map(|id| goods.variant(*id)).map(variant_truth).collect(),
    }
}

fn stock_truth(variant: &Variant, location: u64, level: &Level) -> StockTruth {
    StockTruth {
        product: variant.product,
        variant: variant.id,
        item: variant.item,
        location,
        sku: text(variant.sku.as_deref()),
        tracked: variant.tracked,
        bundle: variant.bundle,
        active: level.active,
        available: level.available,
        on_hand: level.on_hand,
        committed: level.committed,
    }
}

impl ShopifySim {
    /// A shop's locations, in its order; the first holds the catalogue's stock.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn locations(&self, domain: &str) -> Result<Vec<LocationTruth>, LifeError> {
        self.with(domain, |shop| {
            let places = shop.docs.goods.places.iter();
            places
                .map(|place| LocationTruth { id: place.id, name: place.name.clone(), active: place.active })
                .collect()
        })
    }

    /// Opens or closes a location.
    ///
    /// # Errors
    /// When there is no such shop or location.
    pub fn set_location_active(&self, domain: &str, location: u64, active: bool) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            let found = shop.docs.goods.places.iter_mut().find(|place| place.id == location);
            found.map(|place| place.active = active).ok_or(LifeError::NoGoods("location", location))
        })?
    }

    /// All products of a shop, by id.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn products(&self, domain: &str) -> Result<Vec<ProductTruth>, LifeError> {
        self.with(domain, |shop| {
            let goods = &shop.docs.goods;
            goods.products.values().map(|product| product_truth(goods, product)).collect()
        })
    }

    /// One product.
    ///
    /// # Errors
    /// When there is no such shop or product.
    pub fn product(&self, domain: &str, product: u64) -> Result<ProductTruth, LifeError> {
        self.with(domain, |shop| {
            let goods = &shop.docs.goods;
            let found = goods.product(product).map(|found| product_truth(goods, found));
            found.ok_or(LifeError::NoGoods("product", product))
        })?
    }

    /// Every level of every variant: one row for each location, inactive ones too.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn quantities(&self, domain: &str) -> Result<Vec<StockTruth>, LifeError> {
        self.with(domain, |shop| {
            let goods = &shop.docs.goods;
            let rows = goods.all_variants().flat_map(|(_, variant)| {
                let levels = goods.places.iter().zip(&variant.levels);
                levels.map(move |(place, level)| stock_truth(variant, place.id, level))
            });
            rows.collect()
        })
    }

    /// What lies of one item at one location.
    ///
    /// # Errors
    /// When there is no such shop, item or location.
    pub fn level(&self, domain: &str, item: u64, location: u64) -> Result<StockTruth, LifeError> {
        self.with(domain, |shop| {
            let goods = &shop.docs.goods;
            let variant = goods.of_item(item).ok_or(LifeError::NoGoods("inventory item", item))?;
            let level = goods.place_at(location).and_then(|at| variant.levels.get(at));
            let level = level.ok_or(LifeError::NoGoods("location", location))?;
            Ok(stock_truth(variant, location, level))
        })?
    }

    /// The merchant sets what is available by hand: `inventory_levels/update`.
    ///
    /// # Errors
    /// When there is no such shop, item or location.
    pub fn set_quantity(
        &self,
        domain: &str,
        item: u64,
        location: u64,
        available: i64,
    ) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            let before = shop.set_level(item, location, "available", available);
            before.map(|_| ()).ok_or(LifeError::NoGoods("inventory item or location", item))
        })?
    }

    /// Stocks an item at a location or ends that; its quantities stay.
    ///
    /// # Errors
    /// When there is no such shop, item or location.
    pub fn set_level_active(
        &self,
        domain: &str,
        item: u64,
        location: u64,
        active: bool,
    ) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            let done = shop.set_level_active(item, location, active);
            done.then_some(()).ok_or(LifeError::NoGoods("inventory item or location", item))
        })?
    }

    /// The merchant adds a product, stocked at every location: `products/create`; its id.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn add_product(&self, domain: &str, product: &CatalogProduct) -> Result<u64, LifeError> {
        self.with(domain, |shop| {
            let id = shop.add_product(product);
            shop.tell_product(id, "PRODUCTS_CREATE");
            id
        })
    }

    /// The merchant deletes a product: `products/delete`.
    ///
    /// # Errors
    /// When there is no such shop or product.
    pub fn delete_product(&self, domain: &str, product: u64) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            shop.delete_product(product).then_some(()).ok_or(LifeError::NoGoods("product", product))
        })?
    }

    /// The merchant edits a product: `products/update` if anything is different afterwards.
    ///
    /// # Errors
    /// When there is no such shop or product.
    pub fn edit_product(&self, domain: &str, product: u64, edit: ProductEdit) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            shop.docs.goods.product(product).ok_or(LifeError::NoGoods("product", product))?;
            if shop.edit_product(product, edit) {
                shop.tell_product(product, "PRODUCTS_UPDATE");
            }
            Ok(())
        })?
    }

    /// The merchant edits a variant: `products/update` if anything is different afterwards.
    ///
    /// # Errors
    /// When there is no such shop or variant.
    pub fn edit_variant(&self, domain: &str, variant: u64, edit: VariantEdit) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            let product = shop.docs.goods.variant(variant).map(|found| found.product);
            let product = product.ok_or(LifeError::NoGoods("variant", variant))?;
            if shop.edit_variant(variant, edit) {
                shop.tell_product(product, "PRODUCTS_UPDATE");
            }
            Ok(())
        })?
    }

    /// Changes a variant's SKU (none with `None`), as a merchant would.
    ///
    /// # Errors
    /// When there is no such shop or variant.
    pub fn set_sku(&self, domain: &str, variant: u64, sku: Option<&str>) -> Result<(), LifeError> {
        let sku = sku.map_or(Change::Clear, |sku| Change::Set(sku.to_owned()));
        self.edit_variant(domain, variant, VariantEdit { sku, ..VariantEdit::default() })
    }

    /// Changes a variant's price. Orders placed before keep theirs.
    ///
    /// # Errors
    /// When there is no such shop or variant.
    pub fn set_price(&self, domain: &str, variant: u64, price: Decimal) -> Result<(), LifeError> {
        self.edit_variant(domain, variant, VariantEdit { price: Some(price), ..VariantEdit::default() })
    }

    /// Whether Shopify keeps a variant's stock.
    ///
    /// # Errors
    /// When there is no such shop or variant.
    pub fn set_tracked(&self, domain: &str, variant: u64, tracked: bool) -> Result<(), LifeError> {
        self.edit_variant(domain, variant, VariantEdit { tracked: Some(tracked), ..VariantEdit::default() })
    }

    /// Whether a variant is made up of others: its stock cannot be set then.
    ///
    /// # Errors
    /// When there is no such shop or variant.
    pub fn set_bundle(&self, domain: &str, variant: u64, bundle: bool) -> Result<(), LifeError> {
        self.edit_variant(domain, variant, VariantEdit { bundle: Some(bundle), ..VariantEdit::default() })
    }

    /// Every `inventorySetQuantities` with this item is refused as a whole with `code` (one of
    /// `InventorySetQuantitiesUserErrorCode`); the error's field names the row only if `tells_row`. `None` heals it.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn poison_item(
        &self,
        domain: &str,
        item: u64,
        code: Option<&str>,
        tells_row: bool,
    ) -> Result<(), LifeError> {
        self.with(domain, |shop| {
            match code {
                Some(code) => shop.poison.insert(item, Poison { code: code.to_owned(), tells_row }),
                None => shop.poison.remove(&item),
            };
        })
    }

    /// The next `times` `inventorySetQuantities` are refused with `code`, such as
    /// `IDEMPOTENCY_CONCURRENT_REQUEST`; nothing is applied and their keys are not remembered.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn refuse_next_sets(&self, domain: &str, times: usize, code: &str) -> Result<(), LifeError> {
        self.with(domain, |shop| shop.refusals.extend(std::iter::repeat_n(code.to_owned(), times)))
    }

    /// Every quantity an app wrote and Shopify took, in order; a repeated key counts once.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn inventory_writes(&self, domain: &str) -> Result<Vec<InventoryWrite>, LifeError> {
        self.with(domain, |shop| shop.inventory_writes.clone())
    }

    /// Every product and variant an app wrote and Shopify took, in order.
    ///
    /// # Errors
    /// When there is no such shop.
    pub fn product_writes(&self, domain: &str) -> Result<Vec<ProductWrite>, LifeError> {
        self.with(domain, |shop| shop.product_writes.clone())
    }
}
