use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{Outcome, Subject};
use shopbeat_domain::mapping::samples;

use super::*;
use crate::testing::{Trouble, World, WorldBuilder};

const PAGE: u64 = 100;

async fn world() -> World {
    WorldBuilder::default().build().await
}

fn moment(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-02-16T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

/// `count` orders, the nth changed at the nth minute.
fn put_orders(world: &World, count: u64) {
    for id in 1..=count {
        let mut order = samples::numbered(id);
        order.head.updated_at = moment(id * 60);
        world.shop.put(order);
    }
}

async fn is_queued(world: &World, id: u64) -> bool {
    world.raw.jobs.job(&world.id, &Subject::Order(OrderId(id))).await.unwrap().is_some()
}

async fn queued(world: &World, count: u64) -> Vec<u64> {
    let mut found = Vec::new();
    for id in 1..=count {
        if is_queued(world, id).await {
            found.push(id);
        }
    }
    found
}

async fn mark(world: &World) -> Option<Timestamp> {
    world.raw.watermarks.watermark(&world.id, ORDERS).await.unwrap()
}

async fn sweep_once(world: &World) -> Answer<Swept> {
    let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    let shop: Arc<dyn Shop> = world.shop.clone();
    sweep(&world.ports, shop.as_ref(), &store).await
}

#[tokio::test(start_paused = true)]
async fn pages_that_are_just_full_and_one_more_are_read_to_the_end() {
    for (count, pages) in
        [(0, 1), (1, 1), (PAGE - 1, 1), (PAGE, 1), (PAGE + 1, 2), (2 * PAGE, 2), (2 * PAGE + 1, 3)]
    {
        let world = world().await;
        put_orders(&world, count);
        let swept = sweep_once(&world).await.unwrap();
        assert_eq!(swept.read, count);
        assert_eq!(queued(&world, count).await.len(), usize::try_from(count).unwrap(), "{count}");
        assert_eq!(world.hooks.count("shop.orders_updated"), pages, "{count}");
        assert_eq!(mark(&world).await, (count > 0).then(|| moment(count * 60)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_watermark_never_passes_an_order_that_is_not_queued_whichever_page_fails() {
    const COUNT: u64 = 3 * PAGE + 50;
    for call in ["state.offer", "shop.orders_updated"] {
        for page in 0..4 {
            let world = world().await;
            put_orders(&world, COUNT);
            world.hooks.trouble(call, page, 1, Trouble::Fails(FailureKind::Unreachable));
            sweep_once(&world).await.unwrap_err();
            let passed = u64::try_from(page).unwrap() * PAGE;
            assert_eq!(mark(&world).await, (passed > 0).then(|| moment(passed * 60)), "{call} {page}");
            assert_eq!(queued(&world, COUNT).await, (1..=passed).collect::<Vec<_>>(), "{call} {page}");
            sweep_once(&world).await.unwrap();
            assert_eq!(queued(&world, COUNT).await.len(), usize::try_from(COUNT).unwrap(), "{call} {page}");
            assert_eq!(mark(&world).await, Some(moment(COUNT * 60)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_reads_behind_its_watermark_and_runs_nothing_that_is_settled_at_that_version() {
    let world = world().await;
    put_orders(&world, 12);
    let working = world.work();
    let all = async || world.erp.books.lock().unwrap().orders.len() == 12;
    world.until("all are over", all).await;
    // The audit for twins is over too, so that only the sweep could make calls.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let sweeps = world.hooks.count("shop.orders_updated");
    let before = world.hooks.calls().len();
    world.until("another sweep", async || world.hooks.count("shop.orders_updated") > sweeps).await;
    world.until("and its offer", async || world.hooks.calls().last().unwrap() == "state.offer").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let calls = world.hooks.calls().split_off(before);
    assert!(!calls.iter().any(|call| call == "shop.order" || call.starts_with("erp.")), "{calls:?}");
    working.stop().await;

    // An order that became visible late, changed before the watermark but within the overlap, is found.
    let overlap = limits::SWEEP_OVERLAP.as_secs();
    for (id, behind, found) in [(50, overlap - 1, true), (51, overlap + 1, false)] {
        let mut late = samples::numbered(id);
        late.head.updated_at = moment(12 * 60 - behind);
        world.shop.put(late);
        sweep_once(&world).await.unwrap();
        assert_eq!(is_queued(&world, id).await, found, "{behind} s behind");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_after_the_transfer_is_looked_at_though_no_webhook_told_of_it() {
    let world = world().await;
    put_orders(&world, 1);
    let working = world.work();
    world.until("it is over", async || !world.erp.living(&world.reference(OrderId(1))).is_empty()).await;
    world
        .shop
        .change(OrderId(1), moment(1000), |order| order.totals.current_total += rust_decimal::Decimal::ONE);
    let changed = async || {
        let journal = world.raw.journal.transfer(&world.id, OrderId(1)).await.unwrap().unwrap();
        journal.remarks.iter().any(|remark| remark.contains("total changed"))
    };
    let asked = world.ports.now();
    world.until("the change is remarked", changed).await;
    assert!(
        world.ports.now().duration_since(asked).unsigned_abs()
            <= limits::SWEEP_EVERY + Duration::from_secs(5)
    );
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_webhook_brought_is_found_at_the_start_and_every_five_minutes() {
    let world = world().await;
    world.shop.put(samples::numbered(1));
    let working = world.work();
    let over = async |id| !world.erp.living(&world.reference(OrderId(id))).is_empty();
    let started = world.ports.now();
    world.until("the first is over", async || over(1).await).await;
    assert!(world.ports.now().duration_since(started).unsigned_abs() < Duration::from_secs(5));
    for id in 2..=4 {
        let put = world.ports.now();
        world.shop.put(samples::numbered(id));
        world.until("the next is over", async || over(id).await).await;
        let took = world.ports.now().duration_since(put).unsigned_abs();
        assert!(took <= limits::SWEEP_EVERY + Duration::from_secs(5), "{took:?}");
    }
    working.stop().await;
    for id in 1..=4 {
        assert_eq!(world.job(OrderId(id)).await.outcome, Outcome::Transferred);
    }
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn orders_that_did_not_change_since_the_start_are_not_swept() {
    let world = WorldBuilder::default().settings(|all| all.orders.since = Some(moment(120))).build().await;
    put_orders(&world, 4);
    assert_eq!(sweep_once(&world).await.unwrap().read, 3);
    assert_eq!(queued(&world, 4).await, [2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_fails_is_tried_again_soon_and_not_in_a_hot_loop() {
    let world = world().await;
    put_orders(&world, 3);
    world.hooks.trouble("shop.orders_updated", 0, 5, Trouble::Fails(FailureKind::Garbled));
    let working = world.work();
    let started = world.ports.now();
    world.until("all are queued", async || queued(&world, 3).await.len() == 3).await;
    let took = world.ports.now().duration_since(started).unsigned_abs();
    assert!(took > Duration::from_secs(10) && took < Duration::from_secs(120), "{took:?}");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn subscriptions_that_are_gone_are_made_again_and_the_gap_is_swept_at_once() {
    let world = world().await;
    // So that the sweep's own five minutes do not end together with the hour of the check.
    world.hooks.trouble("shop.orders_updated", 0, 6, Trouble::Fails(FailureKind::Garbled));
    let working = world.work();
    tokio::time::sleep(limits::SUBSCRIPTION_CHECK - Duration::from_secs(20)).await;
    let checks = world.hooks.count("shop.subscribe");
    *world.shop.subscribed.lock().unwrap() = None;
    world.shop.put(samples::numbered(1));
    world.until("they are checked", async || world.hooks.count("shop.subscribe") > checks).await;
    assert!(!is_queued(&world, 1).await);
    let checked = world.ports.now();
    world.until("the order is found", async || is_queued(&world, 1).await).await;
    assert!(world.ports.now().duration_since(checked).unsigned_abs() < Duration::from_secs(2));
    let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
    assert_eq!(*world.shop.subscribed.lock().unwrap(), store.webhook_address);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn subscriptions_follow_the_address_that_the_store_was_given_last() {
    let world = world().await;
    let working = world.work();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let moved = crate::connect::Connector::new(
        world.ports.clone(),
        Some("https://new.example.test".parse().unwrap()),
    );
    let request = world.request(WorldBuilder::default().settings);
    let address = moved.connect(request).await.unwrap().store.webhook_address;
    assert_eq!(
        address.as_ref().map(url::Url::as_str),
        Some("https://new.example.test/webhooks/shopify/acme")
    );
    let checks = world.hooks.count("shop.subscribe");
    world.until("they are checked", async || world.hooks.count("shop.subscribe") > checks + 1).await;
    assert_eq!(*world.shop.subscribed.lock().unwrap(), address, "the worker does not move them back");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_events_may_have_been_lost_it_is_swept_at_once_and_not_five_minutes_later() {
    for reconnected in [false, true] {
        let world = world().await;
        let working = world.work();
        world.until("the first sweep", async || world.hooks.count("shop.orders_updated") > 0).await;
        let mut order = samples::numbered(1);
        order.head.updated_at = world.ports.now();
        world.shop.put(order);
        if reconnected {
            world.connector.disconnect(&world.id).await.unwrap();
            world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
        } else {
            // As a Redis that was killed and restarted: it may have lost its last second.
            world.forget_everything_before(world.ports.now());
        }
        let lost = world.ports.now();
        world.until("the lost order", async || is_queued(&world, 1).await).await;
        let took = world.ports.now().duration_since(lost).unsigned_abs();
        assert!(took <= limits::GAP_LOOK * 2, "{took:?} reconnected: {reconnected}");
        working.kill().await;
    }
}
