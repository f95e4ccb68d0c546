mod leaving;
mod owners;

use std::time::Duration;

use shopbeat_domain::failure::Remote;
use shopbeat_domain::ids::{DeliveryId, ItemNumber, OrderId};
use shopbeat_domain::job::{JobPhase, Outcome, Subject};
use shopbeat_domain::mapping::samples;
use shopbeat_domain::ports::Received;
use shopbeat_domain::settings::WithoutEmail;
use shopbeat_domain::store::{Grant, Hold};

use super::*;
use crate::intake::Intake;
use crate::testing::{Mishap, Trouble, World, WorldBuilder};

const NORDLYS: &str = "nordlys";

fn settings() -> Settings {
    WorldBuilder::default().settings
}

async fn unconnected() -> World {
    WorldBuilder::default().unconnected().await
}

fn nordlys() -> AgreementId {
    AgreementId::parse(NORDLYS).unwrap()
}

fn kubernetes(name: &str) -> ManagedBy {
    ManagedBy::Kubernetes { namespace: "shops".to_owned(), name: name.to_owned(), uid: "7".to_owned() }
}

fn with_secret(world: &World, secret: &str) -> ConnectRequest {
    let credentials = ShopCredentials::ClientCredentials {
        client_id: "id".to_owned(),
        client_secret: SecretString::from(secret),
    };
    ConnectRequest { credentials, ..world.request(settings()) }
}

async fn store_secret(world: &World, field: &str) -> Option<String> {
    let owner = SecretOwner::Store(nordlys(), world.id.clone());
    let secret = world.raw.registry.secret(&owner, field).await.unwrap();
    secret.map(|secret| secret.expose_secret().to_owned())
}

async fn agreement_secret(world: &World, field: &str) -> Option<String> {
    let secret = world.raw.registry.secret(&SecretOwner::Agreement(nordlys()), field).await.unwrap();
    secret.map(|secret| secret.expose_secret().to_owned())
}

async fn assert_nothing_kept(world: &World, what: &str) {
    let registry = &world.raw.registry;
    assert_eq!(
        (registry.stores().await.unwrap(), registry.agreements().await.unwrap()),
        (vec![], vec![]),
        "{what}"
    );
    for field in [secret::CLIENT_ID, secret::CLIENT_SECRET, secret::LEGACY_TOKEN] {
        assert_eq!(store_secret(world, field).await, None, "{what}");
    }
    assert_eq!(agreement_secret(world, secret::RACKBEAT_TOKEN).await, None, "{what}");
    assert_eq!(*world.shop.subscribed.lock().unwrap(), None, "{what}");
    assert_eq!(world.hooks.writes(), [""; 0], "{what}");
}

/// Connected once, with what was asked for, whatever happened on the way.
async fn assert_connected(world: &World, secret: &str, what: &str) {
    let stores = world.raw.registry.stores().await.unwrap();
    assert_eq!(stores.len(), 1, "{what}");
    assert!(stores[0].may_write(), "{what}");
    assert_eq!(*world.shop.subscribed.lock().unwrap(), stores[0].webhook_address, "{what}");
    assert_eq!(store_secret(world, secret::CLIENT_SECRET).await.as_deref(), Some(secret), "{what}");
    assert_eq!(agreement_secret(world, secret::RACKBEAT_TOKEN).await.as_deref(), Some("token"), "{what}");
    let mut subscriptions = world.erp.books.lock().unwrap().subscriptions.clone();
    subscriptions.sort();
    assert_eq!(subscriptions.len(), RACKBEAT_EVENTS.len() + 1, "{what}");
    for (event, address, token) in subscriptions {
        assert_eq!(address.as_str(), "https://hooks.example.test/webhooks/rackbeat/nordlys", "{what}");
        let kept = agreement_secret(world, &secret::rackbeat_webhook_token(&event)).await;
        assert_eq!(kept, Some(token), "{what}: deliveries of {event} bear the newest token");
    }
}

fn fields(problem: &Problem) -> Vec<&str> {
    let Problem::BadInput(violations) = problem else { panic!("{problem:?}") };
    violations.iter().map(|violation| violation.field.as_str()).collect()
}

fn reason(problem: &Problem) -> &'static str {
    let Problem::Precondition { reason, .. } = problem else { panic!("{problem:?}") };
    reason
}

#[tokio::test(start_paused = true)]
async fn credentials_that_either_side_refuses_are_a_field_of_the_request_and_nothing_is_kept() {
    for (call, field) in [("shop.identity", "shopify"), ("erp.account", "rackbeat.token")] {
        let world = unconnected().await;
        let refuses = Trouble::Fails(FailureKind::Unauthorized(Some(Hold::TokenDead)));
        world.hooks.trouble(call, 0, 1, refuses);
        let problem = world.connector.connect(world.request(settings())).await.unwrap_err();
        assert_eq!(fields(&problem), [field]);
        assert_nothing_kept(&world, call).await;
        world.connector.connect(world.request(settings())).await.unwrap();
        assert_connected(&world, "secret", call).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_is_down_is_its_own_trouble_and_nothing_is_kept() {
    for remote in [Remote::Shopify, Remote::Rackbeat] {
        let world = unconnected().await;
        world.hooks.down(Some(remote));
        let problem = world.connector.connect(world.request(settings())).await.unwrap_err();
        let Problem::Failed { failure, retry_after } = problem else { panic!("{problem:?}") };
        assert_eq!((failure.remote, failure.kind), (remote, FailureKind::Unreachable));
        assert!(retry_after > Duration::ZERO);
        assert_nothing_kept(&world, "down").await;
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_that_are_missing_are_named_and_a_right_to_write_counts_as_one_to_read() {
    let world = unconnected().await;
    let grant = |scopes: &[&str]| {
        *world.shop.scopes.lock().unwrap() = scopes.iter().map(ToString::to_string).collect();
    };
    grant(&["write_orders", "read_products", "write_inventory", "write_locations_of_another_kind"]);
    let problem = world.connector.connect(world.request(settings())).await.unwrap_err();
    assert_eq!(reason(&problem), "SCOPES_MISSING");
    let message = problem.to_string();
    assert!(message.contains("read_customers, read_locations;"), "{message}");
    assert_nothing_kept(&world, "scopes").await;
    grant(&["write_orders", "write_customers", "write_products", "write_inventory", "read_locations"]);
    world.connector.connect(world.request(settings())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_shop_are_refused_and_both_shops_are_named() {
    let world = unconnected().await;
    *world.shop.says_it_is.lock().unwrap() = Some(ShopDomain::parse("other.myshopify.com").unwrap());
    let problem = world.connector.connect(world.request(settings())).await.unwrap_err();
    assert_eq!(fields(&problem), ["shop_domain"]);
    let Problem::BadInput(violations) = &problem else { unreachable!() };
    assert!(
        violations[0].problem.contains("other.myshopify.com")
            && violations[0].problem.contains("acme.myshopify.com")
    );
    assert_nothing_kept(&world, "wrong shop").await;
}

#[tokio::test(start_paused = true)]
async fn every_product_and_group_that_rackbeat_does_not_have_is_told_at_once_by_its_path() {
    let world = unconnected().await;
    let mut settings = settings();
    settings.orders.freight_product = Some(ItemNumber::parse("NOBODY").unwrap());
    settings.products.group = 44;
    world.erp.books.lock().unwrap().items.get_mut("ROUNDING").unwrap().barred = true;
    let problem = world.connector.connect(world.request(settings.clone())).await.unwrap_err();
    let paths =
        ["settings.orders.freight_product", "settings.orders.rounding_product", "settings.products.group"];
    assert_eq!(fields(&problem), paths);
    assert_nothing_kept(&world, "products").await;

    settings.customers.without_email = WithoutEmail::UseDefault;
    let problem = world.connector.connect(world.request(settings)).await.unwrap_err();
    assert_eq!(
        fields(&problem),
        ["settings.customers.default_customer"],
        "contradictions are told before any call"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_is_of_one_agreement_until_it_is_disconnected() {
    let world = WorldBuilder::default().build().await;
    let mut request = world.request(settings());
    request.agreement = AgreementId::parse("other").unwrap();
    let problem = world.connector.connect(request.clone()).await.unwrap_err();
    assert_eq!(reason(&problem), "STORE_CONNECTED_ELSEWHERE");
    assert!(problem.to_string().contains(NORDLYS));
    assert_connected(&world, "secret", "unchanged").await;
    world.connector.disconnect(&world.id).await.unwrap();
    *world.erp.account.lock().unwrap() = 9000;
    assert_eq!(world.connector.connect(request).await.unwrap().store.agreement.as_str(), "other");
}

#[tokio::test(start_paused = true)]
async fn an_account_has_one_name_and_a_name_one_account() {
    let world = WorldBuilder::default().build().await;
    let second = world.add_shop("beta.myshopify.com");
    let request = ConnectRequest { shop: second.domain.clone(), ..world.request(settings()) };
    let renamed = ConnectRequest { agreement: AgreementId::parse("other").unwrap(), ..request.clone() };
    let problem = world.connector.connect(renamed).await.unwrap_err();
    assert_eq!(reason(&problem), "AGREEMENT_BOUND");
    *world.erp.account.lock().unwrap() = 9000;
    let problem = world.connector.connect(request.clone()).await.unwrap_err();
    assert_eq!(reason(&problem), "AGREEMENT_BOUND");
    assert!(problem.to_string().contains("9000"));
    assert_eq!(*second.subscribed.lock().unwrap(), None);
    assert_connected(&world, "secret", "the first store is as it was").await;
    *world.erp.account.lock().unwrap() = 8123;
    world.connector.connect(request).await.unwrap();
    assert_eq!(world.raw.registry.stores().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn connecting_again_renews_settings_and_credentials_clears_the_hold_and_moves_nothing_else() {
    let world = WorldBuilder::default().settings(|all| all.orders.since = None).build().await;
    let first = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    let second = Timestamp::from_second(first.connected_at.as_second()).unwrap();
    assert_eq!(first.settings.orders.since, Some(second), "Shopify tells whole seconds");
    crate::intake::set_hold(&world.ports, &world.id, Some(Hold::TokenDead)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let mut request = with_secret(&world, "rotated");
    request.settings.orders.since = None;
    request.settings.orders.target = shopbeat_domain::settings::Target::Shipped;
    let again = world.connector.connect(request.clone()).await.unwrap().store;
    assert_eq!(again.settings.orders.since, first.settings.orders.since, "losing no order, doubling none");
    assert_eq!((again.connected_at, &again.webhook_address), (first.connected_at, &first.webhook_address));
    assert_eq!(
        (again.hold, again.settings.orders.target),
        (None, shopbeat_domain::settings::Target::Shipped)
    );
    assert_connected(&world, "rotated", "again").await;
    let previous = async || store_secret(&world, secret::PREVIOUS_CLIENT_SECRET).await;
    assert_eq!(previous().await.as_deref(), Some("secret"), "webhooks may be signed with it for a while");
    world.connector.connect(request).await.unwrap();
    assert_eq!(previous().await.as_deref(), Some("secret"), "the same secret again is no rotation");

    let legacy = ShopCredentials::LegacyToken {
        token: SecretString::from("shpat_1"),
        client_secret: SecretString::from("rotated"),
    };
    let request = ConnectRequest { credentials: legacy, ..world.request(settings()) };
    assert_eq!(world.connector.connect(request).await.unwrap().store.grant, Grant::LegacyToken);
    assert_eq!(store_secret(&world, secret::LEGACY_TOKEN).await.as_deref(), Some("shpat_1"));
    assert_eq!(store_secret(&world, secret::CLIENT_ID).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_paused_store_that_is_connected_again_stays_paused() {
    let world = WorldBuilder::default().build().await;
    world.connector.pause(&world.id).await.unwrap();
    let again = world.connector.connect(world.request(settings())).await.unwrap();
    assert_eq!(again.store.desired, Desired::Paused);
}

/// Asks once; a planned crash ends it as it would end the process.
async fn try_to_connect(world: &World, request: &ConnectRequest) -> Option<Result<Connected, Problem>> {
    tokio::select! {
        answer = world.connector.connect(request.clone()) => Some(answer),
        () = world.hooks.crashed() => None,
    }
}

#[tokio::test(start_paused = true)]
async fn any_call_may_go_wrong_and_connecting_again_connects_once() {
    let clean = unconnected().await;
    clean.connector.connect(with_secret(&clean, "secret")).await.unwrap();
    let first = clean.hooks.calls().len();
    clean.connector.connect(with_secret(&clean, "rotated")).await.unwrap();
    let calls = clean.hooks.calls().len();
    assert!(first > 15, "{:?}", clean.hooks.calls());
    for at in 0..calls {
        for mishap in Mishap::ALL {
            let world = unconnected().await;
            world.hooks.plan(at, mishap);
            let mut what = String::new();
            for secret in ["secret", "rotated"] {
                let request = with_secret(&world, secret);
                let mut tries = 0;
                while !matches!(try_to_connect(&world, &request).await, Some(Ok(_))) {
                    tries += 1;
                    assert!(tries < 2, "{what}");
                }
                what = format!("{mishap:?} at {:?}", world.hooks.calls().get(at));
                assert_connected(&world, secret, &what).await;
            }
            let previous = store_secret(&world, secret::PREVIOUS_CLIENT_SECRET).await;
            assert_eq!(previous.as_deref(), Some("secret"), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_goes_on_from_its_first_start() {
    let world = WorldBuilder::default().settings(|all| all.orders.since = None).build().await;
    let first = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    world.connector.disconnect(&world.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let mut request = world.request(settings());
    request.settings.orders.since = None;
    let back = world.connector.connect(request).await.unwrap().store;
    assert_eq!((back.disconnected_at, back.connected_at), (None, first.connected_at));
    assert_eq!(back.settings.orders.since, first.settings.orders.since);
    assert_connected(&world, "secret", "back").await;
    world.shop.put(samples::order());
    world.offer(OrderId(5001)).await;
    assert_eq!(world.settle(OrderId(5001)).await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_paused_store_records_and_writes_nothing_and_what_was_recorded_drains_in_order() {
    let world = WorldBuilder::default().build().await;
    world.connector.pause(&world.id).await.unwrap();
    let working = world.work();
    let intake = Intake::new(world.ports.clone());
    let deliver = async |id: u64| {
        let delivery = DeliveryId::parse(&format!("delivery-{id}")).unwrap();
        intake.order_changed(&world.id, &delivery, OrderId(id)).await.unwrap()
    };
    for id in [9, 3, 7, 1, 8, 2] {
        world.shop.put(samples::numbered(id));
        assert_eq!(deliver(id).await, Received::Queued);
        assert_eq!(world.job(OrderId(id)).await.phase, JobPhase::Ready);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(deliver(3).await, Received::Repeat);
    world.shop.put(samples::numbered(20));
    let swept = Subject::Order(OrderId(20));
    world
        .until("the sweep finds it", async || world.raw.jobs.job(&world.id, &swept).await.unwrap().is_some())
        .await;
    // Not at the moment of a sweep.
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(world.hooks.count("state.claim"), 0);
    assert_eq!(world.erp.books.lock().unwrap().orders.len(), 0);

    world.shop.reads.lock().unwrap().clear();
    world.connector.resume(&world.id).await.unwrap();
    world.until("all are over", async || world.erp.books.lock().unwrap().orders.len() == 7).await;
    let reads: Vec<u64> = world.shop.reads.lock().unwrap().iter().map(|order| order.0).collect();
    assert_eq!(reads, [9, 3, 7, 1, 8, 2, 20]);
    working.stop().await;
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_public_address_nothing_is_subscribed_and_that_is_told() {
    let world = unconnected().await;
    let connector = Connector::new(world.ports.clone(), None);
    let connected = connector.connect(world.request(settings())).await.unwrap();
    assert!(
        connected.warnings.iter().any(|warning| warning.contains("--public-url")),
        "{:?}",
        connected.warnings
    );
    assert_eq!((connected.store.webhook_address, world.hooks.count("shop.subscribe")), (None, 0));
    assert_eq!(world.hooks.count("erp.subscribe"), 0);
    let mut bare = settings();
    (bare.orders.freight_product, bare.orders.rounding_product) = (None, None);
    let mut request = world.request(bare);
    request.agreement_currency = Some(Currency::parse("EUR").unwrap());
    let warnings = connector.connect(request).await.unwrap().warnings;
    for word in ["EUR", "freight_product", "rounding_product", "read_all_orders"] {
        assert!(warnings.iter().any(|warning| warning.contains(word)), "{word}: {warnings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_moves_to_another_account_begins_anew() {
    let world = WorldBuilder::default().build().await;
    let first = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    world.connector.disconnect(&world.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    *world.erp.account.lock().unwrap() = 9000;
    let mut request = world.request(settings());
    request.settings.orders.since = None;
    request.agreement = AgreementId::parse("another").unwrap();
    let moved = world.connector.connect(request).await.unwrap().store;
    assert!(
        moved.settings.orders.since > first.settings.orders.since,
        "old orders stay with the old account"
    );
    assert!(moved.connected_at > first.connected_at);
}
