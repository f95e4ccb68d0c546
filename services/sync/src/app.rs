//! Where the parts are joined: the only file that knows every adapter.
//!
//! A process is started, runs until it is told to end, and drains: it takes nothing new, finishes what is under way
//! and leaves the rest to the state.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use secrecy::ExposeSecret as _;
use shopbeat_domain::ports::{Clock, Random, State};
use shopbeat_engine::connect::privacy;
use shopbeat_engine::crew;
use shopbeat_engine::intake::Intake;
use shopbeat_engine::ports::{About, Ports};
use shopbeat_engine::timing::Timing;
use shopbeat_rackbeat::StockEvent;
use shopbeat_shopify::BaseUrl;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use url::Url;

use crate::auth::Tokens;
use crate::grpc::SyncApi;
use crate::http::{Readiness, Web};
use crate::metrics::Metrics;
use crate::options::{Command, RemoteOptions, ServeOptions, StateChoice, StateOptions, WorkerMode};
use crate::remotes::{LiveRemotes, Places};
use crate::system::{KeyedHash, SystemChance, SystemClock, Unpaced};
use crate::{grpc, http, telemetry};

/// After this a drain is over, whatever is still under way: the state takes it up again.
pub(crate) const DRAIN: Duration = Duration::from_secs(25);

/// Runs a command to its end.
///
/// # Errors
/// What kept it from starting, or ended it.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(options) => serve(&options).await,
        Command::Worker(options) => crate::worker::work(&options).await,
        #[cfg(feature = "demo")]
        Command::Sandbox(options) => crate::sandbox::run(&options).await,
        #[cfg(feature = "demo")]
        Command::Demo(options) => crate::demo::run(&options).await,
        Command::Client(command) => crate::cli::run(command).await,
    }
}

async fn serve(options: &ServeOptions) -> anyhow::Result<()> {
    telemetry::start(options.log_format);
    options.check()?;
    let ended = told_to_end()?;
    let mut service = Service::start(options).await?;
    tokio::select! {
        () = ended => tracing::info!("told to end; draining"),
        error = service.failed() => {
            service.stop().await;
            return Err(error);
        }
    }
    service.stop().await;
    tracing::info!("drained");
    Ok(())
}

/// Comes when the process is told to end (SIGTERM, or an interrupt from the terminal).
pub(crate) fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be listened to")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The service, running in this process.
pub struct Service {
    ports: Ports,
    grpc_address: SocketAddr,
    http_address: SocketAddr,
    readiness: Readiness,
    /// How long it goes on after it was told to end.
    lingers: Duration,
    shutdown: CancellationToken,
    /// The servers and the workers; each runs until `shutdown`.
    parts: JoinSet<anyhow::Result<()>>,
}

impl Service {
    /// Opens the state, listens and begins to work. The options must have been checked.
    ///
    /// # Errors
    /// When the state, a file or an address cannot be used.
    pub async fn start(options: &ServeOptions) -> anyhow::Result<Self> {
        let tokens = options.auth_tokens_file.as_deref().map(Tokens::read).transpose()?.map(Arc::new);
        let server = server(options)?;
        let metrics = Metrics::new();
        let ports = ports(&options.state, &options.remotes, metrics.clone()).await?;
        let (grpc_listener, grpc_address) = listen(options.grpc_listen).await?;
        let (http_listener, http_address) = listen(options.http_listen).await?;
        let public_url = public_url(options, http_address)?;
        let readiness = Readiness::default();
        let shutdown = CancellationToken::new();
        let api = SyncApi::new(ports.clone(), public_url, shutdown.clone())
            .with_terms(options.terms()?)
            .with_operator(options.workers() == WorkerMode::Operator)
            .with_stock_event(&options.rackbeat_stock_event);
        let mut parts = JoinSet::new();
        parts.spawn(grpc::serve(server, grpc_listener, api, tokens, metrics.clone(), shutdown.clone()));
        let (state, clock) = (ports.state.clone(), Arc::clone(&ports.clock));
        let stock_event = StockEvent {
            event: options.rackbeat_stock_event.clone(),
            keys: options.rackbeat_stock_keys.iter().map(|key| key.trim().to_owned()).collect(),
        };
        let web = Web::new(Intake::new(ports.clone()), state, clock, metrics, readiness.clone())
            .with_stock_event(stock_event);
        parts.spawn(http::serve(http_listener, web.router(), shutdown.clone()).map(Ok));
        parts.spawn(privacy::keep(ports.clone(), shutdown.clone()).map(Ok));
        if options.workers() == WorkerMode::InProcess {
            parts.spawn(crew::run(ports.clone(), owner(ports.random.as_ref()), shutdown.clone()).map(Ok));
        }
        let lingers = Duration::from_secs(options.drain_seconds);
        let service = Self { ports, grpc_address, http_address, readiness, lingers, shutdown, parts };
        tracing::info!(
            grpc.address = %grpc_address,
            http.address = %http_address,
            workers = ?options.workers(),
            build = crate::options::BUILD,
            "serving"
        );
        Ok(service)
    }

    /// Where the gRPC API listens.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Where webhooks, probes and metrics listen.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// What the service works with.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Comes, with the reason, when a part of the service ends without being told to.
    pub async fn failed(&mut self) -> anyhow::Error {
        let why = match self.parts.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(panicked)) => panicked.into(),
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("it gives no reason"),
        };
        why.context("a part of the service ended by itself")
    }

    /// Says that it is not ready any more and goes on for `--drain-seconds`; then takes nothing new, lets what is under
    /// way finish, and ends.
    pub async fn stop(mut self) {
        self.readiness.drain();
        if !self.lingers.is_zero() {
            self.ports.clock.sleep(self.lingers).await;
        }
        self.shutdown.cancel();
        let parts = &mut self.parts;
        let all = async {
            while let Some(ended) = parts.join_next().await {
                let why = match ended {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => format!("{error:#}"),
                    Err(panicked) => panicked.to_string(),
                };
                tracing::error!(error = why, "a part of the service did not end well");
            }
        };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("work was cut off at the end; it is taken up again at the next start");
            self.parts.abort_all();
        }
    }
}

/// All ports, filled.
pub(crate) async fn ports(
    state: &StateOptions,
    remotes: &RemoteOptions,
    metrics: Metrics,
) -> anyhow::Result<Ports> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let timing = Timing { lease: Duration::from_secs(remotes.lease_seconds) };
    let keys = state.keys()?;
    if let Some(made) = &keys.made {
        tracing::warn!(
            file = %made.display(),
            "a master key was made; without it the stored credentials are lost, so keep a copy"
        );
    }
    let blind = Arc::new(KeyedHash(keys.sealing.clone()));
    let mut state = open_state(state, keys.sealing, &clock).await?;
    if remotes.rackbeat_unpaced {
        tracing::warn!("calls to Rackbeat are not paced");
        state.pace = Arc::new(Unpaced);
    }
    for warning in state.health.warnings().await? {
        tracing::warn!("{warning}");
    }
    let places = Places {
        shopify: BaseUrl::parse(&remotes.shopify_url)?,
        rackbeat: remotes.rackbeat_url.clone(),
        contact: remotes.contact.clone(),
        deadline: timing.remote_deadline(),
    };
    let remotes = Arc::new(LiveRemotes::new(state.clone(), Arc::clone(&clock), places, metrics.clone()));
    let random = Arc::new(SystemChance::new());
    let (observer, routes) = (Arc::new(metrics), Arc::default());
    let about = About { build: crate::options::BUILD, shopify_api: shopbeat_shopify::API_VERSION };
    Ok(Ports { state, remotes, clock, random, blind, observer, timing, about, routes })
}

async fn open_state(
    options: &StateOptions,
    sealing: shopbeat_state::Sealing,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<State> {
    let clock = Arc::clone(clock);
    let state = match options.choice() {
        StateChoice::Memory => shopbeat_state::embedded(None, sealing, clock)?,
        StateChoice::File(path) => shopbeat_state::embedded(Some(&path), sealing, clock)?,
        StateChoice::Redis(url, prefix) => {
            shopbeat_state::redis(url.expose_secret(), &prefix, sealing, clock).await?
        }
    };
    Ok(state)
}

pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Where the remotes reach our webhooks. Remotes on this machine reach the HTTP address itself.
fn public_url(options: &ServeOptions, http: SocketAddr) -> anyhow::Result<Option<Url>> {
    if options.public_url.is_some() {
        return Ok(options.public_url.clone());
    }
    if options.remotes.are_local() {
        return Ok(Some(Url::parse(&format!("http://{http}"))?));
    }
    tracing::warn!(
        "--public-url is not set: no webhooks are registered, and orders are found by the sweep only"
    );
    Ok(None)
}

/// The gRPC server before it has services, with TLS if asked for.
fn server(options: &ServeOptions) -> anyhow::Result<Server> {
    let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else { return Ok(Server::builder()) };
    let read = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(read(cert)?, read(key)?));
    Server::builder().tls_config(tls).with_context(|| {
        format!("the certificate {} and the key {} cannot be used", cert.display(), key.display())
    })
}

/// The name under which this process holds leases: no other process, before or after, has it.
pub(crate) fn owner(random: &dyn Random) -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned());
    format!("{host}-{}-{:08x}", std::process::id(), random.next_u64() >> 32)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Cli;

    fn options(arguments: &[&str]) -> ServeOptions {
        let free = ["shopbeat", "serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
        match Cli::parse_from(free.iter().chain(arguments)).command {
            Command::Serve(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    async fn listens(address: SocketAddr) -> bool {
        tokio::net::TcpStream::connect(address).await.is_ok()
    }

    #[tokio::test]
    async fn the_service_listens_until_it_is_stopped_and_its_state_can_be_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("s.redb");
        for _ in 0..2 {
            let service = Service::start(&options(&["--state", state.to_str().unwrap()])).await.unwrap();
            let (grpc, http) = (service.grpc_address(), service.http_address());
            assert!(listens(grpc).await && listens(http).await);
            service.stop().await;
            assert!(!listens(grpc).await && !listens(http).await);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let gone = gone.to_str().unwrap();
        for arguments in [["--auth-tokens-file", gone], ["--tls-cert", gone], ["--master-key-file", gone]] {
            let mut all = vec!["--state", "memory", "--tls-key", gone];
            all.extend(arguments);
            let refused = Service::start(&options(&all)).await.err().map(|error| format!("{error:#}"));
            assert!(refused.is_some_and(|told| told.contains(gone)), "{arguments:?}");
        }
    }

    #[tokio::test]
    async fn a_certificate_that_cannot_be_used_is_told_before_anything_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let junk = dir.path().join("junk.pem");
        std::fs::write(&junk, "no certificate").unwrap();
        let junk = junk.to_str().unwrap();
        let asked = options(&["--state", "memory", "--tls-cert", junk, "--tls-key", junk]);
        let refused = Service::start(&asked).await.err().map(|error| format!("{error:#}"));
        assert!(refused.is_some_and(|told| told.contains(junk)));
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_told_and_the_others_are_stopped() {
        let mut service = Service::start(&options(&["--state", "memory"])).await.unwrap();
        service.parts.spawn(async { anyhow::bail!("the disk is gone") });
        let told = format!("{:#}", service.failed().await);
        assert!(told.contains("ended by itself") && told.contains("the disk is gone"), "{told}");
        let http = service.http_address();
        service.stop().await;
        assert!(!listens(http).await);
    }

    #[tokio::test]
    async fn told_to_end_it_says_so_first_and_goes_on_serving_until_nobody_sends_here_any_more() {
        let all = options(&["--state", "memory", "--drain-seconds", "300"]);
        let service = Service::start(&all).await.unwrap();
        let (grpc, http) = (service.grpc_address(), service.http_address());
        let stopping = tokio::spawn(service.stop());
        let mut told = String::new();
        while !told.contains("draining") {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut stream = tokio::net::TcpStream::connect(http).await.unwrap();
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            told.clear();
            stream.read_to_string(&mut told).await.unwrap();
        }
        assert!(told.starts_with("HTTP/1.1 503"), "{told}");
        assert!(listens(grpc).await && !stopping.is_finished());
        stopping.abort();
    }
}
