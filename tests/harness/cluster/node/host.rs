//! What all pods of a node share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use tokio::runtime::Handle;

use super::services::Forward;
use super::status::PodState;
use super::{Plan, Program, Running, RunningContainer};
pub(super) use crate::cluster::plane::{config, lock};

/// A node's own things.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) namespaces: Vec<String>,
    pub(super) programs: BTreeMap<String, Program>,
    pub(super) entrypoints: Vec<(String, String)>,
    pub(super) routes: BTreeMap<String, SocketAddr>,
    pub(super) url: String,
    pub(super) authority: PathBuf,
    admin: PathBuf,
    /// By uid.
    pub(super) pods: Mutex<BTreeMap<String, Known>>,
    /// By namespace, Service and port.
    pub(super) forwards: Mutex<BTreeMap<(String, String, u16), Forward>>,
    pub(super) live: OnceLock<Live>,
}

/// What there is once its thread runs.
#[derive(Clone)]
pub(super) struct Live {
    /// With the node's rights.
    pub(super) client: Client,
    /// With all rights, for what is no kubelet's work.
    pub(super) admin: Client,
    pub(super) runtime: Handle,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Live")
    }
}

/// A pod the node has.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) state: Arc<Mutex<PodState>>,
    logs: BTreeMap<String, PathBuf>,
}

impl Known {
    pub(super) fn running(&self) -> Running {
        let state = lock(&self.state);
        let containers = state.containers.iter().map(|container| {
            let running = RunningContainer {
                process: container.process,
                restarts: container.restarts,
                log: self.logs.get(&container.name).cloned().unwrap_or_default(),
            };
            (container.name.clone(), running)
        });
        Running {
            namespace: self.namespace.clone(),
            pod: self.name.clone(),
            labels: self.labels.clone(),
            is_ready: state.is_ready(),
            ports: state.ports.clone(),
            containers: containers.collect(),
        }
    }
}

impl Host {
    pub(super) fn new(plan: &Plan<'_>, dir: PathBuf) -> Self {
        Self {
            name: plan.name.clone(),
            dir,
            namespaces: plan.namespaces.clone(),
            programs: plan.programs.clone(),
            entrypoints: plan.entrypoints.clone(),
            routes: plan.routes.clone(),
            url: plan.plane.url().to_owned(),
            authority: plan.plane.authority().to_owned(),
            admin: plan.plane.kubeconfig().to_owned(),
            pods: Mutex::default(),
            forwards: Mutex::default(),
            live: OnceLock::new(),
        }
    }

    /// Clients and runtime of the node's thread.
    pub(super) fn live(&self) -> &Live {
        self.live.get().expect("the node's thread runs")
    }

    /// A client of the cluster's administrator on the caller's runtime.
    pub(super) async fn admin(&self) -> Client {
        Client::try_from(config(&self.admin).await).expect("a client can be made")
    }

    /// Where a container's log is.
    pub(super) fn log(&self, namespace: &str, pod: &str, container: &str) -> PathBuf {
        self.dir.join(format!("{namespace}_{pod}_{container}.log"))
    }

    /// All logs there are.
    pub(super) fn logs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().filter_map(Result::ok);
        let mut logs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        logs
    }

    /// The node has this pod from now on.
    pub(super) fn admit(
        &self,
        uid: &str,
        namespace: &str,
        name: &str,
        labels: BTreeMap<String, String>,
    ) -> Arc<Mutex<PodState>> {
        let state = Arc::new(Mutex::new(PodState::default()));
        let known = Known {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels,
            state: Arc::clone(&state),
            logs: BTreeMap::new(),
        };
        lock(&self.pods).insert(uid.to_owned(), known);
        state
    }

    /// A container of it writes here.
    pub(super) fn writes(&self, uid: &str, container: &str, log: PathBuf) {
        if let Some(known) = lock(&self.pods).get_mut(uid) {
            known.logs.insert(container.to_owned(), log);
        }
    }
}

/// The moment, as objects of the API have it.
#[expect(clippy::disallowed_methods, reason = "a node lives in real time")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
