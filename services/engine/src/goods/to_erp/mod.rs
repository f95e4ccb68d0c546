//! Master Shopify: each variant becomes a product of its own in Rackbeat, and its changes follow. A shop tells of a
//! product with every purchase: where nothing changed that is carried, Rackbeat is not even asked.

mod gone;
mod renumber;

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{Variant, plain_text};
use shopbeat_domain::erp::{ErpProduct, NewProduct};
use shopbeat_domain::failure::{Failure, FailureKind, Refusal, Remote};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::product::{
    Carried, ErpEdit, Image, Pricing, ProductCode, ProductField, changed, erp_image, product_erp_image,
};
use uuid::Uuid;

use super::records::{self, Way};
use super::shelf::Placed;
use super::{Work, drift, if_there, trouble};
use crate::transfer::Stop;

pub(super) use gone::gone;

/// Brings a variant's item to what the variant shows.
pub(super) async fn carry(work: &Work<'_>, placed: &Placed) -> Result<(), Stop> {
    let Placed { item, variant, was } = placed;
    // A bundle's parts are products of their own.
    if variant.bundle {
        return Ok(());
    }
    let digest = digest(work, variant)?;
    let carried = records::carried_one(work.ports(), &work.store, item, Way::ToErp).await?;
    if was.as_ref() == Some(item) && carried.as_ref().is_some_and(|carried| carried.digest == digest) {
        return Ok(());
    }
    let erp = work.context.erp;
    let mut base = carried.map(|carried| carried.image);
    let mut product = if_there(erp.product(item).await)?;
    if product.is_none()
        && let Some(old) = was.as_ref().filter(|old| *old != item)
        && let Some(before) = renumber::renumber(work, placed, old).await?
    {
        base = base.or(before);
        product = if_there(erp.product(item).await)?;
    }
    let pricing = work.pricing().await?;
    let product = match product {
        Some(product) => product,
        None => match create(work, item, variant, &pricing).await? {
            Created::Made(image) => {
                let other = image.clone();
                return keep(work, item, image, &other, digest).await;
            }
            // Made by a try whose answer was lost, or by somebody else meanwhile.
            Created::WasThere(product) => *product,
        },
    };
    let image = erp_image(variant, &work.store.settings.products, &pricing, product.group);
    let wanted = base.map_or_else(|| image.clone(), |base| changed(&image, &base));
    let mut shown = product_erp_image(&product);
    let differs = |field: &ProductField| wanted.contains_key(field) && wanted.get(field) != shown.get(field);
    let fields: Vec<ProductField> = ProductField::ALL.into_iter().filter(differs).collect();
    if let Some(edit) = erp_edit(variant, &pricing, product.group, &fields) {
        work.still_ours().await?;
        erp.edit_product(item, product.kind, &edit).await?;
    }
    shown.extend(wanted);
    keep(work, item, image, &shown, digest).await?;
    if product.barred {
        let message = "it is sold in the shop and barred in Rackbeat".to_owned();
        trouble::tell(work, item.as_str(), item.as_str(), ProductCode::Barred, message).await?;
    }
    Ok(())
}

async fn keep(
    work: &Work<'_>,
    item: &ItemNumber,
    image: Image,
    other: &Image,
    digest: String,
) -> Result<(), Stop> {
    // What the master changed now stands on the other side; what else differs there is its own.
    drift::note(work.ports(), &work.store, item, &image, other, &image).await?;
    trouble::clear(work, &[item.to_string()]).await?;
    let carried = Carried { image, digest, ..Carried::default() };
    Ok(records::put_carried(work.ports(), &work.store, item, &carried).await?)
}

/// An edit of these fields of a Rackbeat product; `None` for none.
pub(super) fn erp_edit(
    variant: &Variant,
    pricing: &Pricing,
    group: u64,
    fields: &[ProductField],
) -> Option<ErpEdit> {
    let mut edit = ErpEdit::default();
    for field in fields {
        match field {
            ProductField::Name => edit.name = Some(variant.name()),
            ProductField::Price => edit.sales_price = pricing.to_rackbeat(variant.price, group),
            ProductField::Barcode => edit.barcode = Some(variant.barcode.clone().unwrap_or_default()),
            ProductField::Description => edit.description = Some(plain_text(&variant.description_html)),
            ProductField::Weight => edit.weight_kg = variant.weight_kg,
            // The category is Rackbeat's own, the cost is set once.
            ProductField::Category | ProductField::Cost => {}
        }
    }
    (edit != ErpEdit::default()).then_some(edit)
}

enum Created {
    Made(Image),
    WasThere(Box<ErpProduct>),
}

async fn create(
    work: &Work<'_>,
    item: &ItemNumber,
    variant: &Variant,
    pricing: &Pricing,
) -> Result<Created, Stop> {
    let settings = &work.store.settings.products;
    if !work.groups().await?.iter().any(|group| group.number == settings.group) {
        let message = format!(
            "Rackbeat has no product group {}; set products.group to one that is there",
            settings.group
        );
        let kind = FailureKind::Refused(Refusal::Other);
        return Err(Failure::new(Remote::Rackbeat, kind, "product group", message).into());
    }
    let carries = |field: ProductField| settings.carries(field);
    let price = carries(ProductField::Price).then(|| pricing.to_rackbeat(variant.price, settings.group));
    let description = carries(ProductField::Description).then(|| plain_text(&variant.description_html));
    let product = NewProduct {
        number: item.clone(),
        name: variant.name(),
        group: settings.group,
        unit: settings.unit,
        description: description.unwrap_or_default(),
        sales_price: price.flatten().unwrap_or_default(),
        cost: variant.cost.filter(|_| carries(ProductField::Cost)).and_then(|cost| own_currency(work, cost)),
        weight_kg: variant.weight_kg.filter(|_| carries(ProductField::Weight)),
        barcode: variant.barcode.clone().filter(|_| carries(ProductField::Barcode)),
    };
    work.still_ours().await?;
    match work.context.erp.create_product(&product).await {
        Ok(()) => {
            tracing::info!(store.id = %work.store.id, item = %item, "made in Rackbeat");
            Ok(Created::Made(erp_image(variant, settings, pricing, settings.group)))
        }
        Err(failure) if failure.is_refusal(Refusal::Duplicate) => {
            match if_there(work.context.erp.product(item).await)? {
                Some(product) => Ok(Created::WasThere(Box::new(product))),
                None => Err(failure.into()),
            }
        }
        Err(failure) => Err(failure.into()),
    }
}

/// A cost in the agreement's currency; costs are without VAT on both sides.
fn own_currency(work: &Work<'_>, cost: Decimal) -> Option<Decimal> {
    if work.store.currency == work.context.agreement_currency {
        return Some(cost);
    }
    let cost = cost.checked_div(work.store.settings.prices.rate?)?;
    Some(cost.round_dp(limits::PRICE_DECIMALS).normalize())
}

/// Names what a variant shows and the settings by which it is carried. Equal digests: nothing to do, without asking
/// Rackbeat for the product's group and its VAT.
fn digest(work: &Work<'_>, variant: &Variant) -> Result<String, Stop> {
    let store = &work.store;
    let shows = (
        variant.name(),
        variant.price.normalize(),
        &variant.barcode,
        &variant.description_html,
        variant.weight_kg.map(|weight| weight.normalize()),
    );
    let by = (
        &store.settings.products,
        &store.settings.prices,
        store.taxes_included,
        store.currency,
        work.context.agreement_currency,
    );
    let text = records::text(&(shows, by))?;
    Ok(format!("{} {}", Way::ToErp.mark(), Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())))
}
