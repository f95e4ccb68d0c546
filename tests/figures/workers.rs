//! Idle workers as pods have them: the time from the start of one until `/readyz` says so, and what many at once cost
//! on one machine: memory, CPU, and commands of Redis.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;
use shopbeat_sandbox::catalog::generated;
use shopbeat_sandbox::shopify::ShopSpec;
use shopbeat_tests::{HttpClient, LONG, Process, until};
use tokio::time::{Instant as Moment, interval_at};

use crate::cost::{Memory, memory, on_cpu_micros};
use crate::numbers;
use crate::place::{Place, STORE, ends_with_us};

/// The argument by which this part is asked for.
pub(crate) const VERB: &str = "worker";

/// A worker that is not ready within this never will be.
const PATIENCE: Duration = Duration::from_secs(10);
/// All of them at once take longer, on two cores.
const PATIENCE_WITH_MANY: Duration = Duration::from_secs(120);

pub(crate) async fn measure(arguments: impl Iterator<Item = String>) {
    let [starts, many, seconds] =
        numbers::read(arguments, [("--starts", 20), ("--workers", 200), ("--seconds", 10)]);
    let place = Place::start().await;
    let alone = alone(&place, starts).await;
    let crowd = crowd(&place, many, Duration::from_secs(u64::try_from(seconds).expect("seconds"))).await;
    tell(&alone, &crowd, seconds);
}

/// A worker by itself.
struct Alone {
    /// From exec until it listens, and until it is ready, each start, in microseconds.
    listens: Vec<u64>,
    ready: Vec<u64>,
    memory: Vec<Memory>,
}

async fn alone(place: &Place, starts: usize) -> Alone {
    let mut alone = Alone { listens: Vec::new(), ready: Vec::new(), memory: Vec::new() };
    for _ in 0..starts {
        let address = addresses(1)[0];
        let begun = Instant::now();
        let mut worker = start(place, STORE, address);
        let mut client = HttpClient::new(address);
        let mut listens = None;
        loop {
            let answer = client.get("/readyz").await;
            if answer.is_ok() {
                listens.get_or_insert_with(|| micros(begun));
            }
            if answer.is_ok_and(|answer| answer.status == 200) {
                break;
            }
            assert!(worker.ended().is_none() && begun.elapsed() < PATIENCE, "not ready: {}", worker.log());
        }
        alone.ready.push(micros(begun));
        alone.listens.extend(listens);
        waits(place, 1).await;
        alone.memory.push(memory(worker.id()));
        // It gives the lease back, so that the next need not wait for it.
        assert!(worker.terminate().await.success(), "the worker drains: {}", worker.log());
    }
    alone
}

/// Many at once, each with a store of its own, all of one agreement.
struct Crowd {
    /// From the first exec until the last is ready, in microseconds.
    all_ready: u64,
    memory: Vec<Memory>,
    /// CPU of all workers within the window, of Redis, and of the service, which has no workers.
    cpu: u64,
    redis_cpu: u64,
    service_cpu: u64,
    /// Commands that Redis ran in the window, those within scripts included; and in one before any worker ran.
    commands: u32,
    commands_before: u32,
    redis_kib: u64,
}

async fn crowd(place: &Place, many: usize, window: Duration) -> Crowd {
    let stores: Vec<String> = (0..many).map(|nth| format!("idle-{nth:03}")).collect();
    for store in &stores {
        place.sandbox.shopify().add_shop(ShopSpec::new(store, generated(5, 1)));
        place.connect(store).await;
    }
    let commands_before = within(window, || commands(place)).await;
    let begun = Instant::now();
    let crew: Vec<(Process, SocketAddr)> = stores
        .iter()
        .zip(addresses(many))
        .map(|(store, address)| (start(place, store, address), address))
        .collect();
    for (worker, address) in &crew {
        let mut client = HttpClient::new(*address);
        until("the worker is ready", PATIENCE_WITH_MANY, async || match client.get("/readyz").await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.text, worker.log())),
            Err(error) => Err(error),
        })
        .await;
    }
    let all_ready = micros(begun);
    looked(place, many).await;
    waits(place, many).await;
    let (service, redis) = (place.process.id(), place.redis_process());
    let spent = || crew.iter().map(|(worker, _)| on_cpu_micros(worker.id())).sum::<u64>();
    let (cpu, redis_cpu, service_cpu) = (spent(), on_cpu_micros(redis), on_cpu_micros(service));
    let commands = within(window, || commands(place)).await;
    let crowd = Crowd {
        all_ready,
        cpu: spent() - cpu,
        redis_cpu: on_cpu_micros(redis) - redis_cpu,
        service_cpu: on_cpu_micros(service) - service_cpu,
        commands,
        commands_before,
        memory: crew.iter().map(|(worker, _)| memory(worker.id())).collect(),
        redis_kib: memory(redis).private,
    };
    for (worker, _) in &crew {
        worker.signal("TERM");
    }
    for (mut worker, _) in crew {
        assert!(worker.end(LONG).await.success(), "the worker drains: {}", worker.log());
    }
    crowd
}

/// How much a number grew in the window.
async fn within(window: Duration, look: impl Fn() -> u32) -> u32 {
    let mut ends = interval_at(Moment::now() + window, window);
    let before = look();
    ends.tick().await;
    look() - before
}

fn commands(place: &Place) -> u32 {
    place.redis_tells("stats", "total_commands_processed")
}

fn start(place: &Place, store: &str, address: SocketAddr) -> Process {
    let mut command = place.service.command("worker");
    command.args(["--store", store, "--http-listen", &address.to_string()]);
    let worker = Process::start("worker", command, &place.service.dir);
    ends_with_us(worker.id());
    worker
}

/// Addresses that were free a moment ago, each another.
fn addresses(count: usize) -> Vec<SocketAddr> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("it has an address")).collect()
}

/// Each has looked at its subscriptions and for changed orders, which it does first.
async fn looked(place: &Place, many: usize) {
    until("every worker has looked around", PATIENCE_WITH_MANY, async || {
        let calls = place.sandbox.shopify().calls();
        let of = |wanted: &str| {
            calls.keys().filter(|(shop, call)| shop.starts_with("idle-") && call == wanted).count()
        };
        let (orders, subscriptions) = (of("OrdersUpdated"), of("WebhookSubscriptions"));
        if orders.min(subscriptions) >= many { Ok(()) } else { Err(format!("{orders}, {subscriptions}")) }
    })
    .await;
}

/// They wait for an offer, in a blocking read each.
async fn waits(place: &Place, many: usize) {
    let many = u32::try_from(many).expect("a count");
    until("the workers are idle", PATIENCE_WITH_MANY, async || {
        let waiting = place.redis_tells("clients", "blocked_clients");
        // A blocking read ends now and then by itself, and one store's worker waits for the agreement as well.
        if waiting >= many - many / 50 { Ok(()) } else { Err(format!("{waiting} wait")) }
    })
    .await;
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).expect("a short time")
}

/// The value that so many in a hundred do not exceed.
fn percentile(values: &[u64], percent: usize) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn tell(alone: &Alone, crowd: &Crowd, seconds: usize) {
    let (starts, many) = (alone.ready.len(), crowd.memory.len());
    let of = |memory: &[Memory], what: fn(&Memory) -> u64| memory.iter().map(what).collect::<Vec<u64>>();
    let (resident, private) =
        (of(&alone.memory, |memory| memory.resident), of(&alone.memory, |memory| memory.private));
    let together = of(&crowd.memory, |memory| memory.private);
    let total: u64 = together.iter().sum();
    let per_second = |count: u64| numbers::ratio(count, u64::try_from(seconds).expect("seconds"));
    println!("made by `tests/run figures -- {VERB} --starts {starts} --workers {many} --seconds {seconds}`");
    println!("one idle worker, {starts} starts one after the other:");
    row("from exec until it listens, µs, p50 / p95", &alone.listens);
    row("from exec until /readyz is 200, µs, p50 / p95 (aim 50000)", &alone.ready);
    row("resident, KiB, p50 / p95", &resident);
    row("private, KiB, p50 / p95 (aim 10240)", &private);
    println!("{many} idle workers of {many} stores of one agreement at once:");
    println!("  from the first exec until all are ready: {} ms", crowd.all_ready / 1000);
    row("private, KiB, p50 / p95", &together);
    println!("  private of all: {} MiB", total / 1024);
    println!(
        "  CPU in {seconds} s: workers {} ms, Redis {} ms, service {} ms",
        crowd.cpu / 1000,
        crowd.redis_cpu / 1000,
        crowd.service_cpu / 1000
    );
    println!(
        "  commands of Redis in a second, those within scripts included: {} ({} before the workers ran)",
        per_second(crowd.commands.into()),
        per_second(crowd.commands_before.into())
    );
    println!("  private of Redis: {} KiB", crowd.redis_kib);
    let all = json!({
        "ready_us": { "p50": percentile(&alone.ready, 50), "p95": percentile(&alone.ready, 95) },
        "private_kib": percentile(&private, 50),
        "resident_kib": percentile(&resident, 50),
        "many": {
            "workers": many, "all_ready_ms": crowd.all_ready / 1000, "private_kib": total,
            "cpu_ms": crowd.cpu / 1000, "redis_cpu_ms": crowd.redis_cpu / 1000, "seconds": seconds,
            "commands": crowd.commands, "commands_before": crowd.commands_before,
        },
    });
    println!("{all}");
}

fn row(name: &str, values: &[u64]) {
    println!("  {name}: {} / {}", percentile(values, 50), percentile(values, 95));
}
