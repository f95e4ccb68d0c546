use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Bench, SHOP, operation};
use crate::catalog::generated;
use crate::facts::Facts;
use crate::shopify::{ShopSpec, Standing};
use crate::{Core, SandboxConfig};

async fn grant(bench: &Bench, form: &str) -> (u16, Value) {
    let request = Request::post(format!("/{SHOP}/admin/oauth/access_token"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    let (status, body) = bench.send(request).await;
    (status, serde_json::from_str(&body).unwrap())
}

const GOOD: &str = "grant_type=client_credentials&client_id=client-fjeld&client_secret=shpss_fjeld";

#[tokio::test]
async fn a_token_opens_the_shop_until_it_ends() {
    let core = Core::new(&SandboxConfig::default());
    let mut bench = Bench::small();
    bench.sim = crate::shopify::ShopifySim::new(core.clone());
    let life = Duration::from_secs(60);
    bench.sim.add_shop(ShopSpec { token_life: life, ..ShopSpec::new("fjeld", generated(1, 1)) });
    let (status, body) = grant(&bench, GOOD).await;
    assert_eq!((status, body["expires_in"].as_u64()), (200, Some(60)));
    assert!(body["scope"].as_str().unwrap().contains("read_orders"));
    body["access_token"].as_str().unwrap().clone_into(&mut bench.token);
    bench.data(&operation("shop"), json!({})).await;
    core.clock.advance(Duration::from_secs(61));
    let (status, body) = bench.ask(&operation("shop"), json!({})).await;
    assert_eq!(status, 401);
    let why = "[API] Invalid API key or access token (unrecognized login or wrong password)";
    assert_eq!(body, json!({ "errors": why }));
    assert_eq!(bench.sim.tokens_issued(SHOP), Ok(1));
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_shopifys_words() {
    let bench = Bench::small();
    let (status, body) = grant(&bench, &GOOD.replace("shpss_fjeld", "guess")).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    let (status, body) = grant(&bench, &GOOD.replace("client-fjeld", "client-other")).await;
    assert_eq!((status, &body["error"]), (400, &json!("shop_not_permitted")));
    bench.sim.set_installed(SHOP, false).unwrap();
    let (status, body) = grant(&bench, GOOD).await;
    assert_eq!((status, &body["error"]), (400, &json!("app_not_installed")));
    assert_eq!(bench.ask(&operation("shop"), json!({})).await.0, 401);
}

#[tokio::test]
async fn revoked_tokens_and_closed_shops_do_not_answer() {
    let mut bench = Bench::small();
    let (_, body) = grant(&bench, GOOD).await;
    body["access_token"].as_str().unwrap().clone_into(&mut bench.token);
    bench.sim.revoke_tokens(SHOP).unwrap();
    assert_eq!(bench.ask(&operation("shop"), json!({})).await.0, 401);
    for (standing, status) in [(Standing::Frozen, 402), (Standing::Locked, 423), (Standing::Gone, 404)] {
        bench.sim.set_standing(SHOP, standing).unwrap();
        assert_eq!(bench.ask(&operation("shop"), json!({})).await.0, status);
    }
}

#[tokio::test]
async fn a_spent_bucket_throttles_and_tells_how_long_to_wait() {
    // One point a second: the bucket holds 20 and barely fills while the test runs.
    let spec = ShopSpec { restore_rate: 1, ..ShopSpec::new("fjeld", generated(5, 1)) };
    let bench = Bench::with(&SandboxConfig::default(), spec);
    bench.fill(60);
    let query = operation("orders_updated");
    let variables = json!({ "query": "", "first": 250 });
    let (_, first) = bench.ask(&query, variables.clone()).await;
    let asked = first["extensions"]["cost"]["requestedQueryCost"].as_u64().unwrap();
    assert!((11..20).contains(&asked), "{asked}");
    assert_eq!(first["data"]["orders"]["nodes"].as_array().unwrap().len(), 60);
    let (status, body) = bench.ask(&query, variables).await;
    assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (200, &json!("THROTTLED")));
    let cost = &body["extensions"]["cost"];
    assert!(cost["actualQueryCost"].is_null() && body.get("data").is_none());
    assert_eq!(cost["throttleStatus"]["restoreRate"], 1);
    assert_eq!(cost["throttleStatus"]["maximumAvailable"], 20);
    assert!(cost["throttleStatus"]["currentlyAvailable"].as_u64().unwrap() < 20);
}

#[tokio::test]
async fn a_query_dearer_than_a_thousand_points_is_refused_unrun() {
    let bench = Bench::small();
    let query = "{ products(first: 250) { edges { node { id variants(first: 250) { edges { node { id \
                 inventoryItem { id inventoryLevels(first: 250) { edges { node { id } } } } } } } } } } }";
    let (_, body) = bench.ask(query, json!({})).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "MAX_COST_EXCEEDED");
    assert!(body.get("data").is_none());
}

#[tokio::test]
async fn other_versions_and_shops_are_not_found() {
    let bench = Bench::small();
    for path in [
        "/nobody.myshopify.com/admin/api/2026-10/graphql.json",
        "/fjeld.myshopify.com/admin/api/2019-01/graphql.json",
    ] {
        let request = Request::post(path).body(Body::from("{}")).unwrap();
        assert_eq!(bench.send(request).await.0, 404);
    }
}

#[tokio::test]
async fn every_switch_about_shopify_is_read_by_something() {
    for facts in [Facts::defaults(), Facts::flipped()] {
        let config = SandboxConfig { facts: facts.clone(), ..SandboxConfig::default() };
        let spec = ShopSpec { restore_rate: 5, ..ShopSpec::new("fjeld", generated(5, 1)) };
        let bench = Bench::with(&config, spec);
        let level = bench.sim.quantities(SHOP).unwrap()[0].clone();
        bench.sim.set_quantity(SHOP, level.item, level.location, level.available + 1).unwrap();
        bench.sim.set_sku(SHOP, level.variant, Some("NY")).unwrap();
        let input = json!({ "name": "nothing", "reason": "correction", "quantities": [] });
        for _ in 0..2 {
            let asked = json!({ "key": "k", "input": input });
            bench.ask(&operation("inventory_set"), asked).await;
        }
        // Past the bulk operations at once, then past the bucket.
        for _ in 0..20 {
            let query = json!({ "query": "{ products { edges { node { id } } } }" });
            bench.ask(&operation("bulk_run_query"), query).await;
        }
        bench.sim.freeze(SHOP).unwrap();
        bench.ask(&operation("shop"), json!({})).await;
        let mut unread = facts.unread();
        unread.retain(|name| name.starts_with("shopify."));
        assert!(unread.is_empty(), "nothing reads {unread:?}");
    }
}
