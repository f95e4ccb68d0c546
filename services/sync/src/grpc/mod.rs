//! The gRPC API: one file per group of calls, conversions, and the one place where errors become statuses.

mod billing;
pub mod convert;
mod drift;
mod manifest;
mod orders;
mod parked;
mod preflight;
mod replay;
mod runs;
mod server;
pub mod status;
mod stock;
mod stores;
mod update;
mod watch;

pub use server::serve;

use std::pin::Pin;

use futures::Stream;
use shopbeat_domain::billing::Terms;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::State;
use shopbeat_domain::store::{Agreement, Store};
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
    terms: Terms,
    /// Stores are connected by custom resources only.
    by_operator: bool,
    watching: watch::Hub,
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
        let (terms, watching) = (Terms::default(), watch::Hub::default());
        Self { ports, desk, connector, terms, by_operator: false, watching, shutdown }
    }

    /// Bills by these terms.
    #[must_use]
    pub fn with_terms(self, terms: Terms) -> Self {
        Self { terms, ..self }
    }

    /// Lets stores be connected by custom resources only.
    #[must_use]
    pub fn with_operator(self, by_operator: bool) -> Self {
        Self { by_operator, ..self }
    }

    /// Listens to Rackbeat's stock under another event name.
    #[must_use]
    pub fn with_stock_event(self, event: &str) -> Self {
        Self { connector: self.connector.with_stock_event(event), ..self }
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

    /// The same, if it is connected.
    async fn connected(&self, caller: &Caller, id: &str) -> Result<Store, Status> {
        let store = self.store_named(caller, id).await?;
        if store.is_connected() { Ok(store) } else { Err(status::unknown("store", id)) }
    }

    /// An agreement that the caller may see.
    async fn agreement_named(&self, caller: &Caller, id: &AgreementId) -> Result<Agreement, Status> {
        let known = self.state().registry.agreement(id).await.map_err(|failure| status::failure(&failure))?;
        let known = known.filter(|agreement| caller.sees(&agreement.id));
        known.ok_or_else(|| status::unknown("agreement", id.as_str()))
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

/// Where the page before ended: text of ours, which holds no more than keys do.
fn read_token<'a>(violations: &mut Violations, token: &'a str) -> Option<&'a str> {
    if token.len() > 512 || token.contains(char::is_control) {
        violations.add("page_token", "is no token of ours");
    }
    (!token.is_empty()).then_some(token)
}

/// The token of the next page; empty if this one was not full.
fn next_page<T>(rows: &[T], size: u32, key: impl Fn(&T) -> String) -> String {
    let full = usize::try_from(size).is_ok_and(|size| rows.len() >= size);
    rows.last().filter(|_| full).map(key).unwrap_or_default()
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

    type WatchStoresStream = watch::Watched;

    async fn watch_stores(
        &self,
        request: Request<v1::WatchStoresRequest>,
    ) -> Answer<Self::WatchStoresStream> {
        let (message, caller, deadline) = open(request)?;
        self.watch_stores_of(&caller, &message, deadline).map(Response::new)
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
        self.disconnect(&caller, message).await.map(Response::new)
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

    async fn preflight(&self, request: Request<v1::PreflightRequest>) -> Answer<v1::PreflightResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.check(&caller, message)).await.map(Response::new)
    }

    async fn update_store(
        &self,
        request: Request<v1::UpdateStoreRequest>,
    ) -> Answer<v1::UpdateStoreResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.update(&caller, message)).await.map(Response::new)
    }

    async fn cancel_initial_sync(
        &self,
        request: Request<v1::CancelInitialSyncRequest>,
    ) -> Answer<v1::CancelInitialSyncResponse> {
        let (message, caller, _) = open(request)?;
        self.cancel_run(&caller, message).await.map(Response::new)
    }

    async fn list_initial_sync_rows(
        &self,
        request: Request<v1::ListInitialSyncRowsRequest>,
    ) -> Answer<v1::ListInitialSyncRowsResponse> {
        let (message, caller, _) = open(request)?;
        self.run_rows(&caller, message).await.map(Response::new)
    }

    async fn replay_store(
        &self,
        request: Request<v1::ReplayStoreRequest>,
    ) -> Answer<v1::ReplayStoreResponse> {
        let (message, caller, _) = open(request)?;
        self.begin_replay(&caller, message).await.map(Response::new)
    }

    async fn get_replay(&self, request: Request<v1::GetReplayRequest>) -> Answer<v1::GetReplayResponse> {
        let (message, caller, _) = open(request)?;
        self.latest_replay(&caller, message).await.map(Response::new)
    }

    async fn list_drift(&self, request: Request<v1::ListDriftRequest>) -> Answer<v1::ListDriftResponse> {
        let (message, caller, _) = open(request)?;
        self.drift(&caller, message).await.map(Response::new)
    }

    async fn resolve_drift(
        &self,
        request: Request<v1::ResolveDriftRequest>,
    ) -> Answer<v1::ResolveDriftResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.settle_drift(&caller, message)).await.map(Response::new)
    }

    async fn list_product_troubles(
        &self,
        request: Request<v1::ListProductTroublesRequest>,
    ) -> Answer<v1::ListProductTroublesResponse> {
        let (message, caller, _) = open(request)?;
        self.product_troubles(&caller, message).await.map(Response::new)
    }

    async fn preview_stock(
        &self,
        request: Request<v1::PreviewStockRequest>,
    ) -> Answer<v1::PreviewStockResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.stock_preview(&caller, message)).await.map(Response::new)
    }

    async fn accept_stock(
        &self,
        request: Request<v1::AcceptStockRequest>,
    ) -> Answer<v1::AcceptStockResponse> {
        let (message, caller, _) = open(request)?;
        Box::pin(self.stock_accept(&caller, message)).await.map(Response::new)
    }

    async fn get_stock(&self, request: Request<v1::GetStockRequest>) -> Answer<v1::GetStockResponse> {
        let (message, caller, _) = open(request)?;
        self.stock_of(&caller, message).await.map(Response::new)
    }

    async fn list_stock_troubles(
        &self,
        request: Request<v1::ListStockTroublesRequest>,
    ) -> Answer<v1::ListStockTroublesResponse> {
        let (message, caller, _) = open(request)?;
        self.stock_troubles(&caller, message).await.map(Response::new)
    }

    async fn refresh_stock(
        &self,
        request: Request<v1::RefreshStockRequest>,
    ) -> Answer<v1::RefreshStockResponse> {
        let (message, caller, _) = open(request)?;
        self.stock_refresh(&caller, message).await.map(Response::new)
    }

    async fn get_billing(&self, request: Request<v1::GetBillingRequest>) -> Answer<v1::GetBillingResponse> {
        let (message, caller, _) = open(request)?;
        self.billing(&caller, message).await.map(Response::new)
    }
}

#[cfg(test)]
mod tests;
