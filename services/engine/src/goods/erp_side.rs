//! Items that changed in Rackbeat, as the agreement's reader posted them.

use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::{Heap, Marked, Notice, Topic};
use shopbeat_domain::product::ProductCode;
use shopbeat_domain::settings::Master;

use super::{End, Work, drift, if_there, shelf, to_shop, trouble};
use crate::agreement;
use crate::transfer::Stop;

/// What is posted of a product that Rackbeat has no more.
pub(super) const GONE: &str = "null";

/// What is known of an item.
enum Said {
    /// Rackbeat has it.
    There(Box<ErpProduct>),
    /// Rackbeat has it no more.
    Gone,
    /// Nothing was posted yet.
    Nothing,
}

pub(super) async fn round(work: &Work<'_>, heap: &Heap, due: Vec<Marked>) -> Result<(), Stop> {
    let mut items = Vec::with_capacity(due.len());
    let (mut marks, mut unfit) = (Vec::new(), Vec::new());
    for marked in due {
        match ItemNumber::parse(&marked.key) {
            Ok(item) if work.master() != Master::None => {
                items.push(item);
                marks.push(marked);
            }
            Ok(_) | Err(_) => unfit.push(marked),
        }
    }
    let state = &work.ports().state;
    if !unfit.is_empty() {
        state.heaps.done(heap, &unfit).await?;
    }
    if items.is_empty() {
        return Ok(());
    }
    let notices = state.board.notices(&work.store.agreement, Topic::Product, &items).await?;
    let said: Vec<Said> = notices.into_iter().map(read).collect();
    let plan = match work.master() {
        Master::Rackbeat => Some(to_shop::Plan::of(work, &items, &products(&said), &marks).await?),
        Master::Shopify | Master::None => None,
    };
    for ((marked, item), said) in marks.into_iter().zip(items).zip(said) {
        let ended = match said {
            Said::There(product) => match &plan {
                Some(plan) => to_shop::item(work, plan, &marked, &product).await,
                None => followed(work, &item, &product).await,
            },
            Said::Gone => gone(work, &item).await,
            Said::Nothing => unknown(work, &item).await,
        };
        work.settle(heap, marked, ended).await?;
    }
    Ok(())
}

/// Master Shopify: what Rackbeat shows is only compared.
async fn followed(work: &Work<'_>, item: &ItemNumber, product: &ErpProduct) -> Result<End, Stop> {
    let all = [ProductCode::GoneInRackbeat, ProductCode::Barred];
    let gone = if product.barred { &all[..1] } else { &all[..] };
    trouble::over(work, &[item.to_string()], gone).await?;
    drift::of_item(work, item, product).await?;
    Ok(End::Done)
}

fn read(notice: Option<Notice>) -> Said {
    match notice.map(|notice| serde_json::from_str::<Option<ErpProduct>>(&notice.text)) {
        Some(Ok(Some(product))) => Said::There(Box::new(product)),
        Some(Ok(None)) => Said::Gone,
        // One that cannot be read is posted anew.
        Some(Err(_)) | None => Said::Nothing,
    }
}

fn products(said: &[Said]) -> Vec<Option<&ErpProduct>> {
    said.iter()
        .map(|said| match said {
            Said::There(product) => Some(product.as_ref()),
            Said::Gone | Said::Nothing => None,
        })
        .collect()
}

/// Marked, and never posted: it is gone, or it has to be read by the agreement's reader first.
async fn unknown(work: &Work<'_>, item: &ItemNumber) -> Result<End, Stop> {
    if if_there(work.context.erp.product(item).await)?.is_none() {
        return gone(work, item).await;
    }
    agreement::products_changed(work.ports(), &work.store.agreement, std::slice::from_ref(item)).await?;
    Ok(End::Done)
}

/// A product that is gone in Rackbeat is left alone in the shop, and told: orders with it cannot be transferred. It may
/// have got another number; then its variant is waiting for it.
async fn gone(work: &Work<'_>, item: &ItemNumber) -> Result<End, Stop> {
    if shelf::spot(work, item).await?.is_some() {
        let message = "the shop has it, and Rackbeat has no such product any more".to_owned();
        trouble::tell(work, item.as_str(), item.as_str(), ProductCode::GoneInRackbeat, message).await?;
    }
    Ok(End::Done)
}
