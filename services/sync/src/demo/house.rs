//! The service, in this process; its workers as tasks here, or with Redis as processes of their own.

use std::collections::BTreeMap;
use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use shopbeat_domain::billing::ProRata;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::money::Currency;
use shopbeat_engine::connect::STOCK_EVENT;
use shopbeat_engine::worker;
use shopbeat_proto::v1;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::DemoOptions;
use super::remotes::Remotes;
use crate::app::Service;
use crate::cli::{self, Api, Failed};
use crate::options::{ClientOptions, Output, RemoteOptions, ServeOptions, StateOptions, WorkerMode};
use crate::telemetry::LogFormat;

/// A dead worker's store is taken over after this: short, since everything here is near.
const LEASE_SECONDS: u64 = 6;

/// One worker.
enum Worker {
    Task(JoinHandle<()>, CancellationToken),
    Process(Child),
}

/// The service with its workers, and a client of its API.
pub(super) struct House {
    pub(super) api: Api,
    pub(super) redis_prefix: Option<String>,
    service: Service,
    options: ServeOptions,
    workers: BTreeMap<String, Worker>,
    started: u32,
}

impl House {
    pub(super) async fn open(options: &DemoOptions, remotes: &Remotes) -> anyhow::Result<Self> {
        let options = serve_options(options, remotes)?;
        let service = Service::start(&options).await?;
        let addr = format!("http://{}", service.grpc_address());
        let api = cli::connect(&ClientOptions { addr, token: None, output: Output::Table }).await?;
        let redis_prefix = options.state.redis_url.is_some().then(|| options.state.redis_prefix.clone());
        Ok(Self { api, redis_prefix, service, options, workers: BTreeMap::new(), started: 0 })
    }

    /// Where the gRPC API listens.
    pub(super) fn grpc(&self) -> String {
        format!("http://{}", self.service.grpc_address())
    }

    /// Where webhooks, probes and metrics are.
    pub(super) fn http(&self) -> String {
        format!("http://{}", self.service.http_address())
    }

    /// What the service tells of a store.
    pub(super) async fn store(&mut self, store: &str) -> Result<v1::GetStoreResponse, Failed> {
        let request = v1::GetStoreRequest { store_id: store.to_owned(), ..v1::GetStoreRequest::default() };
        Ok(self.api.get_store(request).await?.into_inner())
    }

    /// Whether a store has a worker.
    pub(super) fn has_worker(&self, store: &str) -> bool {
        self.workers.contains_key(store)
    }

    /// Starts a store's worker.
    pub(super) fn start_worker(&mut self, store: &str) -> anyhow::Result<()> {
        self.started += 1;
        let worker = match &self.options.state.redis_url {
            None => {
                let (ports, shutdown) = (self.service.ports().clone(), CancellationToken::new());
                let owner = format!("demo-{}-{}", std::process::id(), self.started);
                let work = worker::run(ports, StoreId::parse(store)?, owner, shutdown.clone());
                Worker::Task(tokio::spawn(work), shutdown)
            }
            Some(url) => Worker::Process(self.spawn(url, store)?),
        };
        self.workers.insert(store.to_owned(), worker);
        Ok(())
    }

    /// `shopbeat worker`, told only what it needs: nothing of this environment may lead it to another state.
    fn spawn(&self, url: &SecretString, store: &str) -> anyhow::Result<Child> {
        let state = &self.options.state;
        let remotes = &self.options.remotes;
        let program = env::current_exe().context("this program does not know where it is")?;
        let key = state.master_key.as_ref().map_or("", |key| key.expose_secret());
        let log = env::var("RUST_LOG").ok();
        let mut command = Command::new(program);
        command
            .args(["worker", "--store", store])
            .env_clear()
            .envs(
                ["PATH", "HOME", "TMPDIR", "HOSTNAME"]
                    .iter()
                    .filter_map(|name| Some((name, env::var_os(name)?))),
            )
            .env("SHOPBEAT_REDIS_URL", url.expose_secret())
            .env("SHOPBEAT_REDIS_PREFIX", &state.redis_prefix)
            .env("SHOPBEAT_MASTER_KEY", key)
            .env("SHOPBEAT_SHOPIFY_URL", &remotes.shopify_url)
            .env("SHOPBEAT_RACKBEAT_URL", remotes.rackbeat_url.as_str())
            .env("SHOPBEAT_LEASE_SECONDS", LEASE_SECONDS.to_string())
            .env("SHOPBEAT_RACKBEAT_UNPACED", "true")
            .env("RUST_LOG", log.as_deref().unwrap_or("off"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(if log.is_some() { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true);
        command.spawn().context("a worker could not be started")
    }

    /// Ends a store's worker at once, whatever it is doing: SIGKILL, or the task dropped in the middle.
    pub(super) async fn kill_worker(&mut self, store: &str) -> anyhow::Result<()> {
        match self.workers.remove(store) {
            Some(Worker::Task(task, _)) => {
                task.abort();
                // Cancelled, which is what was wanted.
                let _cancelled = task.await;
            }
            Some(Worker::Process(mut child)) => {
                child.kill().await.context("the worker could not be killed")?;
            }
            None => anyhow::bail!("store {store} has no worker"),
        }
        Ok(())
    }

    /// Lets everything end.
    pub(super) async fn close(self) {
        let mut tasks = Vec::new();
        for worker in self.workers.into_values() {
            match worker {
                Worker::Task(task, shutdown) => {
                    shutdown.cancel();
                    tasks.push(task);
                }
                // Nothing is left to do, and the state is not used again.
                Worker::Process(mut child) => drop(child.kill().await),
            }
        }
        for task in tasks {
            drop(task.await);
        }
        drop(self.api);
        self.service.stop().await;
    }
}

/// Written out field by field: no environment variable meant for a real service may find its way in.
fn serve_options(options: &DemoOptions, remotes: &Remotes) -> anyhow::Result<ServeOptions> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (master_key, redis_prefix) = match options.redis_url {
        None => (None, String::new()),
        Some(_) => (Some(random(32)?.into()), format!("shopbeat-demo-{}:", hex(&random(6)?))),
    };
    Ok(ServeOptions {
        state: StateOptions {
            state: options.redis_url.is_none().then(|| "memory".to_owned()),
            redis_url: options.redis_url.clone(),
            redis_prefix,
            master_key_file: None,
            master_key,
            previous_master_keys: None,
        },
        remotes: RemoteOptions {
            shopify_url: remotes.sandbox.shopify_url(),
            rackbeat_url: Url::parse(&remotes.sandbox.rackbeat_url())?,
            contact: "demo@localhost".to_owned(),
            lease_seconds: LEASE_SECONDS,
            rackbeat_unpaced: true,
        },
        grpc_listen: free,
        http_listen: free,
        public_url: None,
        rackbeat_stock_event: STOCK_EVENT.to_owned(),
        rackbeat_stock_keys: vec!["item".to_owned(), "key".to_owned()],
        billing_price: Decimal::ONE_HUNDRED,
        billing_currency: Currency::parse("DKK")?,
        billing_free_stores: 1,
        billing_rule: ProRata::ByDay,
        // The demo runs the workers itself: it has to kill one.
        workers: Some(WorkerMode::External),
        drain_seconds: 0,
        auth_tokens_file: None,
        insecure: false,
        tls_cert: None,
        tls_key: None,
        log_format: LogFormat::Text,
    })
}

/// Base64 of so many random bytes.
fn random(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(STANDARD.encode(random))
}

/// Letters and digits only.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(8).collect()
}
