use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::shopify::{DeliveryOptions, sign};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) topic: String,
    webhook_id: String,
    event_id: String,
    signed: bool,
    order: Option<u64>,
    pub(super) body: Value,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Mailbox {
    pub(super) arrivals: Arc<Mutex<Vec<Arrival>>>,
    refuse: Arc<Mutex<u32>>,
}

async fn receive(State(mailbox): State<Mailbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut refuse = mailbox.refuse.lock().unwrap();
    if *refuse > 0 {
        *refuse -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("X-Shopify-Shop-Domain"), SHOP);
    assert_eq!(header("X-Shopify-API-Version"), "2026-10");
    assert!(header("X-Shopify-Triggered-At").ends_with('Z'));
    let parsed: Value = serde_json::from_slice(&body).unwrap();
    mailbox.arrivals.lock().unwrap().push(Arrival {
        topic: header("X-Shopify-Topic"),
        webhook_id: header("X-Shopify-Webhook-Id"),
        event_id: header("X-Shopify-Event-Id"),
        signed: header("X-Shopify-Hmac-Sha256") == sign("shpss_fjeld", &body),
        order: parsed["id"].as_u64(),
        body: parsed,
    });
    StatusCode::OK
}

async fn subscribed(topics: &[&str]) -> (Bench, Mailbox, String) {
    subscribe(Bench::small(), topics).await
}

pub(super) async fn subscribe(bench: Bench, topics: &[&str]) -> (Bench, Mailbox, String) {
    let mailbox = Mailbox::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let router = Router::new().route("/webhooks", post(receive)).with_state(mailbox.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    for topic in topics {
        let variables = json!({ "topic": topic, "subscription": { "uri": uri } });
        let data = bench.data(&operation("webhook_subscription_create"), variables).await;
        assert_eq!(data["webhookSubscriptionCreate"]["userErrors"], json!([]));
    }
    (bench, mailbox, uri)
}

fn quick() -> DeliveryOptions {
    DeliveryOptions {
        first_wait: Duration::from_millis(1),
        delay: Duration::from_millis(20),
        ..DeliveryOptions::default()
    }
}

#[tokio::test]
async fn placing_paying_and_shipping_arrive_signed_under_their_topics() {
    let topics = ["ORDERS_CREATE", "ORDERS_PAID", "ORDERS_FULFILLED", "ORDERS_UPDATED"];
    let (bench, mailbox, _) = subscribed(&topics).await;
    let id = bench.fill(1)[0];
    bench.sim.settled().await;
    bench.sim.pay(SHOP, id).unwrap();
    bench.sim.settled().await;
    bench.sim.fulfill(SHOP, id).unwrap();
    bench.sim.settled().await;
    let arrivals = mailbox.arrivals.lock().unwrap().clone();
    assert!(arrivals.iter().all(|arrival| arrival.signed && arrival.order == Some(id)));
    let mut topics: Vec<&str> = arrivals.iter().map(|arrival| arrival.topic.as_str()).collect();
    topics.sort_unstable();
    assert_eq!(
        topics,
        ["orders/create", "orders/fulfilled", "orders/paid", "orders/updated", "orders/updated"]
    );
    let paid = arrivals.iter().find(|arrival| arrival.topic == "orders/paid").unwrap();
    let told = arrivals.iter().filter(|arrival| arrival.event_id == paid.event_id).count();
    assert_eq!(told, 2, "one action, two topics, one event id");
}

#[tokio::test]
async fn duplicates_and_drops_are_the_seeds_and_settle() {
    let run = async || {
        let (bench, mailbox, _) = subscribed(&["ORDERS_CREATE"]).await;
        bench.sim.set_delivery(DeliveryOptions {
            duplicate_ppm: 200_000,
            triple_ppm: 20_000,
            reorder_ppm: 100_000,
            drop_ppm: 100_000,
            ..quick()
        });
        bench.fill(100);
        bench.sim.settled().await;
        let mut arrivals: Vec<(String, Option<u64>)> =
            mailbox.arrivals.lock().unwrap().iter().map(|one| (one.webhook_id.clone(), one.order)).collect();
        arrivals.sort();
        (arrivals, bench.sim.deliveries())
    };
    let (arrivals, counts) = run().await;
    assert!(counts.dropped > 3 && counts.duplicates > 10 && counts.reordered > 3);
    assert_eq!(counts.accepted, counts.due - counts.dropped + counts.duplicates);
    let mut distinct = arrivals.clone();
    distinct.dedup();
    assert_eq!(u64::try_from(distinct.len()).unwrap(), counts.due - counts.dropped);
    assert_eq!(run().await, (arrivals, counts));
}

#[tokio::test]
async fn a_refused_delivery_is_sent_again_with_the_same_id() {
    let (bench, mailbox, _) = subscribed(&["ORDERS_CREATE"]).await;
    bench.sim.set_delivery(quick());
    *mailbox.refuse.lock().unwrap() = 3;
    bench.fill(1);
    bench.sim.settled().await;
    assert_eq!(mailbox.arrivals.lock().unwrap().len(), 1);
    let counts = bench.sim.deliveries();
    assert_eq!((counts.failed, counts.accepted, counts.given_up), (3, 1, 0));
}

#[tokio::test]
async fn a_subscription_that_never_answers_is_removed() {
    let (bench, mailbox, _) = subscribed(&["ORDERS_CREATE"]).await;
    bench.sim.set_delivery(quick());
    *mailbox.refuse.lock().unwrap() = u32::MAX;
    bench.fill(1);
    bench.sim.settled().await;
    assert_eq!(bench.sim.deliveries().given_up, 1);
    assert_eq!(bench.sim.subscriptions(SHOP), Ok(Vec::new()));
}

#[tokio::test]
async fn a_topic_and_address_are_taken_once_and_bad_addresses_never() {
    let (bench, _, uri) = subscribed(&["ORDERS_CREATE"]).await;
    let create = operation("webhook_subscription_create");
    for (topic, uri) in [
        ("ORDERS_CREATE", uri.as_str()),
        ("ORDERS_PAID", "http://sync.example.test/webhooks"),
        ("FULFILLMENTS_CREATE", uri.as_str()),
    ] {
        let data = bench.data(&create, json!({ "topic": topic, "subscription": { "uri": uri } })).await;
        let payload = &data["webhookSubscriptionCreate"];
        assert!(payload["webhookSubscription"].is_null(), "{topic}");
        assert_eq!(payload["userErrors"].as_array().unwrap().len(), 1);
    }
    let listed = bench.data(&operation("webhook_subscriptions"), json!({ "first": 10 })).await;
    let id = &listed["webhookSubscriptions"]["nodes"][0]["id"];
    let delete = operation("webhook_subscription_delete");
    let gone = bench.data(&delete, json!({ "id": id })).await;
    assert_eq!(&gone["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"], id);
    assert_eq!(bench.sim.subscriptions(SHOP), Ok(Vec::new()));
}
