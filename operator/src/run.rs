//! The operator at work: all wiring, in one place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kube::api::ListParams;
use kube::{Api, Client, Config};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing_subscriber::EnvFilter;

use crate::cli::{BUILD, LogFormat, RunOptions};
use crate::context::Context;
use crate::controller::{self, Watches};
use crate::events::Teller;
use crate::leader::{Elector, Standing};
use crate::memory::Memories;
use crate::metrics::Metrics;
use crate::probes::{self, Need, Readiness};
use crate::resource::ShopifyStore;
use crate::rollout::Rollout;
use crate::service::{Service, Shelf};
use crate::{clock, environment};

/// Looks that are under way at the end get this long; Kubernetes gives half a minute.
const FINISH_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked whether the API server answers, and whether the definition has come.
const LOOK: Duration = Duration::from_secs(5);
/// The API server answers such small questions within this, or it is away.
const ANSWER: Duration = Duration::from_secs(5);

/// Runs the operator until it is told to stop, or loses its lease.
///
/// # Errors
/// What keeps it from starting.
pub async fn run(options: RunOptions) -> anyhow::Result<()> {
    start_log(options.log_format);
    options.check()?;
    let stop = stop_signal()?;
    let metrics = Metrics::new();
    let service = Service::new(&options, metrics.clone())?;
    let config =
        Config::infer().await.context("there is neither a kubeconfig nor a pod's service account")?;
    let client = Client::try_from(config).context("the way to the API server cannot be set up")?;
    let readiness = Arc::new(Readiness::default());
    let listener = TcpListener::bind(options.http_listen)
        .await
        .with_context(|| format!("--http-listen {} cannot be bound", options.http_listen))?;
    let address: SocketAddr = listener.local_addr()?;
    tracing::info!(build = BUILD, namespace = options.namespace, http = %address, "the operator begins");
    let probes = tokio::spawn(probes::serve(listener, Arc::clone(&readiness), metrics.clone()));
    let asking = tokio::spawn(ask_api_server(client.clone(), Arc::clone(&readiness)));
    let mut operator = Operator { options, client, service, metrics, readiness, stop };
    let end = operator.until_stopped().await;
    probes.abort();
    asking.abort();
    end
}

struct Operator {
    options: RunOptions,
    client: Client,
    service: Service,
    metrics: Metrics,
    readiness: Arc<Readiness>,
    stop: watch::Receiver<bool>,
}

impl Operator {
    async fn until_stopped(&mut self) -> anyhow::Result<()> {
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            () = self.definition() => {}
        }
        let identity = identity();
        let (standing, elector) = self.elect(&identity);
        let mut leads = standing.clone();
        let readiness = Arc::clone(&self.readiness);
        let leading = async {
            loop {
                let now = *leads.borrow_and_update();
                readiness.set(Need::Lease, now != Standing::Unknown);
                if now == Standing::Leading || leads.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = leading => self.lead(&identity, standing.clone()).await,
        }
        // Nobody listens any more: the lease is given back.
        drop((standing, leads));
        if let Some(elector) = elector {
            let _ended = tokio::time::timeout(LOOK * 2, elector).await;
        }
        tracing::info!("the operator ends");
        Ok(())
    }

    fn elect(&self, identity: &str) -> (watch::Receiver<Standing>, Option<JoinHandle<()>>) {
        if !self.options.leader_elect {
            let (told, standing) = watch::channel(Standing::Leading);
            // Kept: a receiver whose sender is gone cannot be waited on.
            let kept = tokio::spawn(async move { told.closed().await });
            return (standing, Some(kept));
        }
        let (told, standing) = watch::channel(Standing::Unknown);
        let (namespace, lease) = (&self.options.namespace, &self.options.lease_name);
        let elector = Elector::new(self.client.clone(), namespace, lease, identity.to_owned());
        (standing, Some(tokio::spawn(elector.run(told))))
    }

    /// Waits until the definition of the resource is there and may be read. That it is missing is said once.
    async fn definition(&self) {
        let stores: Api<ShopifyStore> = Api::namespaced(self.client.clone(), &self.options.namespace);
        let mut said = String::new();
        let one = ListParams::default().limit(1);
        loop {
            let asked = tokio::time::timeout(ANSWER, stores.list_metadata(&one));
            let problem = match asked.await {
                Ok(Ok(_)) => {
                    self.readiness.set(Need::Definition, true);
                    return;
                }
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                    "the definition of ShopifyStore is not installed; waiting for it (chart shopbeat-crds)"
                        .to_owned()
                }
                Ok(Err(error)) => format!("ShopifyStores cannot be read: {error}"),
                Err(_) => "the API server does not answer".to_owned(),
            };
            if problem != said {
                tracing::warn!("{problem}");
                said = problem;
            }
            tokio::time::sleep(LOOK.min(Duration::from_secs(2))).await;
        }
    }

    /// Does the work, until told to stop or the lease is lost.
    async fn lead(&self, identity: &str, mut standing: watch::Receiver<Standing>) {
        self.readiness.set(Need::Leading, true);
        self.metrics.leading(true);
        let (told, environment) = watch::channel(None);
        let (client, namespace) = (self.client.clone(), self.options.namespace.clone());
        let following =
            tokio::spawn(environment::follow(client, namespace, self.options.worker.clone(), told));
        let watches = Watches::new(&self.client, &self.options.namespace);
        let at_most = usize::try_from(self.options.worker.rollout_at_most).unwrap_or(usize::MAX);
        let ctx = Arc::new(Context {
            client: self.client.clone(),
            namespace: self.options.namespace.clone(),
            worker: self.options.worker.clone(),
            service: self.service.clone(),
            shelf: Shelf::default(),
            caches: watches.caches(),
            memories: Memories::default(),
            rollout: Rollout::new(at_most),
            teller: Teller::new(self.client.clone(), identity.to_owned(), self.metrics.clone()),
            metrics: self.metrics.clone(),
            environment,
        });
        let mut stop = self.stop.clone();
        let stopping = async move {
            let _stopped = stop.wait_for(|stop| *stop).await;
        };
        let work = controller::run(ctx, watches, Arc::clone(&self.readiness), stopping);
        let mut stop = self.stop.clone();
        let too_late = async move {
            let _stopped = stop.wait_for(|stop| *stop).await;
            tokio::time::sleep(FINISH_WITHIN).await;
        };
        tokio::select! {
            () = work => {}
            () = too_late => tracing::warn!("looks that were under way did not end in time"),
            // Another may lead by now: what is under way ends here, not when it likes.
            _ = standing.wait_for(|standing| *standing == Standing::Lost) => {
                tracing::error!("the lease was lost: the process ends, to begin anew");
            }
        }
        following.abort();
        self.readiness.set(Need::Leading, false);
        self.metrics.leading(false);
    }
}

async fn ask_api_server(client: Client, readiness: Arc<Readiness>) {
    loop {
        let answered = matches!(tokio::time::timeout(ANSWER, client.apiserver_version()).await, Ok(Ok(_)));
        if readiness.set(Need::ApiServer, answered) && !answered {
            tracing::warn!("the API server does not answer");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A name that no other process has: of the pod, with what sets this start apart from the one before.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let host = host.unwrap_or_else(|| "shopbeat-operator".to_owned());
    format!("{host}-{}-{}", std::process::id(), clock::now().as_millisecond())
}

/// Becomes true when the process is told to stop.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (told, stop) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        told.send_replace(true);
        told.closed().await;
    });
    Ok(stop)
}

fn start_log(format: LogFormat) {
    let filter =
        EnvFilter::try_from_env("SHOPBEAT_OPERATOR_LOG").unwrap_or_else(|_| EnvFilter::new("info,kube=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error says that there is one already: a test's.
    let _started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
