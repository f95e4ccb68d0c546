//! An item got another number in Rackbeat: its variant gets the new SKU, and no second product is made.

use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::{Family, IdMap};
use shopbeat_domain::product::{Carried, Image, Pricing, ProductCode, ProductField, ShopEdit};
use shopbeat_domain::stock::Spot;

use super::super::records::{self, Way};
use super::super::{Work, drift, if_there, shelf, trouble};
use super::{image, read};
use crate::transfer::Stop;

/// Gives the variant of the one item that is gone in Rackbeat and was otherwise this one the new SKU; false if there is
/// none, or more than one.
pub(super) async fn follow(work: &Work<'_>, pricing: &Pricing, product: &ErpProduct) -> Result<bool, Stop> {
    let Some((old, spot, carried)) = predecessor(work, pricing, product).await? else { return Ok(false) };
    let (new, erp) = (&product.number, work.context.erp);
    if if_there(erp.product(&old).await)?.is_some() {
        return Ok(false);
    }
    let Some(variant) = read(work, spot.product, &old).await?.filter(|variant| variant.id == spot.variant)
    else {
        return Ok(false);
    };
    let edit = ShopEdit { sku: Some(new.to_string()), ..ShopEdit::default() };
    work.still_ours().await?;
    if if_there(work.context.shop.edit_product(spot.product, spot.variant, &edit).await)?.is_none() {
        return Ok(false);
    }
    tracing::info!(store.id = %work.store.id, item = %old, number = %new, "the variant follows its item's new number");
    let (ports, store) = (work.ports(), &work.store);
    records::put_carried(ports, store, new, &carried).await?;
    records::forget(ports, &Family::Carried(store.id.clone()), &[old.to_string()]).await?;
    let known = IdMap::KnownItem(store.agreement.clone());
    ports.state.ids.put(&known, &[(new.to_string(), "1".to_owned())]).await?;
    let variants = IdMap::VariantItem(store.id.clone());
    ports.state.ids.put(&variants, &[(variant.id.to_string(), new.to_string())]).await?;
    shelf::place(work, vec![(new.clone(), spot.clone(), None)]).await?;
    shelf::clear(work, &old, Some(&spot)).await?;
    replace(work, spot.product, &old, new).await?;
    drift::forget_all(ports, store, &old).await?;
    trouble::clear(work, &[old.to_string()]).await?;
    Ok(true)
}

async fn predecessor(
    work: &Work<'_>,
    pricing: &Pricing,
    product: &ErpProduct,
) -> Result<Option<(ItemNumber, Spot, Carried)>, Stop> {
    let mut found = None;
    for (key, trouble) in trouble::beginning_with(work, "").await? {
        let Ok(old) = ItemNumber::parse(&key) else { continue };
        if trouble.code != ProductCode::GoneInRackbeat || old == product.number {
            continue;
        }
        let Some(spot) = shelf::spot(work, &old).await? else { continue };
        let carried = records::carried_one(work.ports(), &work.store, &old, Way::ToShop).await?;
        let Some(carried) = carried else { continue };
        if !is_like(&carried.image, &image(work, pricing, product, spot.lone)) {
            continue;
        }
        if found.is_some() {
            return Ok(None);
        }
        found = Some((old, spot, carried));
    }
    Ok(found)
}

/// Whether two images are of one product: all that tells products apart is the same. A price may change with a number.
fn is_like(old: &Image, new: &Image) -> bool {
    let telling = [ProductField::Name, ProductField::Barcode, ProductField::Description];
    let same = telling.iter().all(|field| old.get(field) == new.get(field));
    let says = |field: &ProductField| old.get(field).is_some_and(|text| !text.is_empty());
    same && (says(&ProductField::Name) || says(&ProductField::Barcode))
}

async fn replace(
    work: &Work<'_>,
    product: ProductId,
    old: &ItemNumber,
    new: &ItemNumber,
) -> Result<(), Stop> {
    let mut items = records::items_of(work, product).await?;
    items.retain(|item| item != old && item != new);
    items.push(new.clone());
    items.sort();
    Ok(records::put_items_of(work, product, &items).await?)
}
