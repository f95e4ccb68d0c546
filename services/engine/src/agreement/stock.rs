//! Stock of items that changed: held units first, Rackbeat second, so that an error may only under-sell; then posted
//! and marked for every store that takes stock.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use rust_decimal::Decimal;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ItemNumber, StoreId};
use shopbeat_domain::job::{Lane, Offer};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Erp, Heap, Marked, Topic};
use shopbeat_domain::settings::StockKind;
use shopbeat_domain::stock::{ItemStock, StockNotice};
use shopbeat_domain::store::{RECORD_VERSION, Store};

use super::{Reader, items};

/// How deep Rackbeat has to be asked, so that every store can be told what its settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Sums over all locations.
    Sums,
    /// What lies at each location.
    Physical,
    /// What can be sold at each location: only item by item.
    Available,
}

pub(super) fn depth(stores: &[Store]) -> Depth {
    let mut depth = Depth::Sums;
    for stock in stores.iter().map(|store| &store.settings.stock) {
        if stock.locations.iter().any(|route| route.from.is_some()) {
            match stock.quantity {
                StockKind::Available => return Depth::Available,
                StockKind::Physical => depth = Depth::Physical,
            }
        }
    }
    depth
}

pub(super) async fn round(reader: &Reader<'_>, due: &[Marked]) -> Answer<()> {
    let state = &reader.ports.state;
    let mut stores = reader.stores().await?;
    stores.retain(Store::takes_stock);
    if !stores.is_empty() {
        let items = items(due);
        let held = held(reader, &items).await?;
        let erp = reader.ports.remotes.erp(reader.agreement(), Lane::Stock).await?;
        let read = read(erp.as_ref(), &items, depth(&stores)).await?;
        let gone = items.len() - read.len();
        if gone > 0 {
            tracing::info!(agreement = %reader.agreement(), gone, "items that changed are not in Rackbeat (any more); their quantities are left alone");
        }
        let told: HashSet<String> = read.iter().map(|stock| stock.item.to_string()).collect();
        post(reader, read, &held).await?;
        // An item that is gone has no notice: a store that was told of it would only ask again.
        let due: Vec<Marked> = due.iter().filter(|marked| told.contains(&marked.key)).cloned().collect();
        tell_stores(reader, &stores, &due).await?;
    }
    state.heaps.done(&reader.heap(super::Topic::Stock), due).await
}

/// Units held of each item, by store. Every connected store counts, whether it takes stock or not: it sells.
pub(super) async fn held(
    reader: &Reader<'_>,
    items: &[ItemNumber],
) -> Answer<HashMap<ItemNumber, Vec<(StoreId, Decimal)>>> {
    let mut all: HashMap<ItemNumber, Vec<(StoreId, Decimal)>> = HashMap::new();
    for store in reader.stores().await? {
        let units = reader.ports.state.holds.held(&store.id, items).await?;
        for (item, units) in items.iter().zip(units).filter(|(_, units)| *units > 0) {
            all.entry(item.clone()).or_default().push((store.id.clone(), Decimal::from(units)));
        }
    }
    Ok(all)
}

/// Reads items one by one while they are few, else by lists. Items that are not there are left out.
async fn read(erp: &dyn Erp, items: &[ItemNumber], depth: Depth) -> Answer<Vec<ItemStock>> {
    if items.len() < limits::LIST_FROM_ITEMS || depth == Depth::Available {
        return one_by_one(erp, items, depth != Depth::Sums).await;
    }
    let mut wanted: HashMap<&ItemNumber, ItemStock> = HashMap::new();
    let all: HashSet<&ItemNumber> = items.iter().collect();
    let mut page = 1;
    loop {
        let answer = erp.stock_list(page).await?;
        for stock in answer.rows {
            if let Some(item) = all.get(&stock.item) {
                wanted.insert(item, stock);
            }
        }
        if answer.next.is_none() || wanted.len() == all.len() {
            break;
        }
        page += 1;
    }
    if depth == Depth::Physical {
        add_places(erp, &mut wanted).await?;
    }
    Ok(wanted.into_values().collect())
}

async fn add_places(erp: &dyn Erp, wanted: &mut HashMap<&ItemNumber, ItemStock>) -> Answer<()> {
    let mut page = 1;
    loop {
        let answer = erp.stock_report(page).await?;
        for stock in answer.rows {
            if let Some(known) = wanted.get_mut(&stock.item) {
                known.places = stock.places;
            }
        }
        if answer.next.is_none() {
            return Ok(());
        }
        page += 1;
    }
}

async fn one_by_one(erp: &dyn Erp, items: &[ItemNumber], by_location: bool) -> Answer<Vec<ItemStock>> {
    // Owned, since a closure over borrowed items is not general enough for a spawned task.
    stream::iter(items.to_vec())
        .map(|item| async move {
            match erp.stock(&item, by_location).await {
                Ok(stock) => Ok(Some(stock)),
                Err(failure) if failure.is_missing() => Ok(None),
                Err(failure) => Err(failure),
            }
        })
        .buffer_unordered(limits::ITEMS_AT_ONCE)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}

async fn post(
    reader: &Reader<'_>,
    read: Vec<ItemStock>,
    held: &HashMap<ItemNumber, Vec<(StoreId, Decimal)>>,
) -> Answer<()> {
    let mut texts = Vec::with_capacity(read.len());
    for stock in read {
        let item = stock.item.clone();
        let held = held.get(&item).cloned().unwrap_or_default();
        texts.push((item, text(&StockNotice { version: RECORD_VERSION, stock, held })?));
    }
    let board = &reader.ports.state.board;
    board.post(reader.agreement(), Topic::Stock, reader.lease.fence, &texts).await?;
    Ok(())
}

/// Marks the items for each store, posted anew or not: a reader that died in between may have posted and told nobody.
async fn tell_stores(reader: &Reader<'_>, stores: &[Store], due: &[Marked]) -> Answer<()> {
    let state = &reader.ports.state;
    for store in stores {
        let heap = Heap::StoreStock(store.id.clone());
        // Those that changed at one time go together; each keeps the time of its own change.
        let mut by_time: HashMap<jiff::Timestamp, Vec<String>> = HashMap::new();
        for marked in due {
            by_time.entry(marked.since).or_default().push(marked.key.clone());
        }
        for (since, keys) in by_time {
            state.heaps.mark(&heap, &keys, false, since).await?;
        }
        state.jobs.offer(&store.id, &[Offer::stock()], None, reader.ports.now()).await?;
    }
    Ok(())
}

pub(super) fn text<T: serde::Serialize>(notice: &T) -> Answer<String> {
    serde_json::to_string(notice)
        .map_err(|error| Failure::new(Remote::State, FailureKind::Garbled, "post", error.to_string()))
}
