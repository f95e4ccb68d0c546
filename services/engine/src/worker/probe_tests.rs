//! A lane in trouble: whatever probes it, and whatever never gets through, the others have their turn.

use std::time::Duration;

use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{Offer, Outcome};
use shopbeat_domain::mapping::samples;
use shopbeat_domain::run::RunPlan;

use crate::testing::{Trouble, WorldBuilder};

#[tokio::test(start_paused = true)]
async fn orders_do_not_wait_for_a_run_that_probes_a_lane_in_trouble() {
    let world = WorldBuilder::default().build().await;
    let before = world.hooks.count("erp.product_groups");
    let away = FailureKind::Busy { retry_after: None };
    world.hooks.trouble("erp.product_groups", 0, 1, Trouble::Fails(away));
    world.hooks.trouble("erp.product_groups", 0, 1, Trouble::Slow(Duration::from_secs(3 * 3600)));
    let plan = RunPlan { products: true, dry_run: true, ..RunPlan::default() };
    world.desk().begin_run(&world.id, plan).await.unwrap();
    let working = world.work();
    world.until("the run probes", async || world.hooks.count("erp.product_groups") == before + 2).await;
    let offered = world.ports.now();
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    let over = async || world.job(OrderId(1)).await.outcome == Outcome::Transferred;
    world.until("the order is over", over).await;
    let took = world.ports.now().duration_since(offered).unsigned_abs();
    assert!(took < Duration::from_secs(60), "{took:?}");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_ahead_that_never_gets_through_does_not_keep_the_others_back() {
    let world = WorldBuilder::default().build().await;
    let mut bad = samples::numbered(1);
    bad.lines[0].sku = Some("BAD".to_owned());
    world.shop.put(bad);
    // Rackbeat falls over whenever it hears of this one item.
    let before = world.hooks.count("erp.item");
    world.hooks.trouble("erp.item", 0, usize::MAX, Trouble::Fails(FailureKind::Busy { retry_after: None }));
    let known = shopbeat_domain::ports::IdMap::KnownItem(
        shopbeat_domain::ids::AgreementId::parse("nordlys").unwrap(),
    );
    let skus = ["TENT-2P", "PEG-10"].map(|sku| (sku.to_owned(), "1".to_owned()));
    world.raw.ids.put(&known, &skus).await.unwrap();
    let offers = [Offer { ahead: true, ..Offer::order(OrderId(1)) }];
    world.ports.state.jobs.offer(&world.id, &offers, None, world.ports.now()).await.unwrap();
    let working = world.work();
    world.until("it probes again and again", async || world.hooks.count("erp.item") > before + 3).await;
    let offered = world.ports.now();
    for id in 2..=10 {
        world.shop.put(samples::numbered(id));
        world.offer(OrderId(id)).await;
    }
    for id in 2..=10 {
        let over = async || world.job(OrderId(id)).await.outcome == Outcome::Transferred;
        world.until("the others are over", over).await;
    }
    let took = world.ports.now().duration_since(offered).unsigned_abs();
    assert!(took < Duration::from_secs(300), "{took:?}");
    working.stop().await;
}
