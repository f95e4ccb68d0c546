//! Whatever nobody could verify about the remotes: the orders come over all the same.

use shopbeat_proto::v1;
use shopbeat_proto::v1::Target;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::facts::Facts;
use shopbeat_tests::{Expect, LONG, Plan, World, seed, settings};

use crate::mix::buy_mix;

async fn import(world: &mut World) {
    let request = v1::RunInitialSyncRequest {
        store_id: "fjeld".to_owned(),
        products: true,
        stock: true,
        ..v1::RunInitialSyncRequest::default()
    };
    let run = world.api.run_initial_sync(request).await.unwrap().into_inner().run.unwrap();
    let watch = v1::WatchInitialSyncRequest { store_id: "fjeld".to_owned(), run_id: run.id };
    let mut stream = world.api.watch_initial_sync(watch).await.unwrap().into_inner();
    let mut last = None;
    while let Some(told) = stream.message().await.unwrap() {
        last = told.run;
    }
    let last = last.unwrap();
    assert_eq!(last.phase(), v1::RunPhase::Finished, "{last:?}");
    assert_eq!(last.counts.unwrap().products_created, 60);
}

/// A residue of several lines may pass the default tolerance under one rounding model or other; that is not what
/// this is about.
fn tolerant(target: Target) -> v1::Settings {
    let mut settings = settings();
    let orders = settings.orders.as_mut().unwrap();
    orders.rounding_tolerance = Some("0.20".to_owned());
    orders.target = target.into();
    settings
}

async fn orders_come_over(facts: Facts, seed: u64) {
    eprintln!("facts {}", facts.to_json());
    let sandbox = SandboxConfig { seed, facts, limits: false, ..SandboxConfig::default() };
    let mut world = World::start(Plan { sandbox, stocked: false, ..Plan::new(seed) }).await;
    world.connect_with("fjeld", tolerant(Target::Booked)).await;
    import(&mut world).await;
    buy_mix(&mut world, "fjeld", 30);
    world.settled("fjeld", LONG).await;
    for target in [
        Target::Draft,
        Target::ReadyToShip,
        Target::Packed,
        Target::Shipped,
        Target::Invoiced,
        Target::ShippedAndInvoiced,
    ] {
        world.connect_with("fjeld", tolerant(target)).await;
        world.buy_many("fjeld", 5);
        world.settled("fjeld", LONG).await;
    }
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_over_with_all_facts_at_their_defaults() {
    orders_come_over(Facts::defaults(), 141).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_over_with_all_facts_flipped() {
    orders_come_over(Facts::flipped(), 142).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_over_with_a_mix_of_facts() {
    orders_come_over(Facts::seeded(seed(1)), 143).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_come_over_with_another_mix_of_facts() {
    orders_come_over(Facts::seeded(seed(2)), 144).await;
}

async fn rounding_is_held(model: &str, seed: u64) {
    let facts = Facts::defaults();
    facts.set("rackbeat.rounding", model).unwrap();
    let sandbox = SandboxConfig { seed, facts, limits: false, ..SandboxConfig::default() };
    let mut world = World::start(Plan { sandbox, ..Plan::new(seed) }).await;
    // Without an item for it a residue is parked, never let through.
    let mut without = settings();
    without.orders.as_mut().unwrap().rounding_product = None;
    world.connect_with("fjeld", without).await;
    let orders = world.buy_many("fjeld", 60);
    world.expect_all("fjeld", &orders, &Expect::TransferredOrParked("rounding_product_missing"));
    let ledger = world.settled("fjeld", LONG).await;
    world.check("fjeld").await;
    assert!(ledger.transferred > 20, "{ledger:?}");
    // With one they all go over.
    world.connect_with("fjeld", tolerant(Target::Booked)).await;
    let retry = v1::RetryParkedRequest {
        store_id: "fjeld".to_owned(),
        all: true,
        ..v1::RetryParkedRequest::default()
    };
    let retried = world.api.retry_parked(retry).await.unwrap().into_inner().order_ids;
    assert_eq!(u64::try_from(retried.len()).unwrap(), ledger.parked);
    world.expect_all("fjeld", &orders, &Expect::Transferred);
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_equal_where_rackbeat_rounds_the_sum() {
    rounding_is_held("sum-then-once", 145).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_equal_where_rackbeat_rounds_each_line() {
    rounding_is_held("per-line", 146).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_equal_where_rackbeat_rounds_vat_by_rate() {
    rounding_is_held("net-per-line-and-vat-per-rate", 147).await;
}
