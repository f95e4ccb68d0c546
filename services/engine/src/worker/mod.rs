//! One store's worker: it holds the store's lease, claims its jobs and runs them, a few at a time; beside that it
//! sweeps and keeps the webhook subscriptions in order.

mod held;
mod hold;
mod job;
mod lane;
#[cfg(test)]
mod probe_tests;
mod report;
#[cfg(test)]
mod report_tests;
mod session;
#[cfg(test)]
mod tests;

use shopbeat_domain::ids::StoreId;
use shopbeat_domain::limits;
use shopbeat_domain::store::{Desired, Store};
use tokio_util::sync::CancellationToken;

use crate::agreement;
use crate::ports::Ports;

pub use held::Held;
pub(crate) use report::{Meets, Reporter};
pub(crate) use session::tell;

/// The lease by which one store has one worker.
#[must_use]
pub fn lease_name(store: &StoreId) -> String {
    format!("worker/{store}")
}

/// Runs a store's worker until `shutdown`, or until the store is disconnected or stopped. `owner` names this worker
/// among others. Waits for its turn while another worker holds the store.
pub async fn run(ports: Ports, id: StoreId, owner: String, shutdown: CancellationToken) {
    let mut failures = 0;
    while !shutdown.is_cancelled() {
        match turn(&ports, &id, &owner, &shutdown).await {
            Ok(Turn::Over) => return,
            Ok(Turn::Again) => failures = 0,
            Err(failure) => {
                let wait = crate::retry::backoff(failures, ports.random.as_ref());
                failures += 1;
                tracing::warn!(store.id = %id, error = %failure, wait_ms = wait.as_millis(), "the worker has to wait");
                ports.observer.call_failed(&id, &failure);
                pause(&ports, wait, &shutdown).await;
            }
        }
    }
}

enum Turn {
    /// The store needs no worker any more.
    Over,
    /// Look again.
    Again,
}

async fn turn(
    ports: &Ports,
    id: &StoreId,
    owner: &str,
    shutdown: &CancellationToken,
) -> shopbeat_domain::ports::Answer<Turn> {
    let Some(store) = ports.state.registry.store(id).await? else { return Ok(Turn::Over) };
    if !wants_worker(&store) {
        return Ok(Turn::Over);
    }
    let lease = ports.state.leases.take(&lease_name(id), owner, ports.timing.lease).await?;
    let Some(lease) = lease else {
        pause(ports, limits::IDLE_LOOK.min(ports.timing.renewal()), shutdown).await;
        return Ok(Turn::Again);
    };
    tracing::info!(store.id = %id, lease.fence = lease.fence, "this worker has the store");
    let ended = Box::pin(session::run(ports, &store, &lease, shutdown)).await;
    // The session ended with its reader, wherever that was.
    agreement::give_back(ports, &store, owner).await?;
    ports.state.leases.free(&lease).await?;
    ended?;
    Ok(Turn::Again)
}

/// Whether a store needs a worker: a paused one does, to keep recording.
#[must_use]
pub fn wants_worker(store: &Store) -> bool {
    store.disconnected_at.is_none() && store.desired != Desired::Stopped
}

pub(crate) async fn pause(ports: &Ports, time: std::time::Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = ports.clock.sleep(time) => {}
        () = shutdown.cancelled() => {}
    }
}
