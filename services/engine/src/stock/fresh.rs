//! What stands in the shop now: quantities that are not known, and orders that we have not heard of.

use std::collections::HashMap;

use shopbeat_domain::ids::InventoryItemId;
use shopbeat_domain::job::{Offer, Subject};
use shopbeat_domain::limits;
use shopbeat_domain::ports::Marked;
use shopbeat_domain::stock::{ShopStock, StockCode};
use uuid::Uuid;

use super::round::Wanted;
use super::{Context, hold, told};
use crate::sweep;
use crate::transfer::{Stop, later};

/// Inventory items read by one call.
const ITEMS_PER_READ: usize = 50;

/// Reads the quantities of items that are not known, and begins to stock those that are not stocked where they are
/// to be: a write there would succeed and do nothing. Items that Shopify does not count any more, or has no more, are
/// told and taken out.
pub(super) async fn read_unknown(context: &Context<'_>, wanted: &mut Vec<Wanted>) -> Result<(), Stop> {
    let ids: Vec<InventoryItemId> =
        wanted.iter().filter(|wanted| !wanted.is_known()).map(|wanted| wanted.spot.inventory_item).collect();
    let mut stocks: HashMap<InventoryItemId, ShopStock> = HashMap::new();
    for chunk in ids.chunks(ITEMS_PER_READ) {
        let read = context.shop.stock_of(chunk).await?;
        stocks.extend(read.into_iter().map(|stock| (stock.inventory_item, stock)));
    }
    let mut out = Vec::new();
    for (at, item) in wanted.iter_mut().enumerate().filter(|(_, wanted)| !wanted.is_known()) {
        match stocks.get(&item.spot.inventory_item) {
            Some(stock) if stock.tracked => take_levels(context, item, stock).await?,
            Some(_) => {
                let message = "Shopify does not track this variant's quantity".to_owned();
                told::trouble(context.ports, &context.store.id, &item.item, StockCode::Untracked, message)
                    .await?;
                out.push(at);
            }
            None => out.push(at),
        }
    }
    let heap = context.heap();
    for at in out.into_iter().rev() {
        let gone = wanted.remove(at);
        // Where it is has to be looked up anew.
        let family = shopbeat_domain::ports::Family::Shelf(context.store.id.clone());
        let keys = [gone.item.to_string()];
        context.ports.state.records.forget(&family, &keys).await?;
        // What another variant is told under this number begins anew.
        let told = shopbeat_domain::ports::Family::Told(context.store.id.clone());
        context.ports.state.records.forget(&told, &keys).await?;
        context.ports.state.heaps.done(&heap, &[gone.marked]).await?;
    }
    Ok(())
}

async fn take_levels(context: &Context<'_>, wanted: &mut Wanted, stock: &ShopStock) -> Result<(), Stop> {
    let kind = context.store.settings.stock.quantity;
    for location in wanted.targets.keys().copied().collect::<Vec<_>>() {
        let level = stock.levels.iter().find(|level| level.location == location);
        if level.is_none_or(|level| !level.active) {
            let name =
                format!("{}|{}|{location}|activate|{}", context.store.id, wanted.item, wanted.marked.mark);
            let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
            context.held.still_ours(context.ports, context.claim).await?;
            context.shop.activate(wanted.spot.inventory_item, location, &key).await?;
            tracing::info!(store.id = %context.store.id, item = %wanted.item, %location, "the item is stocked here from now on");
        }
        wanted.known.insert(location, level.map_or(0, |level| level.of(kind)));
    }
    Ok(())
}

/// Puts off what came into doubt just now: a level's change reaches us before the order that made it.
pub(super) async fn wait_for_orders(context: &Context<'_>, due: Vec<Marked>) -> Result<Vec<Marked>, Stop> {
    let now = context.ports.now();
    let ready_at = |marked: &Marked| later(marked.since, limits::DOUBT_WAIT);
    let (young, due): (Vec<Marked>, Vec<Marked>) =
        due.into_iter().partition(|marked| marked.doubt && ready_at(marked) > now);
    if let Some(until) = young.iter().map(ready_at).max() {
        context.ports.state.heaps.put_off(&context.heap(), &young, until).await?;
    }
    Ok(due)
}

/// Reads the orders that changed since the last sweep and holds the units of those that are not booked.
pub(super) async fn take_in_orders(context: &Context<'_>) -> Result<(), Stop> {
    let (ports, store) = (context.ports, context.store);
    let since = sweep::start(ports, store).await?;
    let mut page: Option<String> = None;
    loop {
        let answer = context.shop.orders_updated(since, page.as_deref(), limits::SWEEP_PAGE).await?;
        for head in answer.rows {
            let job = ports.state.jobs.job(&store.id, &Subject::Order(head.id)).await?;
            if job.is_some_and(|job| job.version.is_some_and(|version| version >= head.updated_at)) {
                continue;
            }
            ports
                .state
                .jobs
                .offer(&store.id, &[Offer::swept(head.id, head.updated_at)], None, ports.now())
                .await?;
            // Its units are held; what changes about it is its job's business.
            if !ports.state.holds.held_by(&store.id, head.id).await?.is_empty() {
                continue;
            }
            let order = match context.shop.order(head.id).await {
                Ok(order) => order,
                Err(failure) if failure.is_missing() => continue,
                Err(failure) => return Err(failure.into()),
            };
            let journal = ports.state.journal.transfer(&store.id, head.id).await?;
            hold::hold_order(ports, store, &order, journal.as_ref()).await?;
        }
        match answer.next {
            Some(next) => page = Some(next),
            None => return Ok(()),
        }
    }
}
