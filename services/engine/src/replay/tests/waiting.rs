//! Who waits for whom: a replay for what is under way and for its store, others never for a replay.

use super::*;

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
