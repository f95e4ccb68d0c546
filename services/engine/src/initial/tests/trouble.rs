//! The initial sync failed, lost, paused and cut off: every product once, stock exactly right.

use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{BulkId, StockLocation, VariantId};
use shopbeat_domain::ports::Export;
use shopbeat_domain::run::{RunCounts, RunPhase, RunPlan};
use shopbeat_domain::store::Hold;

use super::{ALL, DRY, catalog, end, made, run, saved, stock, units, world_with};
use crate::testing::{Mishap, Trouble, World, WorldBuilder, variant};

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
