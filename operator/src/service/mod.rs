//! The way to the service: one channel, a token that is read anew from its file, a deadline on each call. One attempt per
//! call: the store's backoff decides when to try again.

mod failure;
mod shelf;
mod token;
mod watch;

use std::fmt;
use std::time::Duration;

use anyhow::Context as _;
use shopbeat_proto::v1::sync_service_client::SyncServiceClient;
use shopbeat_proto::v1::{
    ConnectStoreRequest, ConnectStoreResponse, DisconnectStoreRequest, DisconnectStoreResponse,
    ReplayStoreRequest, ReplayStoreResponse, RunInitialSyncRequest, RunInitialSyncResponse,
    UpdateStoreRequest, UpdateStoreResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use crate::cli::RunOptions;
use crate::metrics::Metrics;

pub use failure::{CallError, CallErrorKind};
pub use shelf::{Change, Shelf};
pub use token::Token;
pub use watch::{WatchEnd, follow};

/// A service that does not answer within this is away.
const CONNECT: Duration = Duration::from_secs(5);
/// Both remotes are asked, and a dozen webhooks registered, at Shopify's pace.
const REMOTE: Duration = Duration::from_secs(60);
/// Only the service's own state is asked.
const OWN: Duration = Duration::from_secs(15);
/// A page of statuses, with reports.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Finds out that a service is gone whose machine went away without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

type Api = SyncServiceClient<InterceptedService<Channel, Token>>;

/// The service; cheap to clone.
#[derive(Clone)]
pub struct Service {
    api: Api,
    token: Token,
    metrics: Metrics,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// The service that the options name. Nothing is sent yet: it may come up later.
    ///
    /// # Errors
    /// An address or certificates that cannot stand.
    pub fn new(options: &RunOptions, metrics: Metrics) -> anyhow::Result<Self> {
        let url = &options.service_url;
        let mut endpoint = Endpoint::from_shared(url.clone())
            .with_context(|| format!("--service-url {url} is no address such as http://shopbeat:50051"))?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(CONNECT)
            .keep_alive_while_idle(true);
        if url.starts_with("https:") {
            let mut tls = ClientTlsConfig::new();
            tls = match &options.service_ca_file {
                Some(path) => {
                    let pem = std::fs::read(path)
                        .with_context(|| format!("--service-ca-file {} cannot be read", path.display()))?;
                    tls.ca_certificate(Certificate::from_pem(pem))
                }
                None => tls.with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).context("--service-ca-file holds no good certificate")?;
        }
        let token = Token::new(options.service_token_file.clone());
        let channel = InterceptedService::new(endpoint.connect_lazy(), token.clone());
        let api = SyncServiceClient::new(channel)
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(LARGEST_ANSWER);
        Ok(Self { api, token, metrics })
    }

    /// Connects a store.
    ///
    /// # Errors
    /// As the API says.
    pub async fn connect_store(
        &self,
        request: ConnectStoreRequest,
    ) -> Result<ConnectStoreResponse, CallError> {
        let mut api = self.api.clone();
        self.ask("ConnectStore", REMOTE, request, async move |request| api.connect_store(request).await).await
    }

    /// Changes a store's settings, or what is wanted of it.
    ///
    /// # Errors
    /// As the API says.
    pub async fn update_store(&self, request: UpdateStoreRequest) -> Result<UpdateStoreResponse, CallError> {
        let mut api = self.api.clone();
        self.ask("UpdateStore", OWN, request, async move |request| api.update_store(request).await).await
    }

    /// Ends a store.
    ///
    /// # Errors
    /// As the API says.
    pub async fn disconnect_store(
        &self,
        request: DisconnectStoreRequest,
    ) -> Result<DisconnectStoreResponse, CallError> {
        let mut api = self.api.clone();
        self.ask("DisconnectStore", REMOTE, request, async move |request| api.disconnect_store(request).await)
            .await
    }

    /// Begins an initial sync.
    ///
    /// # Errors
    /// As the API says.
    pub async fn run_initial_sync(
        &self,
        request: RunInitialSyncRequest,
    ) -> Result<RunInitialSyncResponse, CallError> {
        let mut api = self.api.clone();
        self.ask("RunInitialSync", OWN, request, async move |request| api.run_initial_sync(request).await)
            .await
    }

    /// Begins a replay.
    ///
    /// # Errors
    /// As the API says.
    pub async fn replay_store(&self, request: ReplayStoreRequest) -> Result<ReplayStoreResponse, CallError> {
        let mut api = self.api.clone();
        self.ask("ReplayStore", OWN, request, async move |request| api.replay_store(request).await).await
    }

    async fn ask<Q, A>(
        &self,
        rpc: &'static str,
        deadline: Duration,
        message: Q,
        call: impl AsyncFnOnce(Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CallError> {
        let mut request = Request::new(message);
        request.set_timeout(deadline);
        // A server that is gone keeps no deadline: ours is a little later than the one it was told.
        let answer = match tokio::time::timeout(deadline + CONNECT, call(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Status::deadline_exceeded("no answer in time")),
        };
        match answer {
            Ok(answer) => {
                self.metrics.called(rpc, "ok");
                Ok(answer.into_inner())
            }
            Err(status) => {
                let error = CallError::new(rpc, &status);
                if error.kind == CallErrorKind::Denied {
                    // It may have been exchanged a moment ago.
                    self.token.forget();
                }
                self.metrics.called(rpc, error.code_name());
                Err(error)
            }
        }
    }
}
