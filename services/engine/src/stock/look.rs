//! "What about this item?" has an answer: Rackbeat's word, what is held, what each store was told, what hinders it.

use shopbeat_domain::ids::{ItemNumber, StoreId};
use shopbeat_domain::ports::{Answer, Family, Topic};
use shopbeat_domain::stock::{Shelf, StockNotice, StockTrouble, Told};
use shopbeat_domain::store::Store;

use super::told;
use crate::agreement::stores_of;
use crate::ports::Ports;
use crate::problem::Problem;

/// One item in all stores of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockView {
    /// The item.
    pub item: ItemNumber,
    /// What was last read from Rackbeat and held then, with its number; `None`: never read.
    pub notice: Option<(u64, StockNotice)>,
    /// Each store, by id.
    pub stores: Vec<StoreView>,
}

/// One item in one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreView {
    /// The store.
    pub store: StoreId,
    /// Whether quantities are sent to it at all.
    pub takes_stock: bool,
    /// Where it has the item; `None`: not looked yet.
    pub shelf: Option<Shelf>,
    /// What it was told.
    pub told: Option<Told>,
    /// Units sold there and not yet booked.
    pub held: u64,
    /// What hinders it.
    pub trouble: Option<StockTrouble>,
}

/// Looks an item up in all stores of a store's agreement.
///
/// # Errors
/// When the state is away.
pub async fn look(ports: &Ports, store: &Store, item: &ItemNumber) -> Result<StockView, Problem> {
    let only = std::slice::from_ref(item);
    let notices = ports.state.board.notices(&store.agreement, Topic::Stock, only).await?;
    let notice = notices.into_iter().flatten().next();
    let notice = notice.and_then(|notice| Some((notice.seq, serde_json::from_str(&notice.text).ok()?)));
    let mut stores = Vec::new();
    for store in stores_of(ports, &store.agreement).await? {
        let id = store.id.clone();
        stores.push(StoreView {
            takes_stock: store.takes_stock(),
            shelf: told::read(ports, &Family::Shelf(id.clone()), only).await?.pop().flatten(),
            told: told::read(ports, &Family::Told(id.clone()), only).await?.pop().flatten(),
            held: ports.state.holds.held(&id, only).await?.pop().unwrap_or_default(),
            trouble: told::read(ports, &Family::StockTrouble(id.clone()), only).await?.pop().flatten(),
            store: id,
        });
    }
    Ok(StockView { item: item.clone(), notice, stores })
}

/// Items whose quantities are not sent, by number, after one.
///
/// # Errors
/// When the state is away.
pub async fn troubles(
    ports: &Ports,
    store: &Store,
    after: Option<&str>,
    limit: u32,
) -> Answer<Vec<StockTrouble>> {
    let family = Family::StockTrouble(store.id.clone());
    let page = ports.state.records.page(&family, after, limit).await?;
    Ok(page.into_iter().filter_map(|(_, text)| serde_json::from_str(&text).ok()).collect())
}
