//! Where the shop has an item, kept current by every look at a product: the variant that bears its number as SKU. An
//! item that several variants claim is on no shelf: none of them is the right one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use shopbeat_domain::catalog::{SkuCheck, SkuDefect, Variant};
use shopbeat_domain::ids::{InventoryItemId, ItemNumber, ProductId, VariantId};
use shopbeat_domain::ports::{Answer, Family, IdMap, Topic};
use shopbeat_domain::product::ProductCode;
use shopbeat_domain::settings::Master;
use shopbeat_domain::stock::{Shelf, Spot};
use shopbeat_domain::store::RECORD_VERSION;

use super::{Work, if_there, records, trouble, variant_key};
use crate::transfer::Stop;

/// SKUs that are looked up by one search: each is a term of its query.
const SKUS_PER_SEARCH: usize = 40;

/// A variant whose SKU is an item's number and nobody else's.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) item: ItemNumber,
    pub(super) variant: Variant,
    /// The item that this variant was before; another one if its SKU was renamed.
    pub(super) was: Option<ItemNumber>,
}

/// What a look at a product found.
pub(super) struct Look {
    pub(super) placed: Vec<Placed>,
    /// A SKU is borne by another product's variant as well: whichever is corrected, this one has to be looked at again.
    pub(super) doubled: bool,
}

/// Puts the variants of a product on their shelves, as they are now. Quantities of items that are new on theirs are
/// sent.
pub(super) async fn look(work: &Work<'_>, product: ProductId, variants: &[Variant]) -> Result<Look, Stop> {
    let sound = sound(work, product, variants).await?;
    let items: Vec<ItemNumber> = sound.iter().map(|(item, _)| item.clone()).collect();
    let family = Family::Shelf(work.store.id.clone());
    let shelves: Vec<Option<Shelf>> = records::get(work.ports(), &family, &records::keys(&items)).await?;
    let doubled = doubled(work, &sound, &shelves).await?;
    let keys: Vec<String> = sound.iter().map(|(_, variant)| variant.id.to_string()).collect();
    let was = work.ports().state.ids.look_up(&IdMap::VariantItem(work.store.id.clone()), &keys).await?;
    let mut look = Look { placed: Vec::new(), doubled: !doubled.is_empty() };
    let (mut changed, mut off) = (Vec::new(), Vec::new());
    for (((item, variant), shelf), was) in sound.into_iter().zip(shelves).zip(was) {
        if doubled.contains(&item) {
            let message = "several variants of the shop bear this SKU; none of them is carried".to_owned();
            trouble::tell(work, item.as_str(), item.as_str(), ProductCode::DuplicateSku, message).await?;
            off.push(item);
            continue;
        }
        let before = shelf.and_then(|shelf| shelf.spot);
        if before.as_ref() != Some(&variant.spot()) {
            changed.push((item.clone(), variant.spot(), before));
        }
        let was = was.and_then(|text| ItemNumber::parse(&text).ok());
        look.placed.push(Placed { item, variant: variant.clone(), was });
    }
    records::forget(work.ports(), &family, &records::keys(&off)).await?;
    if work.master() == Master::Rackbeat {
        // What was carried to another variant says nothing of this one: it is compared whole.
        let is_new =
            |now: &Spot, before: &Option<Spot>| before.as_ref().map(|spot| spot.variant) != Some(now.variant);
        let new = changed.iter().filter(|(_, now, before)| is_new(now, before));
        let keys: Vec<String> = new.map(|(item, _, _)| item.to_string()).collect();
        records::forget(work.ports(), &Family::Carried(work.store.id.clone()), &keys).await?;
    }
    let keys: Vec<String> = changed.iter().map(|(item, _, _)| item.to_string()).collect();
    trouble::over(work, &keys, &[ProductCode::DuplicateSku]).await?;
    place(work, changed).await?;
    Ok(look)
}

/// The variants with a sound SKU, gift cards left out; what is wrong with the others is told where it matters.
async fn sound<'a>(
    work: &Work<'_>,
    product: ProductId,
    variants: &'a [Variant],
) -> Result<Vec<(ItemNumber, &'a Variant)>, Stop> {
    let goods: Vec<&Variant> = variants.iter().filter(|variant| !variant.gift_card).collect();
    let mut skus = SkuCheck::default();
    goods.iter().for_each(|variant| skus.note(&variant.sku));
    let mut sound = Vec::with_capacity(goods.len());
    let mut told = BTreeSet::new();
    for variant in goods {
        let (code, message) = match skus.item(&variant.sku) {
            Ok(item) => {
                sound.push((item, variant));
                continue;
            }
            Err(SkuDefect::Missing) => (ProductCode::SkuMissing, "the variant has no SKU"),
            Err(SkuDefect::TooLong) => (ProductCode::SkuTooLong, "the SKU is longer than Rackbeat takes"),
            Err(SkuDefect::Duplicate) => (ProductCode::DuplicateSku, "several variants bear this SKU"),
        };
        // Where variants do not go to Rackbeat, one without SKU lacks nothing.
        if work.master() == Master::Shopify && !variant.bundle {
            let key = variant_key(product, variant.id);
            trouble::tell(work, &key, &variant.name(), code, message.to_owned()).await?;
            told.insert(key);
        }
    }
    if work.master() == Master::Shopify {
        let known = trouble::beginning_with(work, &variant_key(product, "")).await?;
        let healed: Vec<String> =
            known.into_iter().map(|(key, _)| key).filter(|key| !told.contains(key)).collect();
        trouble::clear(work, &healed).await?;
    }
    Ok(sound)
}

/// Items that a variant of another product bears as well. Shopify's search lags behind its writes, and so do our
/// records: whatever they name is read before it is believed.
async fn doubled(
    work: &Work<'_>,
    sound: &[(ItemNumber, &Variant)],
    shelves: &[Option<Shelf>],
) -> Result<HashSet<ItemNumber>, Stop> {
    let mut suspects: Vec<(ItemNumber, ProductId, VariantId)> = Vec::new();
    let mut unknown = Vec::new();
    for ((item, variant), shelf) in sound.iter().zip(shelves) {
        match shelf.as_ref().and_then(|shelf| shelf.spot.as_ref()) {
            Some(spot) if spot.variant == variant.id => {}
            Some(spot) => suspects.push((item.clone(), spot.product, spot.variant)),
            None => unknown.push(item.clone()),
        }
    }
    let own: HashSet<VariantId> = sound.iter().map(|(_, variant)| variant.id).collect();
    for bearer in search(work, &unknown).await? {
        let item = unknown.iter().find(|item| item.as_str() == bearer.sku.trim());
        if let Some(item) = item.filter(|_| !own.contains(&bearer.id)) {
            suspects.push((item.clone(), bearer.product, bearer.id));
        }
    }
    let mut read: HashMap<ProductId, Vec<Variant>> = HashMap::new();
    let mut doubled = HashSet::new();
    for (item, product, variant) in suspects.into_iter().filter(|(_, _, variant)| !own.contains(variant)) {
        if let Entry::Vacant(vacant) = read.entry(product) {
            vacant.insert(if_there(work.context.shop.product(product).await)?.unwrap_or_default());
        }
        let others = read.get(&product).into_iter().flatten();
        if others.into_iter().any(|other| other.id == variant && other.sku.trim() == item.as_str()) {
            doubled.insert(item);
        }
    }
    Ok(doubled)
}

/// Variants that the shop's search shows under these SKUs.
pub(super) async fn search(work: &Work<'_>, items: &[ItemNumber]) -> Answer<Vec<Variant>> {
    let mut found = Vec::new();
    for chunk in items.chunks(SKUS_PER_SEARCH) {
        found.extend(work.context.shop.variants_with_skus(chunk).await?);
    }
    Ok(found)
}

/// Writes down where items are, and has the quantities of those sent that were not there before. What is known of the
/// quantities of another variant says nothing about this one.
pub(super) async fn place(work: &Work<'_>, items: Vec<(ItemNumber, Spot, Option<Spot>)>) -> Answer<()> {
    let (ports, store) = (work.ports(), work.store.id.clone());
    let (mut shelves, mut inventory, mut moved, mut fresh) = (vec![], vec![], vec![], vec![]);
    for (item, spot, before) in items {
        let same = before.as_ref().is_some_and(|before| before.inventory_item == spot.inventory_item);
        if !same {
            inventory.push((spot.inventory_item.to_string(), item.to_string()));
            moved.push(item.to_string());
        }
        if !same || before.is_some_and(|before| before.tracked != spot.tracked) {
            fresh.push(item.clone());
        }
        shelves.push((item.to_string(), shelf_of(work, &item, Some(spot))));
    }
    if shelves.is_empty() {
        return Ok(());
    }
    // The shelf is written last: whoever dies before it finds the item new again, and has its quantities sent.
    records::forget(ports, &Family::Told(store.clone()), &moved).await?;
    if !inventory.is_empty() {
        ports.state.records.put(&Family::InventoryItem(store.clone()), &inventory).await?;
    }
    work.send_stock(&fresh).await?;
    records::put(ports, &Family::Shelf(store), &shelves).await
}

fn shelf_of(work: &Work<'_>, item: &ItemNumber, spot: Option<Spot>) -> Shelf {
    Shelf { version: RECORD_VERSION, item: item.clone(), spot, looked_at: work.now() }
}

pub(super) async fn spot(work: &Work<'_>, item: &ItemNumber) -> Answer<Option<Spot>> {
    let family = Family::Shelf(work.store.id.clone());
    let shelf: Option<Shelf> = records::one(work.ports(), &family, item.as_str()).await?;
    Ok(shelf.and_then(|shelf| shelf.spot))
}

/// The shop has an item no more where it was. Its inventory item may have passed on to another item already.
pub(super) async fn clear(work: &Work<'_>, item: &ItemNumber, spot: Option<&Spot>) -> Answer<()> {
    let (ports, store) = (work.ports(), work.store.id.clone());
    let key = item.to_string();
    if let Some(spot) = spot {
        let family = Family::InventoryItem(store.clone());
        let inventory = spot.inventory_item.to_string();
        if inventory_owner(work, spot.inventory_item).await?.as_ref() == Some(&key) {
            records::forget(ports, &family, &[inventory]).await?;
        }
        let map = IdMap::VariantItem(store.clone());
        let variant = spot.variant.to_string();
        let was = ports.state.ids.look_up(&map, std::slice::from_ref(&variant)).await?;
        if was.into_iter().flatten().next().as_ref() == Some(&key) {
            ports.state.ids.forget(&map, &variant).await?;
        }
    }
    records::forget(ports, &Family::Told(store.clone()), std::slice::from_ref(&key)).await?;
    records::put(ports, &Family::Shelf(store), &[(key, shelf_of(work, item, None))]).await
}

async fn inventory_owner(work: &Work<'_>, inventory: InventoryItemId) -> Answer<Option<String>> {
    let family = Family::InventoryItem(work.store.id.clone());
    let found = work.ports().state.records.get(&family, &[inventory.to_string()]).await?;
    Ok(found.into_iter().flatten().next())
}

/// Writes down which variant is which item, where that is new. Where variants do not go to Rackbeat by us, only items
/// that are there count: an order's line falls back on this map.
pub(super) async fn remember(work: &Work<'_>, placed: &[&Placed]) -> Answer<()> {
    let ids = &work.ports().state.ids;
    let new: Vec<&Placed> =
        placed.iter().copied().filter(|placed| placed.was.as_ref() != Some(&placed.item)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let items: Vec<ItemNumber> = new.iter().map(|placed| placed.item.clone()).collect();
    let there = match work.master() {
        Master::Shopify => vec![true; items.len()],
        Master::None | Master::Rackbeat => in_rackbeat(work, &items).await?,
    };
    let there: Vec<&Placed> =
        new.into_iter().zip(there).filter(|(_, there)| *there).map(|(one, _)| one).collect();
    let known: Vec<_> = there.iter().map(|placed| (placed.item.to_string(), "1".to_owned())).collect();
    let variants: Vec<_> =
        there.iter().map(|placed| (placed.variant.id.to_string(), placed.item.to_string())).collect();
    if variants.is_empty() {
        return Ok(());
    }
    ids.put(&IdMap::KnownItem(work.store.agreement.clone()), &known).await?;
    ids.put(&IdMap::VariantItem(work.store.id.clone()), &variants).await
}

/// Whether items are known to be in Rackbeat: somebody met them there, or the agreement's reader posted them.
async fn in_rackbeat(work: &Work<'_>, items: &[ItemNumber]) -> Answer<Vec<bool>> {
    let (state, agreement) = (&work.ports().state, &work.store.agreement);
    let known = state.ids.look_up(&IdMap::KnownItem(agreement.clone()), &records::keys(items)).await?;
    let products = state.board.notices(agreement, Topic::Product, items).await?;
    let stocks = state.board.notices(agreement, Topic::Stock, items).await?;
    let posted = products.into_iter().zip(stocks).map(|(product, stock)| {
        product.is_some_and(|notice| notice.text != super::erp_side::GONE) || stock.is_some()
    });
    Ok(known.into_iter().zip(posted).map(|(known, posted)| known.is_some() || posted).collect())
}
