//! The workers of all stores in one process: started for each store that wants one, ended for those that do not.

use std::collections::HashMap;
use std::time::Duration;

use shopbeat_domain::ids::StoreId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ports::Ports;
use crate::worker;

/// The registry is looked at this often for new stores.
const LOOK: Duration = Duration::from_millis(500);

/// Runs until `shutdown`, then lets every worker drain.
pub async fn run(ports: Ports, owner: String, shutdown: CancellationToken) {
    let mut crew: HashMap<StoreId, JoinHandle<()>> = HashMap::new();
    while !shutdown.is_cancelled() {
        crew.retain(|_, worker| !worker.is_finished());
        match ports.state.registry.stores().await {
            Ok(stores) => {
                for store in stores.into_iter().filter(worker::wants_worker) {
                    crew.entry(store.id.clone()).or_insert_with(|| {
                        let owner = format!("{owner}/{}", store.id);
                        tokio::spawn(worker::run(ports.clone(), store.id, owner, shutdown.child_token()))
                    });
                }
            }
            Err(failure) => tracing::warn!(error = %failure, "the stores could not be listed"),
        }
        worker::pause(&ports, LOOK, &shutdown).await;
    }
    for (store, worker) in crew {
        if worker.await.is_err() {
            tracing::error!(store.id = %store, "a worker ended unexpectedly");
        }
    }
}
