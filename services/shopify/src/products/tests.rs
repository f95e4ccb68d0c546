//! Products over a real connection.

use serde_json::{Value, json};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::Shop as _;

use super::fetch_by;
use crate::testing::{Say, Server, TestClock, client, coded};

pub(crate) fn head() -> Value {
    json!({"id": "gid://shopify/Product/1", "title": "Tent", "handle": "tent", "descriptionHtml": "<p>A</p>",
        "productType": "Tents", "status": "ACTIVE", "isGiftCard": false, "hasOnlyDefaultVariant": false,
        "updatedAt": "2026-03-01T10:00:00Z"})
}

pub(crate) fn variant(id: u64, sku: &str) -> Value {
    json!({"id": format!("gid://shopify/ProductVariant/{id}"), "title": "Red", "sku": sku, "barcode": "",
        "price": "12.50", "selectedOptions": [{"name": "Color", "value": "Red"}], "requiresComponents": false,
        "inventoryItem": {"id": format!("gid://shopify/InventoryItem/{id}"), "tracked": true, "unitCost": null,
            "measurement": {"weight": null}}})
}

fn page(from: u64, to: u64, all: u64) -> Value {
    json!({"nodes": (from..to).map(|id| variant(id + 1, "A")).collect::<Vec<_>>(),
        "pageInfo": {"hasNextPage": to < all, "endCursor": to.to_string()}})
}

#[tokio::test]
async fn all_variants_of_a_product_come_over_every_page_size() {
    for size in 1..=4_u64 {
        for all in size..=2 * size + 1 {
            let mut product = head();
            product["variants"] = page(0, size.min(all), all);
            let mut says = vec![Say::json(&json!({"data": {"product": product}}))];
            let mut from = size;
            while from < all {
                let to = (from + size).min(all);
                says.push(Say::json(&json!({"data": {"product": {"updatedAt": "2026-03-01T10:00:00Z",
                    "variants": page(from, to, all)}}})));
                from = to;
            }
            let server = Server::start(says).await;
            let client = client(&server, &TestClock::new());
            let size = u32::try_from(size).unwrap();
            let read = fetch_by(client.transport(), ProductId(1), size).await.unwrap();
            assert_eq!(u64::try_from(read.len()).unwrap(), all, "page size {size}");
            assert_eq!(server.left(), 0);
        }
    }
}

#[tokio::test]
async fn a_product_that_is_gone_is_missing_also_while_it_is_read() {
    let mut product = head();
    product["variants"] = page(0, 1, 2);
    let gone = || Say::json(&json!({"data": {"product": null}}));
    let server = Server::start([gone(), Say::json(&json!({"data": {"product": product}})), gone()]).await;
    let client = client(&server, &TestClock::new());
    assert!(client.product(ProductId(1)).await.unwrap_err().is_missing());
    assert!(client.product(ProductId(1)).await.unwrap_err().is_missing());
}

#[tokio::test]
async fn only_variants_with_exactly_the_sku_are_found_and_all_of_them() {
    let found = |id, sku: &str| {
        let mut node = variant(id, sku);
        node["product"] = head();
        node
    };
    let nodes = [found(1, "T-1"), found(2, "T-1-RED"), found(3, " T-1 "), found(4, "t-1")];
    let page = json!({"data": {"productVariants": {"nodes": nodes,
        "pageInfo": {"hasNextPage": false, "endCursor": null}}}});
    let server = Server::start([Say::json(&page)]).await;
    let client = client(&server, &TestClock::new());
    let read = client.variants_with_skus(&[ItemNumber::parse("T-1").unwrap()]).await.unwrap();
    assert_eq!(read.iter().map(|variant| variant.id.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(read[0].barcode, None, "an empty barcode is none");
}

#[tokio::test]
async fn variants_by_sku_come_over_several_pages_and_each_once() {
    let page = |ids: &[u64], next: Option<&str>| {
        let found = |id: &u64| {
            let mut node = variant(*id, "T-1");
            node["product"] = head();
            node
        };
        Say::json(&json!({"data": {"productVariants": {"nodes": ids.iter().map(found).collect::<Vec<_>>(),
            "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}}}}))
    };
    let says =
        [coded("MAX_COST_EXCEEDED"), page(&[1, 2], Some("a")), page(&[2, 3], Some("b")), page(&[], None)];
    let server = Server::start(says).await;
    let client = client(&server, &TestClock::new());
    let read = client.variants_with_skus(&[ItemNumber::parse("T-1").unwrap()]).await.unwrap();
    assert_eq!(read.iter().map(|variant| variant.id.0).collect::<Vec<_>>(), [1, 2, 3]);
    let asked: Vec<Value> = server.seen().iter().map(|seen| seen.variables()).collect();
    assert_eq!(
        (&asked[1]["after"], &asked[2]["after"], &asked[3]["after"]),
        (&Value::Null, &json!("a"), &json!("b"))
    );
    assert!(asked[1]["first"].as_u64() < asked[0]["first"].as_u64());
    assert_eq!(asked[1]["query"], json!("sku:\"T-1\""));
}

#[tokio::test]
async fn a_hidden_cost_is_no_cost_and_anything_else_that_is_hidden_is_told() {
    let hidden = |path: Value| {
        let mut product = head();
        product["variants"] = page(0, 1, 1);
        let error =
            json!({"message": "Access denied", "path": path, "extensions": {"code": "ACCESS_DENIED"}});
        Say::json(&json!({"data": {"product": product}, "errors": [error]}))
    };
    let at = |last: &[&str]| {
        let mut path = vec![json!("product"), json!("variants"), json!("nodes"), json!(0)];
        path.extend(last.iter().map(|step| json!(step)));
        Value::Array(path)
    };
    let says = [hidden(at(&["inventoryItem", "unitCost"])), hidden(at(&["barcode"]))];
    let server = Server::start(says).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.product(ProductId(1)).await.unwrap()[0].cost, None);
    assert!(matches!(client.product(ProductId(1)).await.unwrap_err().kind, FailureKind::Refused(_)));
}

#[tokio::test]
async fn products_are_swept_in_pages_from_a_quoted_moment() {
    let page = |id: u64, next: Option<&str>| {
        let node = json!({"id": format!("gid://shopify/Product/{id}"), "updatedAt": "2026-03-01T10:00:00Z"});
        Say::json(&json!({"data": {"products": {"nodes": [node],
            "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}}}}))
    };
    let server = Server::start([page(1, Some("a")), page(2, None), page(3, Some("b"))]).await;
    let client = client(&server, &TestClock::new());
    let since = "2026-03-01T09:00:00.9Z".parse().unwrap();
    let first = client.products_updated(since, None, 1_000).await.unwrap();
    assert_eq!((first.rows[0].id, first.next.as_deref()), (ProductId(1), Some("a")));
    let last = client.products_updated(since, first.next.as_deref(), 1).await.unwrap();
    assert_eq!((last.rows[0].id, last.next), (ProductId(2), None));
    let seen = server.seen();
    let expected = json!({"query": "updated_at:>='2026-03-01T09:00:00Z'", "first": 250, "after": null});
    assert_eq!(seen[0].variables(), expected, "never above Shopify's largest page");
    assert_eq!(seen[1].variables()["after"], json!("a"));
    let looping = client.products_updated(since, Some("b"), 1).await.unwrap_err();
    assert_eq!(looping.kind, FailureKind::Garbled, "a page that leads to itself");
}
