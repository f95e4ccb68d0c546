mod owners;
mod watching;

use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::Offer;
use shopbeat_domain::store::Desired;
use shopbeat_proto::v1::sync_service_client::SyncServiceClient;
use shopbeat_proto::v1::{
    connect_store_request, get_stock_request, get_transfer_request, refresh_stock_request,
    transfer_order_request,
};
use tokio::net::TcpListener;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Server};
use tonic_types::StatusExt as _;

use super::*;
use crate::auth::{Rpc, Tokens};
use crate::metrics::Metrics;
use crate::testing::{add_store, ports};

const FILE: &str = r#"[
    {"name": "ours", "token": "ours-ours-ours-ours-ours", "role": "operator", "agreements": ["nordlys"]},
    {"name": "all", "token": "all-all-all-all-all-all", "role": "operator", "agreements": ["*"]}
]"#;
const OURS: &str = "ours-ours-ours-ours-ours";
const ALL: &str = "all-all-all-all-all-all";

/// The API over a real connection; `acme` is of agreement `nordlys`, `foreign` of another.
struct Set {
    ports: Ports,
    channel: Channel,
    shutdown: CancellationToken,
}

impl Set {
    async fn up() -> Self {
        Self::with(|api| api).await
    }

    async fn with(set_up: impl FnOnce(SyncApi) -> SyncApi) -> Self {
        let metrics = Metrics::new();
        let ports = ports(metrics.clone());
        add_store(&ports.state, "acme", "nordlys").await;
        add_store(&ports.state, "foreign", "elsewhere").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let api = set_up(SyncApi::new(ports.clone(), None, shutdown.clone()));
        let tokens = Some(std::sync::Arc::new(Tokens::parse(FILE.as_bytes()).unwrap()));
        tokio::spawn(serve(Server::builder(), listener, api, tokens, metrics, shutdown.clone()));
        let channel = Channel::from_shared(address).unwrap().connect_lazy();
        Self { ports, channel, shutdown }
    }

    async fn call(&self, rpc: Rpc, store: &str, token: &str) -> Result<(), Status> {
        let mut client = SyncServiceClient::new(self.channel.clone());
        let store_id = store.to_owned();
        match rpc {
            Rpc::ConnectStore => client.connect_store(with(connect(store), token)).await.map(drop),
            Rpc::Preflight => {
                let message = v1::PreflightRequest { store_id, ..v1::PreflightRequest::default() };
                client.preflight(with(message, token)).await.map(drop)
            }
            Rpc::UpdateStore => {
                let update_mask = Some(prost_types::FieldMask { paths: vec!["stock.buffer".to_owned()] });
                let message =
                    v1::UpdateStoreRequest { store_id, update_mask, ..v1::UpdateStoreRequest::default() };
                client.update_store(with(message, token)).await.map(drop)
            }
            Rpc::GetStore => {
                let message = v1::GetStoreRequest { store_id, ..v1::GetStoreRequest::default() };
                client.get_store(with(message, token)).await.map(drop)
            }
            Rpc::ListStores => {
                let answer = client.list_stores(with(v1::ListStoresRequest::default(), token)).await?;
                let seen = answer.into_inner().stores.iter().any(|seen| seen.id == store_id);
                if seen { Ok(()) } else { Err(Status::not_found("not listed")) }
            }
            Rpc::WatchStores => {
                let request = with(v1::WatchStoresRequest::default(), token);
                let first = client.watch_stores(request).await?.into_inner().message().await?;
                let stores = first.unwrap_or_default().stores.into_iter();
                let seen = stores.filter_map(|status| status.store).any(|store| store.id == store_id);
                if seen { Ok(()) } else { Err(Status::not_found("not told")) }
            }
            Rpc::PauseStore => {
                client.pause_store(with(v1::PauseStoreRequest { store_id }, token)).await.map(drop)
            }
            Rpc::ResumeStore => {
                client.resume_store(with(v1::ResumeStoreRequest { store_id }, token)).await.map(drop)
            }
            Rpc::DisconnectStore => {
                let message = v1::DisconnectStoreRequest { store_id, managed_by: None };
                client.disconnect_store(with(message, token)).await.map(drop)
            }
            Rpc::RunInitialSync => {
                let message = v1::RunInitialSyncRequest { store_id, products: true, ..Default::default() };
                client.run_initial_sync(with(message, token)).await.map(drop)
            }
            Rpc::WatchInitialSync => {
                let message = v1::WatchInitialSyncRequest { store_id, run_id: String::new() };
                client.watch_initial_sync(with(message, token)).await.map(drop)
            }
            Rpc::CancelInitialSync => {
                let message = v1::CancelInitialSyncRequest { store_id, run_id: String::new() };
                client.cancel_initial_sync(with(message, token)).await.map(drop)
            }
            Rpc::ListInitialSyncRows => {
                let message =
                    v1::ListInitialSyncRowsRequest { store_id, ..v1::ListInitialSyncRowsRequest::default() };
                client.list_initial_sync_rows(with(message, token)).await.map(drop)
            }
            Rpc::TransferOrder => {
                let order = Some(transfer_order_request::Order::OrderId(7));
                let message = v1::TransferOrderRequest { store_id, order, force: false };
                client.transfer_order(with(message, token)).await.map(drop)
            }
            Rpc::GetTransfer => {
                let order = Some(get_transfer_request::Order::OrderId(7));
                client.get_transfer(with(v1::GetTransferRequest { store_id, order }, token)).await.map(drop)
            }
            Rpc::ListParked => {
                let message = v1::ListParkedRequest { store_id, ..v1::ListParkedRequest::default() };
                client.list_parked(with(message, token)).await.map(drop)
            }
            Rpc::RetryParked => {
                let message =
                    v1::RetryParkedRequest { store_id, all: true, ..v1::RetryParkedRequest::default() };
                client.retry_parked(with(message, token)).await.map(drop)
            }
            other => self.call_about_goods(other, store_id, token).await,
        }
    }

    async fn call_about_goods(&self, rpc: Rpc, store_id: String, token: &str) -> Result<(), Status> {
        let mut client = SyncServiceClient::new(self.channel.clone());
        let item = "A".to_owned();
        match rpc {
            Rpc::ListDrift => {
                let message = v1::ListDriftRequest { store_id, ..v1::ListDriftRequest::default() };
                client.list_drift(with(message, token)).await.map(drop)
            }
            Rpc::ResolveDrift => {
                let choice = v1::DriftChoice::Repair.into();
                let message = v1::ResolveDriftRequest { store_id, item, fields: Vec::new(), choice };
                client.resolve_drift(with(message, token)).await.map(drop)
            }
            Rpc::ListProductTroubles => {
                let message =
                    v1::ListProductTroublesRequest { store_id, ..v1::ListProductTroublesRequest::default() };
                client.list_product_troubles(with(message, token)).await.map(drop)
            }
            Rpc::PreviewStock => {
                client.preview_stock(with(v1::PreviewStockRequest { store_id }, token)).await.map(drop)
            }
            Rpc::AcceptStock => {
                let message = v1::AcceptStockRequest { store_id, digest: "d".to_owned() };
                client.accept_stock(with(message, token)).await.map(drop)
            }
            Rpc::GetStock => {
                let whose = Some(get_stock_request::Whose::StoreId(store_id));
                client.get_stock(with(v1::GetStockRequest { whose, item }, token)).await.map(drop)
            }
            Rpc::ListStockTroubles => {
                let message =
                    v1::ListStockTroublesRequest { store_id, ..v1::ListStockTroublesRequest::default() };
                client.list_stock_troubles(with(message, token)).await.map(drop)
            }
            Rpc::RefreshStock => {
                let whose = Some(refresh_stock_request::Whose::StoreId(store_id));
                client.refresh_stock(with(v1::RefreshStockRequest { whose, item }, token)).await.map(drop)
            }
            Rpc::GetBilling => {
                let agreement_id = connect(&store_id).agreement_id;
                let message = v1::GetBillingRequest { agreement_id, ..v1::GetBillingRequest::default() };
                client.get_billing(with(message, token)).await.map(drop)
            }
            Rpc::ReplayStore => {
                let from = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
                let message = v1::ReplayStoreRequest { store_id, id: "r".to_owned(), from, to: None };
                client.replay_store(with(message, token)).await.map(drop)
            }
            Rpc::GetReplay => {
                client.get_replay(with(v1::GetReplayRequest { store_id }, token)).await.map(drop)
            }
            other => panic!("{other:?} is not called"),
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn with<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request.set_timeout(std::time::Duration::from_secs(20));
    request
}

fn connect(store: &str) -> v1::ConnectStoreRequest {
    v1::ConnectStoreRequest {
        shop: format!("{store}.myshopify.com"),
        agreement_id: if store == "acme" { "nordlys" } else { "elsewhere" }.to_owned(),
        credentials: Some(connect_store_request::Credentials::ClientCredentials(v1::ClientCredentials {
            client_id: "id".to_owned(),
            client_secret: "secret".to_owned(),
        })),
        rackbeat_token: "token".to_owned(),
        ..v1::ConnectStoreRequest::default()
    }
}

#[tokio::test]
async fn every_call_about_a_store_of_another_agreement_finds_nothing() {
    let set = Set::up().await;
    for rpc in Rpc::ALL {
        let refused = set.call(*rpc, "foreign", OURS).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{}: {refused}", rpc.name());
        assert!(
            !refused.message().contains("elsewhere.") && !refused.message().contains("nordlys"),
            "{refused}"
        );
    }
    let foreign = StoreId::parse("foreign").unwrap();
    let store = set.ports.state.registry.store(&foreign).await.unwrap().unwrap();
    assert_eq!(
        (store.desired, store.disconnected_at),
        (Desired::Running, None),
        "and nothing was done to it"
    );
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_but_health_answers() {
    let set = Set::up().await;
    for rpc in Rpc::ALL {
        let refused = set.call(*rpc, "acme", "wrong-wrong-wrong-wrong").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{}", rpc.name());
    }
    let mut health = tonic_health::pb::health_client::HealthClient::new(set.channel.clone());
    let service = "shopbeat.sync.v1.SyncService".to_owned();
    let answer = health.check(tonic_health::pb::HealthCheckRequest { service }).await.unwrap();
    assert_eq!(answer.into_inner().status, 1, "serving");
}

#[tokio::test]
async fn a_store_is_shown_paused_resumed_and_disconnected_twice() {
    let set = Set::up().await;
    for rpc in [Rpc::GetStore, Rpc::ListStores, Rpc::PauseStore, Rpc::PauseStore] {
        set.call(rpc, "acme", OURS).await.unwrap();
    }
    let paused = set.call(Rpc::TransferOrder, "acme", OURS).await.unwrap_err();
    assert_eq!(paused.code(), Code::FailedPrecondition);
    assert_eq!(paused.get_error_details().error_info().unwrap().reason, "STORE_PAUSED");
    for rpc in [Rpc::ResumeStore, Rpc::ResumeStore, Rpc::DisconnectStore, Rpc::DisconnectStore, Rpc::GetStore]
    {
        set.call(rpc, "acme", OURS).await.unwrap();
    }
    assert_eq!(set.call(Rpc::ListStores, "acme", OURS).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_remote_that_is_down_is_unavailable_with_a_wait() {
    let set = Set::up().await;
    for rpc in [Rpc::ConnectStore, Rpc::TransferOrder] {
        let status = set.call(rpc, "acme", ALL).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.get_error_details().retry_info().is_some());
    }
}

#[tokio::test]
async fn a_shop_of_another_agreement_cannot_be_taken_over_nor_learned_about() {
    let set = Set::up().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let mut request =
        Request::new(v1::ConnectStoreRequest { agreement_id: "nordlys".to_owned(), ..connect("foreign") });
    request.metadata_mut().insert("authorization", format!("Bearer {OURS}").parse().unwrap());
    let refused = client.connect_store(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(!refused.message().contains("agreement"), "{refused}");
}

#[tokio::test]
async fn bad_input_names_every_field_at_once() {
    let set = Set::up().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let message = v1::ConnectStoreRequest {
        shop: "acme.com".to_owned(),
        agreement_id: "A B".to_owned(),
        rackbeat_token: "with space".to_owned(),
        agreement_currency: "kr".to_owned(),
        settings: Some(v1::Settings {
            orders: Some(v1::OrderSettings { trigger: 77, ..v1::OrderSettings::default() }),
            ..v1::Settings::default()
        }),
        ..v1::ConnectStoreRequest::default()
    };
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
    let status = client.connect_store(request).await.unwrap_err();
    let details = status.get_error_details();
    let fields: Vec<_> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(status.code(), Code::InvalidArgument);
    let expected = [
        "shop",
        "agreement_id",
        "credentials",
        "rackbeat_token",
        "agreement_currency",
        "settings.orders.trigger",
    ];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn what_was_seen_and_not_done_is_pending_in_the_ledger_and_in_the_answer() {
    let set = Set::up().await;
    let acme = StoreId::parse("acme").unwrap();
    set.ports.state.jobs.offer(&acme, &[Offer::order(OrderId(7))], None, set.ports.now()).await.unwrap();
    let mut client = SyncServiceClient::new(set.channel.clone());
    let mut ask = Request::new(v1::GetStoreRequest { store_id: "acme".to_owned(), ..Default::default() });
    ask.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
    let answer = client.get_store(ask).await.unwrap().into_inner();
    let total = answer.ledger.unwrap().total.unwrap();
    assert_eq!((total.seen, total.pending, total.adds_up), (1, 1, true));
    assert_eq!(answer.jobs.unwrap().ready, 1);
    let order = Some(get_transfer_request::Order::OrderId(7));
    let mut ask = Request::new(v1::GetTransferRequest { store_id: "acme".to_owned(), order });
    ask.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
    let transfer = client.get_transfer(ask).await.unwrap().into_inner().transfer.unwrap();
    assert_eq!(transfer.state(), v1::OrderState::Pending);
    assert_eq!(transfer.target(), v1::Target::Booked);
}

#[tokio::test]
async fn a_watch_tells_the_run_and_ends_when_the_process_drains() {
    let set = Set::up().await;
    set.call(Rpc::RunInitialSync, "acme", ALL).await.unwrap();
    let mut client = SyncServiceClient::new(set.channel.clone());
    let mut ask =
        Request::new(v1::WatchInitialSyncRequest { store_id: "acme".to_owned(), run_id: String::new() });
    ask.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
    let mut stream = client.watch_initial_sync(ask).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap().run.unwrap();
    assert_eq!(first.phase(), v1::RunPhase::Queued);
    set.shutdown.cancel();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_watch_ends_at_its_callers_deadline() {
    let set = Set::up().await;
    set.call(Rpc::RunInitialSync, "acme", ALL).await.unwrap();
    let mut client = SyncServiceClient::new(set.channel.clone());
    let mut ask =
        Request::new(v1::WatchInitialSyncRequest { store_id: "acme".to_owned(), run_id: String::new() });
    ask.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
    ask.set_timeout(std::time::Duration::from_millis(600));
    let mut stream = client.watch_initial_sync(ask).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    assert_eq!(stream.message().await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn pages_of_stores_end_where_the_stores_end() {
    let set = Set::up().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let mut ask = Request::new(v1::ListStoresRequest { page_size: 1, page_token, ..Default::default() });
        ask.metadata_mut().insert("authorization", format!("Bearer {ALL}").parse().unwrap());
        let page = client.list_stores(ask).await.unwrap().into_inner();
        assert_eq!(page.stores.len(), 1);
        seen.extend(page.stores.into_iter().map(|store| store.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["acme", "foreign"]);
}

#[tokio::test]
async fn settings_are_changed_by_their_mask_and_a_path_that_is_none_is_told_with_the_nearest() {
    let set = Set::up().await;
    let mut client = SyncServiceClient::new(set.channel.clone());
    let stock = v1::StockSettings { buffer: Some(3), enabled: Some(false), ..v1::StockSettings::default() };
    let message = |paths: &[&str]| v1::UpdateStoreRequest {
        store_id: "acme".to_owned(),
        settings: Some(v1::Settings { stock: Some(stock.clone()), ..v1::Settings::default() }),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() }),
        ..v1::UpdateStoreRequest::default()
    };
    let answer = client.update_store(with(message(&["stock.buffer"]), OURS)).await.unwrap().into_inner();
    assert_eq!(answer.changed, ["stock.buffer"]);
    let now = answer.store.unwrap().settings.unwrap().stock.unwrap();
    assert_eq!((now.buffer, now.enabled), (Some(3), Some(true)), "only what is named changes");
    let answer = client.update_store(with(message(&["stock"]), OURS)).await.unwrap().into_inner();
    assert_eq!(answer.changed, ["stock.enabled"], "a section is all of its settings");
    for (paths, told) in [(vec!["stock.bufer"], "stock.buffer"), (vec![], "is needed")] {
        let status = client.update_store(with(message(&paths), OURS)).await.unwrap_err();
        let details = status.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!((status.code(), violation.field.as_str()), (Code::InvalidArgument, "update_mask"));
        assert!(violation.description.contains(told), "{violation:?}");
    }
    let settings = v1::Settings {
        stock: Some(v1::StockSettings { buffer: Some(u32::MAX), ..v1::StockSettings::default() }),
        ..v1::Settings::default()
    };
    let message = v1::UpdateStoreRequest { settings: Some(settings), ..message(&["stock.buffer"]) };
    let status = client.update_store(with(message, OURS)).await.unwrap_err();
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(violation.field, "settings.stock.buffer");
    assert!(violation.description.contains("4294967295 is not allowed; give 0 to"), "{violation:?}");
}
