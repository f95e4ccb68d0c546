//! A replay, asked for on the command line: what no webhook brought is found, and nothing is made twice.

use jiff::SignedDuration;
use serde_json::Value;
use shopbeat_proto::v1;
use shopbeat_sandbox::rackbeat::OrderRow;
use shopbeat_sandbox::shopify::DeliveryOptions;
use shopbeat_tests::{LONG, Plan, SHORT, World, until};
use tonic::Code;

use crate::settings::cli;

/// What stands in Rackbeat.
fn books(world: &World) -> Vec<OrderRow> {
    world.rackbeat().orders(world.account())
}

/// Waits until so many orders were seen, and all of them are in Rackbeat.
async fn transferred(world: &mut World, count: u64) {
    let mut api = world.api.clone();
    until("the orders that were told of are over", SHORT, async || {
        let request = v1::GetStoreRequest { store_id: "fjeld".to_owned(), ..Default::default() };
        let ledger = api.get_store(request).await.unwrap().into_inner().ledger.unwrap().total.unwrap();
        if (ledger.seen, ledger.transferred) == (count, count) { Ok(()) } else { Err(format!("{ledger:?}")) }
    })
    .await;
}

async fn latest(world: &World) -> v1::Replay {
    let request = v1::GetReplayRequest { store_id: "fjeld".to_owned() };
    world.api.clone().get_replay(request).await.unwrap().into_inner().replay.unwrap()
}

/// Four orders are over, six were told of by nobody, two more are over.
async fn six_missed(world: &mut World) -> Vec<u64> {
    world.buy_many("fjeld", 4);
    transferred(world, 4).await;
    // The next sweep is minutes away.
    let worker = &world.workers["fjeld"];
    until("the first sweep is over", SHORT, async || {
        if worker.log().contains("sweep: swept") { Ok(()) } else { Err(worker.log()) }
    })
    .await;
    world.shopify().set_delivery(DeliveryOptions { drop_ppm: 1_000_000, ..DeliveryOptions::default() });
    let missed = world.buy_many("fjeld", 6);
    world.shopify().set_delivery(DeliveryOptions::default());
    world.buy_many("fjeld", 2);
    transferred(world, 6).await;
    assert!(world.shopify().deliveries().dropped >= 6);
    for order in &missed {
        assert_eq!(world.transfer("fjeld", *order).await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(books(world).len(), 6);
    missed
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_no_webhook_brought_are_brought_by_a_replay_and_asked_again_nothing_more_happens() {
    let mut world = World::start(Plan::new(291).on_redis()).await;
    world.connect("fjeld").await;
    world.start_worker("fjeld");
    assert!(cli(&world, &["replay", "fjeld", "--latest"], Some(3)).await.contains("replay"));
    let missed = six_missed(&mut world).await;

    let from = world.sandbox.core().clock.now() - SignedDuration::from_hours(1);
    let from = from.to_string();
    let ask = |id| ["replay", "fjeld", "--from", &from, "--id", id, "--wait"].map(str::to_owned);
    let outage = ask("the outage");
    let outage: Vec<&str> = outage.iter().map(String::as_str).collect();
    let told = cli(&world, &outage, Some(0)).await;
    assert!(told.contains("replay the outage of fjeld") && told.contains(": finished"), "{told}");
    let counts = "12 of 12 orders through: 6 never seen before, 6 stand otherwise than before";
    assert!(told.contains(counts), "{told}");
    for order in &missed {
        let row = told.lines().find(|line| line.starts_with(&order.to_string()));
        let row = row.unwrap_or_else(|| panic!("{order} is not in {told}"));
        assert!(row.contains("unknown") && row.contains("transferred: "), "{row}");
    }
    world.settled("fjeld", LONG).await;
    world.check("fjeld").await;

    let (before, rows) = (latest(&world).await, books(&world));
    assert_eq!((before.id.as_str(), before.phase()), ("the outage", v1::ReplayPhase::Finished));
    assert_eq!((before.orders, before.done, before.unknown, before.changed), (12, 12, 6, 6));
    world.rackbeat().clear_calls();
    let again = cli(&world, &outage, Some(0)).await;
    assert!(again.contains(counts), "{again}");
    assert_eq!(latest(&world).await, before, "the same text is the same replay");

    let line = ask("once more");
    let line: Vec<&str> = line.iter().map(String::as_str).chain(["--output", "json"]).collect();
    let told = cli(&world, &line, Some(0)).await;
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let number = |name: &str| last[name].as_u64();
    assert_eq!(
        (last["phase"].as_str(), number("orders"), number("done")),
        (Some("finished"), Some(12), Some(12))
    );
    assert_eq!((number("unknown"), number("changed")), (Some(0), Some(0)), "{last}");
    assert_eq!(books(&world), rows, "nothing is another in Rackbeat");
    let writes: Vec<_> = world.rackbeat().calls().into_iter().filter(|call| call.method != "GET").collect();
    assert!(writes.is_empty(), "{writes:?}");

    let watched = cli(&world, &["store", "watch", "--once", "--output", "json"], Some(0)).await;
    let status: Value = serde_json::from_str(watched.trim()).unwrap();
    assert_eq!(status["latest_replay"]["id"], "once more");
    assert_eq!(status["report"]["worker"], status["worker"]);
    world.finish(LONG).await;
}
