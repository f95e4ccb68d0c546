//! One pod's life: volumes, init containers, containers, the end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::container::{Order, Runner, told};
use super::host::{Host, lock, now};
use super::status::{ContainerState, PodState};
use super::volumes;
use crate::cluster::ports::free_port;
use crate::wait::pause;

/// What is missing, or the API server, is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Lives until it is told to end and is removed.
pub(super) async fn live(host: Arc<Host>, pod: Pod, mut order: watch::Receiver<Order>) {
    let pod = Arc::new(pod);
    let uid = pod.metadata.uid.clone().unwrap_or_default();
    let (namespace, name) = names(&pod);
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let state = host.admit(&uid, &namespace, &name, labels);
    let changed = Arc::new(Notify::new());
    let life =
        Life { dir: host.dir.join(&uid), host: Arc::clone(&host), pod, state, changed, order: order.clone() };
    life.begin();
    let telling = tokio::spawn(tell_changes(Arc::clone(&host), Arc::clone(&life.pod), life.share()));
    Box::pin(life.run()).await;
    // One that is done stays, and is shown, until it is deleted.
    told(&mut order).await;
    telling.abort();
    let was_told = *order.borrow();
    if was_told != Order::Gone {
        let told = lock(&life.state).tell(now());
        let _ = tell(&host, &life.pod, &told).await;
        remove(&host, &life.pod).await;
    }
    lock(&host.pods).remove(&uid);
    let _ = std::fs::remove_dir_all(&life.dir);
}

struct Life {
    host: Arc<Host>,
    pod: Arc<Pod>,
    dir: std::path::PathBuf,
    state: Arc<Mutex<PodState>>,
    changed: Arc<Notify>,
    order: watch::Receiver<Order>,
}

impl Life {
    fn share(&self) -> (Arc<Mutex<PodState>>, Arc<Notify>) {
        (Arc::clone(&self.state), Arc::clone(&self.changed))
    }

    fn containers(&self, is_init: bool) -> Vec<Container> {
        let Some(spec) = &self.pod.spec else { return Vec::new() };
        if is_init { spec.init_containers.clone().unwrap_or_default() } else { spec.containers.clone() }
    }

    fn begin(&self) {
        let mut state = lock(&self.state);
        state.begun = Some(now());
        for is_init in [true, false] {
            for container in self.containers(is_init) {
                let image = container.image.as_deref().unwrap_or_default();
                state.containers.push(ContainerState::new(&container.name, image, is_init));
            }
        }
        drop(state);
        for container in self.containers(true).iter().chain(&self.containers(false)) {
            find_ports(&self.state, container);
        }
        self.changed.notify_one();
    }

    async fn run(&self) {
        let mut order = self.order.clone();
        let _ = std::fs::create_dir_all(&self.dir);
        while let Err(missing) = volumes::fill(&self.host.live().client, &self.pod, &self.dir).await {
            self.wait(&missing);
            if timeout(LOOK_AGAIN, told(&mut order)).await.is_ok() {
                return;
            }
        }
        for container in self.containers(true) {
            let name = container.name.clone();
            self.runner(container, true).run().await;
            let is_done = lock(&self.state)
                .containers
                .iter()
                .any(|container| container.name == name && container.is_done && container.has_succeeded());
            if !is_done {
                return;
            }
        }
        join_all(self.containers(false).into_iter().map(|container| self.runner(container, false).run()))
            .await;
    }

    /// As with a kubelet, a container that waits for a volume is being created.
    fn wait(&self, missing: &str) {
        for container in &mut lock(&self.state).containers {
            container.wait("ContainerCreating", missing);
        }
        self.changed.notify_one();
    }

    fn runner(&self, container: Container, is_init: bool) -> Runner {
        let (namespace, name) = names(&self.pod);
        let log = self.host.log(&namespace, &name, &container.name);
        let uid = self.pod.metadata.uid.as_deref().unwrap_or_default();
        self.host.writes(uid, &container.name, log.clone());
        Runner {
            host: Arc::clone(&self.host),
            pod: Arc::clone(&self.pod),
            container,
            is_init,
            dir: self.dir.clone(),
            log,
            state: Arc::clone(&self.state),
            changed: Arc::clone(&self.changed),
            order: self.order.clone(),
        }
    }
}

/// Free ports for those that a container declares.
pub(super) fn find_ports(state: &Mutex<PodState>, container: &Container) {
    for port in container.ports.iter().flatten() {
        let real = free_port();
        let mut state = lock(state);
        state.ports.insert(port.container_port.to_string(), real);
        if let Some(name) = &port.name {
            state.ports.insert(name.clone(), real);
        }
    }
}

fn names(pod: &Pod) -> (String, String) {
    (pod.metadata.namespace.clone().unwrap_or_default(), pod.metadata.name.clone().unwrap_or_default())
}

/// Writes the status whenever it has changed.
async fn tell_changes(host: Arc<Host>, pod: Arc<Pod>, (state, changed): (Arc<Mutex<PodState>>, Arc<Notify>)) {
    let mut last = Value::Null;
    loop {
        changed.notified().await;
        loop {
            let told = lock(&state).tell(now());
            if told == last {
                break;
            }
            match tell(&host, &pod, &told).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => return,
                Ok(()) => last = told,
                Err(_) => {
                    let _ = timeout(LOOK_AGAIN, changed.notified()).await;
                }
            }
        }
    }
}

async fn tell(host: &Host, pod: &Pod, told: &Value) -> kube::Result<()> {
    let (namespace, name) = names(pod);
    let api: Api<Pod> = Api::namespaced(host.live().client.clone(), &namespace);
    // The uid keeps it from another pod of the same name.
    let patch = Patch::Merge(json!({ "metadata": { "uid": pod.metadata.uid }, "status": told }));
    api.patch_status(&name, &PatchParams::default(), &patch).await.map(drop)
}

/// Removes a pod whose processes have ended.
pub(super) async fn remove(host: &Host, pod: &Pod) {
    let (namespace, name) = names(pod);
    let api: Api<Pod> = Api::namespaced(host.live().client.clone(), &namespace);
    let preconditions = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() }
        .preconditions(preconditions);
    loop {
        match api.delete(&name, &now).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => return,
            Err(_) => {
                pause(LOOK_AGAIN).await;
            }
        }
    }
}
