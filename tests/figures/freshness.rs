//! Freshness of stock: from a change in Rackbeat until every shop of the agreement shows it. The program that ships on
//! a real Redis, one process for all stores; each call to a remote takes a simulated round trip, and the remotes'
//! limits hold. A change is told by Rackbeat's webhook; one follows the other.

use std::time::{Duration, Instant};

use serde_json::json;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::generated;
use shopbeat_sandbox::seed::Seeded;
use shopbeat_tests::{LONG, Plan, World};
use tokio::time::interval;

use crate::numbers;
use crate::place::ends_with_us;

/// The argument by which this part is asked for.
pub(crate) const VERB: &str = "freshness";

const SHOPS: [&str; 10] =
    ["fjeld", "skov", "strand", "vidde", "elv", "holme", "klippe", "lyng", "mose", "tinde"];
const SEED: u64 = 12;
/// A call to either remote takes so long at least.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// A shop is looked at this often: so exact are the figures.
const LOOK: Duration = Duration::from_millis(1);
/// A change that is nowhere after this is lost.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(arguments: impl Iterator<Item = String>) {
    let [changes, items] = numbers::read(arguments, [("--changes", 120), ("--items", 200)]);
    let sandbox = SandboxConfig { seed: SEED, latency: ROUND_TRIP, ..SandboxConfig::default() };
    let plan = Plan {
        sandbox,
        shops: SHOPS.to_vec(),
        catalog: generated(items, SEED),
        args: vec!["--workers", "in-process"],
        env: numbers::as_shipped(),
        ..Plan::new(SEED).on_redis()
    };
    let mut world = World::start(plan).await;
    ends_with_us(world.process.id());
    let mut draw = Seeded::labelled(SEED, VERB);
    let skus: Vec<String> = world.shelf(SHOPS[0]).into_keys().collect();
    for sku in &skus {
        world.count(sku, 100);
    }
    for shop in SHOPS {
        let settings = world.stocked(shop);
        world.connect_stocked(shop, settings).await;
    }
    world.even(&SHOPS, LONG).await;
    world.rackbeat().clear_calls();
    let mut took = Vec::new();
    for nth in 0..changes {
        let sku = &skus[draw.index(skus.len())];
        took.push(change(&world, sku, 101 + i64::try_from(nth).expect("a count")).await);
    }
    tell(&world, took, changes);
    world.finish(LONG).await;
}

/// How long until all shops showed it.
async fn change(world: &World, sku: &str, quantity: i64) -> Duration {
    let places: Vec<(String, u64, u64)> = SHOPS
        .iter()
        .map(|shop| (format!("{shop}.myshopify.com"), world.on_shelf(shop, sku).item, world.location(shop)))
        .collect();
    let begun = Instant::now();
    world.count(sku, quantity);
    let mut looks = interval(LOOK);
    loop {
        looks.tick().await;
        let shows = |(domain, item, location): &(String, u64, u64)| {
            world.shopify().level(domain, *item, *location).is_ok_and(|level| level.available == quantity)
        };
        if places.iter().all(shows) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{sku} did not come to {quantity} in every shop");
    }
}

fn tell(world: &World, mut took: Vec<Duration>, changes: usize) {
    took.sort_unstable();
    let at = |hundredth: usize| numbers::millis(took[(took.len() * hundredth / 100).min(took.len() - 1)]);
    let traffic = world.rackbeat().traffic(world.account());
    let (p50, p95, most) = (at(50), at(95), at(100));
    println!(
        "freshness: {changes} changes in Rackbeat, {} stores, {} ms a call, limits on",
        SHOPS.len(),
        ROUND_TRIP.as_millis()
    );
    println!("{:<34} {p50:>10}", "p50 until all show it, ms");
    println!("{:<34} {p95:>10}  (aim 1000)", "p95 until all show it, ms");
    println!("{:<34} {most:>10}", "the slowest, ms");
    println!("{:<34} {:>10}  (throttled {})", "calls to Rackbeat", traffic.total, traffic.throttled);
    let all = json!({ "freshness": {
        "changes": changes, "stores": SHOPS.len(), "round_trip_ms": u64::try_from(ROUND_TRIP.as_millis()).ok(),
        "p50_ms": p50, "p95_ms": p95, "max_ms": most, "rackbeat_calls": traffic.total,
        "throttled": traffic.throttled,
    } });
    println!("{all}");
}
