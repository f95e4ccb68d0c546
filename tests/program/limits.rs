//! The remotes' real limits. This suite takes a minute of real time: there is no other way to see one.

use std::time::{Duration, Instant};

use shopbeat_sandbox::SandboxConfig;
use shopbeat_tests::{LONG, Plan, World, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_in_two_processes_share_rackbeats_minute() {
    let sandbox = SandboxConfig { seed: 151, limits: true, ..SandboxConfig::default() };
    let mut world =
        World::start(Plan { sandbox, shops: vec!["fjeld", "skov"], ..Plan::new(151).on_redis() }).await;
    for handle in ["fjeld", "skov"] {
        world.connect(handle).await;
        world.start_worker(handle);
    }
    world.rackbeat().clear_calls();
    let begun = Instant::now();
    for handle in ["fjeld", "skov"] {
        world.buy_many(handle, 45);
    }
    let half_a_minute = Duration::from_secs(30);
    until("half a minute is over", LONG, async || {
        let seen = begun.elapsed();
        if seen > half_a_minute { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    let early = world.rackbeat().calls().len();
    for handle in ["fjeld", "skov"] {
        world.settled(handle, LONG).await;
    }
    let calls = world.rackbeat().calls();
    let refused = calls.iter().filter(|call| call.status == 429).count();
    // The sandbox answers 429 to whatever is past 480 in any sliding minute. Calls are counted there when they arrive: on
    // a machine that is busy with other tests one of some hundred came later than the fifth of a second we leave for it.
    assert!(refused <= 2, "{refused} of {} calls, {early} of them in the first half minute", calls.len());
    assert!(calls.len() > 400, "the limit was not tried: {} calls", calls.len());
    assert!((180..=300).contains(&early), "{early} calls in half a minute: the pace is not 480 a minute");
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shopifys_bucket_is_not_overdrawn() {
    let sandbox = SandboxConfig { seed: 152, limits: true, ..SandboxConfig::default() };
    // No pace towards Rackbeat, so that Shopify is what limits; few enough orders for Rackbeat's minute.
    let env = vec![("SHOPBEAT_RACKBEAT_UNPACED", "true".to_owned())];
    let mut world = World::start(Plan { sandbox, env, ..Plan::new(152) }).await;
    world.connect("fjeld").await;
    world.buy_many("fjeld", 45);
    world.settled("fjeld", LONG).await;
    // Our own count of the bucket said so, before Shopify had to.
    let log = world.process.log();
    let throttled = log.lines().filter(|line| line.contains("throttled: the cost bucket is empty")).count();
    assert!(throttled <= 2, "throttled {throttled} times");
    assert!(log.contains("the cost bucket is empty for now"), "the limit was not tried");
    world.finish(LONG).await;
}
