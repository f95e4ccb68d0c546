//! Replays: what goes through, what is told, who waits for whom; `trouble` is about what goes wrong meanwhile.

mod trouble;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::erp::Item;
use shopbeat_domain::ids::{ItemNumber, OrderId};
use shopbeat_domain::job::{Lane, Outcome};
use shopbeat_domain::limits;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::{Financial, Order};
use shopbeat_domain::ports::Family;
use shopbeat_domain::replay::{Replay, ReplayDifference, ReplayPhase};
use shopbeat_domain::store::{Hold, Store};

use super::{ReplayAsk, begin, latest, waits_for};
use crate::problem::Problem;
use crate::sweep;
use crate::testing::{Trouble, World, WorldBuilder};
use crate::transfer::later;

/// A day before the world begins.
fn moment(minutes: u64) -> Timestamp {
    let begin: Timestamp = "2026-02-14T00:00:00Z".parse().unwrap();
    begin + SignedDuration::from_mins(i64::try_from(minutes).unwrap())
}

async fn world() -> World {
    WorldBuilder::default().build().await
}

/// An order of the span: the nth was made and changed at the nth minute.
fn order(id: u64) -> Order {
    let mut order = samples::numbered(id);
    (order.head.created_at, order.head.updated_at, order.processed_at) = (moment(id), moment(id), moment(id));
    order
}

fn put_orders(world: &World, ids: std::ops::RangeInclusive<u64>) {
    ids.for_each(|id| world.shop.put(order(id)));
}

fn ask(id: &str) -> ReplayAsk {
    ReplayAsk { id: id.to_owned(), from: moment(0), to: None }
}

async fn saved(world: &World, id: &str) -> Replay {
    world.raw.replays.replay(&world.id, id).await.unwrap().unwrap()
}

/// Works until the replay is over; a planned crash kills the worker, and another goes on.
async fn end(world: &World, id: &str) -> Replay {
    let mut working = world.work();
    // Looked at now and then only: there are very many of these ends.
    let over = async {
        for _ in 0..24 * 3600 {
            if saved(world, id).await.is_over() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("not over within a day: {:?}; calls: {:?}", saved(world, id).await, world.hooks.calls());
    };
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => break,
            () = world.hooks.crashed() => {
                working.kill().await;
                working = world.work();
            }
        }
    }
    working.stop().await;
    saved(world, id).await
}

async fn replay(world: &World, id: &str) -> Replay {
    begin(&world.ports, &world.id, &ask(id)).await.unwrap();
    end(world, id).await
}

/// All orders are transferred, and audited.
async fn transferred(world: &World, ids: std::ops::RangeInclusive<u64>) {
    let working = world.work();
    for id in ids {
        world.offer(OrderId(id)).await;
        world
            .until("it is over", async || world.job(OrderId(id)).await.outcome == Outcome::Transferred)
            .await;
    }
    tokio::time::sleep(limits::TWIN_AUDIT + Duration::from_secs(60)).await;
    working.stop().await;
}

/// As if neither webhook nor sweep had brought what changed so far.
async fn miss_everything(world: &World) {
    world
        .raw
        .watermarks
        .move_watermark(&world.id, sweep::ORDERS, later(world.ports.now(), Duration::from_secs(3600)))
        .await
        .unwrap();
}

async fn notes(world: &World) -> u64 {
    world.raw.records.count(&Family::ReplayNotes(world.id.clone())).await.unwrap()
}

fn counts(replay: &Replay) -> (ReplayPhase, u64, u64, u64, u64) {
    (replay.phase, replay.orders, replay.done, replay.unknown, replay.changed)
}

fn violation(problem: Problem) -> (String, String) {
    let Problem::BadInput(mut violations) = problem else { panic!("{problem:?}") };
    let violation = violations.remove(0);
    (violation.field, violation.problem)
}

fn assert_each_once(world: &World, ids: std::ops::RangeInclusive<u64>, what: &str) {
    for id in ids {
        let living = world.erp.living(&world.reference(OrderId(id)));
        assert_eq!(living.len(), 1, "{what}: {id}: {living:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_everything_was_transferred_nothing_is_written_and_nothing_differs() {
    let world = world().await;
    put_orders(&world, 1..=45);
    transferred(&world, 1..=45).await;
    let writes = world.hooks.writes();
    let before = world.shop.reads.lock().unwrap().len();
    let replay = replay(&world, "again").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 45, 45, 0, 0));
    assert_eq!((replay.differences, replay.failure, replay.remarks), (vec![], None, vec![]));
    assert!(replay.ended_at.unwrap() > replay.begun_at);
    assert_eq!(world.hooks.writes(), writes, "Rackbeat is left alone");
    let mut read = world.shop.reads.lock().unwrap().split_off(before);
    read.sort();
    assert_eq!(read, (1..=45).map(OrderId).collect::<Vec<_>>(), "each order went through once more");
    assert_eq!(notes(&world).await, 0);
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_nobody_brought_is_found_and_told() {
    let world = world().await;
    put_orders(&world, 1..=3);
    transferred(&world, 1..=3).await;
    miss_everything(&world).await;
    world.shop.put(order(4));
    let replay = replay(&world, "missed").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 4, 4, 1, 1));
    let number = world.erp.living(&world.reference(OrderId(4)))[0].number;
    let after = format!("transferred: {number}, booked");
    assert_eq!(
        replay.differences,
        [ReplayDifference { order: OrderId(4), before: "unknown".to_owned(), after }]
    );
    assert_each_once(&world, 1..=4, "missed");
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_of_the_state_every_order_is_found_again_and_none_is_made_twice() {
    let before = world().await;
    put_orders(&before, 1..=25);
    transferred(&before, 1..=25).await;
    let world = before.that_lost_its_state().await;
    miss_everything(&world).await;
    let writes = world.hooks.writes();
    let replay = replay(&world, "after the loss").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 25, 25, 25, 25));
    for ReplayDifference { order, before, after } in &replay.differences {
        let number = world.erp.living(&world.reference(*order))[0].number;
        assert_eq!(
            (before.as_str(), after.as_str()),
            ("unknown", format!("transferred: {number}, booked").as_str())
        );
    }
    assert_eq!(world.hooks.writes(), writes, "found, and left as they are");
    assert_each_once(&world, 1..=25, "after the loss");
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn what_stands_otherwise_than_before_is_told_in_few_words() {
    let world = world().await;
    put_orders(&world, 1..=4);
    world.shop.change(OrderId(2), moment(2), |order| order.financial = Some(Financial::Pending));
    world.shop.change(OrderId(3), moment(3), |order| order.lines[0].sku = Some("NEW-1".to_owned()));
    world.shop.change(OrderId(4), moment(4), |order| order.test = true);
    transferred(&world, 1..=1).await;
    for id in 2..=4 {
        world.offer(OrderId(id)).await;
        world.settle(OrderId(id)).await;
    }
    miss_everything(&world).await;
    world.shop.change(OrderId(2), moment(2), |order| order.financial = Some(Financial::Paid));
    let number = ItemNumber::parse("NEW-1").unwrap();
    let item = world.erp.books.lock().unwrap().items["TENT-2P"].clone();
    world.erp.books.lock().unwrap().items.insert("NEW-1".to_owned(), Item { number, ..item });
    let replay = replay(&world, "changes").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 4, 4, 0, 2), "{:?}", replay.differences);
    let told: Vec<_> = replay.differences.iter().map(|told| (told.order.0, told.before.as_str())).collect();
    assert_eq!(told, [(2, "pending"), (3, "parked: unknown_sku")]);
    assert!(replay.differences.iter().all(|told| told.after.starts_with("transferred: ")));
    assert_eq!(world.job(OrderId(4)).await.outcome.name(), "ignored:test_order");
}

#[tokio::test(start_paused = true)]
async fn only_orders_that_changed_since_its_begin_and_were_there_by_its_end_go_through() {
    let world = world().await;
    miss_everything(&world).await;
    put_orders(&world, 1..=9);
    // Made before the span and changed after it: it may have changed within it as well.
    world.shop.change(OrderId(1), moment(60), |_| {});
    let span = ReplayAsk { id: "span".to_owned(), from: moment(3), to: Some(moment(6)) };
    begin(&world.ports, &world.id, &span).await.unwrap();
    let replay = end(&world, "span").await;
    let orders: Vec<_> = replay.differences.iter().map(|told| told.order.0).collect();
    assert_eq!((orders.as_slice(), replay.to), ([1, 3, 4, 5, 6].as_slice(), moment(6)));
}

#[tokio::test(start_paused = true)]
async fn a_span_of_many_pages_is_read_to_its_end() {
    let world = world().await;
    miss_everything(&world).await;
    // All of the last hundred changed in the same second: no moment lies between them to go on from.
    for id in 1..=250 {
        let mut order = order(id);
        order.head.updated_at = moment(id.min(151));
        order.test = true;
        world.shop.put(order);
    }
    let replay = replay(&world, "pages").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 250, 250, 250, 250));
    assert_eq!(replay.differences.len(), 50);
    assert_eq!(world.hooks.count("shop.orders_updated"), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_order_waits_behind_a_few_orders_of_a_replay_and_no_more() {
    let world = world().await;
    put_orders(&world, 1..=200);
    miss_everything(&world).await;
    begin(&world.ports, &world.id, &ask("many")).await.unwrap();
    let working = world.work();
    world.until("it is at it", async || saved(&world, "many").await.done >= 20).await;
    let read = world.shop.reads.lock().unwrap().len();
    world.shop.put(order(1000));
    world.offer(OrderId(1000)).await;
    world
        .until("it went over", async || world.job(OrderId(1000)).await.outcome == Outcome::Transferred)
        .await;
    let between = world.shop.reads.lock().unwrap().len() - read;
    let most = usize::try_from(limits::REPLAY_AT_ONCE).unwrap() + 2 * limits::ORDERS_AT_ONCE;
    assert!(between <= most, "{between} orders were looked at before it");
    let waiting = world.raw.jobs.counts(&world.id).await.unwrap().ready;
    assert!(waiting <= u64::from(limits::REPLAY_AT_ONCE), "{waiting}");
    working.stop().await;
    assert_eq!(end(&world, "many").await.changed, 200);
}

#[tokio::test(start_paused = true)]
async fn an_initial_sync_and_stock_are_not_held_up_while_a_replay_waits() {
    let world = world().await;
    put_orders(&world, 1..=3);
    miss_everything(&world).await;
    world.hooks.trouble("erp.book", 0, 1, Trouble::Slow(Duration::from_secs(20)));
    begin(&world.ports, &world.id, &ask("waits")).await.unwrap();
    let working = world.work();
    world.until("it waits", async || saved(&world, "waits").await.phase == ReplayPhase::Processing).await;
    let plan = shopbeat_domain::run::RunPlan { products: true, ..Default::default() };
    let run = world.desk().begin_run(&world.id, plan).await.unwrap();
    let over = async || world.raw.runs.run(&world.id, &run.id).await.unwrap().unwrap().is_over();
    world.until("the run is over", over).await;
    assert!(!saved(&world, "waits").await.is_over());
    world.until("the replay is over", async || saved(&world, "waits").await.is_over()).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished_first_and_is_no_difference() {
    let world = world().await;
    put_orders(&world, 1..=1);
    miss_everything(&world).await;
    world.hooks.trouble("erp.book", 0, 1, Trouble::Slow(Duration::from_secs(10)));
    let working = world.work();
    world.offer(OrderId(1)).await;
    world.until("it is being booked", async || world.hooks.count("erp.book") == 1).await;
    begin(&world.ports, &world.id, &ask("drained")).await.unwrap();
    world.until("it drains", async || saved(&world, "drained").await.phase == ReplayPhase::Draining).await;
    assert_eq!(world.job(OrderId(1)).await.outcome, Outcome::Pending);
    world.until("the replay is over", async || saved(&world, "drained").await.is_over()).await;
    working.stop().await;
    let replay = saved(&world, "drained").await;
    assert_eq!(counts(&replay), (ReplayPhase::Finished, 1, 1, 0, 0), "{:?}", replay.differences);
    assert!(replay.remarks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_never_still_is_waited_for_so_long_and_it_is_told() {
    let world = world().await;
    // Somebody holds a job for good, and keeps it.
    world.shop.put(order(1));
    world.offer(OrderId(1)).await;
    let (lanes, hold) = ([Lane::Order], Duration::from_secs(3600));
    world.raw.jobs.claim(&world.id, &lanes, hold, world.ports.now()).await.unwrap().unwrap();
    let begun = begin(&world.ports, &world.id, &ask("busy")).await.unwrap();
    let working = world.work();
    world.until("it goes on", async || saved(&world, "busy").await.phase == ReplayPhase::Processing).await;
    let took = world.ports.now().duration_since(begun.begun_at).unsigned_abs();
    assert!(
        took >= limits::REPLAY_DRAIN && took < limits::REPLAY_DRAIN + Duration::from_secs(30),
        "{took:?}"
    );
    assert!(saved(&world, "busy").await.remarks[0].contains("not still within 120 s"));
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_or_held_store_lets_its_replay_wait_and_says_so() {
    for held in [false, true] {
        let world = world().await;
        put_orders(&world, 1..=30);
        miss_everything(&world).await;
        begin(&world.ports, &world.id, &ask("waits")).await.unwrap();
        let working = world.work();
        world.until("it is at it", async || saved(&world, "waits").await.done >= 5).await;
        let set = async |hold| crate::intake::set_hold(&world.ports, &world.id, hold).await.unwrap();
        if held {
            set(Some(Hold::Uninstalled)).await;
        } else {
            world.connector.pause(&world.id).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (at, writes) = (saved(&world, "waits").await, world.hooks.writes());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(world.hooks.writes(), writes);
        let now = saved(&world, "waits").await;
        assert_eq!((now.phase, now.done), (ReplayPhase::Processing, at.done));
        let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
        let told = waits_for(&now, &store).unwrap();
        assert!(told.contains(if held { "on hold" } else { "paused" }), "{told}");
        if held {
            set(None).await;
        } else {
            world.connector.resume(&world.id).await.unwrap();
        }
        world.until("it is over", async || saved(&world, "waits").await.is_over()).await;
        working.stop().await;
        let replay = saved(&world, "waits").await;
        assert_eq!(counts(&replay), (ReplayPhase::Finished, 30, 30, 30, 30));
        let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
        assert_eq!(waits_for(&replay, &store), None);
        assert_each_once(&world, 1..=30, "resumed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_of_a_paused_store_is_taken_and_waits() {
    let world = world().await;
    world.connector.pause(&world.id).await.unwrap();
    put_orders(&world, 1..=1);
    let begun = begin(&world.ports, &world.id, &ask("paused")).await.unwrap();
    assert_eq!(begun.phase, ReplayPhase::Queued);
    let working = world.work();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(saved(&world, "paused").await, begun);
    world.connector.resume(&world.id).await.unwrap();
    working.stop().await;
    assert_eq!(end(&world, "paused").await.done, 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_is_the_same_replay_and_another_one_has_to_wait() {
    let world = world().await;
    put_orders(&world, 1..=2);
    let first = begin(&world.ports, &world.id, &ask(" first ")).await.unwrap();
    assert_eq!(first.id, "first");
    let again = ReplayAsk { from: moment(1), ..ask("first") };
    assert_eq!(begin(&world.ports, &world.id, &again).await.unwrap(), first);
    let refused = begin(&world.ports, &world.id, &ask("second")).await.unwrap_err();
    let Problem::Precondition { reason, message } = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "REPLAY_UNDER_WAY");
    assert!(message.contains("\"first\"") && message.contains("acme"), "{message}");
    assert_eq!(latest(&world.ports, &world.id).await.unwrap(), first);
    let over = end(&world, "first").await;
    assert_eq!(begin(&world.ports, &world.id, &ask("first")).await.unwrap(), over);
    begin(&world.ports, &world.id, &ask("second")).await.unwrap();
    assert_eq!(counts(&end(&world, "second").await), (ReplayPhase::Finished, 2, 2, 0, 0));
    // A text that was used before names what it named then.
    assert_eq!(begin(&world.ports, &world.id, &ask("first")).await.unwrap(), over);
}

#[tokio::test(start_paused = true)]
async fn a_span_that_cannot_stand_is_refused_by_its_field() {
    let world = world().await;
    let now = world.ports.now();
    let day = |days: i64| now - SignedDuration::from_hours(24 * days);
    let try_to = async |id: &str, from, to| {
        let ask = ReplayAsk { id: id.to_owned(), from, to };
        violation(begin(&world.ports, &world.id, &ask).await.unwrap_err())
    };
    assert_eq!(try_to("a\tb", day(1), None).await.0, "id");
    assert_eq!(try_to("", day(1), None).await.0, "id");
    for (from, to, words) in [
        (now, None, "in the future"),
        (day(-1), None, "in the future"),
        (day(1), Some(day(1)), "not before the end"),
        (day(1), Some(day(2)), "not before the end"),
        (day(61), None, "read_all_orders"),
    ] {
        let (field, problem) = try_to("r", from, to).await;
        assert_eq!(field, "from", "{problem}");
        assert!(problem.contains(words), "{problem}");
    }
    assert!(matches!(latest(&world.ports, &world.id).await, Err(Problem::Unknown { what: "replay", .. })));
    let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    let scopes = [store.scopes.clone(), vec!["read_all_orders".to_owned()]].concat();
    world.raw.registry.put_store(&Store { scopes, ..store }).await.unwrap();
    let old = ReplayAsk { id: "old".to_owned(), from: day(61), to: Some(day(-1)) };
    let begun = begin(&world.ports, &world.id, &old).await.unwrap();
    assert_eq!((begun.from, begun.to), (day(61), world.ports.now()), "no end lies in the future");
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_waited_past_the_apps_reach_says_what_shopify_left_out() {
    let world = world().await;
    world.connector.pause(&world.id).await.unwrap();
    let from = world.ports.now() - SignedDuration::from_hours(24 * 59);
    begin(&world.ports, &world.id, &ReplayAsk { from, ..ask("late") }).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2 * 24 * 3600)).await;
    world.connector.resume(&world.id).await.unwrap();
    let replay = end(&world, "late").await;
    assert_eq!(replay.phase, ReplayPhase::Finished);
    assert!(replay.remarks[0].contains("more than 60 days"), "{:?}", replay.remarks);
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_ends_the_replay_and_connecting_anew_does_not_go_on_with_it() {
    let world = world().await;
    put_orders(&world, 1..=30);
    miss_everything(&world).await;
    begin(&world.ports, &world.id, &ask("ended")).await.unwrap();
    let working = world.work();
    world.until("it is at it", async || saved(&world, "ended").await.done >= 5).await;
    world.connector.disconnect(&world.id).await.unwrap();
    let ended = saved(&world, "ended").await;
    assert_eq!(
        (ended.phase, ended.failure.as_deref()),
        (ReplayPhase::Failed, Some("the store was disconnected"))
    );
    working.stop().await;
    let refused = begin(&world.ports, &world.id, &ask("more")).await;
    assert!(matches!(refused, Err(Problem::Unknown { what: "store", .. })));
    let settings = world.raw.registry.store(&world.id).await.unwrap().unwrap().settings;
    world.connector.connect(world.request(settings)).await.unwrap();
    let working = world.work();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    working.stop().await;
    assert_eq!(saved(&world, "ended").await, ended);
    assert_eq!(counts(&replay(&world, "anew").await), (ReplayPhase::Finished, 30, 30, 0, 0));
}
