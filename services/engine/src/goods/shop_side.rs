//! A product of the shop that was made, changed or deleted there.

use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::Marked;
use shopbeat_domain::product::ProductCode;
use shopbeat_domain::settings::Master;

use super::shelf::{self, Placed};
use super::{End, Work, drift, if_there, records, to_erp, trouble, variant_key};
use crate::transfer::Stop;

pub(super) async fn product(work: &Work<'_>, marked: &Marked) -> Result<End, Stop> {
    let Ok(id) = marked.key.parse::<ProductId>() else { return Ok(End::Done) };
    let variants = if_there(work.context.shop.product(id).await)?.unwrap_or_default();
    let before = records::items_of(work, id).await?;
    let look = shelf::look(work, id, &variants).await?;
    let mut end = if look.doubled { work.retry(marked, ProductCode::DuplicateSku) } else { End::Done };
    let mut through: Vec<&Placed> = Vec::new();
    for placed in &look.placed {
        match one(work, placed).await {
            Ok(()) => through.push(placed),
            Err(stop) => end = end.and(told(work, marked, &placed.item, stop).await?),
        }
    }
    shelf::remember(work, &through).await?;
    let now: Vec<ItemNumber> = look.placed.iter().map(|placed| placed.item.clone()).collect();
    let mut left = Vec::new();
    for item in before.iter().filter(|item| !now.contains(item)) {
        if variants.iter().any(|variant| variant.sku.trim() == item.as_str()) {
            // It is there, and another variant claims it as well.
            left.push(item.clone());
        } else if waits(&look.placed, &through, item) {
            left.push(item.clone());
        } else if let Err(stop) = to_erp::gone(work, id, item, &variants).await {
            end = end.and(told(work, marked, item, stop).await?);
            left.push(item.clone());
        }
    }
    if variants.is_empty() {
        let known = trouble::beginning_with(work, &variant_key(id, "")).await?;
        let keys: Vec<String> = known.into_iter().map(|(key, _)| key).collect();
        trouble::clear(work, &keys).await?;
    }
    // Those that could not be dealt with are found gone once more.
    let mut items = [now, left].concat();
    items.sort();
    items.dedup();
    if items != before {
        records::put_items_of(work, id, &items).await?;
    }
    Ok(end)
}

async fn one(work: &Work<'_>, placed: &Placed) -> Result<(), Stop> {
    match work.master() {
        Master::None => Ok(()),
        Master::Rackbeat => drift::of_variant(work, placed).await,
        Master::Shopify => to_erp::carry(work, placed).await,
    }
}

/// Whether a variant that was this item has not got its new number yet: until then it is not forgotten.
fn waits(placed: &[Placed], through: &[&Placed], item: &ItemNumber) -> bool {
    let was_it = |placed: &Placed| placed.was.as_ref() == Some(item);
    placed.iter().any(|one| was_it(one) && !through.iter().any(|done| done.variant.id == one.variant.id))
}

/// Tells a failure of one item of the product; the others go on.
async fn told(work: &Work<'_>, marked: &Marked, item: &ItemNumber, stop: Stop) -> Result<End, Stop> {
    let (code, message) = work.alone(stop)?;
    trouble::tell(work, item.as_str(), item.as_str(), code, message).await?;
    Ok(work.retry(marked, code))
}
