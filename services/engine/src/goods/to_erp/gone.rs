//! A product or a variant was deleted in the shop.

use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::Family;
use shopbeat_domain::product::{ErpEdit, ProductCode};
use shopbeat_domain::settings::{Master, OnDelete};

use super::super::{Work, alone, drift, if_there, records, shelf, trouble};
use super::renumber::{bearer, sold_elsewhere};
use crate::transfer::Stop;

/// An item is no more among those of a product. If its variant was deleted and nobody sells it any more, the item is
/// barred, by setting; it is never deleted. A variant that lost its SKU or got another was not deleted.
pub(in crate::goods) async fn gone(
    work: &Work<'_>,
    product: ProductId,
    item: &ItemNumber,
    variants: &[Variant],
) -> Result<(), Stop> {
    let spot = shelf::spot(work, item).await?;
    if spot.as_ref().is_some_and(|spot| spot.product != product) {
        return Ok(());
    }
    let stays = spot.as_ref().is_some_and(|spot| variants.iter().any(|variant| variant.id == spot.variant));
    if let Some(elsewhere) = bearer(work, item).await? {
        if elsewhere.product != product {
            shelf::place(work, vec![(item.clone(), elsewhere.spot(), spot)]).await?;
        }
        return Ok(());
    }
    let bars = work.master() == Master::Shopify && work.store.settings.products.on_delete == OnDelete::Bar;
    if bars && !stays && !sold_elsewhere(work, item).await? {
        bar(work, item).await?;
    }
    shelf::clear(work, item, spot.as_ref()).await?;
    drift::forget_all(work.ports(), &work.store, item).await?;
    if work.master() == Master::Shopify {
        records::forget(work.ports(), &Family::Carried(work.store.id.clone()), &[item.to_string()]).await?;
    }
    Ok(())
}

async fn bar(work: &Work<'_>, item: &ItemNumber) -> Result<(), Stop> {
    let erp = work.context.erp;
    let Some(product) = if_there(erp.product(item).await)?.filter(|product| !product.barred) else {
        return Ok(trouble::clear(work, &[item.to_string()]).await?);
    };
    let edit = ErpEdit { barred: Some(true), ..ErpEdit::default() };
    work.still_ours().await?;
    match erp.edit_product(item, product.kind, &edit).await {
        Ok(()) => {
            tracing::info!(store.id = %work.store.id, item = %item, "barred in Rackbeat: its variant was deleted");
            Ok(trouble::clear(work, &[item.to_string()]).await?)
        }
        // Saying so is all that can be done: the rest of the deletion goes on.
        Err(failure) if is_refused(&failure) => {
            let message = format!(
                "its variant was deleted, and Rackbeat does not let it be barred: {}",
                failure.words()
            );
            Ok(trouble::tell(work, item.as_str(), item.as_str(), ProductCode::NotBarred, message).await?)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn is_refused(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Refused(_)) && alone(failure).is_some()
}
