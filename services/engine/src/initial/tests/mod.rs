//! The initial sync: what it brings, what it leaves alone, what it names.

mod choice;
mod figure;
mod report;
mod trouble;

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{SkipReason, SkuDefect, Variant};
use shopbeat_domain::erp::{Item, ItemKind, ProductGroup};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{AgreementId, ItemNumber, LocationId};
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan, StockCount, StockPolicy};

use crate::testing::{Trouble, World, WorldBuilder, variant};

const ALL: RunPlan = RunPlan {
    products: true,
    stock: true,
    dry_run: false,
    policy: StockPolicy::Keep,
    count: StockCount::Available,
    location: None,
};
const DRY: RunPlan = RunPlan { dry_run: true, ..ALL };

/// A world with the store's orders beginning now: stock is what can be sold.
async fn world_with(catalog: Vec<Variant>) -> World {
    let world = WorldBuilder::default().settings(|settings| settings.orders.since = None).build().await;
    *world.shop.catalog.lock().unwrap() = catalog;
    world
}

fn catalog() -> Vec<Variant> {
    let mut loose = variant(3, "GLUE", 9);
    loose.tracked = false;
    // The file is in no order.
    vec![
        variant(4, "TENT-4P", 4),
        variant(1, "CUP", 11),
        loose,
        variant(2, "BOWL", 0),
        variant(5, "PEG-10", 70),
    ]
}

async fn saved(world: &World, run: &Run) -> Run {
    world.raw.runs.run(&run.store, &run.id).await.unwrap().unwrap()
}

/// Works until a run is over; a planned crash kills the worker, and another goes on.
async fn end(world: &World, run: &Run) -> Run {
    let mut working = world.work_for(&run.store);
    let over = world.until("the run is over", async || saved(world, run).await.is_over());
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => break,
            () = world.hooks.crashed() => {
                working.kill().await;
                working = world.work_for(&run.store);
            }
        }
    }
    working.stop().await;
    saved(world, run).await
}

async fn run(world: &World, plan: RunPlan) -> Run {
    let run = world.desk().begin_run(&world.id, plan).await.unwrap();
    end(world, &run).await
}

fn stock(world: &World) -> Vec<(String, Decimal)> {
    let books = world.erp.books.lock().unwrap();
    let with_stock = books.items.values().filter(|item| !item.stock.is_zero());
    with_stock.map(|item| (item.number.as_str().to_owned(), item.stock)).collect()
}

/// The products that were made, by number.
fn made(world: &World) -> Vec<String> {
    let books = world.erp.books.lock().unwrap();
    let mut made: Vec<String> =
        books.products_made.iter().map(|product| product.number.as_str().to_owned()).collect();
    made.sort();
    made
}

fn units(pairs: &[(&str, i64)]) -> Vec<(String, Decimal)> {
    pairs.iter().map(|(sku, units)| ((*sku).to_owned(), Decimal::from(*units))).collect()
}

#[tokio::test(start_paused = true)]
async fn every_variant_becomes_a_product_of_its_own_and_its_stock_lies_at_the_default_location() {
    let mut single = variant(6, " KNIFE ", 3);
    single.options = String::new();
    (single.cost, single.weight_kg) = (None, None);
    let world = world_with([catalog(), vec![single]].concat()).await;
    let run = run(&world, ALL).await;
    assert_eq!((run.phase, run.failure), (RunPhase::Finished, None));
    let counts = RunCounts {
        variants: 6,
        done: 6,
        products_created: 5,
        products_present: 1,
        skipped: 0,
        stock_written: 4,
        stock_kept: 2,
    };
    assert_eq!(run.counts, counts);
    assert_eq!(made(&world), ["BOWL", "CUP", "GLUE", "KNIFE", "TENT-4P"]);
    assert_eq!(stock(&world), units(&[("CUP", 11), ("KNIFE", 3), ("PEG-10", 70), ("TENT-4P", 4)]));
    let books = world.erp.books.lock().unwrap();
    let made = |sku: &str| books.products_made.iter().find(|made| made.number.as_str() == sku).unwrap();
    let cup = made("CUP");
    assert_eq!((cup.name.as_str(), cup.description.as_str()), ("Thing 1 / Red / M", "Good & cheap"));
    assert_eq!((cup.group, cup.sales_price), (1, Decimal::from(80)));
    assert_eq!((cup.cost, cup.weight_kg), (Some(Decimal::new(4050, 2)), Some(Decimal::new(15, 1))));
    let knife = made("KNIFE");
    assert_eq!((knife.name.as_str(), knife.cost, knife.weight_kg), ("Thing 6", None, None));
}

#[tokio::test(start_paused = true)]
async fn a_price_gets_or_loses_the_groups_true_rate_only_where_shop_and_account_differ() {
    for (taxes_included, exclude, price) in
        [(true, true, "89.285714"), (true, false, "100"), (false, true, "100"), (false, false, "112")]
    {
        let world = WorldBuilder::default().unconnected().await;
        *world.shop.taxes_included.lock().unwrap() = taxes_included;
        let group = |number, rate| ProductGroup {
            number,
            name: String::new(),
            vat_domestic: Decimal::from(rate),
            vat_eu: Decimal::ZERO,
            vat_abroad: Decimal::ZERO,
            vat_domestic_exempt: Decimal::ZERO,
            has_inventory: true,
        };
        *world.erp.groups.lock().unwrap() = vec![group(1, 25), group(7, 12)];
        *world.shop.catalog.lock().unwrap() = vec![variant(1, "CUP", 0)];
        let mut settings = WorldBuilder::default().settings;
        (settings.products.group, settings.prices.rackbeat_excludes_vat) = (7, exclude);
        world.connector.connect(world.request(settings)).await.unwrap();
        run(&world, ALL).await;
        let made = world.erp.books.lock().unwrap().products_made[0].clone();
        assert_eq!((made.group, made.sales_price), (7, price.parse().unwrap()), "{taxes_included} {exclude}");
    }
}

#[tokio::test(start_paused = true)]
async fn variants_with_a_bad_sku_are_named_and_skipped_and_the_rest_goes_on() {
    let long = "X".repeat(26);
    let skus = ["", "TWICE", "CUP", "TWICE ", long.as_str(), "BOWL"];
    let variants = skus.iter().zip(1..).map(|(sku, id)| variant(id, sku, 5)).collect();
    let world = world_with(variants).await;
    let dry = run(&world, DRY).await;
    let run = run(&world, ALL).await;
    assert_eq!(run.phase, RunPhase::Finished);
    assert_eq!((run.counts.skipped, run.counts.products_created, run.counts.stock_written), (4, 2, 2));
    let skipped: Vec<_> = run
        .skipped
        .iter()
        .map(|one| (one.variant.0, one.name.as_str(), one.sku.as_str(), one.reason.clone()))
        .collect();
    let expected = [
        (1, "Thing 1 / Red / M", "", SkipReason::Sku(SkuDefect::Missing)),
        (2, "Thing 2 / Red / M", "TWICE", SkipReason::Sku(SkuDefect::Duplicate)),
        (4, "Thing 4 / Red / M", "TWICE ", SkipReason::Sku(SkuDefect::Duplicate)),
        (5, "Thing 5 / Red / M", long.as_str(), SkipReason::Sku(SkuDefect::TooLong)),
    ];
    assert_eq!(skipped, expected);
    assert_eq!(dry.skipped, run.skipped);
    assert_eq!(made(&world), ["BOWL", "CUP"]);
}

#[tokio::test(start_paused = true)]
async fn what_rackbeat_refuses_is_named_and_skipped_and_the_rest_goes_on() {
    let refusal = Trouble::Fails(FailureKind::Refused(Refusal::Other));
    for (call, created, written) in [("erp.create_product", 2, 2), ("erp.set_stock", 3, 2)] {
        let world = world_with((1..=3).map(|id| variant(id, &format!("SKU-{id}"), 5)).collect()).await;
        world.hooks.trouble(call, 1, 1, refusal.clone());
        let run = run(&world, ALL).await;
        assert_eq!(run.phase, RunPhase::Finished, "{call}");
        let counts = run.counts;
        assert_eq!(
            (counts.done, counts.products_created, counts.stock_written),
            (3, created, written),
            "{call}"
        );
        assert_eq!(counts.skipped + counts.products_created, 3, "{call}");
        let [skipped] = run.skipped.as_slice() else { panic!("{:?}", run.skipped) };
        assert_eq!(skipped.sku, "SKU-2");
        let words = "planned".to_owned();
        let reason = if created == 3 { SkipReason::StockRefused(words) } else { SkipReason::Refused(words) };
        assert_eq!(skipped.reason, reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_and_counts_what_the_run_after_it_does() {
    for plan in [ALL, RunPlan { stock: false, ..ALL }, RunPlan { products: false, ..ALL }] {
        let world = world_with(catalog()).await;
        let before = world.hooks.writes();
        let dry = run(&world, RunPlan { dry_run: true, ..plan }).await;
        assert_eq!(world.hooks.writes(), before, "{plan:?}");
        let map = IdMap::StockImport(AgreementId::parse("nordlys").unwrap());
        let claims = world.raw.ids.look_up(&map, &["CUP".to_owned(), "PEG-10".to_owned()]).await.unwrap();
        assert_eq!(claims, [None, None], "a dry run claims nothing");
        let real = run(&world, plan).await;
        assert_eq!((dry.phase, dry.counts), (RunPhase::Finished, real.counts), "{plan:?}");
        assert!(world.hooks.writes().len() > before.len(), "{plan:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn products_and_stock_are_chosen_apart() {
    let world = world_with(catalog()).await;
    let only_stock = run(&world, RunPlan { products: false, ..ALL }).await;
    assert_eq!(made(&world), [""; 0]);
    assert_eq!(stock(&world), units(&[("PEG-10", 70)]), "only what is there can get stock");
    assert_eq!((only_stock.counts.stock_written, only_stock.counts.stock_kept), (1, 4));

    let world = world_with(catalog()).await;
    let only_products = run(&world, RunPlan { stock: false, ..ALL }).await;
    assert_eq!(made(&world).len(), 4);
    assert_eq!(stock(&world), []);
    assert_eq!((only_products.counts.stock_written, only_products.counts.stock_kept), (0, 0));
    assert_eq!(run(&world, RunPlan { products: false, ..ALL }).await.counts.stock_written, 3);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_sold_is_imported_unless_older_orders_come_over_too_then_what_lies_there() {
    for (since, units) in [(None, 11), (Some("2026-02-01T00:00:00Z"), 13)] {
        let since = since.map(|text| text.parse().unwrap());
        let world = WorldBuilder::default().settings(|settings| settings.orders.since = since).build().await;
        let mut cup = variant(1, "CUP", 5);
        let mut elsewhere = cup.levels[0].clone();
        (elsewhere.location, elsewhere.available, elsewhere.on_hand) = (LocationId(2), 6, 6);
        cup.levels.push(elsewhere);
        *world.shop.catalog.lock().unwrap() = vec![cup];
        run(&world, ALL).await;
        assert_eq!(stock(&world), [("CUP".to_owned(), Decimal::from(units))], "{since:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_has_a_quantity_or_keeps_no_stock_is_left_alone() {
    let world = world_with(vec![
        variant(1, "PEG-10", 70),
        variant(2, "TENT-2P", 5),
        variant(3, "FREIGHT", 9),
        variant(4, "SET", 2),
    ])
    .await;
    {
        let mut books = world.erp.books.lock().unwrap();
        books.items.get_mut("PEG-10").unwrap().stock = Decimal::from(3);
        let number = ItemNumber::parse("SET").unwrap();
        let set =
            Item { number, kind: ItemKind::Lot, barred: false, keeps_stock: true, stock: Decimal::ZERO };
        books.items.insert("SET".to_owned(), set);
    }
    let run = run(&world, ALL).await;
    assert_eq!(stock(&world), units(&[("PEG-10", 3), ("TENT-2P", 5)]));
    assert_eq!((run.counts.stock_written, run.counts.stock_kept), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn products_made_in_a_group_without_inventory_get_no_stock() {
    let world = world_with(vec![variant(1, "CUP", 5)]).await;
    world.erp.groups.lock().unwrap()[0].has_inventory = false;
    let run = run(&world, ALL).await;
    assert_eq!((run.phase, run.counts.products_created), (RunPhase::Finished, 1));
    assert_eq!((run.counts.stock_written, run.counts.stock_kept), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_store_of_the_agreement_that_sells_the_same_item_does_not_overwrite_it() {
    let world = world_with(vec![variant(1, "CUP", 11), variant(2, "BOWL", 2)]).await;
    let second = world.add_shop("beta.myshopify.com");
    *second.catalog.lock().unwrap() =
        vec![variant(91, "CUP", 500), variant(92, "BOWL", 0), variant(93, "FORK", 8)];
    let mut request = world.request(WorldBuilder::default().settings);
    request.shop = second.domain.clone();
    let beta = world.connector.connect(request).await.unwrap().store.id;
    run(&world, ALL).await;
    // Sold out meanwhile: the quantity alone would not tell that it was imported before.
    world.erp.books.lock().unwrap().items.get_mut("CUP").unwrap().stock = Decimal::ZERO;
    let theirs = world.desk().begin_run(&beta, ALL).await.unwrap();
    let theirs = end(&world, &theirs).await;
    assert_eq!(
        (theirs.phase, theirs.counts.products_present, theirs.counts.products_created),
        (RunPhase::Finished, 2, 1)
    );
    assert_eq!((theirs.counts.stock_written, theirs.counts.stock_kept), (1, 2));
    assert_eq!(stock(&world), units(&[("BOWL", 2), ("FORK", 10)]));
    let variants = world.raw.ids.look_up(&IdMap::VariantItem(beta), &["91".to_owned()]).await.unwrap();
    assert_eq!(variants, [Some("CUP".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn running_again_doubles_nothing() {
    let world = world_with(catalog()).await;
    let first = run(&world, ALL).await;
    let (writes, stock_before) = (world.hooks.writes(), stock(&world));
    let second = run(&world, ALL).await;
    assert_ne!(first.id, second.id);
    assert_eq!(
        (second.phase, second.counts.products_created, second.counts.stock_written),
        (RunPhase::Finished, 0, 0)
    );
    assert_eq!((second.counts.products_present, second.counts.stock_kept), (5, 5));
    assert_eq!((world.hooks.writes(), stock(&world)), (writes, stock_before));
}
