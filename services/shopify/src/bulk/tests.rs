//! Exports over a real connection.

use std::sync::Arc;

use futures::TryStreamExt as _;
use serde_json::{Value, json};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::BulkId;
use shopbeat_domain::ports::{Export, Shop as _};
use url::Url;

use crate::testing::{BUSY, Say, Server, TestClock, client};

fn run_query(bulk: &Value, errors: &Value) -> Say {
    Say::json(&json!({"data": {"bulkOperationRunQuery": {"bulkOperation": bulk, "userErrors": errors}}}))
}

#[tokio::test]
async fn an_export_is_started_or_waits_for_others() {
    let started = run_query(&json!({"id": "gid://shopify/BulkOperation/5", "status": "CREATED"}), &json!([]));
    let full = json!([{"field": null, "message": "busy", "code": "OPERATION_IN_PROGRESS"}]);
    let server =
        Server::start([started, run_query(&Value::Null, &full), run_query(&Value::Null, &json!([]))]).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.start_export().await, Ok(BulkId(5)));
    assert!(server.seen()[0].variables()["query"].as_str().unwrap().contains("query BulkCatalog"));
    assert_eq!(client.start_export().await.unwrap_err().kind, BUSY);
    assert_eq!(client.start_export().await.unwrap_err().kind, FailureKind::Unanswered);
}

#[tokio::test]
async fn a_cancelled_export_may_have_ended_by_itself() {
    let refused = Say::json(&json!({"data": {"bulkOperationCancel": {"bulkOperation": null,
        "userErrors": [{"field": null, "message": "cannot be canceled when it is completed"}]}}}));
    let state = |status: &str| {
        Say::json(&json!({"data": {"bulkOperation": {"id": "gid://shopify/BulkOperation/5", "status": status,
            "errorCode": null, "objectCount": "0", "rootObjectCount": "0", "fileSize": null, "url": null,
            "partialDataUrl": null, "createdAt": "2026-03-01T10:00:00Z", "completedAt": null}}}))
    };
    let says = [refused.clone(), state("COMPLETED"), refused, state("RUNNING"), state("COMPLETED")];
    let server = Server::start(says).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.cancel_export(BulkId(5)).await, Ok(()));
    assert!(client.cancel_export(BulkId(5)).await.is_err());
    assert_eq!(client.export(BulkId(5)).await, Ok(Export::Ready { url: None, objects: 0 }));
}

#[tokio::test]
async fn an_export_is_read_without_our_token_and_a_cut_one_fails() {
    let row = r#"{"id":"gid://shopify/Product/1","title":"Tent","descriptionHtml":"","productType":"","status":"ACTIVE","isGiftCard":false,"hasOnlyDefaultVariant":true,"updatedAt":"2026-03-01T10:00:00Z"}"#;
    let file = format!("{row}\n");
    let says =
        [Say::status(200, &file), Say::status(200, &file), Say::Cut(file), Say::status(403, ""), Say::Close];
    let server = Server::start(says).await;
    let client = Arc::new(client(&server, &TestClock::new()));
    let url: Url = format!("{}/file?signature=x", server.address).parse().unwrap();
    let whole = client.read_export(&url, 1, None).await.unwrap();
    assert_eq!(whole.rows.try_collect::<Vec<_>>().await.unwrap().len(), 0, "a product without variants");
    for kind in [FailureKind::Garbled, FailureKind::Unanswered, FailureKind::Missing, FailureKind::Unanswered]
    {
        let objects = if kind == FailureKind::Garbled { 2 } else { 1 };
        assert_eq!(client.read_export(&url, objects, None).await.err().unwrap().kind, kind);
    }
    assert!(server.seen().iter().all(|seen| seen.token.is_none()));
}
