//! The shop's products.

use jiff::Timestamp;
use rust_decimal::Decimal;
use shopbeat_domain::catalog::{ProductHead, Variant};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::{InventoryItemId, ItemNumber, ProductId, VariantId};
use shopbeat_domain::ports::{Answer, Page};
use shopbeat_domain::product::{NewShopProduct, ShopEdit};

use super::{FakeShop, ShopWrite, missing};

impl FakeShop {
    /// The merchant makes a product of these variants, all of one product.
    pub(crate) fn put_product(&self, variants: Vec<Variant>) {
        let product = variants[0].product;
        assert!(variants.iter().all(|variant| variant.product == product));
        let mut catalog = self.catalog.lock().unwrap();
        catalog.retain(|variant| variant.product != product);
        catalog.extend(variants);
        self.handles.lock().unwrap().insert(format!("merchants-{product}"), product);
        drop(catalog);
        self.touch(product);
    }

    /// The merchant changes the variants of a product.
    pub(crate) fn change_product(&self, product: ProductId, change: impl FnMut(&mut Variant)) {
        let mut catalog = self.catalog.lock().unwrap();
        catalog.iter_mut().filter(|variant| variant.product == product).for_each(change);
        drop(catalog);
        self.touch(product);
    }

    /// The merchant deletes a product.
    pub(crate) fn remove_product(&self, product: ProductId) {
        self.catalog.lock().unwrap().retain(|variant| variant.product != product);
        self.handles.lock().unwrap().retain(|_, known| *known != product);
        self.versions.lock().unwrap().remove(&product);
    }

    /// Something of a product changed that is no field of it, as a purchase does.
    pub(crate) fn touch(&self, product: ProductId) {
        self.versions.lock().unwrap().insert(product, self.clock.now());
    }

    /// The variants that bear a SKU, as they stand.
    pub(crate) fn bearers(&self, sku: &str) -> Vec<Variant> {
        let catalog = self.catalog.lock().unwrap();
        catalog.iter().filter(|variant| variant.sku.trim() == sku).cloned().collect()
    }

    /// What was written, apart from quantities.
    pub(crate) fn product_writes(&self) -> Vec<ShopWrite> {
        let mut writes = self.writes.lock().unwrap().clone();
        writes.retain(|write| matches!(write, ShopWrite::Created(_) | ShopWrite::Edited(..)));
        writes
    }

    pub(super) fn heads(&self, since: Timestamp, page: Option<&str>, size: u32) -> Page<ProductHead> {
        let skip: usize = page.map_or(0, |page| page.parse().unwrap());
        let size = usize::try_from(size).unwrap();
        let versions = self.versions.lock().unwrap();
        let heads = versions.iter().map(|(id, updated_at)| ProductHead { id: *id, updated_at: *updated_at });
        let mut heads: Vec<ProductHead> = heads.filter(|head| head.updated_at >= since).collect();
        heads.sort_by_key(|head| (head.updated_at, head.id));
        let next = (heads.len() > skip + size).then(|| (skip + size).to_string());
        Page { rows: heads.into_iter().skip(skip).take(size).collect(), next }
    }

    pub(super) fn variants_of(&self, product: ProductId) -> Vec<Variant> {
        let catalog = self.catalog.lock().unwrap();
        let of_it: Vec<&Variant> = catalog.iter().filter(|variant| variant.product == product).collect();
        let lone = of_it.len() == 1;
        of_it.into_iter().map(|variant| Variant { lone, levels: Vec::new(), ..variant.clone() }).collect()
    }

    pub(super) fn search(&self, skus: &[ItemNumber]) -> Vec<Variant> {
        let unlisted = self.unlisted.lock().unwrap();
        let catalog = self.catalog.lock().unwrap();
        let found = catalog.iter().filter(|variant| {
            !unlisted.contains(&variant.id) && skus.iter().any(|sku| sku.as_str() == variant.sku.trim())
        });
        let lone = |product| catalog.iter().filter(|other| other.product == product).count() == 1;
        found
            .map(|found| Variant { lone: lone(found.product), levels: Vec::new(), ..found.clone() })
            .collect()
    }

    /// As `productSet` does: a product under this handle gets this one variant and no other.
    pub(super) fn make(&self, new: &NewShopProduct) -> Answer<Variant> {
        let taken = self.handles.lock().unwrap().get(&new.handle).copied();
        let mut catalog = self.catalog.lock().unwrap();
        let newest = catalog.iter().map(|variant| variant.id.0.max(variant.product.0)).max().unwrap_or(0);
        let id = newest.max(90_000) + 1;
        let (product, variant) = match taken {
            Some(product) => {
                let first = catalog.iter().find(|variant| variant.product == product).map(|one| one.id);
                (product, first.unwrap_or(VariantId(id)))
            }
            None => (ProductId(id), VariantId(id)),
        };
        catalog.retain(|variant| variant.product != product);
        let made = Variant {
            id: variant,
            product,
            inventory_item: InventoryItemId(variant.0 + 5000),
            product_title: new.title.clone(),
            options: String::new(),
            description_html: new.description_html.clone(),
            product_type: new.product_type.clone(),
            active: new.active,
            gift_card: false,
            lone: true,
            bundle: false,
            sku: new.sku.clone(),
            barcode: new.barcode.clone().filter(|code| !code.is_empty()),
            price: new.price.unwrap_or(Decimal::ZERO),
            cost: None,
            weight_kg: None,
            tracked: new.tracked,
            levels: Vec::new(),
        };
        catalog.push(made.clone());
        drop(catalog);
        self.handles.lock().unwrap().insert(new.handle.clone(), product);
        if *self.search_lags.lock().unwrap() {
            self.unlisted.lock().unwrap().insert(variant);
        }
        self.touch(product);
        self.writes.lock().unwrap().push(ShopWrite::Created(new.clone()));
        Ok(made)
    }

    pub(super) fn edit(&self, product: ProductId, variant: VariantId, edit: &ShopEdit) -> Answer<()> {
        let mut catalog = self.catalog.lock().unwrap();
        if !catalog.iter().any(|one| one.product == product && one.id == variant) {
            return Err(missing("ProductUpdate"));
        }
        let ShopEdit { title, description_html, product_type, price, barcode, sku } = edit.clone();
        if title.as_ref().is_some_and(String::is_empty) {
            let kind = FailureKind::Refused(Refusal::Other);
            return Err(Failure::new(Remote::Shopify, kind, "ProductUpdate", "Title can't be blank"));
        }
        for one in catalog.iter_mut().filter(|one| one.product == product) {
            one.product_title = title.clone().unwrap_or_else(|| one.product_title.clone());
            one.description_html = description_html.clone().unwrap_or_else(|| one.description_html.clone());
            one.product_type = product_type.clone().unwrap_or_else(|| one.product_type.clone());
        }
        let one = catalog.iter_mut().find(|one| one.id == variant).unwrap();
        one.price = price.unwrap_or(one.price);
        one.barcode = barcode.map_or(one.barcode.take(), |code| Some(code).filter(|code| !code.is_empty()));
        one.sku = sku.unwrap_or_else(|| one.sku.clone());
        drop(catalog);
        self.touch(product);
        self.writes.lock().unwrap().push(ShopWrite::Edited(product, variant, edit.clone()));
        Ok(())
    }
}
