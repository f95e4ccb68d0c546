//! Subscriptions over a real connection.

use serde_json::{Value, json};
use shopbeat_domain::ports::Shop as _;

use crate::TOPICS;
use crate::testing::{Say, Server, TestClock, client};

const HERE: &str = "https://here.test/webhooks/shopify/acme";

fn subscription(id: usize, topic: &str, uri: &str) -> Value {
    json!({"id": format!("gid://shopify/WebhookSubscription/{id}"), "topic": topic, "uri": uri, "format": "JSON",
        "includeFields": [], "filter": null, "apiVersion": {"handle": "2026-10"}})
}

fn standing(nodes: &[Value]) -> Say {
    Say::json(&json!({"data": {"webhookSubscriptions":
        {"nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": null}}}}))
}

fn created() -> Say {
    Say::json(&json!({"data": {"webhookSubscriptionCreate": {"userErrors": [],
        "webhookSubscription": {"id": "gid://shopify/WebhookSubscription/99", "topic": "X", "uri": HERE}}}}))
}

fn deleted() -> Say {
    Say::json(&json!({"data": {"webhookSubscriptionDelete":
        {"deletedWebhookSubscriptionId": "gid://shopify/WebhookSubscription/1", "userErrors": []}}}))
}

#[tokio::test]
async fn only_the_topics_that_are_missing_are_made() {
    let says = std::iter::once(standing(&[subscription(1, "ORDERS_PAID", HERE)]))
        .chain((1..TOPICS.len()).map(|_| created()));
    let server = Server::start(says).await;
    let done = client(&server, &TestClock::new()).subscribe(&HERE.parse().unwrap()).await.unwrap();
    assert_eq!(done.kept, ["orders/paid"]);
    assert_eq!(done.made.len(), TOPICS.len() - 1);
    let first = server.seen()[1].variables();
    assert_eq!(first["topic"], "ORDERS_CREATE");
    let fields = json!(["id", "admin_graphql_api_id", "created_at", "updated_at"]);
    assert_eq!(first["subscription"], json!({"uri": HERE, "format": "JSON", "includeFields": fields}));
    let edited =
        server.seen().into_iter().map(|s| s.variables()).find(|v| v["topic"] == "ORDERS_EDITED").unwrap();
    assert_eq!(
        edited["subscription"],
        json!({"uri": HERE, "format": "JSON"}),
        "an empty list would trim all"
    );
}

#[tokio::test]
async fn one_that_keeps_things_from_us_is_replaced_and_other_addresses_are_left_alone() {
    let name = |topic: &str| topic.replace('/', "_").to_uppercase();
    let mut nodes: Vec<Value> =
        TOPICS.iter().enumerate().map(|(i, (topic, _))| subscription(i + 1, &name(topic), HERE)).collect();
    nodes[0]["filter"] = json!("total_price:>=10");
    nodes.push(subscription(50, "ORDERS_CREATE", "https://staging.test/webhooks/shopify/acme"));
    let server = Server::start([standing(&nodes), deleted(), created()]).await;
    let done = client(&server, &TestClock::new()).subscribe(&HERE.parse().unwrap()).await.unwrap();
    assert_eq!(done.made, ["orders/create"]);
    assert_eq!(server.seen()[1].variables(), json!({"id": "gid://shopify/WebhookSubscription/1"}));
    assert_eq!(server.seen()[2].variables()["topic"], "ORDERS_CREATE");
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_topic_that_is_refused_is_told_with_shopifys_words_and_keeps_no_other_from_being_made() {
    let refused = json!({"data": {"webhookSubscriptionCreate": {"webhookSubscription": null, "userErrors":
        [{"field": ["webhookSubscription", "uri"], "message": "Address is invalid"}]}}});
    let says = [standing(&[]), Say::json(&refused)].into_iter().chain((1..TOPICS.len()).map(|_| created()));
    let server = Server::start(says).await;
    let done = client(&server, &TestClock::new()).subscribe(&HERE.parse().unwrap()).await.unwrap();
    assert_eq!(done.made.len(), TOPICS.len() - 1);
    let [(topic, words)] = done.refused.as_slice() else { panic!("{:?}", done.refused) };
    assert_eq!(topic, TOPICS[0].0);
    assert!(words.contains("Address is invalid"), "{words}");
}

#[tokio::test]
async fn only_our_address_is_unsubscribed_and_one_gone_already_is_fine() {
    let nodes = [
        subscription(1, "ORDERS_PAID", HERE),
        subscription(2, "ORDERS_PAID", "https://stranger.test/x"),
        subscription(3, "ORDERS_CREATE", HERE),
    ];
    let gone =
        Say::json(&json!({"data": {"webhookSubscriptionDelete": {"deletedWebhookSubscriptionId": null,
        "userErrors": [{"field": ["id"], "message": "Webhook subscription does not exist"}]}}}));
    let server = Server::start([standing(&nodes), deleted(), gone]).await;
    client(&server, &TestClock::new()).unsubscribe(&HERE.parse().unwrap()).await.unwrap();
    assert_eq!(server.seen()[2].variables(), json!({"id": "gid://shopify/WebhookSubscription/3"}));
}
