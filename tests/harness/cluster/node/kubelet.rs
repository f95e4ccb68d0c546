//! The node's thread: it registers, keeps its Lease, and gives its pods their lives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use hyper::Request;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::fmt::temporal::DateTimePrinter;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config as WatchConfig, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};
use tokio::time::{interval, timeout};

use super::GRACE;
use super::container::Order;
use super::host::{Host, Live, config, now};
use super::{logs, pod};
use crate::wait::pause;

/// The node counts as gone after 40 seconds without.
const HEARTBEAT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const LEASES: &str = "kube-node-lease";

/// Who it is.
pub(super) struct Start {
    /// Kubeconfig of the administrator.
    pub(super) admin: PathBuf,
    /// Its own.
    pub(super) node: PathBuf,
    /// It binds pods itself.
    pub(super) binds: bool,
    /// Certificate and key by which it serves logs.
    pub(super) server: (PathBuf, PathBuf),
}

/// Runs until it is told to end. The runtime is its own: pods outlive the test that shares a plane with others.
pub(super) fn main(
    host: &Arc<Host>,
    start: &Start,
    ready: oneshot::Sender<()>,
    mut end: watch::Receiver<bool>,
) {
    let runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let client =
            async |path: &PathBuf| Client::try_from(config(path).await).expect("a client can be made");
        let live = Live {
            client: client(&start.node).await,
            admin: client(&start.admin).await,
            runtime: Handle::current(),
        };
        host.live.set(live).expect("a node starts once");
        tokio::select! {
            () = work(host, start, ready) => {}
            _ = end.wait_for(|is_told| *is_told) => {}
        }
    });
    // Lives end where they are; what they started is killed as it is dropped.
    let live = host.live().clone();
    runtime.block_on(async {
        let nodes: Api<Node> = Api::all(live.admin);
        let _ = timeout(Duration::from_secs(2), nodes.delete(&host.name, &DeleteParams::default())).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

async fn work(host: &Arc<Host>, start: &Start, ready: oneshot::Sender<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let read = |path: &PathBuf| std::fs::read(path).expect("the file is there");
    let tls = (read(&start.server.0), read(&start.server.1));
    let logs = logs::serve(Arc::clone(host), listener, tls);
    while let Err(error) = register(host, port).await {
        eprintln!("node {}: {error}", host.name);
        pause(LOOK_AGAIN).await;
    }
    let _ = ready.send(());
    let bind = async {
        if start.binds {
            bind_pods(host).await;
        }
    };
    tokio::join!(beat(host), watch_pods(host), bind, logs);
}

async fn register(host: &Host, logs: u16) -> kube::Result<()> {
    let client = &host.live().client;
    let nodes: Api<Node> = Api::all(client.clone());
    let labels = json!({
        "kubernetes.io/hostname": host.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    });
    let node = json!({ "metadata": { "name": host.name, "labels": labels } });
    let node: Node = serde_json::from_value(node).expect("a node");
    match nodes.create(&PostParams::default(), &node).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(error),
    }
    let room = json!({ "cpu": "64", "memory": "64Gi", "pods": "2000", "ephemeral-storage": "64Gi" });
    let since = now().to_string();
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Kubelet", "message": "",
            "lastHeartbeatTime": since, "lastTransitionTime": since,
        })
    };
    let status = json!({ "status": {
        "capacity": room,
        "allocatable": room,
        "conditions": [
            condition("Ready", "True"),
            condition("MemoryPressure", "False"),
            condition("DiskPressure", "False"),
            condition("PIDPressure", "False"),
        ],
        "daemonEndpoints": { "kubeletEndpoint": { "Port": logs } },
        "addresses": [
            { "type": "InternalIP", "address": "127.0.0.1" },
            { "type": "Hostname", "address": host.name },
        ],
    } });
    nodes.patch_status(&host.name, &PatchParams::default(), &Patch::Strategic(status)).await?;
    let lease = json!({ "metadata": { "name": host.name, "namespace": LEASES }, "spec": lease(host) });
    let lease: Lease = serde_json::from_value(lease).expect("a lease");
    let leases: Api<Lease> = Api::namespaced(client.clone(), LEASES);
    match leases.create(&PostParams::default(), &lease).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        other => other.map(drop),
    }
}

fn lease(host: &Host) -> Value {
    // The API wants exactly six digits of a second.
    let mut time = String::new();
    let printer = DateTimePrinter::new().precision(Some(6));
    printer.print_timestamp(&now(), &mut time).expect("a time can be printed");
    json!({ "holderIdentity": host.name, "leaseDurationSeconds": 40, "renewTime": time })
}

async fn beat(host: &Host) {
    let leases: Api<Lease> = Api::namespaced(host.live().client.clone(), LEASES);
    let mut beats = interval(HEARTBEAT);
    loop {
        beats.tick().await;
        let patch = Patch::Merge(json!({ "spec": lease(host) }));
        // An API server that is away is tried at the next beat.
        let _ = leases.patch(&host.name, &PatchParams::default(), &patch).await;
    }
}

async fn watch_pods(host: &Arc<Host>) {
    let pods: Api<Pod> = Api::all(host.live().client.clone());
    // A node may see the pods of its own name only.
    let of_node = WatchConfig::default().fields(&format!("spec.nodeName={}", host.name));
    let mut events = std::pin::pin!(watcher(pods, of_node).default_backoff());
    let mut lives = Lives { host: Arc::clone(host), orders: BTreeMap::new() };
    let mut listed = BTreeSet::new();
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(pod))) => lives.see(pod),
            Ok(Some(Event::Delete(pod))) => lives.forget(&pod.metadata.uid.unwrap_or_default()),
            Ok(Some(Event::Init)) => listed.clear(),
            Ok(Some(Event::InitApply(pod))) => {
                listed.extend(pod.metadata.uid.clone());
                lives.see(pod);
            }
            Ok(Some(Event::InitDone)) => lives.keep(&listed),
            Ok(None) => return,
            Err(_) => {} // the watcher begins again
        }
    }
}

/// Pods that live here, and how they are told.
struct Lives {
    host: Arc<Host>,
    orders: BTreeMap<String, watch::Sender<Order>>,
}

impl Lives {
    fn see(&mut self, pod: Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        match self.orders.get(&uid) {
            Some(order) if is_deleted => {
                let seconds = pod.metadata.deletion_grace_period_seconds;
                let grace = seconds.and_then(|seconds| u64::try_from(seconds).ok());
                order.send_replace(Order::Stop(grace.map_or(GRACE, Duration::from_secs)));
            }
            Some(_) => {}
            None if is_deleted => {
                let host = Arc::clone(&self.host);
                tokio::spawn(async move { pod::remove(&host, &pod).await });
            }
            None if matches!(phase, Some("Succeeded" | "Failed")) => {}
            None => {
                let (order, told) = watch::channel(Order::Run);
                tokio::spawn(pod::live(Arc::clone(&self.host), pod, told));
                self.orders.insert(uid, order);
            }
        }
    }

    /// It was removed by force.
    fn forget(&mut self, uid: &str) {
        if let Some(order) = self.orders.remove(uid) {
            order.send_replace(Order::Gone);
        }
    }

    fn keep(&mut self, listed: &BTreeSet<String>) {
        let gone: Vec<String> = self.orders.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        for uid in gone {
            self.forget(&uid);
        }
    }
}

/// What a scheduler does, for the pods of the node's namespaces.
async fn bind_pods(host: &Arc<Host>) {
    let pods: Api<Pod> = Api::all(host.live().admin.clone());
    let unbound = WatchConfig::default().fields("spec.nodeName=");
    let mut events = std::pin::pin!(watcher(pods, unbound).default_backoff());
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(pod) | Event::InitApply(pod))) => {
                let of_namespace = pod.metadata.namespace.as_ref();
                let is_ours = of_namespace.is_some_and(|namespace| host.namespaces.contains(namespace));
                if is_ours && pod.metadata.deletion_timestamp.is_none() {
                    tokio::spawn(bind(Arc::clone(host), pod));
                }
            }
            Ok(None) => return,
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

async fn bind(host: Arc<Host>, pod: Pod) {
    let namespace = pod.metadata.namespace.unwrap_or_default();
    let name = pod.metadata.name.unwrap_or_default();
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": { "name": name, "namespace": namespace },
        "target": { "apiVersion": "v1", "kind": "Node", "name": host.name },
    });
    loop {
        let request = Request::post(format!("/api/v1/namespaces/{namespace}/pods/{name}/binding"))
            .header("content-type", "application/json")
            .body(binding.to_string().into_bytes())
            .expect("a request");
        match host.live().admin.request_text(request).await {
            Ok(_) => return,
            // Bound already, or gone.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => return,
            Err(_) => {
                pause(LOOK_AGAIN).await;
            }
        }
    }
}
