//! The gRPC API: one file per group of calls, conversions, and the one place where errors become statuses.

pub mod convert;
mod orders;
mod parked;
mod runs;
mod server;
pub mod status;
mod stores;

pub use server::serve;

use std::pin::Pin;

use futures::Stream;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::ports::State;
use shopbeat_domain::store::Store;
use shopbeat_engine::connect::Connector;
use shopbeat_engine::desk::Desk;
use shopbeat_engine::ports::Ports;
use shopbeat_proto::v1;
use shopbeat_proto::v1::sync_service_server::SyncService;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use url::Url;

use crate::auth::{Caller, Deadline};
use convert::Violations;

/// Answers the calls of the API.
#[derive(Clone)]
pub struct SyncApi {
    ports: Ports,
    desk: Desk,
    connector: Connector,
    shutdown: CancellationToken,
}

/// Rows on a page where none are asked for, and the most that may be.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

impl SyncApi {
    /// An API over these ports; streams end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(ports: Ports, public_url: Option<Url>, shutdown: CancellationToken) -> Self {
        let desk = Desk::new(ports.clone());
        let connector = Connector::new(ports.clone(), public_url);
        Self { ports, desk, connector, shutdown }
    }

    fn state(&self) -> &State {
        &self.ports.state
    }

    /// A store that the caller may see; disconnected ones too.
    async fn store(&self, caller: &Caller, id: &StoreId) -> Result<Store, Status> {
        // The gate's line on a change says whose.
        tracing::Span::current().record("store.id", id.as_str());
        let found = self.state().registry.store(id).await.map_err(|failure| status::failure(&failure))?;
        found
            .filter(|store| caller.sees(&store.agreement))
            .ok_or_else(|| status::unknown("store", id.as_str()))
    }

    /// The store that a request names by id, if the caller may see it.
    async fn store_named(&self, caller: &Caller, id: &str) -> Result<Store, Status> {
        self.store(caller, &read_store_id(id)?).await
    }
}

/// A request's message, its caller and its deadline.
fn open<T>(request: Request<T>) -> Result<(T, Caller, Deadline), Status> {
    let (metadata, extensions, message) = request.into_parts();
    let caller = extensions.get::<Caller>().cloned();
    // Whoever did not come through the gate is nobody.
    let caller = caller.ok_or_else(|| status::refuse(Code::Unauthenticated, "TOKEN_MISSING", "no caller"))?;
    let headers = metadata.into_headers();
    let deadline = extensions.get::<Deadline>().copied().unwrap_or_else(|| Deadline::of(&headers));
    Ok((message, caller, deadline))
}

fn read_store_id(text: &str) -> Result<StoreId, Status> {
    let mut violations = Violations::default();
    let id = violations.needed("store_id", text).map(StoreId::parse);
    let id = id.and_then(|id| violations.take("store_id", id));
    violations.finish(id)
}

/// How many rows a page gets.
fn read_page_size(violations: &mut Violations, asked: u32) -> u32 {
    match asked {
        0 => PAGE,
        1..=LARGEST_PAGE => asked,
        _ => {
            violations.add("page_size", format!("{asked} is too many; give 1 to {LARGEST_PAGE}"));
            LARGEST_PAGE
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SyncService for SyncApi {
    type WatchInitialSyncStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchInitialSyncResponse, Status>> + Send>>;

    async fn connect_store(
        &self,
        request: Request<v1::ConnectStoreRequest>,
    ) -> Answer<v1::ConnectStoreResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.connect(&caller, message)).await.map(Response::new)
    }

    async fn get_store(&self, request: Request<v1::GetStoreRequest>) -> Answer<v1::GetStoreResponse> {
        let (message, caller, _) = open(request)?;
        self.show(&caller, message).await.map(Response::new)
    }

    async fn list_stores(&self, request: Request<v1::ListStoresRequest>) -> Answer<v1::ListStoresResponse> {
        let (message, caller, _) = open(request)?;
        self.list(&caller, message).await.map(Response::new)
    }

    async fn pause_store(&self, request: Request<v1::PauseStoreRequest>) -> Answer<v1::PauseStoreResponse> {
        let (message, caller, _) = open(request)?;
        let store = self.pause(&caller, &message.store_id).await?;
        Ok(Response::new(v1::PauseStoreResponse { store: Some(store) }))
    }

    async fn resume_store(
        &self,
        request: Request<v1::ResumeStoreRequest>,
    ) -> Answer<v1::ResumeStoreResponse> {
        let (message, caller, _) = open(request)?;
        let store = self.resume(&caller, &message.store_id).await?;
        Ok(Response::new(v1::ResumeStoreResponse { store: Some(store) }))
    }

    async fn disconnect_store(
        &self,
        request: Request<v1::DisconnectStoreRequest>,
    ) -> Answer<v1::DisconnectStoreResponse> {
        let (message, caller, _) = open(request)?;
        self.disconnect(&caller, &message.store_id).await.map(Response::new)
    }

    async fn run_initial_sync(
        &self,
        request: Request<v1::RunInitialSyncRequest>,
    ) -> Answer<v1::RunInitialSyncResponse> {
        let (message, caller, _) = open(request)?;
        self.begin_run(&caller, message).await.map(Response::new)
    }

    async fn watch_initial_sync(
        &self,
        request: Request<v1::WatchInitialSyncRequest>,
    ) -> Answer<Self::WatchInitialSyncStream> {
        let (message, caller, deadline) = open(request)?;
        self.watch_run(&caller, message, deadline).await.map(Response::new)
    }

    async fn transfer_order(
        &self,
        request: Request<v1::TransferOrderRequest>,
    ) -> Answer<v1::TransferOrderResponse> {
        let (message, caller, deadline) = open(request)?;
        Box::pin(self.transfer(&caller, message, deadline)).await.map(Response::new)
    }

    async fn get_transfer(
        &self,
        request: Request<v1::GetTransferRequest>,
    ) -> Answer<v1::GetTransferResponse> {
        let (message, caller, _) = open(request)?;
        self.show_transfer(&caller, message).await.map(Response::new)
    }

    async fn list_parked(&self, request: Request<v1::ListParkedRequest>) -> Answer<v1::ListParkedResponse> {
        let (message, caller, _) = open(request)?;
        self.parked(&caller, message).await.map(Response::new)
    }

    async fn retry_parked(
        &self,
        request: Request<v1::RetryParkedRequest>,
    ) -> Answer<v1::RetryParkedResponse> {
        let (message, caller, _) = open(request)?;
        self.retry(&caller, message).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests;
