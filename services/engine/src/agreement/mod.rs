//! What all stores of an agreement share: Rackbeat is read once for all of them. Whichever worker holds the
//! agreement's lease reads what changed, posts it on the board and marks it for each store.

mod products;
mod stock;
mod sweep;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::SignedDuration;
use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Heap, Lease, Marked};
use shopbeat_domain::store::Store;
use tokio_util::sync::CancellationToken;

use crate::ports::Ports;
use crate::retry;
use crate::worker::{Meets, Reporter, pause, tell};

/// The lease by which an agreement has one reader.
#[must_use]
pub fn lease_name(agreement: &AgreementId) -> String {
    format!("agreement/{agreement}")
}

/// The work of the one that holds the agreement's lease.
pub(super) struct Reader<'a> {
    ports: &'a Ports,
    /// The store whose worker this is; failures are told under its name.
    store: &'a Store,
    lease: &'a Lease,
    reporter: &'a Reporter,
}

/// Tries to become the agreement's reader, and reads while it is, until `over`.
pub(crate) async fn keep(
    ports: &Ports,
    store: &Store,
    owner: &str,
    reporter: &Reporter,
    over: &CancellationToken,
) {
    let name = lease_name(&store.agreement);
    while !over.is_cancelled() {
        match ports.state.leases.take(&name, owner, ports.timing.lease).await {
            Ok(Some(lease)) => {
                tracing::info!(agreement = %store.agreement, lease.fence = lease.fence, "this worker reads Rackbeat for the agreement");
                hold(&Reader { ports, store, lease: &lease, reporter }, over).await;
                // Another reads from now on: whether Rackbeat is back is asked for.
                reporter.reader_rests();
                if let Err(failure) = ports.state.leases.free(&lease).await {
                    tell(ports, store, "the agreement's lease could not be given back", &failure);
                }
            }
            Ok(None) => {}
            Err(failure) => tell(ports, store, "the agreement's lease could not be taken", &failure),
        }
        pause(ports, ports.timing.renewal(), over).await;
    }
}

/// Gives the agreement's lease back if this worker has it, so that another need not wait for its end.
pub(crate) async fn give_back(ports: &Ports, store: &Store, owner: &str) -> Answer<()> {
    let (leases, name) = (&ports.state.leases, lease_name(&store.agreement));
    if leases.holder(&name).await?.as_deref() == Some(owner)
        && let Some(lease) = leases.take(&name, owner, ports.timing.lease).await?
    {
        leases.free(&lease).await?;
    }
    Ok(())
}

async fn hold(reader: &Reader<'_>, over: &CancellationToken) {
    let lost = over.child_token();
    let _ends = lost.clone().drop_guard();
    tokio::select! {
        () = reader.keep_lease() => {}
        () = reader.keep_reading(Topic::Stock, &lost) => {}
        () = reader.keep_reading(Topic::Products, &lost) => {}
        () = sweep::keep_swept(reader, &lost) => {}
        () = over.cancelled() => {}
    }
}

/// What is read.
#[derive(Debug, Clone, Copy)]
enum Topic {
    Stock,
    Products,
}

impl Reader<'_> {
    fn agreement(&self) -> &AgreementId {
        &self.store.agreement
    }

    fn heap(&self, topic: Topic) -> Heap {
        match topic {
            Topic::Stock => Heap::AgreementStock(self.agreement().clone()),
            Topic::Products => Heap::AgreementProducts(self.agreement().clone()),
        }
    }

    /// The agreement's connected stores, as they are now.
    async fn stores(&self) -> Answer<Vec<Store>> {
        stores_of(self.ports, self.agreement()).await
    }

    async fn keep_lease(&self) {
        let ports = self.ports;
        let mut until = ports.now();
        loop {
            match ports.state.leases.renew(self.lease, ports.timing.lease).await {
                Ok(true) => until = crate::transfer::later(ports.now(), ports.timing.lease),
                Ok(false) => return,
                // While the state is away nothing can be posted either; the fence guards the rest.
                Err(_) if ports.now() < until => {}
                Err(_) => return,
            }
            ports.clock.sleep(ports.timing.renewal()).await;
        }
    }

    async fn keep_reading(&self, topic: Topic, over: &CancellationToken) {
        let heap = self.heap(topic);
        let mut failures = 0;
        while !over.is_cancelled() {
            let due = self.ports.state.heaps.due(&heap, limits::ITEMS_PER_ROUND, self.ports.now()).await;
            let read = match due {
                Ok(due) if due.is_empty() => {
                    self.wait(&heap).await;
                    continue;
                }
                Ok(due) => match topic {
                    Topic::Stock => stock::round(self, &due).await,
                    Topic::Products => products::round(self, &due).await,
                },
                Err(failure) => Err(failure),
            };
            match read {
                Ok(()) => {
                    failures = 0;
                    self.reporter.fine(Meets::Reader);
                }
                Err(failure) => {
                    tell(self.ports, self.store, "reading Rackbeat for the agreement has to wait", &failure);
                    let asked = retry::ask_again_after(&failure);
                    let wait = retry::backoff(failures, self.ports.random.as_ref()).max(asked);
                    failures += 1;
                    self.reporter.met(Meets::Reader, &failure, failures);
                    pause(self.ports, wait, over).await;
                }
            }
        }
    }

    /// Waits until something is marked or falls due.
    async fn wait(&self, heap: &Heap) {
        let ports = self.ports;
        let due = ports.state.heaps.next_due(heap).await.ok().flatten();
        let longest = limits::HEAP_LOOK;
        let wait = due.map_or(longest, |at| {
            Duration::try_from(at.duration_since(ports.now()).max(SignedDuration::ZERO)).unwrap_or(longest)
        });
        let wait = wait.clamp(Duration::from_millis(1), longest);
        if ports.state.heaps.wait(heap, wait).await.is_err() {
            ports.clock.sleep(wait.max(limits::BACKOFF_FIRST)).await;
        }
    }
}

/// The connected stores of an agreement.
pub(crate) async fn stores_of(ports: &Ports, agreement: &AgreementId) -> Answer<Vec<Store>> {
    let mut stores = ports.state.registry.stores().await?;
    stores.retain(|store| store.agreement == *agreement && store.is_connected());
    Ok(stores)
}

/// The items on a heap; keys that are no item number are left out.
fn items(due: &[Marked]) -> Vec<ItemNumber> {
    due.iter().filter_map(|marked| ItemNumber::parse(&marked.key).ok()).collect()
}

/// Marks items to be read from Rackbeat, for all stores of the agreement. Each keeps the time of its first change.
///
/// # Errors
/// When the state is away.
pub async fn stock_changed(ports: &Ports, agreement: &AgreementId, items: &[ItemNumber]) -> Answer<()> {
    mark(ports, &Heap::AgreementStock(agreement.clone()), items).await
}

/// Marks products to be read from Rackbeat, for all stores of the agreement.
///
/// # Errors
/// When the state is away.
pub async fn products_changed(ports: &Ports, agreement: &AgreementId, items: &[ItemNumber]) -> Answer<()> {
    mark(ports, &Heap::AgreementProducts(agreement.clone()), items).await
}

async fn mark(ports: &Ports, heap: &Heap, items: &[ItemNumber]) -> Answer<()> {
    if items.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = items.iter().map(ToString::to_string).collect();
    ports.state.heaps.mark(heap, &keys, false, ports.now()).await
}
