use std::time::Duration;

use shopbeat_domain::failure::{FailureKind, Remote};
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::ports::Family;
use shopbeat_domain::report::{LAST_ORDER, LastOrder, REPORT, WorkerReport};

use crate::status;
use crate::testing::{Trouble, World, WorldBuilder};

async fn report(world: &World) -> Option<WorkerReport> {
    let ports = crate::ports::Ports { state: world.raw.clone(), ..world.ports.clone() };
    status::report(&ports, &world.id).await.unwrap()
}

async fn until_told(world: &World, what: &str, holds: impl Fn(&WorkerReport) -> bool) -> WorkerReport {
    world.until(what, async || report(world).await.is_some_and(|report| holds(&report))).await;
    report(world).await.unwrap()
}

async fn last_order(world: &World) -> Option<LastOrder> {
    let family = Family::Status(world.id.clone());
    let stored = world.raw.records.get(&family, &[LAST_ORDER.to_owned()]).await.unwrap();
    stored.into_iter().flatten().next().map(|text| LastOrder::read(&text).unwrap())
}

async fn written(world: &World) -> String {
    let family = Family::Status(world.id.clone());
    world.raw.records.get(&family, &[REPORT.to_owned()]).await.unwrap().remove(0).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_worker_tells_who_it_is_and_writes_no_more_while_nothing_changes() {
    let world = WorldBuilder::default().build().await;
    assert_eq!(report(&world).await, None);
    let working = world.work();
    let told = until_told(&world, "the first report", |_| true).await;
    assert_eq!((told.worker.as_str(), told.build.as_str()), ("worker-0", "test"));
    assert_eq!((told.shopify_api.as_str(), told.webhooks_missing.len()), ("2026-10", 0));
    assert!(told.shopify.reachable && told.rackbeat.reachable);
    let (text, puts) = (written(&world).await, world.hooks.count("state.put_status"));
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!(written(&world).await, text);
    let later = world.hooks.calls().split_off(0).iter().filter(|call| *call == "state.put_status").count();
    assert!(later - puts <= 1, "hours without change write no report: {puts} then {later}");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_is_away_is_told_once_the_probe_failed_too_and_again_when_it_is_back() {
    let world = WorldBuilder::default().build().await;
    let working = world.work();
    let before = until_told(&world, "the first report", |_| true).await;
    let away = FailureKind::Unreachable;
    world.hooks.trouble("erp.customers", 0, 1, Trouble::Fails(away.clone()));
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    world.until("it goes over all the same", async || last_order(&world).await.is_some()).await;
    assert_eq!(report(&world).await.unwrap().rackbeat, before.rackbeat, "one failure is no trouble yet");
    world.hooks.down(Some(Remote::Rackbeat));
    world.shop.put(samples::numbered(2));
    world.offer(OrderId(2)).await;
    let told = until_told(&world, "Rackbeat is away", |report| !report.rackbeat.reachable).await;
    assert!(told.shopify.reachable && told.rackbeat.since > before.rackbeat.since);
    assert!(told.rackbeat.trouble.contains("planned"), "{}", told.rackbeat.trouble);
    world.hooks.down(None);
    let back = until_told(&world, "Rackbeat is back", |report| report.rackbeat.reachable).await;
    assert!(back.rackbeat.since > told.rackbeat.since && back.rackbeat.trouble.is_empty());
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_found_away_the_next_one_takes_to_be_away_until_it_answers() {
    let world = WorldBuilder::default().build().await;
    let working = world.work();
    world.hooks.down(Some(Remote::Rackbeat));
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    let told = until_told(&world, "Rackbeat is away", |report| !report.rackbeat.reachable).await;
    // A paused store has no job that would notice.
    world.connector.pause(&world.id).await.unwrap();
    working.kill().await;
    let working = world.work();
    let next = until_told(&world, "the next worker", |report| report.worker == "worker-1").await;
    assert_eq!((next.rackbeat.reachable, next.rackbeat.since), (false, told.rackbeat.since));
    world.hooks.down(None);
    until_told(&world, "it was asked", |report| report.rackbeat.reachable).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn topics_that_the_shop_refuses_are_told_until_it_takes_them() {
    let world = WorldBuilder::default().build().await;
    let refused = ("orders/paid".to_owned(), "no access".to_owned());
    world.shop.refused_topics.lock().unwrap().push(refused);
    let working = world.work();
    let told = until_told(&world, "the check", |report| !report.webhooks_missing.is_empty()).await;
    assert_eq!(told.webhooks_missing, ["orders/paid"]);
    world.shop.refused_topics.lock().unwrap().clear();
    until_told(&world, "the next check", |report| report.webhooks_missing.is_empty()).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_order_is_the_one_that_went_over_last_and_an_older_one_looked_at_again_is_no_news() {
    let world = WorldBuilder::default().build().await;
    for id in [7, 3] {
        world.shop.put(samples::numbered(id));
        world.offer(OrderId(id)).await;
        world.settle(OrderId(id)).await;
        world
            .until("it is told", async || last_order(&world).await.is_some_and(|last| last.order.0 == id))
            .await;
    }
    let told = last_order(&world).await.unwrap();
    world.offer(OrderId(7)).await;
    world.settle_again(OrderId(7)).await;
    assert_eq!(last_order(&world).await.unwrap(), told);
    assert_eq!(
        told.name,
        world.raw.journal.transfer(&world.id, OrderId(3)).await.unwrap().unwrap().order_name
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_written_is_written_later_and_holds_up_nothing() {
    let world = WorldBuilder::default().build().await;
    world.hooks.trouble("state.put_status", 0, 5, Trouble::Fails(FailureKind::Unreachable));
    let working = world.work();
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    until_told(&world, "the report", |_| true).await;
    world.until("the order", async || last_order(&world).await.is_some()).await;
    working.stop().await;
    world.connector.disconnect(&world.id).await.unwrap();
    assert_eq!((report(&world).await, last_order(&world).await), (None, None), "gone with the store");
}
