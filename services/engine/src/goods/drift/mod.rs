//! What the side that is not the master changed by itself: never carried back, told until it is adopted or repaired.

mod resolve;

use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::ports::{Answer, Family, Heap, Topic};
use shopbeat_domain::product::{
    Drift, Image, ProductField, drifted, product_erp_image, shop_image, variant_shop_image,
};
use shopbeat_domain::store::Store;

use super::records::{self, Way};
use super::shelf::Placed;
use super::to_shop::own_image;
use super::{Work, if_there};
use crate::ports::Ports;
use crate::transfer::Stop;

pub use resolve::{Choice, resolve};

/// Drift of a store by item and field, after a [`Drift::key`].
///
/// # Errors
/// When the state is away.
pub async fn list(ports: &Ports, store: &Store, after: Option<&str>, limit: u32) -> Answer<Vec<Drift>> {
    let page = ports.state.records.page(&Family::Drift(store.id.clone()), after, limit).await?;
    Ok(page.into_iter().filter_map(|(_, text)| serde_json::from_str(&text).ok()).collect())
}

/// Master Rackbeat: whether a variant shows what its item showed when it was carried last, or shows now. One that was
/// never compared is, from Rackbeat's side.
pub(super) async fn of_variant(work: &Work<'_>, placed: &Placed) -> Result<(), Stop> {
    let (ports, store, item) = (work.ports(), &work.store, &placed.item);
    let topic = Topic::Product;
    let notice = ports.state.board.notices(&store.agreement, topic, std::slice::from_ref(item)).await?;
    let posted = notice.into_iter().flatten().next();
    let product: Option<ErpProduct> =
        posted.and_then(|notice| serde_json::from_str(&notice.text).ok()).flatten();
    let Some(product) = product else { return Ok(()) };
    let Some(carried) = records::carried_one(ports, store, item, Way::ToShop).await? else {
        let heap = Heap::StoreProducts(store.id.clone());
        return Ok(ports.state.heaps.mark(&heap, &[item.to_string()], false, work.now()).await?);
    };
    let pricing = work.pricing().await?;
    let shown = shop_image(&product, &store.settings.products, &pricing);
    let master = own_image(shown, placed.variant.lone);
    let other = variant_shop_image(&placed.variant);
    Ok(note(ports, store, item, &master, &other, &carried.image).await?)
}

/// Master Shopify: whether a Rackbeat product shows what its variant showed when it was carried last. A notice may be
/// older than our own last write, so what is new is read again before it is told.
pub(super) async fn of_item(work: &Work<'_>, item: &ItemNumber, product: &ErpProduct) -> Result<(), Stop> {
    let (ports, store) = (work.ports(), &work.store);
    let Some(carried) = records::carried_one(ports, store, item, Way::ToErp).await? else { return Ok(()) };
    let mut other = product_erp_image(product);
    let known = of(ports, store, item).await?;
    let is_new = |field: &ProductField| !known.iter().any(|drift| drift.field == *field);
    if drifted(&carried.image, &other, &carried.image).iter().any(is_new) {
        let Some(product) = if_there(work.context.erp.product(item).await)? else { return Ok(()) };
        other = product_erp_image(&product);
    }
    Ok(note(ports, store, item, &carried.image, &other, &carried.image).await?)
}

/// Tells what drifted and forgets what did so no more.
pub(super) async fn note(
    ports: &Ports,
    store: &Store,
    item: &ItemNumber,
    master: &Image,
    other: &Image,
    carried: &Image,
) -> Answer<()> {
    let known = of(ports, store, item).await?;
    let fields = drifted(master, other, carried);
    let over: Vec<String> = known
        .iter()
        .filter(|drift| !fields.contains(&drift.field))
        .map(|drift| Drift::key(item, drift.field))
        .collect();
    let mut told = Vec::new();
    for field in fields {
        let before = known.iter().find(|drift| drift.field == field);
        let text = |image: &Image| image.get(&field).cloned().unwrap_or_default();
        let since = before.map_or_else(|| ports.now(), |drift| drift.since);
        let drift = Drift { item: item.clone(), field, master: text(master), other: text(other), since };
        if before.is_none() {
            tracing::info!(store.id = %store.id, item = %item, field = field.name(), "a field drifted");
        }
        if before != Some(&drift) {
            told.push((Drift::key(item, field), drift));
        }
    }
    let family = Family::Drift(store.id.clone());
    records::forget(ports, &family, &over).await?;
    records::put(ports, &family, &told).await
}

/// What is told of one item.
async fn of(ports: &Ports, store: &Store, item: &ItemNumber) -> Answer<Vec<Drift>> {
    let keys: Vec<String> = ProductField::ALL.iter().map(|field| Drift::key(item, *field)).collect();
    let all: Vec<Option<Drift>> = records::get(ports, &Family::Drift(store.id.clone()), &keys).await?;
    Ok(all.into_iter().flatten().collect())
}

/// Forgets all drift of an item.
pub(super) async fn forget_all(ports: &Ports, store: &Store, item: &ItemNumber) -> Answer<()> {
    let keys: Vec<String> = ProductField::ALL.iter().map(|field| Drift::key(item, *field)).collect();
    records::forget(ports, &Family::Drift(store.id.clone()), &keys).await
}
