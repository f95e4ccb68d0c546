//! The initial sync. Under the remotes' real limits: how much longer it takes than Rackbeat's limit asks for with the
//! calls that it makes, and how many these are; without limits and with a simulated round trip a call: how fast the
//! read side alone is, by a dry run. Both with the memory that the process held at most.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shopbeat_proto::v1;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::generated;
use shopbeat_tests::{LONG, Plan, World, until};

use crate::cost::peak;
use crate::numbers;
use crate::place::ends_with_us;

/// The argument by which this part is asked for.
pub(crate) const VERB: &str = "initial";

const SHOP: &str = "fjeld";
const SEED: u64 = 13;
/// A call to either remote takes so long at least, where there are no limits.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// Rackbeat's limit.
const PER_MINUTE: u64 = 480;
/// A run that is not over after this never will be: three hours, as twenty thousand variants take more than two.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);

pub(crate) async fn measure(arguments: impl Iterator<Item = String>) {
    let [variants, dry] = numbers::read(arguments, [("--variants", 500), ("--dry", 20_000)]);
    let mut all = Vec::new();
    if variants > 0 {
        all.push(limited(variants).await);
    }
    if dry > 0 {
        all.push(read_side(dry).await);
    }
    println!("{}", json!({ "initial_sync": all }));
}

async fn place(variants: usize, limits: bool, latency: Duration) -> World {
    let sandbox = SandboxConfig { seed: SEED, limits, latency, ..SandboxConfig::default() };
    let plan = Plan {
        sandbox,
        catalog: generated(variants, SEED),
        stocked: false,
        args: vec!["--workers", "in-process"],
        env: numbers::as_shipped(),
        ..Plan::new(SEED).on_redis()
    };
    let mut world = World::start(plan).await;
    ends_with_us(world.process.id());
    let mut settings = world.stocked(SHOP);
    // The simulated shop's products are all as new as the connection; following them all would be measured as well.
    settings.stock.get_or_insert_default().enabled = Some(false);
    world.connect_with(SHOP, settings).await;
    // What a worker reads when it begins is none of this.
    world.settled(SHOP, LONG).await;
    world.rackbeat().clear_calls();
    world
}

/// Runs one to its end: how long that took, and what became of it.
async fn run(world: &mut World, dry_run: bool) -> (Duration, v1::RunCounts) {
    let begun = Instant::now();
    let request = v1::RunInitialSyncRequest {
        store_id: SHOP.to_owned(),
        products: true,
        stock: true,
        dry_run,
        ..v1::RunInitialSyncRequest::default()
    };
    world.api.run_initial_sync(request).await.expect("it begins");
    let counts = until("the run is over", PATIENCE, async || {
        let run = world.store(SHOP).await.latest_run.ok_or("there is no run")?;
        assert!(run.failure.is_empty(), "the run failed: {}", run.failure);
        if run.phase() != v1::RunPhase::Finished {
            return Err(format!("{:?}", run.counts));
        }
        Ok(run.counts.expect("counts are told"))
    })
    .await;
    (begun.elapsed(), counts)
}

async fn limited(variants: usize) -> Value {
    let mut world = place(variants, true, Duration::ZERO).await;
    let (took, counts) = run(&mut world, false).await;
    let traffic = world.rackbeat().traffic(world.account());
    let peak = peak(world.process.id());
    let calls = u64::try_from(traffic.total).expect("a count");
    let products = counts.products_created;
    let took = numbers::millis(took);
    let least = calls * 60_000 / PER_MINUTE;
    println!("initial sync of {variants} variants under the remotes' limits");
    println!("{:<34} {:>10}", "took, ms", took);
    println!("{:<34} {least:>10}", "its calls at 480 a minute, ms");
    println!("{:<34} {:>10}  (aim 1.050)", "ratio", numbers::ratio(took, least));
    println!("{:<34} {calls:>10}  (throttled {})", "calls to Rackbeat", traffic.throttled);
    println!("{:<34} {:>10}", "calls a product", numbers::ratio(calls, products));
    println!("{:<34} {peak:>10}", "memory at most, KiB");
    let told = json!({
        "variants": variants, "limits": true, "took_ms": took, "least_ms": least, "ratio": numbers::ratio(took, least),
        "calls": calls, "calls_by_endpoint": traffic.by_endpoint, "throttled": traffic.throttled,
        "products": products, "stock_written": counts.stock_written, "peak_kib": peak,
    });
    world.finish(LONG).await;
    told
}

async fn read_side(variants: usize) -> Value {
    let mut world = place(variants, false, ROUND_TRIP).await;
    let (took, counts) = run(&mut world, true).await;
    let traffic = world.rackbeat().traffic(world.account());
    let peak = peak(world.process.id());
    let took = numbers::millis(took);
    let rows = counts.done * 1000 / took.max(1);
    println!("dry run of {variants} variants, no limits, {} ms a call", ROUND_TRIP.as_millis());
    println!("{:<34} {took:>10}", "took, ms");
    println!("{:<34} {rows:>10}", "rows in a second");
    println!("{:<34} {:>10}", "calls to Rackbeat", traffic.total);
    println!("{:<34} {peak:>10}", "memory at most, KiB");
    let told = json!({
        "variants": variants, "limits": false, "dry_run": true, "took_ms": took, "rows_per_second": rows,
        "calls": traffic.total, "peak_kib": peak,
    });
    world.finish(LONG).await;
    told
}
