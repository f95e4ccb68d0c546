//! What the service answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use shopbeat_proto::v1;
use shopbeat_proto::v1::sync_service_server::SyncService;
use tonic::{Request, Response, Status};

use super::{Call, Inner};

pub(super) struct Answering(pub(super) Arc<Inner>);

type Answers<T> = BoxStream<'static, Result<T, Status>>;

fn unasked(rpc: &str) -> Status {
    Status::unimplemented(format!("{rpc} is not asked by an operator"))
}

/// A store right after it was connected, with a worker that is fine.
fn connected(request: &v1::ConnectStoreRequest, before: Option<&v1::StoreStatus>) -> v1::StoreStatus {
    let id = request.shop.trim_end_matches(".myshopify.com").to_owned();
    let since = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let fine = v1::RemoteHealth { reachable: true, since, trouble: String::new() };
    let revision = before.and_then(|before| before.store.as_ref()).map_or(0, |store| store.revision);
    v1::StoreStatus {
        store: Some(v1::Store {
            id: id.clone(),
            shop: request.shop.clone(),
            agreement_id: request.agreement_id.clone(),
            desired: request.desired,
            managed_by: request.managed_by.clone(),
            settings: request.settings.clone(),
            connected_at: since,
            webhook_address: "https://hooks.example/".to_owned(),
            revision: revision + 1,
            ..v1::Store::default()
        }),
        jobs: Some(v1::JobCounts::default()),
        worker: format!("worker-of-{id}"),
        report: Some(v1::WorkerReport {
            worker: format!("worker-of-{id}"),
            shopify: Some(fine.clone()),
            rackbeat: Some(fine),
            ..v1::WorkerReport::default()
        }),
        latest_run: before.and_then(|before| before.latest_run.clone()),
        ..v1::StoreStatus::default()
    }
}

fn unknown(id: &str) -> Status {
    Status::not_found(format!("no store {id:?}"))
}

#[tonic::async_trait]
impl SyncService for Answering {
    type WatchStoresStream = Answers<v1::WatchStoresResponse>;

    async fn connect_store(
        &self,
        request: Request<v1::ConnectStoreRequest>,
    ) -> Result<Response<v1::ConnectStoreResponse>, Status> {
        let request = request.into_inner();
        self.0.record("ConnectStore", Call::Connect(Box::new(request.clone())))?;
        let store = self.0.change(|state| {
            let id = request.shop.trim_end_matches(".myshopify.com").to_owned();
            let status = connected(&request, state.stores.get(&id));
            let store = status.store.clone();
            state.stores.insert(id, status);
            store
        });
        Ok(Response::new(v1::ConnectStoreResponse { store, ..v1::ConnectStoreResponse::default() }))
    }

    async fn update_store(
        &self,
        request: Request<v1::UpdateStoreRequest>,
    ) -> Result<Response<v1::UpdateStoreResponse>, Status> {
        let request = request.into_inner();
        self.0.record("UpdateStore", Call::Update(Box::new(request.clone())))?;
        let changed = request.update_mask.clone().unwrap_or_default().paths;
        let store = self.0.change(|state| {
            let store = state.stores.get_mut(&request.store_id).and_then(|status| status.store.as_mut());
            let store = store.ok_or_else(|| unknown(&request.store_id))?;
            // The operator's settings are complete: what its mask names and what it does not are one.
            store.settings = request.settings;
            store.desired = request.desired;
            store.revision += 1;
            Ok::<_, Status>(store.clone())
        })?;
        Ok(Response::new(v1::UpdateStoreResponse { store: Some(store), changed }))
    }

    async fn disconnect_store(
        &self,
        request: Request<v1::DisconnectStoreRequest>,
    ) -> Result<Response<v1::DisconnectStoreResponse>, Status> {
        let request = request.into_inner();
        self.0.record("DisconnectStore", Call::Disconnect(request.clone()))?;
        let gone = self.0.change(|state| state.stores.remove(&request.store_id));
        let store = gone.ok_or_else(|| unknown(&request.store_id))?.store;
        Ok(Response::new(v1::DisconnectStoreResponse { store, left_behind: Vec::new() }))
    }

    async fn run_initial_sync(
        &self,
        request: Request<v1::RunInitialSyncRequest>,
    ) -> Result<Response<v1::RunInitialSyncResponse>, Status> {
        let request = request.into_inner();
        self.0.record("RunInitialSync", Call::InitialSync(request.clone()))?;
        let phase = v1::RunPhase::Importing.into();
        let run = v1::Run {
            id: format!("run-of-{}", request.token),
            token: request.token,
            phase,
            ..v1::Run::default()
        };
        self.0.change(|state| {
            let status = state.stores.get_mut(&request.store_id).ok_or_else(|| unknown(&request.store_id))?;
            status.latest_run = Some(run.clone());
            Ok::<_, Status>(())
        })?;
        Ok(Response::new(v1::RunInitialSyncResponse { run: Some(run) }))
    }

    async fn replay_store(
        &self,
        request: Request<v1::ReplayStoreRequest>,
    ) -> Result<Response<v1::ReplayStoreResponse>, Status> {
        let request = request.into_inner();
        self.0.record("ReplayStore", Call::Replay(request.clone()))?;
        let phase = v1::ReplayPhase::Finished.into();
        let replay = v1::Replay { id: request.id, phase, orders: 3, ..v1::Replay::default() };
        self.0.change(|state| {
            let status = state.stores.get_mut(&request.store_id).ok_or_else(|| unknown(&request.store_id))?;
            status.latest_replay = Some(replay.clone());
            Ok::<_, Status>(())
        })?;
        Ok(Response::new(v1::ReplayStoreResponse { replay: Some(replay) }))
    }

    async fn watch_stores(
        &self,
        _: Request<v1::WatchStoresRequest>,
    ) -> Result<Response<Self::WatchStoresStream>, Status> {
        self.0.record("WatchStores", Call::Watch)?;
        let inner = Arc::clone(&self.0);
        let begin = (inner, self.0.changed.subscribe(), BTreeMap::new(), true);
        let answers = stream::unfold(begin, |(inner, mut changed, told, first)| async move {
            if !first {
                changed.changed().await.ok()?;
                // What comes together is told together.
                let _more = tokio::time::timeout(Duration::from_millis(20), changed.changed()).await;
            }
            let now = inner.state().stores.clone();
            let stores = now.iter().filter(|(id, status)| told.get(*id) != Some(*status));
            let stores = stores.map(|(_, status)| status.clone()).collect();
            let gone = told.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
            let answer = v1::WatchStoresResponse { stores, gone, complete: true };
            Some((Ok(answer), (inner, changed, now, false)))
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn preflight(
        &self,
        _: Request<v1::PreflightRequest>,
    ) -> Result<Response<v1::PreflightResponse>, Status> {
        Err(unasked("Preflight"))
    }

    async fn get_store(
        &self,
        _: Request<v1::GetStoreRequest>,
    ) -> Result<Response<v1::GetStoreResponse>, Status> {
        Err(unasked("GetStore"))
    }

    async fn list_stores(
        &self,
        _: Request<v1::ListStoresRequest>,
    ) -> Result<Response<v1::ListStoresResponse>, Status> {
        Err(unasked("ListStores"))
    }

    async fn pause_store(
        &self,
        _: Request<v1::PauseStoreRequest>,
    ) -> Result<Response<v1::PauseStoreResponse>, Status> {
        Err(unasked("PauseStore"))
    }

    async fn resume_store(
        &self,
        _: Request<v1::ResumeStoreRequest>,
    ) -> Result<Response<v1::ResumeStoreResponse>, Status> {
        Err(unasked("ResumeStore"))
    }

    type WatchInitialSyncStream = Answers<v1::WatchInitialSyncResponse>;

    async fn watch_initial_sync(
        &self,
        _: Request<v1::WatchInitialSyncRequest>,
    ) -> Result<Response<Self::WatchInitialSyncStream>, Status> {
        Err(unasked("WatchInitialSync"))
    }

    async fn cancel_initial_sync(
        &self,
        _: Request<v1::CancelInitialSyncRequest>,
    ) -> Result<Response<v1::CancelInitialSyncResponse>, Status> {
        Err(unasked("CancelInitialSync"))
    }

    async fn list_initial_sync_rows(
        &self,
        _: Request<v1::ListInitialSyncRowsRequest>,
    ) -> Result<Response<v1::ListInitialSyncRowsResponse>, Status> {
        Err(unasked("ListInitialSyncRows"))
    }

    async fn get_replay(
        &self,
        _: Request<v1::GetReplayRequest>,
    ) -> Result<Response<v1::GetReplayResponse>, Status> {
        Err(unasked("GetReplay"))
    }

    async fn transfer_order(
        &self,
        _: Request<v1::TransferOrderRequest>,
    ) -> Result<Response<v1::TransferOrderResponse>, Status> {
        Err(unasked("TransferOrder"))
    }

    async fn get_transfer(
        &self,
        _: Request<v1::GetTransferRequest>,
    ) -> Result<Response<v1::GetTransferResponse>, Status> {
        Err(unasked("GetTransfer"))
    }

    async fn list_parked(
        &self,
        _: Request<v1::ListParkedRequest>,
    ) -> Result<Response<v1::ListParkedResponse>, Status> {
        Err(unasked("ListParked"))
    }

    async fn retry_parked(
        &self,
        _: Request<v1::RetryParkedRequest>,
    ) -> Result<Response<v1::RetryParkedResponse>, Status> {
        Err(unasked("RetryParked"))
    }

    async fn list_drift(
        &self,
        _: Request<v1::ListDriftRequest>,
    ) -> Result<Response<v1::ListDriftResponse>, Status> {
        Err(unasked("ListDrift"))
    }

    async fn resolve_drift(
        &self,
        _: Request<v1::ResolveDriftRequest>,
    ) -> Result<Response<v1::ResolveDriftResponse>, Status> {
        Err(unasked("ResolveDrift"))
    }

    async fn list_product_troubles(
        &self,
        _: Request<v1::ListProductTroublesRequest>,
    ) -> Result<Response<v1::ListProductTroublesResponse>, Status> {
        Err(unasked("ListProductTroubles"))
    }

    async fn preview_stock(
        &self,
        _: Request<v1::PreviewStockRequest>,
    ) -> Result<Response<v1::PreviewStockResponse>, Status> {
        Err(unasked("PreviewStock"))
    }

    async fn accept_stock(
        &self,
        _: Request<v1::AcceptStockRequest>,
    ) -> Result<Response<v1::AcceptStockResponse>, Status> {
        Err(unasked("AcceptStock"))
    }

    async fn get_stock(
        &self,
        _: Request<v1::GetStockRequest>,
    ) -> Result<Response<v1::GetStockResponse>, Status> {
        Err(unasked("GetStock"))
    }

    async fn list_stock_troubles(
        &self,
        _: Request<v1::ListStockTroublesRequest>,
    ) -> Result<Response<v1::ListStockTroublesResponse>, Status> {
        Err(unasked("ListStockTroubles"))
    }

    async fn refresh_stock(
        &self,
        _: Request<v1::RefreshStockRequest>,
    ) -> Result<Response<v1::RefreshStockResponse>, Status> {
        Err(unasked("RefreshStock"))
    }

    async fn get_billing(
        &self,
        _: Request<v1::GetBillingRequest>,
    ) -> Result<Response<v1::GetBillingResponse>, Status> {
        Err(unasked("GetBilling"))
    }
}
