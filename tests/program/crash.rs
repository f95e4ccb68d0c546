//! The real program on a real Redis, with either of them killed, cut off or emptied while orders flow.

use std::time::Duration;

use shopbeat_proto::v1;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_sandbox::seed::Seeded;
use shopbeat_sandbox::shopify::DeliveryOptions;
use shopbeat_tests::{LONG, Plan, SHORT, StateAt, Webhook, World, seed, until};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::mix::plain;

/// Webhooks come twice, late and not at all.
fn bad_post(world: &World) {
    world.shopify().set_delivery(DeliveryOptions {
        duplicate_ppm: 100_000,
        reorder_ppm: 50_000,
        drop_ppm: 30_000,
        remove_failing: false,
        ..DeliveryOptions::default()
    });
}

/// Replies are lost after the commit, calls before it; answers are cut or come from a proxy.
fn bad_line(world: &World) {
    let rule = |remote, route: &str, ppm, what| Rule::new(remote, route, When::Probability(ppm), what);
    for rule in [
        rule(Remote::Rackbeat, "POST /orders", 15_000, Fault::CloseAfter),
        rule(Remote::Rackbeat, "POST /customers", 30_000, Fault::CloseAfter),
        rule(Remote::Rackbeat, "*", 4_000, Fault::CloseBefore),
        rule(Remote::Rackbeat, "*", 2_000, Fault::Status(503, None)),
        rule(Remote::Rackbeat, "*", 2_000, Fault::Truncated),
        rule(Remote::Rackbeat, "*", 1_000, Fault::Html(502)),
        rule(Remote::Shopify, "*", 3_000, Fault::CloseAfter),
    ] {
        world.sandbox.core().faults.add(rule);
    }
}

/// Waits until Rackbeat was called so many times more, or nothing is left to do.
async fn more_calls(world: &mut World, count: u64) {
    world.rackbeat().clear_calls();
    let wanted = usize::try_from(count).unwrap();
    until("Rackbeat is called", LONG, async || {
        let seen = world.rackbeat().calls().len();
        if seen >= wanted { Ok(()) } else { Err(format!("{seen} of {wanted} calls")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_at_random_points_leaves_no_order_out_and_doubles_none() {
    let seed = seed(101);
    let mut draw = Seeded::labelled(seed, "kills");
    let mut world = World::start(Plan::new(seed).on_redis()).await;
    world.connect("fjeld").await;
    bad_post(&world);
    bad_line(&world);
    world.start_worker("fjeld");
    for _ in 0..10 {
        world.buy_many("fjeld", 50);
        more_calls(&mut world, 5 + draw.below(120)).await;
        world.workers.get_mut("fjeld").unwrap().kill();
        world.start_worker("fjeld");
    }
    // Its sweep finds what was bought after the last kill and whose webhooks were dropped.
    world.shopify().settled().await;
    world.workers.get_mut("fjeld").unwrap().kill();
    world.start_worker("fjeld");
    let deliveries = world.shopify().deliveries();
    assert!(deliveries.duplicates > 50 && deliveries.dropped > 10, "{deliveries:?}");
    world.settled("fjeld", LONG).await;
    let struck = world.sandbox.core().faults.struck();
    assert!(struck > 20, "{struck} faults");
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_on_its_state_file_leaves_no_order_out_and_doubles_none() {
    let seed = seed(105);
    let mut draw = Seeded::labelled(seed, "kills");
    let mut world = World::start(Plan { state: StateAt::File, ..Plan::new(seed) }).await;
    world.connect("fjeld").await;
    bad_post(&world);
    bad_line(&world);
    for _ in 0..6 {
        world.buy_many("fjeld", 20);
        more_calls(&mut world, 5 + draw.below(60)).await;
        world.restart().await;
    }
    world.shopify().settled().await;
    world.restart().await;
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_killed_and_restarted_costs_work_but_no_order() {
    let seed = seed(102);
    let mut draw = Seeded::labelled(seed, "kills");
    let mut world = World::start(Plan::new(seed).on_redis()).await;
    world.connect("fjeld").await;
    bad_post(&world);
    world.start_worker("fjeld");
    for _ in 0..3 {
        world.buy_many("fjeld", 50);
        more_calls(&mut world, 20 + draw.below(100)).await;
        let redis = world.redis.as_mut().unwrap();
        redis.kill();
        redis.restart().await;
    }
    world.shopify().settled().await;
    // What was taken in during a lost second is found by the sweep, which runs every few minutes and at the start.
    world.workers.get_mut("fjeld").unwrap().terminate().await;
    world.start_worker("fjeld");
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_total_loss_connecting_again_finds_everything_and_doubles_nothing() {
    let mut world = World::start(Plan::new(103).on_redis()).await;
    world.connect("fjeld").await;
    world.start_worker("fjeld");
    world.buy_many("fjeld", 40);
    world.settled("fjeld", LONG).await;
    let before = world.rackbeat().orders(world.account());
    // Some are under way when all is lost.
    world.buy_many("fjeld", 20);
    more_calls(&mut world, 30).await;
    assert_eq!(world.redis.as_ref().unwrap().run(&["FLUSHALL"]), "+OK");
    world.buy_many("fjeld", 5);
    world.shopify().settled().await;
    world.connect("fjeld").await;
    world.workers.get_mut("fjeld").unwrap().kill();
    world.start_worker("fjeld");
    world.settled("fjeld", LONG).await;
    let after = world.rackbeat().orders(world.account());
    assert_eq!(after.len(), 65);
    for row in before {
        assert!(after.contains(&row), "order {} was touched", row.number);
    }
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_to_redis_is_told_and_all_goes_on_when_it_is_back() {
    let mut world = World::start(Plan { proxied: true, ..Plan::new(104).on_redis() }).await;
    world.connect("fjeld").await;
    world.shopify().set_delivery(DeliveryOptions { remove_failing: false, ..DeliveryOptions::default() });
    world.start_worker("fjeld");
    world.buy_many("fjeld", 10);
    world.settled("fjeld", LONG).await;

    world.proxy.as_ref().unwrap().cut();
    let mut web = world.service.web();
    let body = br#"{"id":1,"updated_at":"2026-01-01T00:00:00Z"}"#;
    let hook = Webhook::signed("fjeld", "shpss_fjeld", "orders/create", "cut-1", body);
    assert_eq!(web.post(&hook).await.unwrap().status, 503);
    assert!(world.meter(r#"shopbeat_webhooks_total{remote="shopify",outcome="state_away"}"#).await > 0);
    let ready = web.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("state"), "{}", ready.text);
    assert_eq!(web.get("/livez").await.unwrap().status, 200);
    let mut request = tonic::Request::new(v1::ListStoresRequest::default());
    request.set_timeout(Duration::from_secs(20));
    let away = world.api.list_stores(request).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable, "{away:?}");
    assert!(away.get_error_details().retry_info().is_some());
    let bought = world.buy("fjeld", &plain(&world, "fjeld"));
    until("its webhook was refused", SHORT, async || {
        let failed = world.shopify().deliveries().failed;
        if failed > 0 { Ok(()) } else { Err("nothing failed".to_owned()) }
    })
    .await;

    world.proxy.as_ref().unwrap().mend();
    until("the order comes again", LONG, async || {
        let order = world.transfer("fjeld", bought).await.map_err(|status| status.to_string())?;
        if order.state() == v1::OrderState::Transferred { Ok(()) } else { Err(format!("{order:?}")) }
    })
    .await;
    assert_eq!(web.get("/readyz").await.unwrap().status, 200);
    world.finish(LONG).await;
}
