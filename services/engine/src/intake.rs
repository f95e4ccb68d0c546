//! What comes in from the remotes, made durable before it is answered.

use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::{AgreementId, DeliveryId, ItemNumber, OrderId, StoreId};
use shopbeat_domain::job::{JobRecord, Offer};
use shopbeat_domain::ports::{Answer, Received};
use shopbeat_domain::store::{Hold, Store};

use crate::ports::Ports;

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

    /// A product was made or changed in Rackbeat: orders of the agreement's stores that are parked for want of it go
    /// on. Answers how many.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn product_changed(&self, agreement: &AgreementId, item: &ItemNumber) -> Answer<u64> {
        let mut woken = 0;
        for store in self.ports.state.registry.stores().await? {
            if store.agreement == *agreement && store.disconnected_at.is_none() {
                woken += self.wake_parked(&store, item).await?;
            }
        }
        Ok(woken)
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

/// Sets or clears a store's hold; tries again where somebody else changed the store meanwhile.
pub(crate) async fn set_hold(ports: &Ports, id: &StoreId, hold: Option<Hold>) -> Answer<()> {
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
