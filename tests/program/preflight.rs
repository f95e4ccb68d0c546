//! What stands in the way of a good connection, told before it is made.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shopbeat_proto::v1;
use shopbeat_sandbox::catalog::Catalog;
use shopbeat_tests::{Plan, SHORT, World, settings};

use crate::settings::cli;

const FJELD: &str = "fjeld.myshopify.com";

fn request(world: &World) -> v1::PreflightRequest {
    let v1::ConnectStoreRequest { shop, agreement_id, credentials, rackbeat_token, settings, .. } =
        world.connect_request("fjeld", settings());
    let credentials = match credentials {
        Some(v1::connect_store_request::Credentials::ClientCredentials(pair)) => {
            Some(v1::preflight_request::Credentials::ClientCredentials(pair))
        }
        other => panic!("{other:?}"),
    };
    v1::PreflightRequest { shop, agreement_id, credentials, rackbeat_token, settings, ..Default::default() }
}

async fn preflight(world: &World, request: v1::PreflightRequest) -> v1::PreflightResponse {
    world.api.clone().preflight(request).await.unwrap().into_inner()
}

fn counts(report: &v1::PreflightResponse) -> BTreeMap<String, u64> {
    report.counts.iter().map(|count| (count.code.clone(), count.count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_names_each_defect_before_a_store_is_connected_and_writes_nothing() {
    let catalog = Catalog::nordic_outdoor().unwrap();
    let variants = u64::try_from(catalog.variant_count()).unwrap();
    let mut world = World::start(Plan { catalog, stocked: false, ..Plan::new(251) }).await;
    let some = world.shopify().offers(FJELD).unwrap();
    world.shopify().set_bundle(FJELD, some[0].variant.0, true).unwrap();
    let account = world.account();
    assert!(world.rackbeat().add_product(account, &some[1].sku, "Ude af salg", 10.into(), 0.into()));
    assert!(world.rackbeat().edit_product(account, &some[1].sku, json!({ "is_barred": true })));
    let before = world.rackbeat().products(account);

    let report = preflight(&world, request(&world)).await;
    let found = counts(&report);
    for code in [
        "sku_missing",
        "sku_duplicate",
        "sku_too_long",
        "bundle",
        "gift_card_product",
        "location_unmapped",
        "order_horizon",
        "barred_product",
    ] {
        assert!(found.contains_key(code), "{code} is not among {found:?}");
    }
    assert_eq!(report.variants, variants);
    assert!(
        report.estimate.is_some_and(|estimate| estimate.calls > 0 && estimate.minutes > 0),
        "{:?}",
        report.estimate
    );
    for finding in &report.findings {
        assert!(!finding.remedy.is_empty() && !finding.message.is_empty(), "{finding:?}");
        if finding.code.starts_with("sku_") {
            assert!(finding.link.contains("/store/fjeld/products/"), "{finding:?}");
        }
    }
    let severities: Vec<i32> = report.findings.iter().map(|finding| finding.severity).collect();
    assert!(severities.is_sorted_by(|a, b| a >= b), "the worst first: {severities:?}");
    assert_eq!(report.worst, severities[0]);
    assert_eq!(world.rackbeat().products(account), before);
    assert_eq!(
        world.api.list_stores(v1::ListStoresRequest::default()).await.unwrap().into_inner().stores,
        []
    );

    // A key and scopes that do not do are findings, not failures.
    let without: Vec<&str> = vec!["read_products", "read_orders"];
    world.shopify().set_scopes(FJELD, &without).unwrap();
    let report = preflight(&world, request(&world)).await;
    assert!(counts(&report)["missing_scope"] > 0);
    assert_eq!(report.worst(), v1::Severity::Error);
    let mut bad = request(&world);
    bad.rackbeat_token = "guessed".to_owned();
    let report = preflight(&world, bad).await;
    assert!(counts(&report).contains_key("rackbeat_refused"), "{report:?}");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_preflight_says_what_was_found() {
    let mut world = World::start(Plan { shops: vec!["fjeld"], ..Plan::new(252) }).await;
    // With one location there is nothing to warn of.
    let locations = world.shopify().locations(FJELD).unwrap();
    world.shopify().set_location_active(FJELD, locations[1].id, false).unwrap();
    let settings = world.stocked("fjeld");
    world.connect_with("fjeld", settings).await;
    let told = cli(&world, &["preflight", "fjeld", "--strict", "--output", "json"], Some(0)).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["variants"], 60, "{told}");
    let some = world.shopify().offers(FJELD).unwrap();
    world.shopify().set_sku(FJELD, some[0].variant.0, None).unwrap();
    cli(&world, &["preflight", "fjeld"], Some(0)).await;
    let told = cli(&world, &["preflight", "fjeld", "--strict"], Some(1)).await;
    assert!(told.contains("sku_missing") && told.contains(&some[0].title), "{told}");
    cli(&world, &["preflight", "nobody"], Some(3)).await;
    world.finish(SHORT).await;
}
