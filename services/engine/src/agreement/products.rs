//! Products that changed in Rackbeat: read once, posted, and marked for every store of the agreement that follows
//! products in one direction or the other.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use shopbeat_domain::erp::{ErpProduct, ItemKind};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::{Lane, Offer};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Erp, Heap, Marked, Topic};
use shopbeat_domain::settings::Master;
use shopbeat_domain::store::Store;

use super::stock::text;
use super::{Reader, items};

/// Posted in place of a product that is not in Rackbeat (any more).
const GONE: &str = "null";

pub(super) async fn round(reader: &Reader<'_>, due: &[Marked]) -> Answer<()> {
    let state = &reader.ports.state;
    let stores = following(reader).await?;
    if !stores.is_empty() {
        let items = items(due);
        let erp = reader.ports.remotes.erp(reader.agreement(), Lane::Product).await?;
        let read = read(erp.as_ref(), &items).await?;
        let mut texts = Vec::with_capacity(items.len());
        for product in &read {
            texts.push((product.number.clone(), notice(product)?));
        }
        // That an item is gone is news, too: its old notice must not stand on.
        let read: HashSet<&ItemNumber> = read.iter().map(|product| &product.number).collect();
        let gone = items.iter().filter(|item| !read.contains(item));
        texts.extend(gone.map(|item| (item.clone(), GONE.to_owned())));
        state.board.post(reader.agreement(), Topic::Product, reader.lease.fence, &texts).await?;
        let keys: Vec<String> = due.iter().map(|marked| marked.key.clone()).collect();
        let since = due.iter().map(|marked| marked.since).min().unwrap_or_else(|| reader.ports.now());
        for store in &stores {
            state.heaps.mark(&Heap::StoreProducts(store.id.clone()), &keys, false, since).await?;
            state.jobs.offer(&store.id, &[Offer::products()], None, reader.ports.now()).await?;
        }
    }
    state.heaps.done(&reader.heap(super::Topic::Products), due).await
}

/// A product as it is posted: without its time, which Rackbeat moves for every change of its stock, too.
pub(super) fn notice(product: &ErpProduct) -> Answer<String> {
    text(&ErpProduct { updated_at: None, ..product.clone() })
}

/// The stores that follow products.
pub(super) async fn following(reader: &Reader<'_>) -> Answer<Vec<Store>> {
    let mut stores = reader.stores().await?;
    stores.retain(|store| store.settings.products.master != Master::None);
    Ok(stores)
}

async fn read(erp: &dyn Erp, items: &[ItemNumber]) -> Answer<Vec<ErpProduct>> {
    if items.len() < limits::LIST_FROM_ITEMS {
        return one_by_one(erp, items).await;
    }
    let wanted: HashSet<&ItemNumber> = items.iter().collect();
    let mut found: HashMap<ItemNumber, ErpProduct> = HashMap::new();
    for kind in [ItemKind::Product, ItemKind::Lot] {
        let mut page = 1;
        loop {
            let answer = erp.products(kind, page).await?;
            let rows = answer.rows.into_iter().filter(|product| wanted.contains(&product.number));
            found.extend(rows.map(|product| (product.number.clone(), product)));
            if answer.next.is_none() {
                break;
            }
            page += 1;
        }
    }
    Ok(found.into_values().collect())
}

async fn one_by_one(erp: &dyn Erp, items: &[ItemNumber]) -> Answer<Vec<ErpProduct>> {
    // Owned, since a closure over borrowed items is not general enough for a spawned task.
    stream::iter(items.to_vec())
        .map(|item| async move {
            match erp.product(&item).await {
                Ok(product) => Ok(Some(product)),
                Err(failure) if failure.is_missing() => Ok(None),
                Err(failure) => Err(failure),
            }
        })
        .buffer_unordered(limits::ITEMS_AT_ONCE)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await
}
