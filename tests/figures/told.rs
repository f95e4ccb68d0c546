//! The figures, as a table for people and as one line of JSON.

use serde_json::json;

use crate::intake::{Intake, Plan, Round, middle};
use crate::load::CONNECTIONS;
use crate::worker::Idle;

/// What makes them.
const MADE_BY: &str = "tests/run figures";

pub(crate) fn tell(plan: &Plan, idle: &Idle, intake: &Intake) {
    let ratios = intake.ratios();
    let (least, most) = (ratios.iter().min().copied(), ratios.iter().max().copied());
    let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
    println!("made by `{MADE_BY} -- --requests {} --pairs {}`, profile dist", plan.requests, plan.pairs);
    println!(
        "webhook intake: bodies of {} bytes, {CONNECTIONS} connections, Redis with an append-only file \
         (everysec), {} rounds of {} each in turns; medians",
        intake.body, plan.pairs, plan.requests
    );
    println!("{:<34} {:>10} {:>10}", "", "service", "yardstick");
    both("webhooks in a second", intake, |round| round.run.per_second);
    both("p50, µs", intake, |round| round.run.p50);
    both("p99, µs", intake, |round| round.run.p99);
    both("CPU of the server, µs a webhook", intake, |round| round.server);
    both("CPU of Redis, µs a webhook", intake, |round| round.redis);
    both("CPU of the load, µs a webhook", intake, |round| round.load);
    println!(
        "{:<34} {:>10}  (pairs: {} to {}; aim 0.800)",
        "ratio of the rates",
        thousandths(intake.ratio()),
        thousandths(least),
        thousandths(most)
    );
    println!("idle worker: medians of {} starts", idle.ready.len());
    println!("{:<34} {:>10}  (aim 8192)", "resident, KiB", idle.resident());
    println!("{:<34} {:>10}  (aim 1536)", "private, KiB", idle.private());
    println!("{:<34} {:>10}", "from exec to its lease, µs", idle.ready_micros());
    let side = |rounds: &[Round]| {
        json!({
            "per_second": middle(rounds, |round| round.run.per_second),
            "p50_us": middle(rounds, |round| round.run.p50),
            "p99_us": middle(rounds, |round| round.run.p99),
            "server_cpu_us": middle(rounds, |round| round.server),
            "redis_cpu_us": middle(rounds, |round| round.redis),
            "load_cpu_us": middle(rounds, |round| round.load),
        })
    };
    let all = json!({
        "intake": {
            "body_bytes": intake.body, "connections": CONNECTIONS, "requests": plan.requests, "pairs": plan.pairs,
            "service": side(&intake.service), "yardstick": side(&intake.yardstick),
            "ratio": thousandths(intake.ratio()),
            "ratios": ratios.iter().map(|ratio| thousandths(*ratio)).collect::<Vec<_>>(),
        },
        "idle_worker": {
            "resident_kib": idle.resident(), "private_kib": idle.private(), "ready_us": idle.ready_micros(),
        },
    });
    println!("{all}");
}

fn both(name: &str, intake: &Intake, of: impl Fn(&Round) -> u64) {
    println!("{name:<34} {:>10} {:>10}", middle(&intake.service, &of), middle(&intake.yardstick, &of));
}

fn thousandths(ratio: u64) -> String {
    format!("{}.{:03}", ratio / 1000, ratio % 1000)
}
