//! Whatever fails, is repeated or cut off, a replay comes to the same end.

use shopbeat_domain::failure::{FailureKind, Refusal, Remote};
use shopbeat_domain::job::{JobPhase, JobRecord, Park, ParkCode, Subject, Verdict};

use super::super::process::is_through;
use super::*;
use crate::testing::Mishap;

#[tokio::test(start_paused = true)]
async fn what_shopify_refuses_for_good_ends_the_replay_with_the_reason() {
    for (kind, tries) in
        [(FailureKind::Refused(Refusal::Other), 1), (FailureKind::Garbled, limits::GARBLED_TRIES)]
    {
        let world = world().await;
        put_orders(&world, 1..=150);
        miss_everything(&world).await;
        begin(&world.ports, &world.id, &ask("refused")).await.unwrap();
        let working = world.work();
        // The first one is the sweep's, the second one brings a page.
        world.hooks.trouble("shop.orders_updated", 2, usize::MAX, Trouble::Fails(kind));
        world.until("it is over", async || saved(&world, "refused").await.is_over()).await;
        working.stop().await;
        assert_eq!(notes(&world).await, 0);
        let replay = saved(&world, "refused").await;
        assert!(replay.failure.unwrap().contains("orders_updated"));
        assert!(world.hooks.count("shop.orders_updated") > usize::try_from(tries).unwrap());
        world.hooks.well();
        assert_eq!(latest(&world.ports, &world.id).await.unwrap().phase, ReplayPhase::Failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_is_away_for_hours_holds_a_replay_up_and_no_more() {
    let world = world().await;
    put_orders(&world, 1..=30);
    miss_everything(&world).await;
    for remote in [Remote::Rackbeat, Remote::Shopify] {
        let id = remote.to_string();
        begin(&world.ports, &world.id, &ask(&id)).await.unwrap();
        world.hooks.down(Some(remote));
        let working = world.work();
        tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
        assert!(!saved(&world, &id).await.is_over(), "{id}");
        world.hooks.down(None);
        world.until("it is over", async || saved(&world, &id).await.is_over()).await;
        working.stop().await;
        assert_eq!(saved(&world, &id).await.phase, ReplayPhase::Finished);
    }
    assert_each_once(&world, 1..=30, "away");
    world.assert_invariants().await;
}

/// Three orders, each in another place: transferred, never seen, parked.
async fn mixed() -> World {
    let world = world().await;
    world.shop.put(order(1));
    world.shop.put(order(3));
    world.shop.change(OrderId(3), moment(3), |order| order.lines[0].sku = Some("NO-SUCH".to_owned()));
    let working = world.work();
    for (id, outcome) in [(1, Outcome::Transferred), (3, Outcome::Parked)] {
        world.offer(OrderId(id)).await;
        world.until("it is over", async || world.job(OrderId(id)).await.outcome == outcome).await;
    }
    working.stop().await;
    miss_everything(&world).await;
    world.shop.put(order(2));
    begin(&world.ports, &world.id, &ask("mixed")).await.unwrap();
    world
}

async fn any_call_may_go_wrong(mishap: Mishap) {
    let clean = mixed().await;
    let first = clean.hooks.calls().len();
    end(&clean, "mixed").await;
    let calls = clean.hooks.calls();
    // What a worker does before it comes to its jobs is tried elsewhere.
    let first = first + calls.iter().skip(first).position(|call| call == "state.replay").unwrap();
    assert!(calls.len() > first + 30, "{calls:?}");
    for at in first..calls.len() {
        let world = mixed().await;
        world.hooks.plan(at, mishap);
        let replay = end(&world, "mixed").await;
        let what = format!("{mishap:?} at {:?}", world.hooks.calls().get(at));
        assert_eq!(counts(&replay), (ReplayPhase::Finished, 3, 3, 1, 1), "{what}: {replay:?}");
        assert_eq!((replay.differences[0].order, replay.failure), (OrderId(2), None), "{what}");
        assert_each_once(&world, 1..=2, &what);
        assert_eq!(notes(&world).await, 0, "{what}");
        world.assert_invariants().await;
    }
}

/// One test per mishap, so that they run side by side.
macro_rules! every_call_of_a_replay {
    ($($name:ident: $mishap:ident;)+) => {
        mod every_call_of_a_replay {
            use super::*;
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                any_call_may_go_wrong(Mishap::$mishap).await;
            })+
        }
    };
}

every_call_of_a_replay! {
    may_find_the_remote_busy: Busy;
    may_reach_nobody: Unreachable;
    may_lose_its_reply: LostReply;
    may_be_lost: LostRequest;
    may_be_answered_in_garbage: Garbled;
    may_be_cut_off_before: CrashBefore;
    may_be_cut_off_after: CrashAfter;
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_killed_again_and_again_comes_to_the_same_end() {
    for seed in 1_u64..=6 {
        let world = world().await;
        put_orders(&world, 1..=60);
        miss_everything(&world).await;
        begin(&world.ports, &world.id, &ask("killed")).await.unwrap();
        let mut chance = seed;
        while !saved(&world, "killed").await.is_over() {
            let working = world.work();
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(300 + (chance >> 33) % 4000)).await;
            working.kill().await;
        }
        let replay = saved(&world, "killed").await;
        assert_eq!(counts(&replay), (ReplayPhase::Finished, 60, 60, 60, 60), "seed {seed}");
        assert!(replay.differences.iter().all(|told| told.before == "unknown"), "seed {seed}");
        assert_each_once(&world, 1..=60, "killed");
        world.assert_invariants().await;
    }
}

/// The replay's job as an older worker leaves it, which cannot read its subject.
async fn set_aside(world: &World, id: &str) {
    let (lanes, hold) = ([Lane::BackFill], Duration::from_secs(60));
    let jobs = &world.raw.jobs;
    let claim = jobs.claim(&world.id, &lanes, hold, world.ports.now()).await.unwrap().unwrap();
    assert_eq!(claim.subject, Subject::Replay(id.to_owned()));
    let park = Park {
        code: ParkCode::Internal,
        culprit: "record".to_owned(),
        message: "it cannot be read".to_owned(),
        since: world.ports.now(),
        retry_at: None,
        number: None,
    };
    jobs.settle(&claim, &Verdict::Parked(park), None, false, world.ports.now()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_an_older_worker_set_aside_goes_on_with_the_next_worker_or_when_anyone_asks() {
    for asked in [None, Some("set aside"), Some("another")] {
        let world = world().await;
        put_orders(&world, 1..=2);
        begin(&world.ports, &world.id, &ask("set aside")).await.unwrap();
        let mut working = None;
        if asked.is_some() {
            working = Some(world.work());
            world.connector.pause(&world.id).await.unwrap();
            world.until("the worker has it", async || world.holder().await.is_some()).await;
        }
        set_aside(&world, "set aside").await;
        if let Some(id) = asked {
            let again = begin(&world.ports, &world.id, &ask(id)).await;
            assert_eq!(again.is_ok(), id == "set aside", "{again:?}");
            world.connector.resume(&world.id).await.unwrap();
        }
        let working = working.unwrap_or_else(|| world.work());
        world.until("it is over", async || saved(&world, "set aside").await.is_over()).await;
        working.stop().await;
        assert_eq!(saved(&world, "set aside").await.done, 2, "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_job_began_to_count_anew_is_through_all_the_same() {
    let world = world().await;
    world.shop.put(order(1));
    world.offer(OrderId(1)).await;
    world.settle(OrderId(1)).await;
    let job = JobRecord { settled: 0, ..world.job(OrderId(1)).await };
    let now = world.ports.now();
    let of = |phase, strikes, due| is_through(&JobRecord { phase, strikes, due, ..job.clone() }, now);
    assert!(of(JobPhase::Idle, 0, None) && of(JobPhase::Parked, 0, None));
    assert!(!of(JobPhase::Ready, 0, None) && !of(JobPhase::Claimed, 0, None));
    let soon = Some(later(now, Duration::from_secs(60)));
    assert!(of(JobPhase::Delayed, 0, soon), "it waits for stock, or for its audit");
    assert!(!of(JobPhase::Delayed, 1, soon) && !of(JobPhase::Delayed, 0, Some(now)), "it is tried again");
}
