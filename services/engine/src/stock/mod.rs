//! Quantities to one shop: what the agreement's reader posted, as this store's settings say it, written absolutely.
//! Last value wins; a burst of changes of one item is one write.

mod accept;
mod fresh;
mod hold;
mod look;
mod round;
mod routes;
mod shelf;
#[cfg(test)]
mod tests;
mod told;
mod write;

use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::job::{Claim, Offer, Outcome, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Erp, Heap, Shop};
use shopbeat_domain::store::Store;

use crate::ports::Ports;
use crate::problem::Problem;
use crate::transfer::Stop;
use crate::worker::Held;

pub(crate) use accept::begin;
pub use accept::{Change, StockReport, accept, preview};
pub use look::{StockView, StoreView, look, troubles};

pub use routes::RouteMemo;

pub(crate) use hold::{hold_order, is_forgotten_draft, release_marks};

/// What one job works with.
pub(crate) struct Context<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) store: &'a Store,
    pub(crate) claim: &'a Claim,
    pub(crate) held: &'a Held,
    pub(crate) shop: &'a dyn Shop,
}

impl Context<'_> {
    fn heap(&self) -> Heap {
        Heap::StoreStock(self.store.id.clone())
    }

    /// The store as it is now, if it may be written for.
    async fn current(&self) -> Result<Option<Store>, Stop> {
        let store = self.ports.state.registry.store(&self.store.id).await?;
        Ok(store.filter(|store| store.may_write() && store.takes_stock()))
    }
}

/// Sends what is due, in rounds, until nothing is or the store may not be written for.
///
/// # Errors
/// A remote or the state in trouble: what was not sent stays on the heap.
pub(crate) async fn run(context: &Context<'_>) -> Result<Verdict, Stop> {
    let heaps = &context.ports.state.heaps;
    let heap = context.heap();
    let most = u32::try_from(limits::QUANTITIES_PER_CALL).unwrap_or(u32::MAX);
    while let Some(store) = context.current().await? {
        let due = heaps.due(&heap, most, context.ports.now()).await?;
        if due.is_empty() {
            let again_at = heaps.next_due(&heap).await?;
            return Ok(Verdict::Done { outcome: Outcome::Transferred, version: None, again_at });
        }
        let now = Context { store: &store, ..*context };
        round::round(&now, due).await?;
        context.held.got_further();
    }
    let store = context.ports.state.registry.store(&context.store.id).await?;
    if store.is_some_and(|store| store.takes_stock()) {
        // Paused or on hold: nobody claims it before the store may be written for again.
        return Ok(Verdict::Later { at: context.ports.now(), strike: false });
    }
    Ok(Verdict::Done { outcome: Outcome::Transferred, version: None, again_at: None })
}

/// Settings that decide about quantities changed: every item is sent anew, where it then differs.
///
/// # Errors
/// When Rackbeat or the state is away.
pub async fn settings_changed(ports: &Ports, store: &Store) -> Answer<()> {
    if store.takes_stock() {
        mark_all(ports, store).await?;
    }
    Ok(())
}

/// Marks every item that keeps stock, for one store. Answers how many.
pub(crate) async fn mark_all(ports: &Ports, store: &Store) -> Answer<u64> {
    let erp = ports.remotes.erp(&store.agreement, shopbeat_domain::job::Lane::Stock).await?;
    let heap = Heap::StoreStock(store.id.clone());
    let marked = mark_listed(ports, erp.as_ref(), &heap, false).await?;
    ports.state.jobs.offer(&store.id, &[Offer::stock()], None, ports.now()).await?;
    Ok(marked)
}

async fn mark_listed(ports: &Ports, erp: &dyn Erp, heap: &Heap, doubt: bool) -> Answer<u64> {
    let (mut page, mut marked) = (1, 0);
    loop {
        let answer = erp.stock_list(page).await?;
        let keeps = answer.rows.iter().filter(|row| row.keeps_stock);
        let keys: Vec<String> = keeps.map(|row| row.item.to_string()).collect();
        if !keys.is_empty() {
            ports.state.heaps.mark(heap, &keys, doubt, ports.now()).await?;
        }
        marked += u64::try_from(keys.len()).unwrap_or_default();
        if answer.next.is_none() {
            return Ok(marked);
        }
        page += 1;
    }
}

/// Has an item, or all of them, read from Rackbeat again and sent to every store of the agreement where it differs.
/// Answers how many.
///
/// # Errors
/// When Rackbeat or the state is away.
pub async fn refresh(ports: &Ports, agreement: &AgreementId, item: Option<&ItemNumber>) -> Answer<u64> {
    if let Some(item) = item {
        crate::agreement::stock_changed(ports, agreement, std::slice::from_ref(item)).await?;
        return Ok(1);
    }
    let erp = ports.remotes.erp(agreement, shopbeat_domain::job::Lane::Stock).await?;
    doubt_all(ports, agreement, erp.as_ref()).await?;
    mark_listed(ports, erp.as_ref(), &Heap::AgreementStock(agreement.clone()), false).await
}

/// Has every quantity that the agreement's shops show read again: the webhook of an edit there may have been lost.
pub(crate) async fn doubt_all(ports: &Ports, agreement: &AgreementId, erp: &dyn Erp) -> Answer<u64> {
    let mut marked = 0;
    for store in
        crate::agreement::stores_of(ports, agreement).await?.iter().filter(|store| store.takes_stock())
    {
        marked += mark_listed(ports, erp, &Heap::StoreStock(store.id.clone()), true).await?;
        ports.state.jobs.offer(&store.id, &[Offer::stock()], None, ports.now()).await?;
    }
    Ok(marked)
}

/// A connected store by its id.
pub(crate) async fn connected(ports: &Ports, id: &shopbeat_domain::ids::StoreId) -> Result<Store, Problem> {
    let store = ports.state.registry.store(id).await?.filter(Store::is_connected);
    store.ok_or_else(|| Problem::Unknown { what: "store", name: id.to_string() })
}

/// Lets quantities be sent to a store, as after an accepted report.
#[cfg(test)]
pub(crate) async fn begin_for_tests(ports: &Ports, id: &shopbeat_domain::ids::StoreId) {
    let store = begin(ports, id).await.unwrap();
    mark_all(ports, &store).await.unwrap();
}
