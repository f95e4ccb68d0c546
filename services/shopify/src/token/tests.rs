//! Tokens over a real connection.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ports::Shop as _;
use shopbeat_domain::store::Hold;

use crate::Credentials;
use crate::testing::{BUSY, Say, Server, TestClock, client_with, shop};

fn granted(token: &str, life: i64) -> Say {
    Say::json(&json!({"access_token": token, "scope": "read_orders", "expires_in": life}))
}

fn app() -> Credentials {
    Credentials::ClientCredentials {
        client_id: "id".to_owned(),
        client_secret: SecretString::from("hush & secret"),
    }
}

#[tokio::test]
async fn ten_callers_ask_for_one_token() {
    let says = std::iter::once(granted("t1", 86_399)).chain((0..10).map(|_| Say::json(&shop())));
    let server = Server::start(says).await;
    let client = client_with(&server.address, &TestClock::new(), app());
    let calls = (0..10).map(|_| client.identity());
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen[0].path, "/admin/oauth/access_token");
    assert_eq!(seen[0].body, "grant_type=client_credentials&client_id=id&client_secret=hush+%26+secret");
    assert!(seen[1..].iter().all(|s| s.path == "/admin/api/2026-10/graphql.json"));
    assert!(seen[1..].iter().all(|s| s.token.as_deref() == Some("t1")));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let ok = || Say::json(&shop());
    let server = Server::start([granted("t1", 86_399), ok(), ok(), granted("t2", 86_399), ok()]).await;
    let clock = TestClock::new();
    let client = client_with(&server.address, &clock, app());
    client.identity().await.unwrap();
    clock.advance(Duration::from_secs(86_399 - 601));
    client.identity().await.unwrap();
    clock.advance(Duration::from_secs(1));
    client.identity().await.unwrap();
    let tokens: Vec<Option<String>> = server.seen().into_iter().map(|s| s.token).collect();
    let tokens: Vec<Option<&str>> = tokens.iter().map(Option::as_deref).collect();
    assert_eq!(tokens, [None, Some("t1"), Some("t1"), None, Some("t2")]);
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_a_second_refusal_in_a_row_holds_the_store() {
    let no = || Say::status(401, "{}");
    let says =
        [granted("t1", 9_000), no(), granted("t2", 9_000), no(), granted("t3", 9_000), Say::json(&shop())];
    let server = Server::start(says).await;
    let client = client_with(&server.address, &TestClock::new(), app());
    assert_eq!(client.identity().await.unwrap_err().kind, FailureKind::Unauthorized(None));
    assert_eq!(client.identity().await.unwrap_err().kind, FailureKind::Unauthorized(Some(Hold::TokenDead)));
    client.identity().await.unwrap();
}

async fn token_failure(say: Say) -> Failure {
    let server = Server::start([say]).await;
    let failure = client_with(&server.address, &TestClock::new(), app()).start_export().await.unwrap_err();
    assert!(!format!("{failure:?}").contains("hush"), "{failure:?}");
    failure
}

#[tokio::test]
async fn a_refused_grant_is_explained() {
    let dead = FailureKind::Unauthorized(Some(Hold::TokenDead));
    let gone = FailureKind::Unauthorized(Some(Hold::Uninstalled));
    for (code, kind) in
        [("shop_not_permitted", &dead), ("invalid_client", &dead), ("app_not_installed", &gone)]
    {
        let as_json = token_failure(Say::status(400, &json!({"error": code}).to_string())).await;
        let as_page = token_failure(Say::status(400, &format!("<title>Oauth error {code}</title>"))).await;
        for failure in [as_json, as_page] {
            assert_eq!((&failure.kind, failure.message.starts_with(code)), (kind, true), "{failure}");
        }
    }
    assert_eq!(token_failure(Say::status(401, "")).await.kind, FailureKind::Unauthorized(None));
}

#[tokio::test]
async fn a_token_call_that_fails_leaves_nothing_open() {
    for say in [Say::Close, Say::Hang, Say::status(503, ""), Say::status(429, "")] {
        assert_eq!(token_failure(say.clone()).await.kind, BUSY, "{say:?}");
    }
    assert_eq!(token_failure(Say::status(200, "<html>")).await.kind, FailureKind::Garbled);
    assert_eq!(
        token_failure(Say::status(423, "")).await.kind,
        FailureKind::Unauthorized(Some(Hold::ShopFrozen))
    );
}

#[test]
fn credentials_are_not_shown() {
    let shown = format!("{:?} {:?}", app(), Credentials::LegacyToken(SecretString::from("hush")));
    assert!(!shown.contains("hush"), "{shown}");
}
