//! The initial sync, whole, failed, lost and cut off: every product once, stock exactly right.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{SkipReason, SkuDefect, Variant};
use shopbeat_domain::erp::{Item, ItemKind, ProductGroup};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{AgreementId, BulkId, ItemNumber, LocationId, StockLocation, VariantId};
use shopbeat_domain::ports::{Export, IdMap};
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan};
use shopbeat_domain::store::Hold;

use crate::testing::{Mishap, Trouble, World, WorldBuilder, variant};

const ALL: RunPlan = RunPlan { products: true, stock: true, dry_run: false };
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

fn made(world: &World) -> Vec<String> {
    let books = world.erp.books.lock().unwrap();
    books.products_made.iter().map(|product| product.number.as_str().to_owned()).collect()
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
    assert_eq!(made(&world), ["CUP", "BOWL", "GLUE", "TENT-4P", "KNIFE"]);
    assert_eq!(stock(&world), units(&[("CUP", 11), ("KNIFE", 3), ("PEG-10", 70), ("TENT-4P", 4)]));
    let books = world.erp.books.lock().unwrap();
    let cup = &books.products_made[0];
    assert_eq!((cup.name.as_str(), cup.description.as_str()), ("Thing 1 / Red / M", "Good & cheap"));
    assert_eq!((cup.group, cup.sales_price), (1, Decimal::from(80)));
    assert_eq!((cup.cost, cup.weight_kg), (Some(Decimal::new(4050, 2)), Some(Decimal::new(15, 1))));
    let knife = &books.products_made[4];
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
            has_inventory: true,
        };
        *world.erp.groups.lock().unwrap() = vec![group(1, 25), group(7, 12)];
        *world.shop.catalog.lock().unwrap() = vec![variant(1, "CUP", 0)];
        let mut settings = WorldBuilder::default().settings;
        (settings.products.group, settings.products.prices_exclude_vat) = (7, exclude);
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
    assert_eq!(made(&world), ["CUP", "BOWL"]);
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

/// Whatever happened: every product once, stock as in the shop, one adjustment per item.
fn assert_brought_once(world: &World, what: &str) {
    let mut made = made(world);
    made.sort_unstable();
    assert_eq!(made, ["BOWL", "CUP", "GLUE", "TENT-4P"], "{what}");
    assert_eq!(stock(world), units(&[("CUP", 11), ("PEG-10", 70), ("TENT-4P", 4)]), "{what}");
    let mut adjusted = world.erp.books.lock().unwrap().adjustments.clone();
    adjusted.sort_unstable();
    assert_eq!(
        adjusted,
        units(&[("CUP", 11), ("PEG-10", 70), ("TENT-4P", 4)]),
        "{what}: one adjustment per item"
    );
}

async fn any_call_may_go_wrong(mishap: Mishap) {
    let clean = world_with(catalog()).await;
    let first = clean.hooks.calls().len();
    run(&clean, ALL).await;
    assert_brought_once(&clean, "clean");
    let calls = clean.hooks.calls().len();
    assert!(calls > first + 20, "{:?}", clean.hooks.calls());
    // The very first call is the caller's own.
    for at in first + 1..calls {
        let world = world_with(catalog()).await;
        world.hooks.plan(at, mishap);
        let run = run(&world, ALL).await;
        let what = format!("{mishap:?} at {:?}", world.hooks.calls().get(at));
        assert_eq!((run.phase, &run.failure), (RunPhase::Finished, &None), "{what}");
        let counts = run.counts;
        assert_eq!((counts.variants, counts.done), (5, 5), "{what}");
        assert_eq!(counts.products_created + counts.products_present, 5, "{what}");
        assert_eq!((counts.stock_written, counts.stock_kept), (3, 2), "{what}");
        assert_brought_once(&world, &what);
    }
}

/// One test per mishap, so that they run side by side.
macro_rules! every_call_of_a_run {
    ($($name:ident: $mishap:ident;)+) => {
        mod every_call_of_a_run {
            use super::*;
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                any_call_may_go_wrong(Mishap::$mishap).await;
            })+
        }
    };
}

every_call_of_a_run! {
    may_find_the_remote_busy: Busy;
    may_reach_nobody: Unreachable;
    may_lose_its_reply: LostReply;
    may_be_lost: LostRequest;
    may_be_answered_in_garbage: Garbled;
    may_be_cut_off_before: CrashBefore;
    may_be_cut_off_after: CrashAfter;
}

#[tokio::test(start_paused = true)]
async fn a_token_revoked_in_the_middle_fails_the_run_with_the_reason_and_the_next_run_brings_the_rest() {
    for call in ["erp.create_product", "erp.set_stock", "shop.read_export", "erp.items"] {
        let world = world_with(catalog()).await;
        let skip = usize::from(call.starts_with("erp.c") || call.starts_with("erp.s"));
        world.hooks.trouble(
            call,
            skip,
            usize::MAX,
            Trouble::Fails(FailureKind::Unauthorized(Some(Hold::TokenDead))),
        );
        let failed = run(&world, ALL).await;
        assert_eq!(failed.phase, RunPhase::Failed, "{call}");
        let reason = failed.failure.unwrap();
        assert!(reason.contains("does not accept our credentials") && reason.contains(call), "{reason}");
        world.hooks.well();
        let next = run(&world, ALL).await;
        assert_eq!(next.phase, RunPhase::Finished, "{call}");
        assert_brought_once(&world, call);
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_that_shopify_cannot_write_fails_the_run_with_its_code() {
    let world = world_with(catalog()).await;
    let answers = [Export::Running(3), Export::Failed("INTERNAL_SERVER_ERROR".to_owned())];
    world.shop.export_answers.lock().unwrap().extend(answers);
    let run = run(&world, ALL).await;
    assert_eq!(run.phase, RunPhase::Failed);
    assert!(run.failure.unwrap().contains("INTERNAL_SERVER_ERROR"));
    assert_eq!(made(&world), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_export_that_is_gone_is_asked_for_anew() {
    let world = world_with(catalog()).await;
    world.hooks.trouble("shop.export", 0, 1, Trouble::Fails(FailureKind::Missing));
    let run = run(&world, ALL).await;
    assert_eq!((run.phase, run.bulk), (RunPhase::Finished, Some(BulkId(2))));
    assert_brought_once(&world, "asked anew");
}

#[tokio::test(start_paused = true)]
async fn an_empty_shop_is_a_finished_run() {
    let world = world_with(Vec::new()).await;
    world.shop.export_answers.lock().unwrap().push_back(Export::Ready { url: None, objects: 0 });
    let run = run(&world, ALL).await;
    assert_eq!((run.phase, run.counts), (RunPhase::Finished, RunCounts::default()));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_file_that_breaks_off_is_brought_and_it_is_read_again() {
    let world = world_with(catalog()).await;
    *world.shop.cut_after.lock().unwrap() = Some(3);
    let run_begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("the file was read", async || world.hooks.count("shop.read_export") == 1).await;
    world.until("that try is over", async || world.hooks.count("state.settle") == 1).await;
    assert_eq!((made(&world).len(), saved(&world, &run_begun).await.counts.variants), (0, 0));
    working.kill().await;
    assert_eq!(end(&world, &run_begun).await.phase, RunPhase::Finished);
    assert_eq!(world.hooks.count("shop.read_export"), 2);
    assert_brought_once(&world, "read again");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_goes_on_at_its_cursor() {
    let variants: Vec<Variant> = (1..=60).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("40 products are there", async || made(&world).len() == 40).await;
    working.kill().await;
    assert_eq!(saved(&world, &begun).await.cursor, Some(VariantId(25)));
    let (puts, adjusted) = (world.hooks.count("state.put"), world.hooks.count("erp.set_stock"));
    let run = end(&world, &begun).await;
    assert_eq!((run.phase, run.counts.done, run.counts.variants), (RunPhase::Finished, 60, 60));
    assert_eq!(run.counts.stock_written, 60);
    assert_eq!((made(&world).len(), stock(&world).len()), (60, 60));
    let asked = world.hooks.count("erp.create_product");
    assert!(asked <= 61, "what is there is not made again, but for the call that was cut off: {asked}");
    assert_eq!(world.erp.books.lock().unwrap().adjustments.len(), 60);
    assert!(world.hooks.count("erp.set_stock") - adjusted <= 21, "written stock is not written again");
    // Two map entries per variant, one claim settled per item: the first 25 variants are not looked at again.
    assert!(world.hooks.count("state.put") - puts <= 3 * 35, "{}", world.hooks.count("state.put") - puts);
    assert_eq!(*world.shop.exports.lock().unwrap(), 1, "the same file is read on");
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_where_the_store_is_paused_and_goes_on_when_it_is_resumed() {
    let variants: Vec<Variant> = (1..=30).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("10 products are there", async || made(&world).len() == 10).await;
    world.connector.pause(&world.id).await.unwrap();
    world.until("that job is over", async || world.hooks.count("state.settle") == 1).await;
    let writes = world.hooks.writes();
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(world.hooks.writes(), writes, "a paused store writes nothing");
    let paused = saved(&world, &begun).await;
    let brought = u64::try_from(made(&world).len()).unwrap();
    assert!(brought < 15, "{brought}");
    assert_eq!((paused.phase, paused.cursor), (RunPhase::Importing, Some(VariantId(brought))));
    world.connector.resume(&world.id).await.unwrap();
    world.until("the run is over", async || saved(&world, &begun).await.is_over()).await;
    working.stop().await;
    let run = saved(&world, &begun).await;
    assert_eq!(
        (run.phase, run.counts.products_created, run.counts.stock_written),
        (RunPhase::Finished, 30, 30)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_begun_twice_is_one_run() {
    let world = world_with(catalog()).await;
    let first = world.desk().begin_run(&world.id, ALL).await.unwrap();
    assert_eq!(world.desk().begin_run(&world.id, DRY).await.unwrap(), first);
    end(&world, &first).await;
    let later = world.desk().begin_run(&world.id, ALL).await.unwrap();
    assert_ne!(later.id, first.id);
    assert_eq!(world.desk().run(&world.id, None).await.unwrap().id, later.id);
    assert_eq!(world.desk().run(&world.id, Some(&first.id)).await.unwrap().phase, RunPhase::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_group_or_a_location_that_is_gone_fails_the_run_and_names_it() {
    let world = world_with(catalog()).await;
    world.erp.groups.lock().unwrap()[0].number = 9;
    let failed = run(&world, ALL).await;
    assert_eq!(failed.phase, RunPhase::Failed);
    assert!(failed.failure.unwrap().contains("product group 1"));

    let gone = WorldBuilder::default()
        .settings(|all| all.products.stock_location = Some(StockLocation(77)))
        .build()
        .await;
    *gone.shop.catalog.lock().unwrap() = catalog();
    let failed = run(&gone, ALL).await;
    assert_eq!(failed.phase, RunPhase::Failed);
    assert!(failed.failure.unwrap().contains("location 77"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_gets_further_between_troubles_does_not_wait_longer_and_longer() {
    let variants: Vec<Variant> = (1..=12).map(|id| variant(id, &format!("SKU-{id}"), 0)).collect();
    let world = world_with(variants).await;
    // Every second product is refused an answer once: the lane closes ten times, never for a doubled wait.
    for at in 0..10 {
        world.hooks.trouble(
            "erp.create_product",
            usize::from(at > 0),
            1,
            Trouble::Fails(FailureKind::Unreachable),
        );
    }
    let started = world.ports.now();
    let run = run(&world, RunPlan { stock: false, ..ALL }).await;
    assert_eq!((run.phase, run.counts.products_created), (RunPhase::Finished, 12));
    let took = world.ports.now().duration_since(started).unsigned_abs();
    assert!(took < std::time::Duration::from_secs(60), "{took:?}");
}
