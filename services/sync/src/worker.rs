//! The process `shopbeat worker`: the worker of one store. There may be hundreds on a machine, so it runs on one thread,
//! and it listens only where it is told to.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::limits::IDLE_LOOK;
use shopbeat_domain::ports::{Answer, State};
use shopbeat_domain::store::Store;
use shopbeat_engine::ports::Ports;
use shopbeat_engine::{retry, worker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{self, DRAIN};
use crate::http::{Probed, Readiness};
use crate::metrics::Metrics;
use crate::options::WorkerOptions;
use crate::system::SystemChance;
use crate::{http, telemetry};

/// Works for the store until the process is told to end, then drains.
pub(crate) async fn work(options: &WorkerOptions) -> anyhow::Result<()> {
    telemetry::start(options.log_format);
    options.check()?;
    let ended = app::told_to_end()?;
    let shutdown = CancellationToken::new();
    let owner = app::owner(&SystemChance::new());
    let probes = Arc::new(WorkerProbes::new(options.store.clone(), owner.clone()));
    let mut parts = JoinSet::new();
    // Before the state is reached: whoever probes is to learn that it is not.
    let mut listening = None;
    if let Some(address) = options.http_listen {
        let (listener, address) = app::listen(address).await?;
        listening = Some(address);
        parts.spawn(http::serve(listener, http::probes(Arc::clone(&probes) as Arc<_>), shutdown.clone()));
    }
    tracing::info!(
        store.id = %options.store,
        worker.name = owner,
        http.address = listening.map(tracing::field::display),
        build = crate::options::BUILD,
        "worker begins"
    );
    let readiness = probes.readiness.clone();
    let mut worker = tokio::spawn(reach_and_work(options.clone(), owner, probes, shutdown.clone()));
    tokio::select! {
        () = ended => {}
        over = &mut worker => return over.context("the worker ended unexpectedly")?,
    }
    tracing::info!("told to end; draining");
    readiness.drain();
    shutdown.cancel();
    match tokio::time::timeout(DRAIN, worker).await {
        Ok(over) => over.context("the worker ended unexpectedly")?,
        Err(_) => {
            tracing::warn!("work was cut off at the end; the next worker takes it up");
            Ok(())
        }
    }
}

async fn reach_and_work(
    options: WorkerOptions,
    owner: String,
    probes: Arc<WorkerProbes>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(ports) = reach(&options, &probes.metrics, &shutdown).await? else { return Ok(()) };
    // It is set here only.
    let _set = probes.state.set(ports.state.clone());
    keep_working(ports, options.store, owner, shutdown).await;
    Ok(())
}

/// Opens the state; one that is away is waited for, as it is later on. `None` when the process ends first.
async fn reach(
    options: &WorkerOptions,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Ports>> {
    let chance = SystemChance::new();
    let mut failures = 0;
    loop {
        let error = tokio::select! {
            opened = app::ports(&options.state, &options.remotes, metrics.clone()) => match opened {
                Ok(ports) => return Ok(Some(ports)),
                Err(error) => error,
            },
            () = shutdown.cancelled() => return Ok(None),
        };
        if !error.downcast_ref::<Failure>().is_some_and(is_away) {
            return Err(error);
        }
        let wait = retry::backoff(failures, &chance).min(LONGEST_WAIT);
        failures += 1;
        tracing::warn!(error = format!("{error:#}"), wait_ms = wait.as_millis(), "the state is away");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => return Ok(None),
        }
    }
}

/// The state is near, and a look at it costs little.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Whether waiting helps.
fn is_away(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Busy { .. } | FailureKind::Unreachable | FailureKind::Unanswered => true,
        FailureKind::Refused(_)
        | FailureKind::Missing
        | FailureKind::Conflict
        | FailureKind::Garbled
        | FailureKind::Unauthorized(_) => false,
    }
}

/// Works for a store whenever it wants a worker: it may be connected, or resumed, only later.
async fn keep_working(ports: Ports, store: StoreId, owner: String, shutdown: CancellationToken) {
    let mut told = None;
    while !shutdown.is_cancelled() {
        Box::pin(worker::run(ports.clone(), store.clone(), owner.clone(), shutdown.clone())).await;
        if shutdown.is_cancelled() {
            return;
        }
        if let Ok(found) = ports.state.registry.store(&store).await {
            let why = idle(found.as_ref());
            if told != why {
                tracing::info!(store.id = %store, why, "there is nothing to do; waiting");
                told = why;
            }
        }
        tokio::select! {
            () = ports.clock.sleep(IDLE_LOOK) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Why a store wants no worker.
fn idle(store: Option<&Store>) -> Option<&'static str> {
    match store {
        None => Some("the store is not known"),
        Some(store) if !store.is_connected() => Some("the store is disconnected"),
        Some(store) if !worker::wants_worker(store) => Some("the store is stopped"),
        Some(_) => None,
    }
}

/// How a worker is.
struct WorkerProbes {
    store: StoreId,
    owner: String,
    metrics: Metrics,
    readiness: Readiness,
    /// Once it was reached.
    state: OnceLock<State>,
}

impl WorkerProbes {
    fn new(store: StoreId, owner: String) -> Self {
        let (metrics, readiness, state) = (Metrics::new(), Readiness::default(), OnceLock::new());
        Self { store, owner, metrics, readiness, state }
    }

    /// What keeps it from working for its store. A paused store has a worker, which records; a stopped one has none,
    /// and that is as it should be.
    async fn look(&self, state: &State) -> Answer<Option<String>> {
        let Some(store) = state.registry.store(&self.store).await?.filter(Store::is_connected) else {
            return Ok(Some(format!("store: {} is not connected", self.store)));
        };
        if !worker::wants_worker(&store) {
            return Ok(None);
        }
        Ok(match state.leases.holder(&worker::lease_name(&self.store)).await? {
            Some(holder) if holder == self.owner => None,
            Some(holder) => Some(format!("lease: {holder} has the store")),
            None => Some("lease: not taken yet".to_owned()),
        })
    }
}

#[async_trait]
impl Probed for WorkerProbes {
    async fn missing(&self) -> Vec<String> {
        let Some(state) = self.state.get() else { return vec!["state: not reached yet".to_owned()] };
        let missing = self.look(state).await.unwrap_or_else(|failure| Some(format!("state: {failure}")));
        missing.into_iter().collect()
    }

    /// What it counts itself. The queues are told by the service: a scrape of hundreds of workers must not ask the
    /// state hundreds of times for the same.
    async fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}

#[cfg(test)]
mod tests;
