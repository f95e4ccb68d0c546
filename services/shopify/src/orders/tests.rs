//! Heads of orders over a real connection.

use serde_json::{Value, json};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::ports::Shop as _;

use crate::testing::{Say, Server, TestClock, client, coded};

#[tokio::test]
async fn orders_are_swept_by_the_field_they_are_sorted_by() {
    let head = json!({"id": "gid://shopify/Order/7", "name": "#1", "createdAt": "2026-03-01T10:00:00Z", "updatedAt": "2026-03-01T10:00:00Z"});
    let page =
        json!({"data": {"orders": {"nodes": [head], "pageInfo": {"hasNextPage": true, "endCursor": "c1"}}}});
    let big = coded("MAX_COST_EXCEEDED");
    let server = Server::start([big, Say::json(&page)]).await;
    let since = "2026-03-01T09:00:00.75Z".parse().unwrap();
    let page = client(&server, &TestClock::new()).orders_updated(since, Some("c0"), 100).await.unwrap();
    assert_eq!((page.rows[0].id, page.next.as_deref()), (OrderId(7), Some("c1")));
    let asked = json!({"query": "updated_at:>='2026-03-01T09:00:00Z'", "first": 50, "after": "c0"});
    assert_eq!(server.seen()[1].variables(), asked, "whole seconds, rounded down: nothing is left out");
}

#[tokio::test]
async fn a_search_by_name_keeps_only_what_bears_it() {
    let head = |id: u64, name: &str| json!({"id": OrderId(id).gid(), "name": name, "createdAt": "2026-03-01T10:00:00Z", "updatedAt": "2026-03-01T10:00:00Z"});
    let page = |nodes: Value, next: Option<&str>| {
        Say::json(
            &json!({"data": {"orders": {"nodes": nodes, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}}}}),
        )
    };
    let says = [
        page(json!([head(1, "#1001"), head(2, "#1001-A")]), Some("c")),
        page(json!([head(3, "#1001")]), None),
    ];
    let server = Server::start(says).await;
    let found = client(&server, &TestClock::new()).orders_named("1001").await.unwrap();
    assert_eq!(found.iter().map(|h| h.id.0).collect::<Vec<_>>(), [1, 3]);
}
