//! One worker per store, whatever dies, hangs, panics or is refused.

use std::time::Duration;

use shopbeat_domain::failure::{FailureKind, Remote};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{JobPhase, Lane, Outcome, ParkCode, Subject};
use shopbeat_domain::mapping::samples;
use shopbeat_domain::ports::Export;
use shopbeat_domain::run::{RunPhase, RunPlan};
use shopbeat_domain::store::{Desired, Hold, Store};

use super::lease_name;
use crate::testing::{Trouble, Working, World, WorldBuilder, variant};

const LEASE: Duration = shopbeat_domain::limits::WORKER_LEASE;
const IDLE: Duration = shopbeat_domain::limits::IDLE_LOOK;

async fn world() -> World {
    WorldBuilder::default().build().await
}

/// A worker that has its first sweep behind it: nothing but the offers of the test queues anything now.
async fn started(world: &World) -> Working {
    let working = world.work();
    world.until("the first sweep", async || world.hooks.count("shop.orders_updated") > 0).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    working
}

async fn put_orders(world: &World, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        world.shop.put(samples::numbered(id));
        world.offer(OrderId(id)).await;
    }
}

async fn outcomes(world: &World, ids: std::ops::RangeInclusive<u64>, outcome: Outcome) -> bool {
    for id in ids {
        if world.job(OrderId(id)).await.outcome != outcome {
            return false;
        }
    }
    true
}

async fn assert_each_once(world: &World, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        let living = world.erp.living(&world.reference(OrderId(id)));
        assert_eq!(living.len(), 1, "{id}: {living:?}");
    }
    world.assert_invariants().await;
}

fn took(world: &World, since: jiff::Timestamp) -> Duration {
    world.ports.now().duration_since(since).unsigned_abs()
}

#[tokio::test(start_paused = true)]
async fn of_two_workers_of_a_store_one_works_and_the_other_takes_over_when_it_dies() {
    let world = world().await;
    world.hooks.trouble("erp.book", 0, 1, Trouble::Slow(Duration::from_secs(10)));
    let first = world.work();
    world.until("the first has it", async || world.holder().await.as_deref() == Some("worker-0")).await;
    let second = world.work();
    put_orders(&world, 1..=1).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // A session sweeps and checks the subscriptions when it begins: only one began.
    assert_eq!((world.hooks.count("shop.orders_updated"), world.hooks.count("shop.subscribe")), (1, 2));
    assert_eq!((world.hooks.count("erp.create_draft"), world.hooks.count("erp.book")), (1, 1));
    let killed = world.ports.now();
    first.kill().await;
    let has = async || world.holder().await.as_deref() == Some("worker-1");
    world.until("the second has it", has).await;
    assert!(took(&world, killed) <= LEASE + IDLE + Duration::from_secs(1), "{:?}", took(&world, killed));
    world.until("it is over", async || outcomes(&world, 1..=1, Outcome::Transferred).await).await;
    assert!(took(&world, killed) <= LEASE + LEASE, "{:?}", took(&world, killed));
    assert_eq!(world.hooks.count("erp.create_draft"), 1);
    assert_each_once(&world, 1..=1).await;
    second.stop().await;
    assert_eq!(world.holder().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_told_to_stop_hands_the_store_over_at_once() {
    let world = world().await;
    let first = world.work();
    world.until("the first has it", async || world.holder().await.is_some()).await;
    let second = world.work();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stopped = world.ports.now();
    first.stop().await;
    world.until("the second has it", async || world.holder().await.as_deref() == Some("worker-1")).await;
    assert!(took(&world, stopped) <= IDLE + Duration::from_secs(1), "{:?}", took(&world, stopped));
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_kept_for_as_long_as_its_worker_lives() {
    let world = world().await;
    let working = world.work();
    world.until("it has the store", async || world.holder().await.is_some()).await;
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(world.holder().await.as_deref(), Some("worker-0"));
    }
    assert_eq!(world.hooks.count("shop.subscribe"), 3, "one session, and one check an hour later");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_lease_is_not_renewed_writes_nothing_more_and_does_no_harm_when_it_wakes() {
    let world = world().await;
    let first = world.work();
    world.until("the first has it", async || world.holder().await.is_some()).await;
    world.freeze(Some("worker-0"));
    // Within what is left of the lease it works on; close to its end it stops writing by its own clock.
    put_orders(&world, 1..=1).await;
    world.until("within the lease", async || outcomes(&world, 1..=1, Outcome::Transferred).await).await;
    world.until("the lease is over", async || world.holder().await.is_none()).await;
    put_orders(&world, 2..=9).await;
    let writes = world.hooks.writes();
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(world.hooks.writes(), writes, "its lease ran out");
    assert!(outcomes(&world, 2..=9, Outcome::Pending).await, "and it parked nothing");

    let second = world.work();
    world.until("the second has it", async || world.holder().await.as_deref() == Some("worker-1")).await;
    world.freeze(None);
    world.until("all are over", async || outcomes(&world, 1..=9, Outcome::Transferred).await).await;
    assert_eq!(world.holder().await.as_deref(), Some("worker-1"), "the one that woke leaves it the store");
    assert_each_once(&world, 1..=9).await;
    assert_eq!(world.hooks.count("erp.create_draft"), 9);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_else_took_ends_the_session_before_the_next_write() {
    let world = world().await;
    let first = world.work();
    world.until("the first has it", async || world.holder().await.is_some()).await;
    world.freeze(Some("worker-0"));
    world.until("the lease is over", async || world.holder().await.is_none()).await;
    let lease = world.raw.leases.take(&lease_name(&world.id), "somebody", LEASE).await.unwrap().unwrap();
    world.freeze(None);
    put_orders(&world, 1..=3).await;
    let writes = world.hooks.writes();
    for _ in 0..40 {
        tokio::time::sleep(LEASE / 2).await;
        assert!(world.raw.leases.renew(&lease, LEASE).await.unwrap());
    }
    assert_eq!(world.hooks.writes(), writes);
    world.raw.leases.free(&lease).await.unwrap();
    world.until("all are over", async || outcomes(&world, 1..=3, Outcome::Transferred).await).await;
    assert_each_once(&world, 1..=3).await;
    first.stop().await;
}

fn refused(hold: Hold) -> Trouble {
    Trouble::Fails(FailureKind::Unauthorized(Some(hold)))
}

async fn hold(world: &World) -> Option<Hold> {
    world.raw.registry.store(&world.id).await.unwrap().unwrap().hold
}

#[tokio::test(start_paused = true)]
async fn credentials_refused_three_times_in_a_row_put_the_store_on_hold_until_it_is_connected_again() {
    let world = world().await;
    world.hooks.trouble("shop.order", 0, usize::MAX, refused(Hold::TokenDead));
    put_orders(&world, 1..=6).await;
    let working = world.work();
    world.until("the hold", async || hold(&world).await == Some(Hold::TokenDead)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asked = world.hooks.count("shop.order");
    // Four jobs at once, then two probes.
    assert_eq!(asked, shopbeat_domain::limits::ORDERS_AT_ONCE + 2);
    world.hooks.well();
    world.hooks.trouble("shop.identity", 0, usize::MAX, refused(Hold::TokenDead));
    let writes = world.hooks.writes();
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!((world.hooks.writes(), world.hooks.count("shop.order")), (writes, asked), "the hold is kept");
    assert_eq!(hold(&world).await, Some(Hold::TokenDead));
    assert!(outcomes(&world, 1..=6, Outcome::Pending).await, "nothing is parked for it");

    world.hooks.well();
    world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
    let connected = world.ports.now();
    world.until("all are over", async || outcomes(&world, 1..=6, Outcome::Transferred).await).await;
    assert!(took(&world, connected) < Duration::from_secs(30), "{:?}", took(&world, connected));
    assert_eq!(hold(&world).await, None);
    assert_each_once(&world, 1..=6).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_both_remotes_give_no_more_reason_for_is_lifted_and_that_of_an_uninstalled_app_is_not() {
    for (reason, lifted) in [(Hold::TokenDead, true), (Hold::ShopFrozen, true), (Hold::Uninstalled, false)] {
        let world = world().await;
        world.hooks.trouble("erp.account", 0, 3, refused(reason));
        put_orders(&world, 1..=1).await;
        crate::intake::set_hold(&world.ports, &world.id, Some(reason)).await.unwrap();
        let working = world.work();
        tokio::time::sleep(3 * shopbeat_domain::limits::BACKOFF_MAX + IDLE).await;
        assert_eq!(hold(&world).await, Some(reason), "one side still refuses");
        tokio::time::sleep(shopbeat_domain::limits::BACKOFF_MAX + 2 * IDLE).await;
        assert_eq!(hold(&world).await.is_none(), lifted, "{reason:?}");
        assert_eq!(outcomes(&world, 1..=1, Outcome::Transferred).await, lifted, "{reason:?}");
        working.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_refusal_after_an_outage_or_after_a_cleared_hold_is_no_reason_for_a_hold() {
    let world = world().await;
    world.hooks.trouble("shop.order", 0, 6, Trouble::Fails(FailureKind::Unreachable));
    world.hooks.trouble("shop.order", 0, 2, refused(Hold::TokenDead));
    put_orders(&world, 1..=1).await;
    let working = world.work();
    world.until("it is over", async || outcomes(&world, 1..=1, Outcome::Transferred).await).await;
    assert_eq!(world.hooks.count("shop.order"), 9);
    assert_eq!(world.hooks.count("state.put_store"), 1, "no hold came and went");

    world.hooks.trouble("shop.order", 0, 3, refused(Hold::TokenDead));
    put_orders(&world, 2..=2).await;
    world.until("the hold", async || hold(&world).await.is_some()).await;
    world.hooks.trouble("shop.order", 0, 1, refused(Hold::TokenDead));
    world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
    world.until("it is over", async || outcomes(&world, 2..=2, Outcome::Transferred).await).await;
    assert_eq!(world.hooks.count("state.put_store"), 3, "the one hold, and the connect that cleared it");
    assert_eq!(hold(&world).await, None);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_nothing_of_the_store_makes_the_lane_wait_and_sets_no_hold() {
    let world = world().await;
    world.hooks.trouble("erp.create_draft", 0, 5, Trouble::Fails(FailureKind::Unauthorized(None)));
    put_orders(&world, 1..=1).await;
    assert_eq!(world.settle(OrderId(1)).await.outcome, Outcome::Transferred);
    assert_eq!(hold(&world).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_is_parked_alone_and_comes_again_by_itself() {
    let world = world().await;
    world.hooks.trouble("erp.create_draft", 0, 1, Trouble::Panics);
    let working = started(&world).await;
    put_orders(&world, 1..=5).await;
    world.until("the others are over", async || world.erp.books.lock().unwrap().orders.len() == 4).await;
    let parked = world.desk().parked(&world.id, None, 10).await.unwrap();
    assert_eq!(parked.len(), 1);
    let park = parked[0].park.as_ref().unwrap();
    assert_eq!((park.code, park.code.name()), (ParkCode::Internal, "internal_error"));
    assert!(park.retry_at.is_some());
    world.until("it heals", async || outcomes(&world, 1..=5, Outcome::Transferred).await).await;
    assert_eq!(world.hooks.count("shop.subscribe"), 2, "the session did not end for it");
    assert_each_once(&world, 1..=5).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_told_to_stop_ends_what_it_began_and_begins_nothing_more() {
    let world = world().await;
    world.hooks.trouble("erp.book", 0, usize::MAX, Trouble::Slow(Duration::from_secs(8)));
    let working = started(&world).await;
    put_orders(&world, 1..=10).await;
    world.until("four are being booked", async || world.hooks.count("erp.book") == 4).await;
    working.stop().await;
    assert_each_once(&world, 1..=4).await;
    assert!(
        outcomes(&world, 1..=4, Outcome::Transferred).await
            && outcomes(&world, 5..=10, Outcome::Pending).await
    );
    let counts = world.raw.jobs.counts(&world.id).await.unwrap();
    assert_eq!((counts.claimed, counts.ready), (0, 6), "nothing half-done is left behind");
    assert_eq!((world.holder().await, world.hooks.count("erp.create_draft")), (None, 4));
    world.hooks.well();
    world.settle(OrderId(10)).await;
    world.settle(OrderId(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_end_in_time_is_cut_off_and_finished_by_the_next_worker() {
    let world = world().await;
    world.hooks.trouble("erp.book", 0, 1, Trouble::Slow(Duration::from_secs(3600)));
    put_orders(&world, 1..=1).await;
    let working = world.work();
    world.until("it is being booked", async || world.hooks.count("erp.book") == 1).await;
    let stopped = world.ports.now();
    working.stop().await;
    assert!(took(&world, stopped) <= shopbeat_domain::limits::DRAIN + Duration::from_secs(1));
    assert_eq!(world.settle(OrderId(1)).await.outcome, Outcome::Transferred);
    assert_each_once(&world, 1..=1).await;
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_store_has_no_worker_and_a_stopped_one_neither() {
    for stopped in [false, true] {
        let world = world().await;
        let working = world.work();
        world.until("it has the store", async || world.holder().await.is_some()).await;
        if stopped {
            let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
            let stopped = Store { desired: Desired::Stopped, ..store };
            world.raw.registry.put_store(&stopped).await.unwrap();
        } else {
            world.connector.disconnect(&world.id).await.unwrap();
        }
        world.until("the lease is free", async || world.holder().await.is_none()).await;
        put_orders(&world, 1..=1).await;
        let sweeps = world.hooks.count("shop.orders_updated");
        let late = world.work();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!((world.job(OrderId(1)).await.phase, world.holder().await), (JobPhase::Ready, None));
        assert_eq!(world.hooks.count("shop.orders_updated"), sweeps);
        working.stop().await;
        late.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_was_uninstalled_stops_all_writing() {
    let world = world().await;
    put_orders(&world, 1..=3).await;
    crate::intake::Intake::new(world.ports.clone()).uninstalled(&world.id).await.unwrap();
    let working = world.work();
    let writes = world.hooks.writes();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.hooks.writes(), writes);
    assert_eq!(world.hooks.count("state.claim"), 0);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn orders_go_on_beside_a_run_that_waits_for_its_export_even_after_trouble() {
    let world = world().await;
    *world.shop.catalog.lock().unwrap() = vec![variant(1, "CUP", 3)];
    world.shop.export_answers.lock().unwrap().extend((0..7200).map(Export::Running));
    let plan = RunPlan { products: true, stock: true, ..RunPlan::default() };
    let run = world.desk().begin_run(&world.id, plan).await.unwrap();
    let working = world.work();
    world.until("the export is waited for", async || world.hooks.count("shop.export") > 3).await;
    world.hooks.down(Some(Remote::Rackbeat));
    put_orders(&world, 1..=5).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(outcomes(&world, 1..=5, Outcome::Pending).await);
    world.hooks.down(None);
    let asked = world.ports.now();
    world.until("all are over", async || outcomes(&world, 1..=5, Outcome::Transferred).await).await;
    assert!(took(&world, asked) < Duration::from_secs(60), "{:?}", took(&world, asked));
    let phase = async || world.raw.runs.run(&world.id, &run.id).await.unwrap().unwrap().phase;
    assert_eq!(phase().await, RunPhase::Exporting);
    world.until("the run is over", async || phase().await == RunPhase::Finished).await;
    working.stop().await;
    assert_each_once(&world, 1..=5).await;
}

#[tokio::test(start_paused = true)]
async fn while_a_remote_is_in_trouble_one_job_probes_at_a_time() {
    let world = world().await;
    put_orders(&world, 1..=20).await;
    world.hooks.down(Some(Remote::Rackbeat));
    let working = world.work();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let asked = world.shop.reads.lock().unwrap().len();
    assert!((10..40).contains(&asked), "{asked} tries in an hour");
    world.hooks.down(None);
    let well = world.ports.now();
    world.until("all are over", async || outcomes(&world, 1..=20, Outcome::Transferred).await).await;
    assert!(took(&world, well) < shopbeat_domain::limits::BACKOFF_MAX + Duration::from_secs(60));
    working.stop().await;
    assert_each_once(&world, 1..=20).await;
}

#[tokio::test(start_paused = true)]
async fn orders_come_before_a_run_of_the_initial_sync() {
    let world = world().await;
    let plan = RunPlan { products: true, dry_run: true, ..RunPlan::default() };
    let run = world.desk().begin_run(&world.id, plan).await.unwrap();
    put_orders(&world, 1..=1).await;
    let mut claims = Vec::new();
    for _ in 0..2 {
        let claim =
            world.raw.jobs.claim(&world.id, &Lane::ALL, LEASE, world.ports.now()).await.unwrap().unwrap();
        claims.push((claim.subject, claim.lane));
    }
    assert_eq!(
        claims,
        [(Subject::Order(OrderId(1)), Lane::Order), (Subject::InitialSync(run.id), Lane::BackFill)]
    );
}
