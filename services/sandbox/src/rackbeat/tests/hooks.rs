use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{ACCOUNT, Bench, bench};
use crate::rackbeat::HookScript;

pub(super) struct Listener {
    pub(super) url: String,
    seen: mpsc::UnboundedReceiver<(HeaderMap, Value)>,
}

type Shared = (mpsc::UnboundedSender<(HeaderMap, Value)>, Arc<Mutex<u32>>);

async fn receive(State((sender, failures)): State<Shared>, headers: HeaderMap, body: String) -> StatusCode {
    let mut failures = failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    sender.send((headers, serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::OK
}

impl Listener {
    pub(super) async fn start(failures: u32) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let app =
            Router::new().route("/hook", post(receive)).with_state((sender, Arc::new(Mutex::new(failures))));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    pub(super) async fn next(&mut self) -> (HeaderMap, Value) {
        tokio::time::timeout(Duration::from_secs(10), self.seen.recv()).await.unwrap().unwrap()
    }
}

pub(super) async fn register(bench: &Bench, event: &str, url: &str) -> Value {
    let (status, made) = bench.post("/webhooks", json!({ "event": event, "url": url })).await;
    assert!(status == 201 || status == 200, "{made}");
    made["webhook"].clone()
}

#[tokio::test]
async fn a_webhook_is_registered_once_per_event_and_url_and_gives_its_token_once() {
    let bench = bench(&[]).await;
    let first = register(&bench, "order.created", "https://example.test/hook").await;
    assert_eq!(first["token"].as_str().unwrap().len(), 32);
    let again = register(&bench, "order.created", "https://example.test/hook").await;
    assert_eq!(again["id"], first["id"]);
    assert!(again.get("token").is_none());
    bench.sandbox.core().facts.set("rackbeat.webhook-token", "always").unwrap();
    let again = register(&bench, "order.created", "https://example.test/hook").await;
    assert_eq!(again["token"], first["token"]);
    assert!(bench.get("/webhooks").await.1["webhooks"][0].get("token").is_none());
    assert_eq!(
        bench.post("/webhooks", json!({ "event": "orders.created", "url": "https://x.test" })).await.0,
        422
    );
    let path = format!("/webhooks/{}", first["id"]);
    assert_eq!(bench.delete(&path).await.0, 204);
    assert_eq!(bench.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_delivery_bears_token_event_and_account_and_only_the_key() {
    let bench = bench(&[]).await;
    let mut listener = Listener::start(0).await;
    let hook = register(&bench, "product.updated", &listener.url).await;
    assert_eq!(bench.put("/products/TENT?suppress_webhooks=true", json!({ "name": "silent" })).await.0, 200);
    assert_eq!(bench.put("/products/TENT", json!({ "name": "New" })).await.0, 200);
    let (headers, body) = listener.next().await;
    assert_eq!(body, json!({ "key_name": "number", "key": "TENT" }));
    assert_eq!(headers["rackbeat-webhook-token"], hook["token"].as_str().unwrap());
    assert_eq!(headers["rackbeat-webhook-event"], "product.updated");
    assert_eq!(headers["rackbeat-account-id"], ACCOUNT.to_string());
    assert_eq!(headers["user-agent"], "Rackbeat Webhook");
    bench.sandbox.core().facts.set("rackbeat.webhook-body", "documented").unwrap();
    assert_eq!(bench.put("/products/TENT", json!({ "number": "TENT-2" })).await.0, 200);
    let (_, body) = listener.next().await;
    assert_eq!((&body["event"], &body["key"]), (&json!("product.updated"), &json!("TENT-2")));
    assert_eq!((&body["old_key"], &body["new_key"]), (&json!("TENT"), &json!("TENT-2")));
}

#[tokio::test]
async fn a_stock_change_is_told_in_its_own_body_and_again_after_a_failure() {
    let bench = bench(&[]).await;
    let mut listener = Listener::start(2).await;
    register(&bench, "inventory.changed", &listener.url).await;
    let sim = bench.sandbox.rackbeat();
    sim.set_hook_script(HookScript { retry: Duration::from_millis(5), ..HookScript::default() });
    assert!(sim.set_stock(ACCOUNT, "TENT", 1, "3".parse().unwrap()));
    let (_, body) = listener.next().await;
    assert_eq!(body, json!({ "item": "TENT", "item_type": "product", "type": "stock" }));
    assert_eq!(sim.hook_counts().sent, 3);
}

#[tokio::test]
async fn a_script_doubles_or_drops_deliveries() {
    let bench = bench(&[]).await;
    let mut listener = Listener::start(0).await;
    register(&bench, "product.updated", &listener.url).await;
    let sim = bench.sandbox.rackbeat();
    sim.set_hook_script(HookScript { duplicates_ppm: 1_000_000, ..HookScript::default() });
    sim.bar_product(ACCOUNT, "TENT", true);
    assert_eq!(listener.next().await.1, listener.next().await.1);
    sim.set_hook_script(HookScript { dropped_ppm: 1_000_000, ..HookScript::default() });
    sim.bar_product(ACCOUNT, "TENT", false);
    assert_eq!(sim.hook_counts().dropped, 1);
}
