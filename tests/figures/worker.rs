//! An idle worker: its memory, and the time from its start until it holds its store.

use std::time::{Duration, Instant};

use shopbeat_tests::{Process, SHORT, until};

use crate::cost::{Memory, median, memory};
use crate::place::{Place, STORE, ends_with_us};

/// Starts of a worker; the middle one counts.
const STARTS: usize = 7;
/// A worker that takes no lease within this never will.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was measured.
pub(crate) struct Idle {
    /// From exec to the lease, each start, in microseconds.
    pub(crate) ready: Vec<u64>,
    pub(crate) memory: Vec<Memory>,
}

impl Idle {
    pub(crate) fn ready_micros(&self) -> u64 {
        median(&self.ready)
    }

    pub(crate) fn resident(&self) -> u64 {
        median(&self.memory.iter().map(|memory| memory.resident).collect::<Vec<_>>())
    }

    pub(crate) fn private(&self) -> u64 {
        median(&self.memory.iter().map(|memory| memory.private).collect::<Vec<_>>())
    }
}

pub(crate) async fn measure(place: &Place) -> Idle {
    let mut idle = Idle { ready: Vec::new(), memory: Vec::new() };
    for _ in 0..STARTS {
        let before = looks(place);
        let begun = Instant::now();
        let mut worker = place.service.worker(STORE);
        ends_with_us(worker.id());
        held(place, &mut worker, begun);
        idle.ready.push(u64::try_from(begun.elapsed().as_micros()).expect("a short time"));
        at_rest(place, &worker, &before).await;
        idle.memory.push(memory(worker.id()));
        // It gives the lease back, so that the next need not wait for it.
        assert!(worker.terminate().await.success(), "the worker drains: {}", worker.log());
    }
    idle
}

const LEASE: &str = "shopbeat:{worker/fjeld}:lease";

/// Looks without a pause: a look takes a tenth of a millisecond, and the time until the lease is taken is what is
/// measured.
fn held(place: &Place, worker: &mut Process, begun: Instant) {
    while place.redis.run(&["EXISTS", LEASE]) != ":1" {
        assert!(worker.ended().is_none(), "the worker ended: {}", worker.log());
        assert!(begun.elapsed() < PATIENCE, "the worker did not take its lease: {}", worker.log());
    }
}

/// Waits until the worker has looked at its subscriptions and for changed orders, which it does first, and waits for
/// an offer in a blocking read.
async fn at_rest(place: &Place, worker: &Process, before: &[u64]) {
    until("the worker is idle", SHORT, async || {
        let looked = looks(place).iter().zip(before).all(|(now, before)| now > before);
        let waits = place.redis_tells("clients", "blocked_clients") == 1;
        if looked && waits {
            Ok(())
        } else {
            Err(format!("looked: {looked}, waits: {waits}: {}", worker.log()))
        }
    })
    .await;
}

/// How often the shop was asked for what a worker asks first.
fn looks(place: &Place) -> Vec<u64> {
    let calls = place.sandbox.shopify().calls();
    let of = |wanted: &str| {
        calls.iter().filter(|((_, operation), _)| operation == wanted).map(|(_, count)| count).sum()
    };
    ["OrdersUpdated", "WebhookSubscriptions"].map(of).to_vec()
}
