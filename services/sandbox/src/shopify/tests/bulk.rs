use std::collections::{HashMap, HashSet};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::catalog::{Catalog, generated};
use crate::shopify::BulkFault;

async fn start(bench: &Bench, query: &str) -> Value {
    let data = bench.data(&operation("bulk_run_query"), json!({ "query": query })).await;
    data["bulkOperationRunQuery"].clone()
}

async fn finish(bench: &Bench, id: &Value) -> Value {
    loop {
        let data = bench.data(&operation("bulk_operation"), json!({ "id": id })).await;
        let job = &data["bulkOperation"];
        match job["status"].as_str().unwrap() {
            "CREATED" | "RUNNING" => {}
            _ => return job.clone(),
        }
    }
}

async fn file(bench: &Bench, url: &Value) -> String {
    let path = url.as_str().unwrap().strip_prefix("http://127.0.0.1:1").unwrap();
    let (status, text) = bench.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200);
    text
}

#[tokio::test]
async fn the_catalogue_comes_whole_with_every_child_naming_its_parent() {
    let catalog = generated(120, 4);
    let (products, variants) = (catalog.products.len(), catalog.variant_count());
    let bench = Bench::new(catalog);
    let started = start(&bench, &operation("bulk_catalog")).await;
    assert_eq!(started["userErrors"], json!([]));
    assert_eq!(started["bulkOperation"]["status"], "CREATED");
    let job = finish(&bench, &started["bulkOperation"]["id"]).await;
    assert_eq!(job["status"], "COMPLETED");
    let text = file(&bench, &job["url"]).await;
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(job["objectCount"], json!(rows.len().to_string()));
    assert_eq!(job["rootObjectCount"], json!(products.to_string()));
    assert_eq!(job["fileSize"], json!(text.len().to_string()));
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    let ids: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let mut child_first = false;
    let mut seen = HashSet::new();
    for row in &rows {
        let kind = row["id"].as_str().and_then(|id| id.split('/').nth(3)).unwrap();
        *kinds.entry(kind).or_default() += 1;
        if let Some(parent) = row["__parentId"].as_str() {
            assert!(ids.contains(parent));
            child_first |= !seen.contains(parent);
        }
        seen.extend(row["id"].as_str());
    }
    assert!(child_first, "rows of ungrouped operations come in any order");
    assert_eq!(kinds["Product"], products);
    assert_eq!(kinds["ProductVariant"], variants);
    assert_eq!(kinds["InventoryLevel"], variants * 2);
}

#[tokio::test]
async fn an_empty_shop_gives_no_file() {
    let bench = Bench::new(Catalog::default());
    let started = start(&bench, &operation("bulk_catalog")).await;
    let job = finish(&bench, &started["bulkOperation"]["id"]).await;
    assert_eq!((&job["status"], &job["objectCount"]), (&json!("COMPLETED"), &json!("0")));
    assert!(job["url"].is_null() && job["fileSize"].is_null());
}

#[tokio::test]
async fn queries_bulk_operations_cannot_run_are_refused() {
    let bench = Bench::small();
    for (query, why) in [
        ("{ shop { id } }", "at least one connection"),
        ("{ shop { nothing } }", "Invalid bulk query"),
        (
            "mutation { webhookSubscriptionDelete(id: \"1\") { deletedWebhookSubscriptionId } }",
            "must be queries",
        ),
        (
            "{ orders { nodes { id shippingLines { nodes { title } } } } }",
            "must implement the Node interface",
        ),
    ] {
        let refused = start(&bench, query).await;
        assert!(refused["bulkOperation"].is_null(), "{query}");
        assert_eq!(refused["userErrors"][0]["code"], "INVALID");
        let told = refused["userErrors"][0]["message"].as_str().unwrap();
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn a_sixth_operation_at_once_is_refused() {
    let bench = Bench::small();
    let query = "{ products { edges { node { id } } } }";
    for _ in 0..5 {
        assert!(start(&bench, query).await["bulkOperation"].is_object());
    }
    assert_eq!(start(&bench, query).await["userErrors"][0]["code"], "LIMIT_REACHED");
    bench.set_fact("shopify.bulk-full=in-progress");
    assert_eq!(start(&bench, query).await["userErrors"][0]["code"], "OPERATION_IN_PROGRESS");
}

#[tokio::test]
async fn tokens_revoked_mid_run_end_the_operation_and_every_call() {
    let bench = Bench::small();
    bench.sim.break_next_bulk(SHOP, BulkFault::TokensRevoked).unwrap();
    let started = start(&bench, &operation("bulk_catalog")).await;
    let asked = json!({ "id": started["bulkOperation"]["id"] });
    let seen = bench.data(&operation("bulk_operation"), asked.clone()).await;
    assert_eq!(seen["bulkOperation"]["status"], "RUNNING");
    assert_eq!(bench.ask(&operation("bulk_operation"), asked).await.0, 401);
}

#[tokio::test]
async fn files_break_the_way_they_are_told_to() {
    let bench = Bench::small();
    let mut told = Vec::new();
    for fault in [
        BulkFault::CutAtLineEnd,
        BulkFault::CutMidLine,
        BulkFault::WrongCount,
        BulkFault::Failed("INTERNAL_SERVER_ERROR"),
    ] {
        bench.sim.break_next_bulk(SHOP, fault).unwrap();
        let started = start(&bench, &operation("bulk_catalog")).await;
        let job = finish(&bench, &started["bulkOperation"]["id"]).await;
        let url = if job["url"].is_null() { &job["partialDataUrl"] } else { &job["url"] };
        let text = file(&bench, url).await;
        let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
        let promised: usize = job["objectCount"].as_str().unwrap().parse().unwrap();
        told.push((job["status"].clone(), whole < promised, whole == text.lines().count()));
    }
    assert_eq!(
        told,
        [
            (json!("COMPLETED"), true, true),
            (json!("COMPLETED"), true, false),
            (json!("COMPLETED"), true, true),
            (json!("FAILED"), true, true),
        ]
    );
}

#[tokio::test]
async fn a_large_shop_is_exported_beside_its_other_calls_and_comes_whole() {
    let catalog = generated(2_500, 4);
    let (products, variants) = (catalog.products.len(), catalog.variant_count());
    let bench = Bench::new(catalog);
    let started = start(&bench, &operation("bulk_catalog")).await;
    assert_eq!(started["bulkOperation"]["status"], "CREATED");
    // Deleted while it runs, a product is in the file or it is not, but nothing breaks.
    let last = bench.sim.products(SHOP).unwrap().pop().unwrap();
    bench.sim.delete_product(SHOP, last.id).unwrap();
    let job = finish(&bench, &started["bulkOperation"]["id"]).await;
    assert_eq!((&job["status"], &job["errorCode"]), (&json!("COMPLETED"), &Value::Null));
    let text = file(&bench, &job["url"]).await;
    let lines = text.lines().count();
    assert_eq!(job["objectCount"], json!(lines.to_string()));
    let gone = 1 + 3 * last.variants.len();
    let whole = products + 3 * variants;
    assert!(lines == whole || lines == whole - gone, "{lines} of {whole}");
}
