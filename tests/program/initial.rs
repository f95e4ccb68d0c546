//! The initial sync: dry run, import, repeat, and a kill in the middle.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::{Catalog, SKU_LIMIT, generated};
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_tests::{LONG, Plan, SHORT, StateAt, World, until};

fn plan(seed: u64, catalog: Catalog) -> Plan {
    let sandbox = SandboxConfig { seed, limits: false, page_cap: Some(20), ..SandboxConfig::default() };
    Plan { sandbox, catalog, stocked: false, ..Plan::new(seed) }
}

async fn begin(world: &mut World, dry_run: bool) -> v1::Run {
    let request =
        v1::RunInitialSyncRequest { store_id: "fjeld".to_owned(), products: true, stock: true, dry_run };
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
    for variant in catalog.products.iter().flat_map(|product| &product.variants) {
        match &variant.sku {
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
    assert_eq!(kinds.len(), 3, "{kinds:?}");

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
