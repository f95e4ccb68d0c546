//! What the API answers: the same again when asked again, and errors that say what to do.

use std::time::Duration;

use shopbeat_proto::v1;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_tests::{Plan, SHORT, World, settings};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::mix::plain;

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "shopbeat");
    info.reason.clone()
}

/// The fields that a refusal names.
fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations.iter().all(|one| !one.description.is_empty()));
    violations.iter().map(|one| one.field.clone()).collect()
}

fn named(name: &str) -> v1::TransferOrderRequest {
    let order = Some(v1::transfer_order_request::Order::OrderName(name.to_owned()));
    v1::TransferOrderRequest { store_id: "fjeld".to_owned(), order, force: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_by_id_or_by_name_the_answer_is_the_same_number() {
    let mut world = World::start(Plan::new(71)).await;
    world.connect("fjeld").await;
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    let first = world.transfer_now("fjeld", order, false).await.unwrap();
    assert_eq!(first.state(), v1::OrderState::Transferred);
    assert_eq!(first.reached(), v1::Reached::Booked);
    assert!(first.rackbeat_order_number.is_some());
    assert_eq!(world.transfer_now("fjeld", order, false).await.unwrap(), first);
    let name = first.order_name.clone();
    for name in [name.as_str(), name.trim_start_matches('#')] {
        assert_eq!(world.api.transfer_order(named(name)).await.unwrap().into_inner(), first);
    }
    let by_name = Some(v1::get_transfer_request::Order::OrderName(name));
    let request = v1::GetTransferRequest { store_id: "fjeld".to_owned(), order: by_name };
    let told = world.api.get_transfer(request).await.unwrap().into_inner().transfer.unwrap();
    assert_eq!(told.rackbeat_order_number, first.rackbeat_order_number);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_before_its_trigger_is_transferred_only_by_force() {
    let mut world = World::start(Plan::new(72)).await;
    world.connect("fjeld").await;
    let order = world.place("fjeld", &plain(&world, "fjeld"));
    let refused = world.transfer_now("fjeld", order, false).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "TRIGGER_NOT_REACHED")
    );
    let old = world.buy("fjeld", &shopbeat_sandbox::shopify::special::old(plain(&world, "fjeld"), 9));
    let refused = world.transfer_now("fjeld", old, false).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "BEFORE_START"));
    for order in [order, old] {
        let forced = world.transfer_now("fjeld", order, true).await.unwrap();
        assert_eq!(forced.state(), v1::OrderState::Transferred);
    }
    let parked =
        world.buy("fjeld", &shopbeat_sandbox::shopify::special::tip(plain(&world, "fjeld"), 20.into()));
    let refused = world.transfer_now("fjeld", parked, false).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "ORDER_PARKED"));
    world.expect("fjeld", parked, shopbeat_tests::Expect::Parked("tip"));
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let mut world = World::start(Plan::new(73)).await;
    world.connect("fjeld").await;
    let codes = [
        world.transfer_now("nobody", 1, false).await.unwrap_err(),
        world.transfer_now("fjeld", 12, false).await.unwrap_err(),
        world.transfer("fjeld", 12).await.unwrap_err(),
        world.api.transfer_order(named("#99999")).await.unwrap_err(),
        world.api.pause_store(v1::PauseStoreRequest { store_id: "nobody".to_owned() }).await.unwrap_err(),
        world
            .api
            .watch_initial_sync(v1::WatchInitialSyncRequest {
                store_id: "fjeld".to_owned(),
                run_id: "x".to_owned(),
            })
            .await
            .map(|_| ())
            .unwrap_err(),
    ];
    for status in codes {
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
        assert!(reason(&status).ends_with("_UNKNOWN"), "{status:?}");
    }
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_told_field_by_field() {
    let mut world = World::start(Plan::new(74)).await;
    let mut bad = settings();
    let orders = bad.orders.as_mut().unwrap();
    orders.rounding_tolerance = Some("2.50".to_owned());
    orders.trigger = 77;
    orders.freight_product = Some(String::new());
    let mut request = world.connect_request("fjeld", bad);
    request.shop = "fjeld.example.com".to_owned();
    request.agreement_id = "Not Good".to_owned();
    request.credentials = None;
    request.agreement_currency = "kroner".to_owned();
    let mut told = fields(&world.api.connect_store(request).await.unwrap_err());
    told.sort_unstable();
    for field in ["agreement_currency", "agreement_id", "credentials", "shop"] {
        assert!(told.iter().any(|one| one == field), "{field} is not in {told:?}");
    }
    for field in ["rounding_tolerance", "trigger", "freight_product"] {
        assert!(
            told.iter().any(|one| one == &format!("settings.orders.{field}")),
            "{field} is not in {told:?}"
        );
    }

    let mut unknown = settings();
    unknown.orders.as_mut().unwrap().freight_product = Some("NO-SUCH".to_owned());
    let request = world.connect_request("fjeld", unknown);
    let told = fields(&world.api.connect_store(request).await.unwrap_err());
    assert_eq!(told, ["settings.orders.freight_product"]);

    let mut wrong = world.connect_request("fjeld", settings());
    let credentials = v1::ClientCredentials { client_id: "x".to_owned(), client_secret: "y".to_owned() };
    wrong.credentials = Some(v1::connect_store_request::Credentials::ClientCredentials(credentials));
    assert_eq!(fields(&world.api.connect_store(wrong).await.unwrap_err()).len(), 1);
    let mut wrong = world.connect_request("fjeld", settings());
    wrong.rackbeat_token = "wrong".to_owned();
    assert_eq!(fields(&world.api.connect_store(wrong).await.unwrap_err()), ["rackbeat_token"]);
    let stores = world.api.list_stores(v1::ListStoresRequest::default()).await.unwrap().into_inner();
    assert_eq!(stores.stores, [], "nothing is kept of what was refused");

    world.connect("fjeld").await;
    let nothing = v1::TransferOrderRequest { store_id: "fjeld".to_owned(), order: None, force: false };
    assert_eq!(fields(&world.api.transfer_order(nothing).await.unwrap_err()), ["order"]);
    assert_eq!(fields(&world.transfer_now("fjeld", 0, false).await.unwrap_err()), ["order_id"]);
    let both = v1::RetryParkedRequest {
        store_id: "fjeld".to_owned(),
        order_ids: vec![1],
        all: true,
        recreate: false,
    };
    assert!(!fields(&world.api.retry_parked(both).await.unwrap_err()).is_empty());
    let idle =
        v1::RunInitialSyncRequest { store_id: "fjeld".to_owned(), ..v1::RunInitialSyncRequest::default() };
    assert_eq!(fields(&world.api.run_initial_sync(idle).await.unwrap_err()), ["products"]);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_scopes_and_what_is_connected_elsewhere_are_refused() {
    let mut world = World::start(Plan::new(75)).await;
    world.shopify().set_scopes("fjeld.myshopify.com", &["read_products", "write_inventory"]).unwrap();
    let request = world.connect_request("fjeld", settings());
    let refused = world.api.connect_store(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "SCOPES_MISSING"));
    assert!(refused.message().contains("read_orders") && !refused.message().contains("read_inventory"));
    world.shopify().set_scopes("fjeld.myshopify.com", &shopbeat_sandbox::shopify::USUAL_SCOPES).unwrap();
    let first = world.connect_by(request.clone()).await;
    let again = world.connect_by(request.clone()).await;
    let since = |answer: &v1::ConnectStoreResponse| answer.store.clone().unwrap().connected_at;
    assert_eq!(since(&first), since(&again), "a repeat moves nothing");
    let elsewhere = v1::ConnectStoreRequest { agreement_id: "another".to_owned(), ..request };
    let refused = world.api.connect_store(elsewhere).await.unwrap_err();
    let told = (refused.code(), reason(&refused));
    assert_eq!(told, (Code::FailedPrecondition, "STORE_CONNECTED_ELSEWHERE".to_owned()));
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_is_down_is_unavailable_with_a_time_to_ask_again() {
    let mut world = World::start(Plan::new(76)).await;
    world.connect("fjeld").await;
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    world.settled("fjeld", SHORT).await;
    let faults = world.sandbox.core().faults.clone();
    faults.add(Rule::new(Remote::Shopify, "*", When::Every, Fault::Status(503, None)));
    let other = world.place("fjeld", &plain(&world, "fjeld"));
    for status in [
        world.transfer_now("fjeld", other, true).await.unwrap_err(),
        world.api.transfer_order(named("#1002")).await.unwrap_err(),
        world.api.connect_store(world.connect_request("fjeld", settings())).await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let details = status.get_error_details();
        assert!(details.retry_info().unwrap().retry_delay.is_some_and(|wait| wait > Duration::ZERO));
        assert!(reason(&status).starts_with("SHOPIFY_"));
    }
    // What is known needs no remote.
    assert_eq!(world.transfer_now("fjeld", order, false).await.unwrap().state(), v1::OrderState::Transferred);
    faults.clear();
    world.pay("fjeld", other);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn near_its_deadline_a_transfer_is_pending_and_goes_on() {
    let mut world =
        World::start(Plan { env: vec![("SHOPBEAT_LEASE_SECONDS", "20".to_owned())], ..Plan::new(77) }).await;
    world.connect("fjeld").await;
    let faults = world.sandbox.core().faults.clone();
    let slow = |remote, route: &str| Rule::new(remote, route, When::Every, Fault::Slow(2_500)).at_most(1);
    faults.add(slow(Remote::Rackbeat, "POST /orders"));
    let order = world.place("fjeld", &plain(&world, "fjeld"));
    let asked = Some(v1::transfer_order_request::Order::OrderId(order));
    let message = v1::TransferOrderRequest { store_id: "fjeld".to_owned(), order: asked, force: true };
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_millis(1_500));
    let answer = world.api.transfer_order(request).await.unwrap().into_inner();
    assert_eq!((answer.state(), answer.rackbeat_order_number), (v1::OrderState::Pending, None));
    let answer = world.transfer_now("fjeld", order, true).await.unwrap();
    assert_eq!(answer.state(), v1::OrderState::Transferred);

    faults.add(slow(Remote::Shopify, "*"));
    let mut request = Request::new(named("#1001"));
    request.set_timeout(Duration::from_millis(500));
    let late = world.api.transfer_order(request).await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
    world.pay("fjeld", order);
    world.finish(SHORT).await;
}
