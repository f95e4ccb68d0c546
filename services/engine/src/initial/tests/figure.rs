//! How long a run takes at Rackbeat's rate: virtual time over the embedded budget, so that it is the same everywhere.

use std::time::Duration;

use shopbeat_domain::limits;

use super::*;

/// A run through Rackbeat's budget at 50 ms a round trip: how long it took, and its calls.
async fn timed(world: &World) -> (Run, Duration, u64) {
    *world.erp.page_size.lock().unwrap() = 1000;
    let latency = Duration::from_millis(50);
    world.hooks.metered(world.raw.pace.clone(), world.ports.clock.clone(), latency);
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let (started, taken) = (world.ports.now(), world.hooks.taken());
    let working = world.work();
    let run = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let run = saved(world, &begun).await;
        if run.is_over() {
            break run;
        }
    };
    let took = world.ports.now().duration_since(started).unsigned_abs();
    let calls = world.hooks.taken() - taken;
    working.kill().await;
    (run, took, calls)
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_variants_take_no_longer_than_the_rate_wants() {
    let variants: Vec<Variant> = (1..=20_000).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let (run, took, calls) = timed(&world).await;
    assert_eq!(
        (run.phase, run.counts.products_created, run.counts.stock_written),
        (RunPhase::Finished, 20_000, 20_000)
    );
    // Milliseconds that the calls take at 480 a minute.
    let least = u128::from(calls) * 60_000 / u128::from(limits::RACKBEAT_PER_MINUTE);
    let permille = took.as_millis() * 1000 / least;
    println!(
        "20,000 variants: {calls} calls ({}.{:02} a variant) in {} s of virtual time, the rate's minimum is {} s: \
         ratio {}.{:03}",
        calls / 20_000,
        calls % 20_000 / 200,
        took.as_secs(),
        least / 1000,
        permille / 1000,
        permille % 1000
    );
    assert!(permille <= 1050, "{permille}");
    assert!(calls <= 3 * 20_000 + 120, "{calls}");
    assert_eq!(run.estimate.unwrap().calls, 3 * 20_000);
    let swept = world.hooks.count("erp.stock_list");
    let (again, took, calls) = timed(&world).await;
    // Only the agreement's reader asks for the stock list, in its sweeps beside the run.
    let swept = u64::try_from(world.hooks.count("erp.stock_list") - swept).unwrap();
    let calls = calls - swept;
    assert_eq!((again.phase, again.counts.products_present), (RunPhase::Finished, 20_000));
    println!("again, with nothing to do: {calls} calls in {} s", took.as_secs());
    assert!(calls <= 50, "what needs no call gets none: {calls}");
}

#[tokio::test(start_paused = true)]
async fn one_slow_answer_holds_up_nothing_but_itself() {
    let variants: Vec<Variant> = (1..=400).map(|id| variant(id, &format!("ITEM-{id}"), 0)).collect();
    let world = world_with(variants).await;
    world.hooks.trouble("erp.create_product", 20, 1, Trouble::Slow(Duration::from_secs(12)));
    let (run, took, _) = timed(&world).await;
    assert_eq!((run.phase, run.counts.products_created), (RunPhase::Finished, 400));
    assert!(took < Duration::from_secs(58), "{took:?}");
}
