//! A node: it runs the pods that are bound to it as processes of this machine.
//!
//! What a kubelet does, it does: it registers with a certificate of `system:nodes`, renews its Lease, watches the pods
//! of its name, resolves environment and volumes with the node's own rights, runs init containers and containers,
//! probes them (HTTP, TCP, gRPC, exec), restarts them by the pod's policy, tells the status, and on deletion runs
//! `preStop`, sends SIGTERM, waits for the grace, sends SIGKILL and removes the pod.
//!
//! There are no images and no network of pods, so it rewrites what a pod says before a process sees it:
//! - **Programs.** `command[0]` is looked up in what [`Plan::runs`] was told, then on this machine's `PATH` by its file
//!   name; without a `command` it is the image's [`Plan::entrypoint`].
//! - **Volumes.** A mount's path becomes a directory of the pod, wherever it stands in `command`, `args` and values of
//!   the environment. What a program opens without being told is not there. A pod with a service account's token gets
//!   `KUBECONFIG`, since no file can lie below `/var/run/secrets`.
//! - **Ports.** All pods share the loopback: each declared `containerPort` gets a free port, and `0.0.0.0:PORT`,
//!   `[::]:PORT`, `127.0.0.1:PORT`, `localhost:PORT`, `:PORT` and a bare `PORT` become it. A program that listens by its
//!   own default has to be told by [`Program::env`] or [`Program::arg`], where `{port:NAME}` is the real port.
//! - **Names.** `SERVICE.NAMESPACE.svc:PORT`, and shorter and longer forms, become a local address that leads to a
//!   ready pod of that Service; what [`Plan::route`] was told comes first. So do not read an address in a log as the
//!   one in the manifest.
//!
//! `kubectl logs` works, without `--follow`; `exec` and `port-forward` do not.
//!
//! It binds the pods of its namespaces itself, unless the plane has a scheduler.

mod command;
mod container;
mod env;
mod hooks;
mod host;
mod kubelet;
mod logs;
mod pod;
mod probe;
mod rewrite;
mod services;
mod status;
mod volumes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use self::host::{Host, lock};
use super::child::tail;
use super::plane::Plane;
use crate::wait::{LONG, until};

/// So many lines of each container's log are shown when a test fails.
const TOLD_LINES: usize = 40;

/// A program of this machine that stands for one of an image.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) env: Vec<(String, String)>,
    pub(super) args: Vec<String>,
}

impl Program {
    /// The program at this path; below the repository's root if it is relative.
    pub fn at(path: impl AsRef<Path>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self { path: root.join(path), ..Self::default() }
    }

    /// An environment variable that it gets unless the pod sets it. `{port:NAME}` is the real port of the container's
    /// port NAME, by name or number; a container without that port does not get the variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more argument, after the pod's own; `{port:NAME}` as in [`Program::env`].
    #[must_use]
    pub fn arg(mut self, value: &str) -> Self {
        self.args.push(value.to_owned());
        self
    }
}

/// What a node is told before it starts.
#[derive(Debug)]
pub struct Plan<'a> {
    plane: &'a Plane,
    pub(super) name: String,
    pub(super) namespaces: Vec<String>,
    pub(super) programs: BTreeMap<String, Program>,
    pub(super) entrypoints: Vec<(String, String)>,
    pub(super) routes: BTreeMap<String, SocketAddr>,
}

impl Plan<'_> {
    /// A namespace whose pods it binds.
    #[must_use]
    pub fn of(mut self, namespace: &str) -> Self {
        self.namespaces.push(namespace.to_owned());
        self
    }

    /// The program that stands for a command of images, such as `/usr/local/bin/shopbeat`.
    #[must_use]
    pub fn runs(mut self, command: &str, program: Program) -> Self {
        self.programs.insert(command.to_owned(), program);
        self
    }

    /// The command of images whose name contains `image`, for containers that have none.
    #[must_use]
    pub fn entrypoint(mut self, image: &str, command: &str) -> Self {
        self.entrypoints.push((image.to_owned(), command.to_owned()));
        self
    }

    /// Where `HOST:PORT` in a pod's arguments and environment really is.
    #[must_use]
    pub fn route(mut self, name: &str, address: SocketAddr) -> Self {
        self.routes.insert(name.to_owned(), address);
        self
    }

    /// Starts the node and waits until it is registered.
    ///
    /// # Panics
    /// When it cannot be, or the plane is not the tests' own.
    pub async fn start(self) -> Node {
        let kubeconfig = self.plane.user(&format!("system:node:{}", self.name), "system:nodes");
        let files = self.plane.dir().join(format!("node-{}", self.name));
        std::fs::create_dir_all(&files).expect("a directory can be made");
        let start = kubelet::Start {
            admin: self.plane.kubeconfig().to_owned(),
            node: kubeconfig,
            binds: !self.plane.parts().scheduler,
            server: self.plane.server(&format!("kubelet-{}", self.name)),
        };
        let (ready, registered) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let host = Arc::new(Host::new(&self, files));
        let of_thread = Arc::clone(&host);
        let thread = std::thread::Builder::new().name(self.name.clone());
        let thread = thread.spawn(move || kubelet::main(&of_thread, &start, ready, ended));
        let node = Node { host, end, thread: Some(thread.expect("a thread starts")) };
        let registered = tokio::time::timeout(LONG, registered).await;
        assert!(matches!(registered, Ok(Ok(()))), "node {} cannot register", self.name);
        node
    }
}

/// What runs of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub pod: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether all its containers are ready.
    pub is_ready: bool,
    /// Real ports by the names of the pod's ports, and by their numbers.
    pub ports: BTreeMap<String, u16>,
    /// Its containers by name.
    pub containers: BTreeMap<String, RunningContainer>,
}

/// What runs of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningContainer {
    /// Process id; none while it does not run.
    pub process: Option<u32>,
    /// How often it was started again.
    pub restarts: i32,
    /// Its log, of all its starts.
    pub log: PathBuf,
}

/// A running node. Dropped, its processes are killed and it is deregistered.
#[derive(Debug)]
pub struct Node {
    host: Arc<Host>,
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// A node of this name, still to be told what it runs.
    #[must_use]
    pub fn plan<'a>(plane: &'a Plane, name: &str) -> Plan<'a> {
        Plan {
            plane,
            name: name.to_owned(),
            namespaces: Vec::new(),
            programs: BTreeMap::new(),
            entrypoints: Vec::new(),
            routes: BTreeMap::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.host.name
    }

    /// Pods it runs now.
    #[must_use]
    pub fn pods(&self) -> Vec<Running> {
        lock(&self.host.pods).values().map(host::Known::running).collect()
    }

    /// Pods of a namespace that bear a label.
    #[must_use]
    pub fn labelled(&self, namespace: &str, label: &str, value: &str) -> Vec<Running> {
        let mut pods = self.pods();
        pods.retain(|pod| {
            pod.namespace == namespace && pod.labels.get(label).is_some_and(|held| held == value)
        });
        pods
    }

    /// Waits until `count` pods of a namespace that bear a label are there, all of them ready.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn ready(&self, namespace: &str, label: &str, value: &str, count: usize) -> Vec<Running> {
        until(&format!("{count} pods with {label}={value} are ready"), LONG, async || {
            let pods = self.labelled(namespace, label, value);
            let is_so = pods.len() == count && pods.iter().all(|pod| pod.is_ready);
            if is_so { Ok(pods) } else { Err(format!("{pods:?}")) }
        })
        .await
    }

    /// A local address that leads to a ready pod of a Service, whichever that is at the moment.
    ///
    /// # Panics
    /// When there is no such Service, or it has no such port.
    pub async fn service(&self, namespace: &str, service: &str, port: u16) -> SocketAddr {
        let client = self.host.admin().await;
        let found = services::all(&client, namespace).await.unwrap_or_else(|error| panic!("{error}"));
        let found = found.iter().find(|found| found.metadata.name.as_deref() == Some(service));
        let found = found.unwrap_or_else(|| panic!("there is no Service {namespace}/{service}"));
        let forward = services::forward(&self.host, found, port);
        forward.unwrap_or_else(|| panic!("Service {namespace}/{service} has no port {port}"))
    }

    /// All that a container said, in all its starts; empty if there is none.
    #[must_use]
    pub fn log(&self, namespace: &str, pod: &str, container: &str) -> String {
        let bytes = std::fs::read(self.host.log(namespace, pod, container)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a signal to a container's processes, such as `KILL`: the node starts it again, as its pod's policy says.
    ///
    /// # Panics
    /// When it does not run.
    pub fn signal(&self, namespace: &str, pod: &str, container: &str, signal: &str) {
        let pods = self.pods();
        let pod = pods.iter().find(|running| running.namespace == namespace && running.pod == pod);
        let process = pod.and_then(|pod| pod.containers.get(container)?.process);
        let process = process.unwrap_or_else(|| panic!("{container} does not run: {pod:?}"));
        let mut command = Command::new("kill");
        command.args(["-s", signal, "--", &format!("-{process}")]).stderr(Stdio::null());
        assert!(command.status().is_ok_and(|status| status.success()), "{container} cannot be sent {signal}");
    }

    fn tell_logs(&self) {
        for path in self.host.logs() {
            let text = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            eprintln!("--- the end of {}\n{}", name.display(), tail(&text, TOLD_LINES));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.end.send(true);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
        if std::thread::panicking() {
            self.tell_logs();
        }
    }
}

/// The grace of a pod that says nothing of it.
const GRACE: Duration = Duration::from_secs(30);
