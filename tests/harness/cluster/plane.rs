//! The control plane itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::Config;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::certs::Authority;
use super::child::{Child, tail};
use super::kubeconfig::{self, User};
use super::programs;
use super::spawn::Site;
use super::told::{Audited, Requests};
use crate::guard;
use crate::http::HttpClient;
use crate::wait::{LONG, SHORT, until};

/// A component that is told to end has so long.
const GRACE: Duration = Duration::from_secs(3);

/// What belongs to a plane beside etcd and the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// kube-controller-manager: Deployments get pods, namespaces service accounts, garbage is collected.
    pub controllers: bool,
    /// kube-scheduler. Without it the nodes bind the pods of their own namespaces themselves.
    pub scheduler: bool,
}

impl Default for Parts {
    /// Controllers, no scheduler.
    fn default() -> Self {
        Self { controllers: true, scheduler: false }
    }
}

/// A control plane. Dropped, it is gone.
pub struct Plane {
    own: Option<Own>,
    admin: PathBuf,
    url: String,
    authority: PathBuf,
    parts: Parts,
    files: AtomicU32,
    dir: TempDir,
}

/// What a plane has that the harness started.
pub(super) struct Own {
    pub(super) site: Site,
    pub(super) authority: Authority,
    etcd: Mutex<Option<Child>>,
    apiserver: Mutex<Option<Child>>,
    others: Mutex<Vec<Child>>,
}

impl Plane {
    /// The plane that the tests of this binary share: the controllers run, the nodes bind their pods.
    ///
    /// # Panics
    /// When there is none to be had; one line says what to install.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Plane> = OnceCell::const_new();
        let start = async || match std::env::var_os("SHOPBEAT_TEST_KUBECONFIG") {
            Some(path) if std::env::var_os("KUBEBUILDER_ASSETS").is_none() => {
                Self::named(Path::new(&path)).await
            }
            _ => Self::start().await,
        };
        SHARED.get_or_init(start).await
    }

    /// A plane of one's own.
    ///
    /// # Panics
    /// When there is none to be had; one line says what to install.
    pub async fn start() -> Self {
        Self::with(Parts::default()).await
    }

    /// A plane of one's own, of these parts.
    ///
    /// # Panics
    /// When there is none to be had; one line says what to install.
    pub async fn with(parts: Parts) -> Self {
        let found = tokio::task::spawn_blocking(|| programs::component("kube-apiserver")).await;
        if let Err(missing) = found.expect("the search ends") {
            panic!("{missing}");
        }
        let dir = directory();
        let authority = Authority::new(dir.path());
        let site = Site::new(dir.path(), &authority);
        let write = |file: &str, name: &str| {
            let identity = authority.user(file, name, "system:masters");
            let path = dir.path().join(format!("{file}.kubeconfig"));
            kubeconfig::write(&path, &site.url(), &site.authority, "default", &User::Certificate(&identity))
        };
        let admin = write("admin", "admin");
        let controllers = write("controllers", "system:kube-controller-manager");
        let scheduler = write("scheduler", "system:kube-scheduler");
        let (url, authority_file) = (site.url(), site.authority.clone());
        let etcd = site.etcd().unwrap_or_else(|error| panic!("{error}"));
        let own = Own {
            site,
            authority,
            etcd: Mutex::new(Some(etcd)),
            apiserver: Mutex::default(),
            others: Mutex::default(),
        };
        let files = AtomicU32::default();
        let plane = Self { own: Some(own), admin, url, authority: authority_file, parts, files, dir };
        plane.etcd_answers().await;
        plane.start_apiserver().await;
        let own = plane.own();
        let mut others = Vec::new();
        if parts.controllers {
            others.push(own.site.controllers(&controllers).unwrap_or_else(|error| panic!("{error}")));
        }
        if parts.scheduler {
            others.push(own.site.scheduler(&scheduler).unwrap_or_else(|error| panic!("{error}")));
        }
        *lock(&own.others) = others;
        if parts.controllers {
            plane.accounts("default").await;
        }
        plane
    }

    /// A cluster of somebody else.
    async fn named(path: &Path) -> Self {
        let dir = directory();
        let config = config(path).await;
        let authority = dir.path().join("ca.crt");
        let pem = config.root_cert.unwrap_or_default().into_iter().map(|der| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
        });
        std::fs::write(&authority, pem.collect::<String>()).expect("a file can be written");
        let url = config.cluster_url.to_string();
        let parts = Parts { controllers: true, scheduler: true };
        Self { own: None, admin: path.to_owned(), url, authority, parts, files: AtomicU32::default(), dir }
    }

    pub(super) fn own(&self) -> &Own {
        self.own
            .as_ref()
            .expect("this takes a control plane of the tests' own: unset SHOPBEAT_TEST_KUBECONFIG")
    }

    /// What it consists of.
    #[must_use]
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// Where its API server is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority that vouches for its API server.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Its administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// A directory of its own, for logs and files of a test; it goes with the plane.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How often it was asked for what, as its metrics tell; since its start.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn requests(&self) -> Requests {
        Requests::parse(&self.metrics().await)
    }

    /// The text of its metrics.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metrics(&self) -> String {
        let request = Request::get("/metrics").body(Vec::new()).expect("a request");
        self.client().await.request_text(request).await.expect("it answers")
    }

    /// All requests it got, in order, with who asked and what was decided; across its restarts.
    ///
    /// # Panics
    /// When the plane is not the tests' own.
    #[must_use]
    pub fn audit(&self) -> Vec<Audited> {
        let log = std::fs::read(self.own().site.audit_log()).unwrap_or_default();
        Audited::parse(&String::from_utf8_lossy(&log))
    }

    /// Kills the API server (SIGKILL).
    ///
    /// # Panics
    /// When the plane is not the tests' own.
    pub fn kill_apiserver(&self) {
        drop(lock(&self.own().apiserver).take());
    }

    /// Starts the API server, on the same port with the same data, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become so.
    pub async fn start_apiserver(&self) {
        let own = self.own();
        *lock(&own.apiserver) = Some(own.site.apiserver().unwrap_or_else(|error| panic!("{error}")));
        let client = self.client().await;
        until("the API server is ready", LONG, async || {
            if let Some(server) = lock(&own.apiserver).as_mut()
                && let Some(status) = server.ended()
            {
                panic!("the API server ended, {status}:\n{}", tail(&server.log(), 20));
            }
            let request = Request::get("/readyz").body(Vec::new()).expect("a request");
            let asked = tokio::time::timeout(GRACE, client.request_text(request)).await;
            asked.map_err(|_| "no answer".to_owned())?.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Restarts the API server in such a way that no watch can be resumed: its data have moved on and the past is
    /// compacted, so that a watcher is told 410 and has to list again.
    ///
    /// # Panics
    /// When etcd or the API server do not answer.
    pub async fn expire_watches(&self) {
        self.kill_apiserver();
        let ask = async |path: &str, body: serde_json::Value| {
            let mut client = HttpClient::new(([127, 0, 0, 1], self.own().site.etcd_port).into());
            let request = Request::post(path).header("host", "localhost").body(Body::from(body.to_string()));
            let answer = client.send(request.expect("a request")).await.expect("etcd answers");
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            serde_json::from_str::<serde_json::Value>(&answer.text).expect("etcd answers in JSON")
        };
        let mut revision = String::new();
        for _ in 0..100 {
            let body = json!({ "key": STANDARD.encode("/shopbeat-tests"), "value": "" });
            let answer = ask("/v3/kv/put", body).await;
            let told = answer.pointer("/header/revision").and_then(|revision| revision.as_str());
            told.expect("a revision").clone_into(&mut revision);
        }
        ask("/v3/kv/compaction", json!({ "revision": revision, "physical": true })).await;
        self.start_apiserver().await;
    }

    /// Ends it in order, the API server before etcd.
    pub async fn stop(self) {
        let Some(own) = &self.own else { return };
        let mut parts = std::mem::take(&mut *lock(&own.others));
        parts.extend(lock(&own.apiserver).take());
        parts.extend(lock(&own.etcd).take());
        for mut part in parts {
            part.stop(GRACE).await;
        }
    }

    /// A path for one more kubeconfig.
    pub(super) fn free_file(&self, kind: &str) -> PathBuf {
        self.dir.path().join(format!("{kind}-{}.kubeconfig", self.files.fetch_add(1, Ordering::Relaxed)))
    }

    async fn etcd_answers(&self) {
        let own = self.own();
        let mut client = HttpClient::new(([127, 0, 0, 1], own.site.etcd_port).into());
        until("etcd answers", SHORT, async || {
            if let Some(etcd) = lock(&own.etcd).as_mut()
                && let Some(status) = etcd.ended()
            {
                panic!("etcd ended, {status}:\n{}", tail(&etcd.log(), 20));
            }
            let answer = client.get("/health").await?;
            if answer.status == 200 { Ok(()) } else { Err(answer.text) }
        })
        .await;
    }

    /// Waits for what the controllers put into each namespace; pods wait for it, too.
    pub(super) async fn accounts(&self, namespace: &str) {
        let client = self.client().await;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
        let roots: Api<ConfigMap> = Api::namespaced(client, namespace);
        until("the controllers have made the default service account", LONG, async || {
            let account = accounts.get("default").await.map(|_| ());
            let root = roots.get("kube-root-ca.crt").await.map(|_| ());
            account.and(root).map_err(|error| format!("{error}\n{}", self.controllers_log()))
        })
        .await;
    }

    fn controllers_log(&self) -> String {
        let Some(own) = &self.own else { return String::new() };
        let logs: Vec<String> = lock(&own.others).iter().map(|part| tail(&part.log(), 10)).collect();
        logs.join("\n")
    }
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Plane").field("url", &self.url).finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn config(path: &Path) -> Config {
    let file = Kubeconfig::read_from(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("a kubeconfig")
}

fn directory() -> TempDir {
    let dir =
        tempfile::Builder::new().prefix(guard::DIRECTORY_PREFIX).tempdir().expect("a directory can be made");
    guard::remove_at_end(dir.path());
    dir
}
