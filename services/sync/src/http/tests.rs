use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ring::hmac;
use secrecy::SecretString;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{JobPhase, Subject};
use shopbeat_domain::ports::{Heap, Pulse, Pulses, SecretOwner};
use shopbeat_domain::store::{Hold, Store, secret};
use shopbeat_engine::ports::Ports;
use tower::ServiceExt as _;

use super::*;
use crate::testing::{Away, SECRET, add_store, agreement_id, ports};

const ORDER: &str = r#"{"id": 450789469, "email": "ida@example.test", "updated_at": "2026-11-01T10:00:00Z"}"#;

struct Set {
    ports: Ports,
    metrics: Metrics,
    readiness: Readiness,
}

impl Set {
    async fn up() -> Self {
        let metrics = Metrics::new();
        let ports = ports(metrics.clone());
        add_store(&ports.state, "acme", "nordlys").await;
        add_store(&ports.state, "other", "nordlys").await;
        Self { ports, metrics, readiness: Readiness::default() }
    }

    fn router(&self) -> Router {
        let ports = self.ports.clone();
        let (state, clock) = (ports.state.clone(), Arc::clone(&ports.clock));
        Web::new(Intake::new(ports), state, clock, self.metrics.clone(), self.readiness.clone()).router()
    }

    async fn send(&self, request: Request<Body>) -> StatusCode {
        self.router().oneshot(request).await.unwrap().status()
    }

    async fn jobs(&self) -> u64 {
        let mut jobs = 0;
        for store in self.ports.state.registry.stores().await.unwrap() {
            let counts = self.ports.state.jobs.counts(&store.id).await.unwrap();
            jobs += counts.ready + counts.delayed + counts.claimed + counts.parked;
        }
        jobs
    }

    fn counted(&self, outcome: &str) -> bool {
        let text = self.metrics.text().unwrap();
        text.lines().any(|line| {
            line.starts_with("shopbeat_webhooks_total{") && line.contains(&format!("\"{outcome}\""))
        })
    }

    async fn change_store(&self, id: &str, change: impl Fn(Store) -> Store) {
        let stores = self.ports.state.registry.stores().await.unwrap();
        let store = stores.into_iter().find(|store| store.id.as_str() == id).unwrap();
        self.ports.state.registry.put_store(&change(store)).await.unwrap();
    }
}

fn sign(key: &str, body: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body))
}

struct Delivery<'a> {
    path: &'a str,
    topic: &'a str,
    shop: &'a str,
    id: &'a str,
    key: &'a str,
    body: &'a [u8],
}

impl Default for Delivery<'_> {
    fn default() -> Self {
        Self {
            path: "/webhooks/shopify/acme",
            topic: "orders/create",
            shop: "acme.myshopify.com",
            id: "d-1",
            key: SECRET,
            body: ORDER.as_bytes(),
        }
    }
}

impl Delivery<'_> {
    fn request(&self) -> Request<Body> {
        Request::post(self.path)
            .header("X-Shopify-Topic", self.topic)
            .header("X-Shopify-Shop-Domain", self.shop)
            .header("X-Shopify-Webhook-Id", self.id)
            .header("X-Shopify-Hmac-Sha256", sign(self.key, self.body))
            .body(Body::from(self.body.to_vec()))
            .unwrap()
    }
}

#[tokio::test]
async fn a_genuine_order_is_queued_once_and_its_repeat_answered_and_dropped() {
    let set = Set::up().await;
    for _ in 0..2 {
        assert_eq!(set.send(Delivery::default().request()).await, StatusCode::OK);
    }
    let (store, subject) = (StoreId::parse("acme").unwrap(), Subject::Order(OrderId(450_789_469)));
    let job = set.ports.state.jobs.job(&store, &subject).await.unwrap().unwrap();
    assert_eq!(job.phase, JobPhase::Ready);
    assert_eq!(set.jobs().await, 1);
    assert!(set.counted("queued") && set.counted("repeat"));
}

#[tokio::test]
async fn what_is_forged_is_refused_counted_and_leaves_no_trace() {
    let set = Set::up().await;
    let forged = [
        Delivery { key: "guessed", ..Delivery::default() },
        Delivery { key: "", ..Delivery::default() },
        Delivery { path: "/webhooks/shopify/nobody", ..Delivery::default() },
        Delivery { path: "/webhooks/shopify/ACME", ..Delivery::default() },
        Delivery { path: "/webhooks/shopify/%2e%2e", ..Delivery::default() },
        Delivery { path: "/webhooks/shopify", shop: "nobody.myshopify.com", ..Delivery::default() },
        Delivery { path: "/webhooks/shopify", shop: "evil.example", ..Delivery::default() },
    ];
    for delivery in forged {
        assert_eq!(set.send(delivery.request()).await, StatusCode::UNAUTHORIZED, "{}", delivery.path);
    }
    let mut cut = Delivery::default().request();
    *cut.body_mut() = Body::from(ORDER.get(..40).unwrap());
    assert_eq!(set.send(cut).await, StatusCode::UNAUTHORIZED, "a truncated body does not fit its signature");
    let mut unsigned = Delivery::default().request();
    unsigned.headers_mut().remove("X-Shopify-Hmac-Sha256");
    assert_eq!(set.send(unsigned).await, StatusCode::UNAUTHORIZED);
    assert_eq!(set.jobs().await, 0);
    assert!(set.counted("forged"));
}

#[tokio::test]
async fn a_delivery_for_another_shop_of_the_same_app_is_refused() {
    let set = Set::up().await;
    let delivery = Delivery { shop: "other.myshopify.com", ..Delivery::default() };
    assert_eq!(set.send(delivery.request()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(set.jobs().await, 0);
    assert!(set.counted("wrong_shop"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let set = Set::up().await;
    let large = vec![b'x'; LARGEST_BODY + 1];
    let delivery = Delivery { body: &large, ..Delivery::default() };
    assert_eq!(set.send(delivery.request()).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(set.counted("oversized"));
}

#[tokio::test]
async fn a_signed_body_of_a_wrong_type_is_refused_and_an_unknown_topic_acknowledged() {
    let set = Set::up().await;
    for body in ["", "{", "[]", "null", r#"{"id": "x"}"#, r#"{"id": {}}"#] {
        let delivery = Delivery { body: body.as_bytes(), ..Delivery::default() };
        assert_eq!(set.send(delivery.request()).await, StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = Delivery { topic: "carts/update", body: b"[]", ..Delivery::default() };
    assert_eq!(set.send(unknown.request()).await, StatusCode::OK);
    assert_eq!(set.jobs().await, 0);
    assert!(set.counted("malformed") && set.counted("unused"));
}

#[tokio::test]
async fn while_the_state_is_away_the_sender_is_asked_to_send_again() {
    let mut set = Set::up().await;
    set.ports.state.inbox = Arc::new(Away);
    set.ports.state.health = Arc::new(Away);
    assert_eq!(set.send(Delivery::default().request()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(set.counted("state_away"));
    let ready = Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(set.send(ready).await, StatusCode::SERVICE_UNAVAILABLE);
    let live = Request::get("/livez").body(Body::empty()).unwrap();
    assert_eq!(set.send(live).await, StatusCode::OK);
}

#[tokio::test]
async fn a_rotated_secret_is_taken_with_the_one_before() {
    let set = Set::up().await;
    let store = set.ports.state.registry.stores().await.unwrap().remove(0);
    let owner = SecretOwner::Store(store.agreement, store.id);
    let put = |field: &'static str, text: &'static str| {
        let (registry, owner) = (Arc::clone(&set.ports.state.registry), owner.clone());
        async move { registry.put_secret(&owner, field, &SecretString::from(text)).await.unwrap() }
    };
    put(secret::CLIENT_SECRET, "the new one").await;
    put(secret::PREVIOUS_CLIENT_SECRET, SECRET).await;
    for (until, old) in [("2000-01-01T00:00:00Z", 401), ("9999-01-01T00:00:00Z", 200)] {
        put(secret::PREVIOUS_CLIENT_SECRET_UNTIL, until).await;
        for (key, status) in [(SECRET, old), ("the new one", 200), ("neither", 401)] {
            let got = set.send(Delivery { key, ..Delivery::default() }.request()).await;
            assert_eq!(got.as_u16(), status, "{key} until {until}");
        }
    }
}

#[tokio::test]
async fn an_uninstalled_app_puts_its_store_on_hold() {
    let set = Set::up().await;
    let gone = Delivery { topic: "app/uninstalled", body: b"{}", ..Delivery::default() };
    assert_eq!(set.send(gone.request()).await, StatusCode::OK);
    let store = set.ports.state.registry.stores().await.unwrap().remove(0);
    assert_eq!(store.hold, Some(Hold::Uninstalled));
}

#[tokio::test]
async fn a_disconnected_store_takes_privacy_topics_for_sixty_days_and_nothing_else() {
    let set = Set::up().await;
    let redact =
        Delivery { path: "/webhooks/shopify", topic: "shop/redact", body: b"{}", ..Delivery::default() };
    let ago = |days: i64| set.ports.now() - SignedDuration::from_hours(24 * days);
    for (days, status) in [(59, 200), (61, 401)] {
        set.change_store("acme", |store| Store { disconnected_at: Some(ago(days)), ..store }).await;
        assert_eq!(set.send(redact.request()).await.as_u16(), status, "after {days} days");
    }
    assert_eq!(set.send(Delivery::default().request()).await, StatusCode::OK);
    assert_eq!(set.jobs().await, 0, "an order of a store that is gone is acknowledged and dropped");
}

#[tokio::test]
async fn rackbeat_is_known_by_its_token_of_that_event() {
    let set = Set::up().await;
    let owner = SecretOwner::Agreement(agreement_id("nordlys"));
    let field = secret::rackbeat_webhook_token("product.created");
    set.ports.state.registry.put_secret(&owner, &field, &SecretString::from("t0k3n")).await.unwrap();
    let request = |agreement: &str, event: &str, token: &str, body: &'static str| {
        Request::post(format!("/webhooks/rackbeat/{agreement}"))
            .header("Rackbeat-Webhook-Event", event)
            .header("Rackbeat-Webhook-Token", token)
            .body(Body::from(body))
            .unwrap()
    };
    let body = r#"{"key_name":"number","key":"TENT-2P"}"#;
    for (agreement, event, token, body, status) in [
        ("nordlys", "product.created", "t0k3n", body, 200),
        ("nordlys", "product.created", "t0k3n", "[", 400),
        ("nordlys", "product.created", "wrong", body, 401),
        ("nordlys", "product.created", "", body, 401),
        ("nordlys", "product.updated", "t0k3n", body, 401),
        ("nordlys", "../product", "t0k3n", body, 401),
        ("others", "product.created", "t0k3n", body, 401),
    ] {
        let got = set.send(request(agreement, event, token, body)).await;
        assert_eq!(got.as_u16(), status, "{agreement} {event} {token} {body}");
    }
}

#[tokio::test]
async fn a_change_of_stock_in_rackbeat_is_marked_for_the_agreement_once() {
    let set = Set::up().await;
    let owner = SecretOwner::Agreement(agreement_id("nordlys"));
    let field = secret::rackbeat_webhook_token("inventory.changed");
    set.ports.state.registry.put_secret(&owner, &field, &SecretString::from("t0k3n")).await.unwrap();
    let request = |body: &'static str| {
        Request::post("/webhooks/rackbeat/nordlys")
            .header("Rackbeat-Webhook-Event", "inventory.changed")
            .header("Rackbeat-Webhook-Token", "t0k3n")
            .body(Body::from(body))
            .unwrap()
    };
    for _ in 0..3 {
        let body = r#"{"item":"TENT-2P","item_type":"product","type":"stock"}"#;
        assert_eq!(set.send(request(body)).await, StatusCode::OK);
    }
    assert_eq!(set.send(request("{}")).await, StatusCode::BAD_REQUEST);
    let heap = Heap::AgreementStock(agreement_id("nordlys"));
    assert_eq!(set.ports.state.heaps.count(&heap).await.unwrap(), 1);
}

#[tokio::test]
async fn a_product_that_changed_in_the_shop_is_marked_and_a_repeat_is_answered_and_dropped() {
    let set = Set::up().await;
    let product = Delivery { topic: "products/update", body: br#"{"id":77}"#, ..Delivery::default() };
    for _ in 0..2 {
        assert_eq!(set.send(product.request()).await, StatusCode::OK);
    }
    assert!(set.counted("queued") && set.counted("repeat"));
    let store = StoreId::parse("acme").unwrap();
    assert_eq!(set.ports.state.heaps.count(&Heap::ShopProducts(store)).await.unwrap(), 1);
}

#[tokio::test]
async fn readiness_lists_what_is_missing() {
    let set = Set::up().await;
    let ask = || Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(set.send(ask()).await, StatusCode::OK);
    set.readiness.drain();
    let answer = set.router().oneshot(ask()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("draining"));
}

#[tokio::test]
async fn metrics_show_the_queue_of_each_store() {
    let set = Set::up().await;
    set.send(Delivery::default().request()).await;
    let answer = set.router().oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains(r#"shopbeat_queue_jobs{store="acme",phase="ready"} 1"#), "{text}");
}

/// Counts how often it is asked.
struct Counted {
    inner: Arc<dyn Pulses>,
    asked: AtomicUsize,
}

#[async_trait]
impl Pulses for Counted {
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> Answer<Vec<Pulse>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.pulses(stores, now).await
    }
}

#[tokio::test]
async fn a_scrape_asks_for_the_queues_of_all_connected_stores_at_once() {
    let mut set = Set::up().await;
    let counted = Arc::new(Counted { inner: set.ports.state.pulses.clone(), asked: AtomicUsize::new(0) });
    set.ports.state.pulses = counted.clone();
    for n in 0..40 {
        add_store(&set.ports.state, &format!("shop-{n}"), "nordlys").await;
    }
    let gone = Some(set.ports.now());
    set.change_store("other", |store| Store { disconnected_at: gone, ..store }).await;
    let answer = set.router().oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    let shown = text.lines().filter(|line| line.starts_with("shopbeat_queue_jobs{")).count();
    assert_eq!((counted.asked.load(Ordering::Relaxed), shown), (1, 4 * 41), "{text}");
    assert!(!text.contains(r#"shopbeat_queue_jobs{store="other""#), "{text}");
}

/// Ten thousand bodies: half signed well, each with any topic that its headers can hold.
#[test]
fn no_body_makes_it_panic_and_none_unsigned_gets_in() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = runtime.block_on(Set::up());
    let bodies = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[\\[{\"a-z0-9:, }\\]]{0,80}".prop_map(String::into_bytes),
        any::<u64>().prop_map(|id| format!(r#"{{"id":{id},"order_id":{id}}}"#).into_bytes()),
    ];
    let topics =
        prop_oneof![Just("orders/create"), Just("refunds/create"), Just("orders/edited"), Just("app/x")];
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tried = runner.run(&(bodies, topics, any::<bool>()), |(body, topic, genuine)| {
        let key = if genuine { SECRET } else { "guessed" };
        let delivery = Delivery { topic, key, body: &body, ..Delivery::default() };
        let status = runtime.block_on(set.send(delivery.request()));
        let allowed: &[u16] = if genuine { &[200, 400] } else { &[401] };
        prop_assert!(allowed.contains(&status.as_u16()), "{status}");
        Ok(())
    });
    tried.unwrap();
}
