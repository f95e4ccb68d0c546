//! The initial sync: dry run, import, repeat, and a kill in the middle.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::{Catalog, SKU_LIMIT, generated};
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_sandbox::shopify::BulkFault;
use shopbeat_tests::{LONG, Plan, SHORT, StateAt, World, until};

use crate::settings::cli;

fn plan(seed: u64, catalog: Catalog) -> Plan {
    let sandbox = SandboxConfig { seed, limits: false, page_cap: Some(20), ..SandboxConfig::default() };
    Plan { sandbox, catalog, stocked: false, ..Plan::new(seed) }
}

async fn begin(world: &mut World, dry_run: bool) -> v1::Run {
    let request = v1::RunInitialSyncRequest {
        store_id: "fjeld".to_owned(),
        products: true,
        stock: true,
        dry_run,
        ..Default::default()
    };
    world.api.run_initial_sync(request).await.unwrap().into_inner().run.unwrap()
}

/// Watches a run to its end; its last state. Counts never fall on the way.
async fn watched(world: &mut World, run: &v1::Run) -> v1::Run {
    let request = v1::WatchInitialSyncRequest { store_id: "fjeld".to_owned(), run_id: run.id.clone() };
    let mut stream = world.api.watch_initial_sync(request).await.unwrap().into_inner();
    let (mut last, mut done) = (run.clone(), 0);
    while let Some(told) = stream.message().await.unwrap() {
        last = told.run.unwrap();
        let counts = last.counts.unwrap_or_default();
        assert!(counts.done >= done && counts.done <= counts.variants.max(done), "{last:?}");
        done = counts.done;
    }
    last
}

/// SKUs that can become products, with the stock Shopify has of each; and how many variants cannot.
fn importable(catalog: &Catalog) -> (BTreeMap<String, i32>, u64) {
    let defects = catalog.sku_defects();
    let mut good = BTreeMap::new();
    let mut skipped = 0;
    let variants = catalog
        .products
        .iter()
        .flat_map(|product| product.variants.iter().map(|variant| (product.gift_card, variant)));
    for (is_gift_card, variant) in variants {
        match &variant.sku {
            _ if is_gift_card => skipped += 1,
            Some(sku) if !defects.doubled.contains(sku) && sku.chars().count() <= SKU_LIMIT => {
                good.insert(sku.clone(), if variant.tracked { variant.quantity.max(0) } else { 0 });
            }
            _ => skipped += 1,
        }
    }
    (good, skipped)
}

/// Rackbeat has exactly these products, with these quantities.
fn equal(world: &World, good: &BTreeMap<String, i32>) {
    let products = world.rackbeat().products(world.account());
    let mut wanted = good.clone();
    for product in products.iter().filter(|product| product.inventory) {
        let stock = wanted.remove(&product.number);
        assert_eq!(stock.map(Decimal::from), Some(product.stock), "{product:?}");
    }
    assert!(wanted.is_empty(), "not in Rackbeat: {wanted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_all_and_writes_nothing_and_a_run_does_what_it_told() {
    let catalog = Catalog::nordic_outdoor().unwrap();
    let (good, skipped) = importable(&catalog);
    let count = u64::try_from(good.len()).unwrap();
    assert!(skipped > 2, "the catalogue has defects");
    let mut world = World::start(plan(131, catalog.clone())).await;
    world.connect("fjeld").await;
    let before = world.rackbeat().products(world.account());

    let run = begin(&mut world, true).await;
    let dry = watched(&mut world, &run).await;
    assert_eq!(dry.phase(), v1::RunPhase::Finished, "{dry:?}");
    let counts = dry.counts.unwrap();
    assert_eq!((counts.products_created, counts.skipped), (count, skipped));
    assert_eq!(counts.variants, u64::try_from(catalog.variant_count()).unwrap());
    assert_eq!(world.rackbeat().products(world.account()), before);

    let run = begin(&mut world, false).await;
    let done = watched(&mut world, &run).await;
    assert_eq!(done.phase(), v1::RunPhase::Finished, "{done:?}");
    assert_eq!(done.counts, dry.counts, "a dry run tells what a run does");
    equal(&world, &good);
    assert_eq!(u64::try_from(done.skipped.len()).unwrap(), skipped);
    let mut kinds = BTreeMap::new();
    for variant in &done.skipped {
        assert!(!variant.name.is_empty() && !variant.remedy.is_empty(), "{variant:?}");
        *kinds.entry(variant.reason().as_str_name()).or_insert(0) += 1;
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");

    let run = begin(&mut world, false).await;
    let again = watched(&mut world, &run).await.counts.unwrap();
    assert_eq!((again.products_created, again.products_present), (0, count));
    assert_eq!(again.stock_written, 0, "stock is written once");
    equal(&world, &good);
    let latest = world.store("fjeld").await.latest_run.unwrap();
    assert_eq!(latest.id, run.id);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_on_the_way_goes_on_where_it_was_and_doubles_nothing() {
    let catalog = generated(300, 132);
    let (good, _) = importable(&catalog);
    let mut world = World::start(Plan { state: StateAt::File, ..plan(132, catalog) }).await;
    world.connect("fjeld").await;
    let lost = |route: &str, nth| Rule::new(Remote::Rackbeat, route, When::Nth(nth), Fault::CloseAfter);
    for rule in [
        lost("POST /products", 40),
        lost("POST /inventory-adjustments$", 70),
        lost("POST /inventory-adjustments/*/book", 130),
    ] {
        world.sandbox.core().faults.add(rule);
    }
    let run = begin(&mut world, false).await;
    assert_eq!(begin(&mut world, false).await.id, run.id, "a run under way is the answer");
    for share in [60, 150, 220] {
        until("the run is on its way", LONG, async || {
            let made = world.rackbeat().products(world.account()).len();
            if made >= share { Ok(()) } else { Err(format!("{made} products")) }
        })
        .await;
        world.restart().await;
    }
    let done = watched(&mut world, &run).await;
    assert_eq!(done.phase(), v1::RunPhase::Finished, "{done:?}");
    let counts = done.counts.unwrap();
    assert_eq!((counts.variants, counts.done), (300, 300));
    assert_eq!(counts.products_created + counts.products_present + counts.skipped, 300);
    equal(&world, &good);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_ends_soon_and_keeps_what_it_brought() {
    let mut world = World::start(plan(133, generated(300, 133))).await;
    world.connect("fjeld").await;
    let slow = Rule::new(Remote::Rackbeat, "POST /products", When::Every, Fault::Slow(50));
    world.sandbox.core().faults.add(slow);
    let run = begin(&mut world, false).await;
    until("the run is on its way", SHORT, async || {
        let made = world.rackbeat().products(world.account()).len();
        if made >= 40 { Ok(()) } else { Err(format!("{made} products")) }
    })
    .await;
    let request = v1::CancelInitialSyncRequest { store_id: "fjeld".to_owned(), run_id: run.id.clone() };
    world.api.cancel_initial_sync(request.clone()).await.unwrap();
    let over = watched(&mut world, &run).await;
    assert_eq!(over.phase(), v1::RunPhase::Cancelled, "{over:?}");
    let made = world.rackbeat().products(world.account()).len();
    assert!(made < 300, "it was not cancelled but finished");
    let again = world.api.cancel_initial_sync(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(again.phase(), v1::RunPhase::Cancelled, "cancelled twice is cancelled");
    assert_eq!(world.rackbeat().products(world.account()).len(), made, "nothing comes afterwards");
    world.sandbox.core().faults.clear();
    let anew = begin(&mut world, false).await;
    assert_ne!(anew.id, run.id);
    let done = watched(&mut world, &anew).await;
    assert_eq!(done.phase(), v1::RunPhase::Finished, "{done:?}");
    let counts = done.counts.unwrap();
    assert_eq!((counts.done, counts.products_created + counts.products_present), (300, 300));
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_run_has_a_row_for_each_variant_page_by_page_and_as_csv_and_json() {
    let catalog = Catalog::nordic_outdoor().unwrap();
    let variants = catalog.variant_count();
    let mut world = World::start(plan(134, catalog)).await;
    world.connect("fjeld").await;
    let run = begin(&mut world, true).await;
    let dry = watched(&mut world, &run).await;
    let mut request = v1::ListInitialSyncRowsRequest {
        store_id: "fjeld".to_owned(),
        run_id: run.id.clone(),
        page_size: 7,
        page_token: String::new(),
    };
    let mut rows = Vec::new();
    loop {
        let page = world.api.list_initial_sync_rows(request.clone()).await.unwrap().into_inner();
        assert!(page.rows.len() <= 7);
        rows.extend(page.rows);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let ids: BTreeMap<u64, &v1::RunRow> = rows.iter().map(|row| (row.variant_id, row)).collect();
    assert_eq!((rows.len(), ids.len()), (variants, variants), "each once");
    let count = |what: v1::RowProduct| {
        u64::try_from(rows.iter().filter(|row| row.product() == what).count()).unwrap()
    };
    let counts = dry.counts.unwrap();
    assert_eq!(count(v1::RowProduct::Created), counts.products_created);
    assert_eq!(count(v1::RowProduct::Skipped), counts.skipped);
    for row in rows.iter().filter(|row| row.product() == v1::RowProduct::Skipped) {
        assert!(row.skip_reason() != v1::SkipReason::Unspecified && !row.remedy.is_empty(), "{row:?}");
    }
    let csv = cli(&world, &["sync", "report", "fjeld", &run.id], Some(0)).await;
    assert!(csv.starts_with("variant_id,product_id,name,sku,product,"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + variants);
    let json = cli(&world, &["sync", "report", "fjeld", "--format", "json"], Some(0)).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(variants));
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_that_import_the_same_items_do_not_overwrite_each_other() {
    let shops = vec!["fjeld", "skov"];
    let catalog = generated(40, 135);
    let (good, _) = importable(&catalog);
    let mut world = World::start(Plan { shops, ..plan(135, catalog) }).await;
    let mut runs = Vec::new();
    for shop in ["fjeld", "skov"] {
        world.connect(shop).await;
        let request = v1::RunInitialSyncRequest {
            store_id: shop.to_owned(),
            products: true,
            stock: true,
            ..v1::RunInitialSyncRequest::default()
        };
        runs.push((shop, world.api.run_initial_sync(request).await.unwrap().into_inner().run.unwrap()));
    }
    let (mut created, mut written) = (0, 0);
    for (shop, run) in runs {
        let counts = until("the run is over", LONG, async || {
            let latest = world.store(shop).await.latest_run.ok_or("no run")?;
            assert_eq!(latest.id, run.id);
            if latest.phase() == v1::RunPhase::Finished {
                latest.counts.ok_or("no counts".to_owned())
            } else {
                Err(format!("{latest:?}"))
            }
        })
        .await;
        assert_eq!(counts.products_created + counts.products_present, 40);
        created += counts.products_created;
        written += counts.stock_written;
    }
    let with_stock = u64::try_from(good.values().filter(|quantity| **quantity > 0).count()).unwrap();
    assert_eq!((created, written), (40, with_stock), "each item once");
    equal(&world, &good);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_not_whole_ends_in_a_told_failure_and_brings_nothing() {
    let mut world = World::start(plan(136, generated(60, 136))).await;
    world.connect("fjeld").await;
    let before = world.rackbeat().products(world.account());
    for fault in [
        BulkFault::CutAtLineEnd,
        BulkFault::CutMidLine,
        BulkFault::WrongCount,
        BulkFault::TokensRevoked,
        BulkFault::Failed("INTERNAL_SERVER_ERROR"),
    ] {
        world.shopify().break_next_bulk("fjeld.myshopify.com", fault).unwrap();
        let run = begin(&mut world, false).await;
        let over = watched(&mut world, &run).await;
        assert_eq!(over.phase(), v1::RunPhase::Failed, "{fault:?}: {over:?}");
        assert!(!over.failure.is_empty(), "{fault:?}: {over:?}");
        assert_eq!(world.rackbeat().products(world.account()), before, "{fault:?} brought something");
    }
    let run = begin(&mut world, false).await;
    let done = watched(&mut world, &run).await;
    assert_eq!((done.phase(), done.counts.unwrap().done), (v1::RunPhase::Finished, 60));
    world.finish(SHORT).await;
}
