//! Drift settled by a person: the master's value is written over the other's, or the other's becomes the master's. Both
//! sides are read first, so that it may be asked for twice.

use std::sync::Arc;

use shopbeat_domain::catalog::{Variant, plain_text};
use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Erp, Family, Shop};
use shopbeat_domain::product::{
    Drift, ErpEdit, Image, Pricing, ProductField, ShopEdit, erp_image, product_erp_image, shop_image,
    to_html, variant_shop_image,
};
use shopbeat_domain::settings::Master;
use shopbeat_domain::stock::{Shelf, Spot};
use shopbeat_domain::store::Store;

use super::super::records::{self, Way};
use super::super::to_erp::erp_edit;
use super::super::to_shop::{own_image, shop_edit};
use super::super::{if_there, pricing};
use super::of;
use crate::agreement;
use crate::ports::Ports;
use crate::problem::Problem;

/// Which value is to stand on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The drifted one: it is written to the master.
    Adopt,
    /// The master's: it is written over the drifted one.
    Repair,
}

/// Settles drift of an item: of these fields, or of all. Answers what was settled, as it stood.
///
/// # Errors
/// Unknown item, no drift, a value that the master cannot take; a remote or the state is away.
pub async fn resolve(
    ports: &Ports,
    store: &Store,
    item: &ItemNumber,
    fields: &[ProductField],
    choice: Choice,
) -> Result<Vec<Drift>, Problem> {
    writable(store)?;
    let mut chosen = of(ports, store, item).await?;
    chosen.retain(|drift| fields.is_empty() || fields.contains(&drift.field));
    if chosen.is_empty() {
        return Err(Problem::Unknown { what: "drift", name: item.to_string() });
    }
    let sides = Sides::read(ports, store, item).await?;
    let chosen_fields: Vec<ProductField> = chosen.iter().map(|drift| drift.field).collect();
    let (way, values) = match (store.settings.products.master, choice) {
        (Master::None, _) => {
            return Err(Problem::precondition("NO_MASTER", "products.master is none: no side is the master"));
        }
        (Master::Rackbeat, Choice::Repair) => (Way::ToShop, sides.write_shop(store, &chosen_fields).await?),
        (Master::Rackbeat, Choice::Adopt) => (Way::ToShop, sides.adopt_in_erp(&chosen_fields).await?),
        (Master::Shopify, Choice::Repair) => (Way::ToErp, sides.write_erp(store, &chosen_fields).await?),
        (Master::Shopify, Choice::Adopt) => (Way::ToErp, sides.adopt_in_shop(&chosen_fields).await?),
    };
    keep(ports, store, item, way, values, &chosen_fields).await?;
    agreement::products_changed(ports, &store.agreement, std::slice::from_ref(item)).await?;
    let named: Vec<&str> = chosen_fields.iter().map(|field| field.name()).collect();
    tracing::info!(store.id = %store.id, item = %item, fields = ?named, choice = ?choice, "drift settled");
    Ok(chosen)
}

fn writable(store: &Store) -> Result<(), Problem> {
    if store.may_write() {
        return Ok(());
    }
    let message = match store.hold {
        Some(hold) => format!("store {} is on hold: {hold}", store.id),
        None => format!("store {} is paused or disconnected; resume it first", store.id),
    };
    Err(Problem::precondition("STORE_NOT_WRITABLE", message))
}

/// From now on these values stand on both sides.
async fn keep(
    ports: &Ports,
    store: &Store,
    item: &ItemNumber,
    way: Way,
    values: Image,
    fields: &[ProductField],
) -> Result<(), Problem> {
    let mut carried = records::carried_one(ports, store, item, way).await?.unwrap_or_default();
    carried.image.extend(values);
    carried.digest = format!("{} settled", way.mark());
    records::put_carried(ports, store, item, &carried).await?;
    let keys: Vec<String> = fields.iter().map(|field| Drift::key(item, *field)).collect();
    Ok(records::forget(ports, &Family::Drift(store.id.clone()), &keys).await?)
}

/// Both sides of one item, as they are now.
struct Sides {
    shop: Arc<dyn Shop>,
    erp: Arc<dyn Erp>,
    spot: Spot,
    variant: Variant,
    product: ErpProduct,
    pricing: Pricing,
}

impl Sides {
    async fn read(ports: &Ports, store: &Store, item: &ItemNumber) -> Result<Self, Problem> {
        let missing = |side: &str| {
            let message = format!("{side} has item {item} no more; there is nothing to settle");
            Problem::precondition("ITEM_GONE", message)
        };
        let shop = ports.remotes.shop(store).await?;
        let erp = ports.remotes.erp(&store.agreement, Lane::Product).await?;
        let family = Family::Shelf(store.id.clone());
        let shelf: Option<Shelf> = records::one(ports, &family, item.as_str()).await?;
        let spot = shelf.and_then(|shelf| shelf.spot).ok_or_else(|| missing("the shop"))?;
        let variants = if_there(shop.product(spot.product).await)?.unwrap_or_default();
        let variant = variants.into_iter().find(|variant| variant.id == spot.variant);
        let variant = variant.ok_or_else(|| missing("the shop"))?;
        let product = if_there(erp.product(item).await)?.ok_or_else(|| missing("Rackbeat"))?;
        let agreement = ports.state.registry.agreement(&store.agreement).await?;
        let currency = agreement.map_or(store.currency, |agreement| agreement.currency);
        let pricing = pricing(store, &erp.product_groups().await?, currency);
        Ok(Self { shop, erp, spot, variant, product, pricing })
    }

    async fn edit_shop(&self, edit: Option<ShopEdit>) -> Result<(), Problem> {
        let Some(edit) = edit else { return Ok(()) };
        Ok(self.shop.edit_product(self.spot.product, self.spot.variant, &edit).await?)
    }

    async fn edit_erp(&self, edit: ErpEdit) -> Result<(), Problem> {
        if edit == ErpEdit::default() {
            return Ok(());
        }
        Ok(self.erp.edit_product(&self.product.number, self.product.kind, &edit).await?)
    }

    /// Writes Rackbeat's values to the shop.
    async fn write_shop(&self, store: &Store, fields: &[ProductField]) -> Result<Image, Problem> {
        let all = shop_image(&self.product, &store.settings.products, &self.pricing);
        let values = of_fields(own_image(all, self.variant.lone), fields);
        let differing = differing(&values, &variant_shop_image(&self.variant));
        self.edit_shop(shop_edit(&self.product, &self.pricing, &differing)).await?;
        Ok(values)
    }

    /// Writes the shop's values to Rackbeat.
    async fn write_erp(&self, store: &Store, fields: &[ProductField]) -> Result<Image, Problem> {
        let all = erp_image(&self.variant, &store.settings.products, &self.pricing, self.product.group);
        let values = of_fields(all, fields);
        let differing = differing(&values, &product_erp_image(&self.product));
        let edit = erp_edit(&self.variant, &self.pricing, self.product.group, &differing);
        self.edit_erp(edit.unwrap_or_default()).await?;
        Ok(values)
    }

    /// Makes the shop's values Rackbeat's, which is the master.
    async fn adopt_in_erp(&self, fields: &[ProductField]) -> Result<Image, Problem> {
        let variant = &self.variant;
        let mut edit = ErpEdit::default();
        for field in fields {
            match field {
                ProductField::Name => edit.name = Some(variant.product_title.trim().to_owned()),
                ProductField::Price => {
                    let price = self.pricing.to_rackbeat(variant.price, self.product.group);
                    edit.sales_price = Some(
                        price
                            .ok_or_else(|| not_adoptable(*field, "no VAT or currency rate stands for it"))?,
                    );
                }
                ProductField::Barcode => edit.barcode = Some(variant.barcode.clone().unwrap_or_default()),
                ProductField::Description => edit.description = Some(plain_text(&variant.description_html)),
                ProductField::Category | ProductField::Weight | ProductField::Cost => {
                    return Err(not_adoptable(*field, "change it in Rackbeat by hand"));
                }
            }
        }
        self.edit_erp(edit).await?;
        Ok(of_fields(variant_shop_image(variant), fields))
    }

    /// Makes Rackbeat's values the shop's, which is the master.
    async fn adopt_in_shop(&self, fields: &[ProductField]) -> Result<Image, Problem> {
        let (product, variant) = (&self.product, &self.variant);
        let whole = variant.lone && variant.options.is_empty();
        let mut edit = ShopEdit::default();
        for field in fields {
            match field {
                ProductField::Name | ProductField::Description if !whole => {
                    return Err(not_adoptable(
                        *field,
                        "in Shopify it belongs to several variants; change it there by hand",
                    ));
                }
                ProductField::Name => edit.title = Some(product.name.trim().to_owned()),
                ProductField::Description => edit.description_html = Some(to_html(&product.description)),
                ProductField::Price => {
                    let price = self.pricing.to_shop(product.sales_price, product.group);
                    edit.price = Some(
                        price
                            .ok_or_else(|| not_adoptable(*field, "no VAT or currency rate stands for it"))?,
                    );
                }
                ProductField::Barcode => edit.barcode = Some(product.barcode.clone().unwrap_or_default()),
                ProductField::Weight | ProductField::Category | ProductField::Cost => {
                    return Err(not_adoptable(*field, "change it in Shopify by hand"));
                }
            }
        }
        let edit = Some(edit).filter(|edit| *edit != ShopEdit::default());
        self.edit_shop(edit).await?;
        Ok(of_fields(product_erp_image(product), fields))
    }
}

fn of_fields(mut image: Image, fields: &[ProductField]) -> Image {
    image.retain(|field, _| fields.contains(field));
    image
}

/// The fields that another side shows otherwise.
fn differing(values: &Image, other: &Image) -> Vec<ProductField> {
    values.iter().filter(|(field, text)| other.get(field) != Some(text)).map(|(field, _)| *field).collect()
}

fn not_adoptable(field: ProductField, why: &str) -> Problem {
    Problem::precondition("NOT_ADOPTABLE", format!("{field} cannot be adopted: {why}; or choose repair"))
}
