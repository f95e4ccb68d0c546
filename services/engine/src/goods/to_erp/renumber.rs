//! A SKU was renamed in the shop: its item gets the new number, with its stock and its history.

use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::Family;
use shopbeat_domain::product::{Carried, ErpEdit, Image, ProductCode};
use shopbeat_domain::stock::Shelf;

use super::super::records::{self, Way};
use super::super::shelf::{self, Placed};
use super::super::{Work, drift, if_there, trouble};
use crate::agreement;
use crate::transfer::Stop;

/// Gives the old item the new number, if nobody sells it under the old one; the new number is free. Answers what was
/// carried under the old one, if it was renumbered.
pub(super) async fn renumber(
    work: &Work<'_>,
    placed: &Placed,
    old: &ItemNumber,
) -> Result<Option<Option<Image>>, Stop> {
    let Some(product) = if_there(work.context.erp.product(old).await)? else { return Ok(None) };
    if sold_elsewhere(work, old).await? || borne_by_another(work, old, &placed.variant).await? {
        return Ok(None);
    }
    let edit = ErpEdit { number: Some(placed.item.clone()), ..ErpEdit::default() };
    work.still_ours().await?;
    match work.context.erp.edit_product(old, product.kind, &edit).await {
        Ok(()) => {}
        Err(failure) if failure.is_missing() => return Ok(None),
        Err(failure)
            if matches!(failure.kind, FailureKind::Refused(_)) && super::super::alone(&failure).is_some() =>
        {
            let message = format!(
                "the SKU is {} now, and Rackbeat does not let {old} be renumbered: {}",
                placed.item,
                failure.words()
            );
            trouble::tell(work, old.as_str(), old.as_str(), ProductCode::NotRenumbered, message).await?;
            return Ok(None);
        }
        Err(failure) => return Err(failure.into()),
    }
    tracing::info!(store.id = %work.store.id, item = %old, number = %placed.item, "renumbered in Rackbeat");
    Ok(Some(moved(work, old, &placed.item).await?))
}

/// What was carried goes on under the new number.
async fn moved(work: &Work<'_>, old: &ItemNumber, new: &ItemNumber) -> Result<Option<Image>, Stop> {
    let (ports, store) = (work.ports(), &work.store);
    let before = records::carried_one(ports, store, old, Way::ToErp).await?;
    let image = before.map(|carried| carried.image);
    if let Some(image) = &image {
        // Another digest than any look makes: the look that is under way goes on to compare.
        let digest = format!("{} renumbered", Way::ToErp.mark());
        let carried = Carried { image: image.clone(), digest, ..Carried::default() };
        records::put_carried(ports, store, new, &carried).await?;
    }
    records::forget(ports, &Family::Carried(store.id.clone()), &[old.to_string()]).await?;
    drift::forget_all(ports, store, old).await?;
    let known = shopbeat_domain::ports::IdMap::KnownItem(store.agreement.clone());
    ports.state.ids.forget(&known, old.as_str()).await?;
    Ok(image)
}

/// Whether another store of the agreement has the item on its shelves.
pub(super) async fn sold_elsewhere(work: &Work<'_>, item: &ItemNumber) -> Result<bool, Stop> {
    for store in agreement::stores_of(work.ports(), &work.store.agreement).await? {
        if store.id == work.store.id {
            continue;
        }
        let shelf: Option<Shelf> =
            records::one(work.ports(), &Family::Shelf(store.id), item.as_str()).await?;
        if shelf.is_some_and(|shelf| shelf.spot.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn borne_by_another(work: &Work<'_>, item: &ItemNumber, but: &Variant) -> Result<bool, Stop> {
    Ok(bearer(work, item).await?.is_some_and(|bearer| bearer.id != but.id))
}

/// A variant that bears this SKU now: the search may show what was, so it is read.
pub(super) async fn bearer(work: &Work<'_>, item: &ItemNumber) -> Result<Option<Variant>, Stop> {
    for found in shelf::search(work, std::slice::from_ref(item)).await? {
        let variants = if_there(work.context.shop.product(found.product).await)?.unwrap_or_default();
        let bearer = variants.into_iter().find(|variant| variant.sku.trim() == item.as_str());
        if bearer.is_some() {
            return Ok(bearer);
        }
    }
    Ok(None)
}
