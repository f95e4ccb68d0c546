use std::sync::Mutex;

use proptest::prelude::{ProptestConfig, any, prop, proptest};
use serde_json::json;
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

#[test]
fn only_the_very_token_is_good() {
    let token = WebhookToken::new(SecretString::from("0123456789abcdef"));
    assert!(token.verify(b"0123456789abcdef"));
    for forged in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef ", "x"] {
        assert!(!token.verify(forged.as_bytes()), "{forged:?}");
    }
    assert!(!WebhookToken::new(SecretString::from("")).verify(b""), "no token proves nothing");
    assert!(!format!("{token:?}").contains("0123"));
}

fn notice(event: &str, key_name: &str, key: &str) -> Option<Notice> {
    Some(Notice { event: event.into(), key_name: key_name.into(), key: key.into(), old_key: None })
}

#[test]
fn every_shape_of_body_tells_the_same() {
    let live = br#"{"key_name":"number","key":"1021"}"#;
    assert_eq!(read_notice(Some("order.created"), live), notice("order.created", "number", "1021"));
    let documented = br#"{"key":1021,"key_name":"number","event":"x.y","data":{"number":1}}"#;
    assert_eq!(read_notice(Some("order.created"), documented), notice("order.created", "number", "1021"));
    assert_eq!(read_notice(None, documented), notice("x.y", "number", "1021"));
    let stock = br#"{"item":"TENT-2P","item_type":"product","type":"stock"}"#;
    assert_eq!(read_notice(Some("inventory.changed"), stock), notice("inventory.changed", "item", "TENT-2P"));
    let renamed = br#"{"key":"B","key_name":"number","old_key":"A","new_key":"B","changed":["number"]}"#;
    let told = read_notice(Some("product.updated"), renamed).unwrap();
    assert_eq!((told.key.as_str(), told.old_key.as_deref()), ("B", Some("A")));
}

#[test]
fn bodies_that_tell_nothing_are_refused() {
    let long = format!(r#"{{"key":"{}"}}"#, "x".repeat(300));
    for body in
        ["", "{}", "[]", "null", r#"{"key":null}"#, r#"{"key":{}}"#, r#"{"key":""}"#, "\u{feff}{", &long]
    {
        assert_eq!(read_notice(Some("order.created"), body.as_bytes()), None, "{body}");
    }
    assert_eq!(read_notice(None, br#"{"key":"1"}"#), None, "no event");
    assert_eq!(read_notice(Some("  "), br#"{"key":"1"}"#), None, "no event");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..200), event in any::<Option<String>>()) {
        if let Some(told) = read_notice(event.as_deref(), &body) {
            assert!(!told.key.is_empty() && told.key.len() <= LONGEST_KEY);
        }
    }

    #[test]
    fn any_key_comes_through(key in "[^\\p{C}]{1,60}") {
        let body = json!({ "key_name": "number", "key": key }).to_string();
        assert_eq!(read_notice(Some("product.updated"), body.as_bytes()).unwrap().key, key);
    }
}

fn address() -> Url {
    "https://sync.example.test/webhooks/rackbeat/main".parse().unwrap()
}

/// Tells the token of a webhook when it is made, and again if `always`.
async fn serve(always: bool, stands: bool) -> Fake {
    let stands = Mutex::new(stands);
    Fake::start(move |seen| match seen.method.as_str() {
        "DELETE" => {
            *stands.lock().unwrap() = false;
            (204, String::new())
        }
        _ => {
            let new = !std::mem::replace(&mut *stands.lock().unwrap(), true);
            let token = (new || always).then_some("0123456789abcdef");
            (201, json!({ "webhook": { "id": 3, "url": seen.json()["url"], "token": token } }).to_string())
        }
    })
    .await
}

#[tokio::test]
async fn a_webhook_is_made_anew_only_where_its_token_is_not_told_again() {
    for (always, stands, calls) in [(false, false, 1), (true, true, 1), (false, true, 3)] {
        let fake = serve(always, stands).await;
        let token = fake.client.subscribe("order.created", &address()).await.unwrap();
        assert_eq!(token.expose_secret(), "0123456789abcdef");
        let seen = fake.take();
        assert_eq!(seen.len(), calls, "always: {always}, stands: {stands}");
        assert_eq!(seen[0].json()["event"], "order.created");
    }
}

#[tokio::test]
async fn a_token_that_is_never_told_is_not_made_up() {
    let fake = Fake::start(|_| (201, json!({ "webhook": { "id": 3, "token": null } }).to_string())).await;
    let failure = fake.client.subscribe("order.created", &address()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Garbled);
}

#[tokio::test]
async fn only_webhooks_to_this_address_are_removed() {
    let fake = Fake::start(|seen| {
        let rows = [
            json!({ "id": 1, "url": "https://sync.example.test/webhooks/rackbeat/main" }),
            json!({ "id": 2, "url": "https://sync.example.test/webhooks/rackbeat/other" }),
            json!({ "id": 3, "url": null }),
        ];
        match seen.method.as_str() {
            "DELETE" => (404, "{}".to_owned()),
            _ => page_of("webhooks", &rows, seen.page(), 50),
        }
    })
    .await;
    fake.client.unsubscribe(&address()).await.unwrap();
    assert_eq!(fake.calls(), ["GET /webhooks", "DELETE /webhooks/1"]);
}
