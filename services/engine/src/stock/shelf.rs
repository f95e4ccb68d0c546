//! Where a shop has an item: the variant that bears its number as SKU. Kept; looked up where it is not known.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Family, Shop};
use shopbeat_domain::stock::Shelf;
use shopbeat_domain::store::{RECORD_VERSION, Store};

use super::told;
use crate::ports::Ports;

/// SKUs that are looked up by one search: each is a term of its query.
const SKUS_PER_SEARCH: usize = 40;

/// Where the items are; `None` of an item that several variants claim: none of them is the right one.
pub(crate) async fn shelves(
    ports: &Ports,
    store: &Store,
    shop: &dyn Shop,
    items: &[ItemNumber],
) -> Answer<HashMap<ItemNumber, Option<Shelf>>> {
    let known: Vec<Option<Shelf>> = told::read(ports, &Family::Shelf(store.id.clone()), items).await?;
    let mut found = HashMap::with_capacity(items.len());
    let mut unknown = Vec::new();
    for (item, shelf) in items.iter().zip(known) {
        match shelf {
            Some(shelf) if shelf.spot.is_some() || is_fresh(&shelf, ports.now()) => {
                found.insert(item.clone(), Some(shelf));
            }
            _ => unknown.push(item.clone()),
        }
    }
    for chunk in unknown.chunks(SKUS_PER_SEARCH) {
        let variants = shop.variants_with_skus(chunk).await?;
        found.extend(place(ports, store, chunk, &variants).await?);
    }
    Ok(found)
}

fn is_fresh(shelf: &Shelf, now: Timestamp) -> bool {
    let memory = SignedDuration::try_from(limits::SHELF_MEMORY).unwrap_or(SignedDuration::MAX);
    now.duration_since(shelf.looked_at) < memory
}

/// Keeps where the variants of these items are.
async fn place(
    ports: &Ports,
    store: &Store,
    items: &[ItemNumber],
    variants: &[Variant],
) -> Answer<HashMap<ItemNumber, Option<Shelf>>> {
    let mut found = HashMap::with_capacity(items.len());
    let (mut shelves, mut inventory) = (Vec::new(), Vec::new());
    for item in items {
        let mut bearers = variants.iter().filter(|variant| variant.sku.trim() == item.as_str());
        let first = bearers.next();
        if bearers.next().is_some() {
            found.insert(item.clone(), None);
            continue;
        }
        let spot = first.map(Variant::spot);
        if let Some(spot) = &spot {
            inventory.push((spot.inventory_item.to_string(), item.to_string()));
        }
        let shelf = Shelf { version: RECORD_VERSION, item: item.clone(), spot, looked_at: ports.now() };
        shelves.push((item.clone(), shelf.clone()));
        found.insert(item.clone(), Some(shelf));
    }
    told::write(ports, &Family::Shelf(store.id.clone()), &shelves).await?;
    if !inventory.is_empty() {
        ports.state.records.put(&Family::InventoryItem(store.id.clone()), &inventory).await?;
    }
    Ok(found)
}
