//! The initial sync failed, lost, paused and cut off: every product once, stock exactly right.

use std::time::Duration;

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::failure::{FailureKind, Remote};
use shopbeat_domain::ids::{BulkId, StockLocation, VariantId};
use shopbeat_domain::job::Subject;
use shopbeat_domain::limits;
use shopbeat_domain::ports::Export;
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan, StockPolicy};
use shopbeat_domain::store::Hold;

use super::report::assert_told;
use super::{ALL, DRY, catalog, end, made, run, saved, stock, units, world_with};
use crate::testing::{Mishap, Trouble, World, variant};

/// Whatever happened: every product once, stock as in the shop, one adjustment per item.
fn assert_brought_once(world: &World, what: &str) {
    assert_eq!(made(world), ["BOWL", "CUP", "GLUE", "TENT-4P"], "{what}");
    assert_eq!(stock(world), units(&[("CUP", 11), ("PEG-10", 70), ("TENT-4P", 4)]), "{what}");
    let mut adjusted = world.erp.books.lock().unwrap().adjustments.clone();
    adjusted.sort_unstable();
    assert_eq!(
        adjusted,
        units(&[("CUP", 11), ("PEG-10", 70), ("TENT-4P", 4)]),
        "{what}: one adjustment per item"
    );
}

/// How often the run's job was settled.
async fn tries(world: &World, run: &Run) -> u64 {
    let subject = Subject::InitialSync(run.id.clone());
    world.raw.jobs.job(&run.store, &subject).await.unwrap().map_or(0, |job| job.settled)
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
        assert_told(&world, &run, &what).await;
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
async fn a_file_that_breaks_off_between_its_rows_is_read_on_from_the_cursor() {
    let world = world_with(catalog()).await;
    *world.shop.cut_after.lock().unwrap() = Some(3);
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("that try is over", async || tries(&world, &begun).await == 1).await;
    assert_eq!(world.hooks.count("shop.read_export"), 1);
    let at = saved(&world, &begun).await;
    assert_eq!((made(&world).len(), at.cursor, at.phase), (3, Some(VariantId(3)), RunPhase::Importing));
    working.kill().await;
    let run = end(&world, &begun).await;
    assert_eq!((run.phase, run.counts.products_created), (RunPhase::Finished, 4));
    assert_eq!(world.hooks.count("shop.read_export"), 2);
    assert_brought_once(&world, "read on");
    assert_told(&world, &run, "read on").await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_goes_on_at_its_cursor() {
    let variants: Vec<Variant> = (1..=60).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("40 products are there", async || made(&world).len() >= 40).await;
    working.kill().await;
    let at = saved(&world, &begun).await;
    assert!(at.counts.done >= 25 && at.cursor == Some(VariantId(at.counts.done)), "{at:?}");
    let adjusted = world.hooks.count("erp.set_stock");
    let run = end(&world, &begun).await;
    assert_eq!((run.phase, run.counts.done, run.counts.variants), (RunPhase::Finished, 60, 60));
    assert_eq!(run.counts.stock_written, 60);
    assert_eq!((made(&world).len(), stock(&world).len()), (60, 60));
    let asked = world.hooks.count("erp.create_product");
    let most = 60 + limits::IMPORTS_AT_ONCE;
    assert!(asked <= most, "what is there is not made again, but for the calls that were cut off: {asked}");
    assert_eq!(world.erp.books.lock().unwrap().adjustments.len(), 60);
    let again = world.hooks.count("erp.set_stock") - adjusted;
    assert!(again <= 60 - 40 + 2 * limits::IMPORTS_AT_ONCE, "written stock is not written again: {again}");
    assert_eq!(*world.shop.exports.lock().unwrap(), 1, "the same file is read on");
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_where_the_store_is_paused_and_goes_on_when_it_is_resumed() {
    let variants: Vec<Variant> = (1..=900).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("10 products are there", async || made(&world).len() >= 10).await;
    world.connector.pause(&world.id).await.unwrap();
    world.until("that try is over", async || tries(&world, &begun).await == 1).await;
    let writes = world.hooks.writes();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.hooks.writes(), writes, "a paused store writes nothing");
    let paused = saved(&world, &begun).await;
    let brought = u64::try_from(made(&world).len()).unwrap();
    assert_eq!((paused.phase, paused.cursor), (RunPhase::Importing, Some(VariantId(brought))));
    assert_eq!((paused.counts.done, paused.counts.products_created), (brought, brought));
    world.connector.resume(&world.id).await.unwrap();
    world.until("the run is over", async || saved(&world, &begun).await.is_over()).await;
    working.stop().await;
    let run = saved(&world, &begun).await;
    assert_eq!(
        (run.phase, run.counts.products_created, run.counts.stock_written),
        (RunPhase::Finished, 900, 900)
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

    let gone = world_with(catalog()).await;
    // It was there when the store was connected.
    let mut store = gone.raw.registry.store(&gone.id).await.unwrap().unwrap();
    store.settings.products.stock_location = Some(StockLocation(77));
    gone.raw.registry.put_store(&store).await.unwrap();
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
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn rackbeat_away_for_an_hour_holds_a_run_up_and_no_more() {
    let variants: Vec<Variant> = (1..=60).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("10 products are there", async || made(&world).len() >= 10).await;
    world.hooks.down(Some(Remote::Rackbeat));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let calls = world.hooks.count("erp.items");
    assert!(calls < 60, "it is probed now and then: {calls}");
    let at = saved(&world, &begun).await;
    assert_eq!((at.phase, at.failure), (RunPhase::Importing, None));
    world.hooks.down(None);
    world.until("the run is over", async || saved(&world, &begun).await.is_over()).await;
    working.stop().await;
    let run = saved(&world, &begun).await;
    assert_eq!((run.phase, run.counts.stock_written), (RunPhase::Finished, 60));
    assert_eq!(run.counts.products_created, 60, "what was made before is counted as made");
    assert_eq!(world.erp.books.lock().unwrap().adjustments.len(), 60);
    assert_told(&world, &run, "after an hour").await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_never_whole_fails_the_run_and_says_so() {
    let cut = world_with(catalog()).await;
    cut.hooks.trouble("shop.read_export", 0, usize::MAX, Trouble::Fails(FailureKind::Garbled));
    let short = world_with(catalog()).await;
    let answers = std::iter::repeat_with(|| Export::Ready {
        url: Some("https://fake.test/export".parse().unwrap()),
        objects: 9,
    });
    short.shop.export_answers.lock().unwrap().extend(answers.take(20));
    for (world, words) in [(cut, "cannot be read"), (short, "another number of rows")] {
        let run = run(&world, ALL).await;
        assert_eq!((run.phase, run.counts.done), (RunPhase::Failed, 0), "{words}");
        assert!(run.failure.as_ref().unwrap().contains(words), "{:?}", run.failure);
        assert_eq!(made(&world), [""; 0], "{words}");
        assert_eq!(world.hooks.count("shop.read_export"), 3, "{words}");
        let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
        assert_eq!(store.stock_accepted_at, None, "a failed run lets nothing be sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_again_and_again_brings_every_item_once() {
    for (seed, plan) in (1_u64..=6)
        .flat_map(|seed| [ALL, RunPlan { policy: StockPolicy::Sum, ..ALL }].map(|plan| (seed, plan)))
    {
        let variants: Vec<Variant> = (1..=90).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
        let world = world_with(variants).await;
        let begun = world.desk().begin_run(&world.id, plan).await.unwrap();
        let mut chance = seed;
        while !saved(&world, &begun).await.is_over() {
            let working = world.work();
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(300 + (chance >> 33) % 900)).await;
            working.kill().await;
        }
        let run = saved(&world, &begun).await;
        let what = format!("seed {seed}, {:?}", plan.policy);
        assert_eq!((run.phase, made(&world).len()), (RunPhase::Finished, 90), "{what}");
        assert!(stock(&world).iter().all(|(_, units)| *units == Decimal::from(4)), "{what}");
        assert_eq!(world.erp.books.lock().unwrap().adjustments.len(), 90, "{what}");
        assert_eq!(run.counts.stock_written, 90, "{what}");
        assert_told(&world, &run, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn items_of_a_claimed_and_cancelled_run_are_brought_by_the_next() {
    let world = world_with(vec![variant(1, "CUP", 5)]).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    world.hooks.trouble("erp.set_stock", 0, usize::MAX, Trouble::Fails(FailureKind::Unreachable));
    let working = world.work();
    world.until("it was claimed", async || world.hooks.count("erp.set_stock") >= 1).await;
    world.desk().cancel_run(&world.id, None).await.unwrap();
    world.until("it is over", async || saved(&world, &begun).await.is_over()).await;
    working.stop().await;
    world.hooks.well();
    let next = run(&world, ALL).await;
    assert_eq!((next.phase, next.counts.stock_written), (RunPhase::Finished, 1));
    assert_eq!(stock(&world), units(&[("CUP", 5)]));
}
