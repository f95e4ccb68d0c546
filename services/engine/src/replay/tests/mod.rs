//! Replays: what goes through and what is told; `trouble` is about what goes wrong meanwhile.

mod asking;
mod trouble;
mod waiting;

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
