//! What each answer of a real server over a real connection is taken for.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::ports::Shop as _;
use shopbeat_domain::store::Hold;

use crate::Credentials;
use crate::testing::{BUSY, Say, Server, TestClock, client, client_with, coded, shop};

/// What a query and a mutation make of the same answer.
async fn kinds(say: Say) -> (FailureKind, FailureKind) {
    let server = Server::start([say.clone(), say]).await;
    let clock = TestClock::new();
    let query = client(&server, &clock).identity().await.unwrap_err();
    let mutation = client(&server, &clock).start_export().await.unwrap_err();
    for failure in [&query, &mutation] {
        assert!(!format!("{failure:?} {failure}").contains("shpat_test"), "{failure:?}");
    }
    (query.kind, mutation.kind)
}

fn both(kind: FailureKind) -> (FailureKind, FailureKind) {
    (kind.clone(), kind)
}

#[tokio::test]
async fn a_status_is_taken_for_what_it_says() {
    let frozen = both(FailureKind::Unauthorized(Some(Hold::ShopFrozen)));
    let text = r#"{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}"#;
    let dead = both(FailureKind::Unauthorized(Some(Hold::TokenDead)));
    assert_eq!(kinds(Say::status(401, text)).await, dead, "a pasted token does not get better");
    assert_eq!(kinds(Say::status(402, "{}")).await, frozen);
    assert_eq!(kinds(Say::status(423, "")).await, frozen);
    assert_eq!(kinds(Say::status(403, "{}")).await, both(FailureKind::Refused(Refusal::Forbidden)));
    assert_eq!(kinds(Say::status(404, "<html>")).await, both(FailureKind::Unreachable));
    assert_eq!(kinds(Say::status(406, "")).await, both(FailureKind::Refused(Refusal::Other)));
    assert_eq!(kinds(Say::status(302, "")).await, (FailureKind::Garbled, FailureKind::Unanswered));
    for broken in [500, 502, 503, 504, 530, 540] {
        assert_eq!(kinds(Say::status(broken, "")).await, (BUSY, FailureKind::Unanswered), "{broken}");
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let wait = |after: &str| Say::Answer(429, vec![("retry-after", after.to_owned())], String::new());
    let busy = |seconds| both(FailureKind::Busy { retry_after: Some(Duration::from_secs(seconds)) });
    assert_eq!(kinds(wait("2.0")).await, busy(2));
    assert_eq!(kinds(wait("2.5")).await, busy(3));
    assert_eq!(kinds(wait("999999999")).await, busy(600), "believed only up to a limit");
    assert_eq!(kinds(wait("tomorrow")).await, both(BUSY));
}

#[tokio::test]
async fn a_throttled_answer_waits_for_the_points_that_are_missing() {
    let throttled = json!({
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": {"requestedQueryCost": 202, "actualQueryCost": null,
            "throttleStatus": {"maximumAvailable": 1000.0, "currentlyAvailable": 2, "restoreRate": 100.0}}}
    });
    let busy = both(FailureKind::Busy { retry_after: Some(Duration::from_secs(2)) });
    assert_eq!(kinds(Say::json(&throttled)).await, busy);
    assert_eq!(kinds(Say::status(429, &throttled.to_string())).await, busy);
}

#[tokio::test]
async fn errors_beside_status_200_are_told_apart() {
    assert_eq!(kinds(coded("THROTTLED")).await, both(BUSY));
    assert_eq!(kinds(coded("SHOP_INACTIVE")).await, both(FailureKind::Unauthorized(Some(Hold::ShopFrozen))));
    assert_eq!(kinds(coded("ACCESS_DENIED")).await, both(FailureKind::Refused(Refusal::Forbidden)));
    assert_eq!(kinds(coded("INTERNAL_SERVER_ERROR")).await, (BUSY, FailureKind::Unanswered));
    assert_eq!(kinds(coded("undefinedField")).await, both(FailureKind::Refused(Refusal::Other)));
    let text = Say::json(&json!({"errors": "Not Found"}));
    assert_eq!(kinds(text).await, both(FailureKind::Refused(Refusal::Other)));
    let object = Say::json(&json!({"errors": {"query": "Required parameter missing"}}));
    assert_eq!(kinds(object).await, both(FailureKind::Refused(Refusal::Other)));
}

#[tokio::test]
async fn what_is_no_answer_leaves_a_mutation_open_and_a_query_garbled() {
    let open = (FailureKind::Garbled, FailureKind::Unanswered);
    let html = "<html><body>Sorry</body></html>";
    for body in
        [html, "", "null", "[]", "{}", r#"{"data": null}"#, r#"{"data": {"shop": "#, r#"{"data": {}}"#]
    {
        assert_eq!(kinds(Say::status(200, body)).await, open, "{body}");
    }
    assert_eq!(kinds(Say::Cut(shop().to_string())).await, open);
}

#[tokio::test]
async fn a_lost_answer_is_unanswered_and_no_connection_is_unreachable() {
    assert_eq!(kinds(Say::Close).await, both(FailureKind::Unanswered));
    assert_eq!(kinds(Say::Hang).await, both(FailureKind::Unanswered));
    // A port that was just given back: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let credentials = Credentials::LegacyToken(SecretString::from("shpat_test"));
    let nobody = client_with(&format!("http://{free}"), &TestClock::new(), credentials);
    assert_eq!(nobody.start_export().await.unwrap_err().kind, FailureKind::Unreachable);
}

#[tokio::test]
async fn a_broken_part_of_the_data_is_not_taken_for_nothing() {
    let partial = json!({"data": {"order": null, "other": 1}, "errors": [
        {"message": "Internal error", "path": ["order"], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]});
    let server = Server::start([Say::json(&partial)]).await;
    let failure = client(&server, &TestClock::new()).order(OrderId(1)).await.unwrap_err();
    assert_eq!(failure.kind, BUSY, "not Missing");
}

#[tokio::test]
async fn what_a_call_was_charged_is_told_and_a_throttled_one_was_charged_nothing() {
    let cost = |extra: Value| json!({"requestedQueryCost": 12.5, "throttleStatus": extra});
    let status = json!({"maximumAvailable": 2000.0, "currentlyAvailable": 1990.0, "restoreRate": 100.0});
    let answered = json!({"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": false, "endCursor": null}}},
        "extensions": {"cost": cost(status.clone())}});
    let throttled = json!({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": cost(status)}});
    let server = Server::start([Say::json(&answered), Say::json(&throttled)]).await;
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let client = client(&server, &TestClock::new())
        .watched_by(Arc::new(move |points| log.lock().unwrap().push(points)));
    client.orders_named("#1").await.unwrap();
    client.orders_named("#1").await.unwrap_err();
    assert_eq!(*heard.lock().unwrap(), [12_500]);
}

#[tokio::test]
async fn a_shop_that_calls_itself_otherwise_is_refused() {
    let mut other = shop();
    other["data"]["shop"]["myshopifyDomain"] = json!("other.myshopify.com");
    let server = Server::start([Say::json(&shop()), Say::json(&other)]).await;
    let client = client(&server, &TestClock::new());
    let identity = client.identity().await.unwrap();
    assert_eq!((identity.domain.handle(), identity.scopes), ("acme", vec!["read_orders".to_owned()]));
    assert_eq!(client.identity().await.unwrap_err().kind, FailureKind::Refused(Refusal::Other));
}

#[tokio::test]
async fn calls_wait_for_the_bucket_and_a_wait_past_the_deadline_is_busy() {
    let cost = |available: f64| {
        let mut answer = shop();
        answer["extensions"] = json!({"cost": {"requestedQueryCost": 100, "throttleStatus":
            {"maximumAvailable": 1000.0, "currentlyAvailable": available, "restoreRate": 100.0}}});
        Say::json(&answer)
    };
    let server = Server::start([cost(50.0), cost(0.0)]).await;
    let clock = TestClock::new();
    let client = client(&server, &clock);
    client.identity().await.unwrap();
    client.identity().await.unwrap();
    assert_eq!(*clock.slept.lock().unwrap(), [Duration::from_millis(500)]);
    let busy = client.identity().await.unwrap_err();
    assert_eq!(busy.kind, FailureKind::Busy { retry_after: Some(Duration::from_secs(1)) });
    assert_eq!(server.seen().len(), 2, "nothing was sent");
}
