//! What comes in from the remotes, made durable before it is answered.

use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{
    AgreementId, DeliveryId, InventoryItemId, ItemNumber, LocationId, OrderId, ProductId, StoreId,
};
use shopbeat_domain::job::{JobRecord, Offer};
use shopbeat_domain::ports::{Answer, Family, Heap, Received};
use shopbeat_domain::stock::Told;
use shopbeat_domain::store::{Hold, Store};

use crate::ports::Ports;
use crate::{agreement, billing};

/// Takes deliveries that were found to be genuine.
#[derive(Clone)]
pub struct Intake {
    ports: Ports,
}

impl Intake {
    /// An intake over these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Something happened to an order. Durable when it answers; a delivery seen before is dropped.
    ///
    /// # Errors
    /// When the state is away: the sender must send again.
    pub async fn order_changed(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        order: OrderId,
    ) -> Answer<Received> {
        self.ports.state.inbox.receive(store, delivery, &Offer::order(order), self.ports.now()).await
    }

    /// The merchant uninstalled the app: nothing more is written for the store. Needs no API: its token is dead.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn uninstalled(&self, store: &StoreId) -> Answer<()> {
        set_hold(&self.ports, store, Some(Hold::Uninstalled)).await
    }

    /// A product was made or changed in Rackbeat (under another number: once for each): the agreement's reader looks
    /// at it, and orders of the agreement's stores that are parked for want of it go on. Answers how many of these.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn product_changed(&self, agreement: &AgreementId, item: &ItemNumber) -> Answer<u64> {
        agreement::products_changed(&self.ports, agreement, std::slice::from_ref(item)).await?;
        let mut woken = 0;
        for store in agreement::stores_of(&self.ports, agreement).await? {
            woken += self.wake_parked(&store, item).await?;
        }
        Ok(woken)
    }

    /// The stock of items changed in Rackbeat. Durable when it answers.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn stock_changed(&self, agreement: &AgreementId, items: &[ItemNumber]) -> Answer<()> {
        agreement::stock_changed(&self.ports, agreement, items).await
    }

    /// A product was made, changed or deleted in a shop. Durable when it answers.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn product_changed_in_shop(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        product: ProductId,
    ) -> Answer<Received> {
        let ports = &self.ports;
        let heap = Heap::ShopProducts(store.clone());
        // Marked first: a delivery that is remembered has been dealt with. A mark more does no harm.
        ports.state.heaps.mark(&heap, &[product.to_string()], false, ports.now()).await?;
        ports.state.inbox.receive(store, delivery, &Offer::products(), ports.now()).await
    }

    /// A quantity changed in a shop. Our own writes come back like this: they are known by their value. Anything else
    /// puts what we know of the item into doubt. `None`: dropped, as an echo or as none of ours.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn level_changed(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        inventory_item: InventoryItemId,
        location: LocationId,
        available: Option<i64>,
    ) -> Answer<Option<Received>> {
        let ports = &self.ports;
        let family = Family::InventoryItem(store.clone());
        let known = ports.state.records.get(&family, &[inventory_item.to_string()]).await?;
        let Some(item) = known.into_iter().flatten().next() else { return Ok(None) };
        let told = ports.state.records.get(&Family::Told(store.clone()), std::slice::from_ref(&item)).await?;
        let told: Option<Told> =
            told.into_iter().flatten().next().and_then(|text| serde_json::from_str(&text).ok());
        let is_echo = match told {
            Some(told) => {
                let level = told.levels.iter().find(|level| level.location == location);
                level.is_none_or(|level| Some(level.quantity) == available)
            }
            // The first write may be under way and not written down yet: no value is known to be its own.
            None => !ports.state.registry.store(store).await?.is_some_and(|store| store.takes_stock()),
        };
        if is_echo {
            return Ok(None);
        }
        let heap = Heap::StoreStock(store.clone());
        ports.state.heaps.mark(&heap, &[item], true, ports.now()).await?;
        Ok(Some(ports.state.inbox.receive(store, delivery, &Offer::stock(), ports.now()).await?))
    }

    async fn wake_parked(&self, store: &Store, item: &ItemNumber) -> Answer<u64> {
        const PAGE: u32 = 200;
        let jobs = &self.ports.state.jobs;
        let mut after: Option<String> = None;
        let mut offers = Vec::new();
        loop {
            let page = jobs.parked(&store.id, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.subject.to_string());
            offers.extend(
                page.iter()
                    .filter(|job| waits_for(job, item))
                    .map(|job| Offer { subject: job.subject.clone(), ..Offer::order(OrderId(0)) }),
            );
        }
        if offers.is_empty() {
            return Ok(0);
        }
        jobs.offer(&store.id, &offers, None, self.ports.now()).await
    }
}

fn waits_for(job: &JobRecord, item: &ItemNumber) -> bool {
    job.park.as_ref().is_some_and(|park| park.code.heals() && park.culprit == item.as_str())
}

/// Sets or clears a store's hold; tries again where somebody else changed the store meanwhile. Billing is told.
pub(crate) async fn set_hold(ports: &Ports, id: &StoreId, hold: Option<Hold>) -> Answer<()> {
    put_hold(ports, id, hold).await?;
    billing::reconcile(ports, id).await
}

async fn put_hold(ports: &Ports, id: &StoreId, hold: Option<Hold>) -> Answer<()> {
    use shopbeat_domain::failure::FailureKind;
    let registry = &ports.state.registry;
    for _ in 0..shopbeat_domain::limits::CONFLICT_TRIES {
        let Some(store) = registry.store(id).await? else { return Ok(()) };
        if store.hold == hold {
            return Ok(());
        }
        match registry.put_store(&Store { hold, ..store }).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => {}
            other => return other.map(|_| ()),
        }
    }
    Ok(())
}
