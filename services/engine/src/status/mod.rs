//! How the stores are doing, cheaply enough to ask every few seconds: one read of the registry, and of each store one
//! pulse and one lease, all on their way at once. Runs and replays are read again only while they are under way.

mod cache;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use shopbeat_domain::billing::Terms;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::JobCounts;
use shopbeat_domain::ports::{Answer, Pulse};
use shopbeat_domain::replay::Replay;
use shopbeat_domain::report::{LastOrder, WorkerReport};
use shopbeat_domain::run::Run;
use shopbeat_domain::store::{Hold, Store};

use crate::connect::scopes_missing;
use crate::ports::Ports;
use crate::worker;

use cache::Latest;

/// How a store is doing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// The store.
    pub store: Store,
    /// Its queue.
    pub jobs: JobCounts,
    /// Since when the job that is due longest has waited; `None`: none is due.
    pub waiting_since: Option<Timestamp>,
    /// The order that went over last.
    pub last_order: Option<LastOrder>,
    /// Scopes that its settings want and the shop did not grant.
    pub scopes_missing: Vec<&'static str>,
    /// The worker that holds it.
    pub worker: Option<String>,
    /// What the worker told last.
    pub report: Option<WorkerReport>,
    /// The initial sync that was begun last, without the variants that it skipped.
    pub latest_run: Option<Run>,
    /// The replay that was begun last.
    pub latest_replay: Option<Replay>,
    /// Its place among the stores of its agreement that are billed, in order of connection.
    pub place: Option<Place>,
}

/// A store's place in its agreement's bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1, in order of connection.
    pub position: u32,
    /// It costs nothing.
    pub free: bool,
}

/// Looks at all stores, again and again.
pub struct Stores {
    ports: Ports,
    terms: Terms,
    latest: HashMap<StoreId, Latest>,
}

impl Stores {
    /// Over these ports; `terms` tell which places are free.
    #[must_use]
    pub fn new(ports: Ports, terms: Terms) -> Self {
        Self { ports, terms, latest: HashMap::new() }
    }

    /// How all connected stores are doing, by id.
    ///
    /// # Errors
    /// When the state is away.
    pub async fn look(&mut self) -> Answer<Vec<StoreStatus>> {
        let mut stores = self.ports.state.registry.stores().await?;
        stores.retain(Store::is_connected);
        let ids: Vec<StoreId> = stores.iter().map(|store| store.id.clone()).collect();
        let leases: Vec<String> = ids.iter().map(worker::lease_name).collect();
        let state = &self.ports.state;
        let (pulses, holders) =
            tokio::try_join!(state.pulses.pulses(&ids, self.ports.now()), state.leases.holders(&leases))?;
        let mut latest = cache::refresh(&self.ports, std::mem::take(&mut self.latest), &ids, &pulses).await?;
        let places = places(&stores, self.terms);
        let statuses = stores.into_iter().zip(pulses).zip(holders).map(|((store, pulse), worker)| {
            let latest = latest.entry(store.id.clone()).or_default();
            let place = places.get(&store.id).copied();
            status(store, pulse, worker, latest, place)
        });
        let statuses = statuses.collect();
        self.latest = latest;
        Ok(statuses)
    }
}

/// What one store's worker told last.
///
/// # Errors
/// When the state is away.
pub async fn report(ports: &Ports, store: &StoreId) -> Answer<Option<WorkerReport>> {
    use shopbeat_domain::ports::Family;
    use shopbeat_domain::report::REPORT;
    let stored = ports.state.records.get(&Family::Status(store.clone()), &[REPORT.to_owned()]).await?;
    Ok(stored.into_iter().flatten().next().as_deref().and_then(WorkerReport::read))
}

fn status(
    store: Store,
    pulse: Pulse,
    worker: Option<String>,
    latest: &Latest,
    place: Option<Place>,
) -> StoreStatus {
    let Pulse { jobs, waiting_since, latest_run: _, latest_replay: _, report, last_order } = pulse;
    StoreStatus {
        scopes_missing: scopes_missing(&store),
        jobs,
        waiting_since,
        last_order: last_order.as_deref().and_then(LastOrder::read),
        worker,
        report: report.as_deref().and_then(WorkerReport::read),
        latest_run: latest.run().cloned(),
        latest_replay: latest.replay().cloned(),
        place,
        store,
    }
}

/// The places of all stores that are billed, as [`shopbeat_domain::billing::bill`] orders them: by first connection.
fn places(stores: &[Store], terms: Terms) -> BTreeMap<StoreId, Place> {
    let mut billed: Vec<&Store> =
        stores.iter().filter(|store| store.is_connected() && store.hold != Some(Hold::Uninstalled)).collect();
    billed.sort_by_key(|store| (&store.agreement, store.connected_at, &store.id));
    let mut places = BTreeMap::new();
    let (mut agreement, mut position) = (None, 0);
    for store in billed {
        position = if agreement == Some(&store.agreement) { position + 1 } else { 1 };
        agreement = Some(&store.agreement);
        places.insert(store.id.clone(), Place { position, free: position <= terms.free() });
    }
    places
}
