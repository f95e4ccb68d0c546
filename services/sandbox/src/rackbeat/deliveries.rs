//! Sends webhooks: at least once, in no promised order, again after a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::RackbeatSim;
use super::account::Account;
use crate::facts::Facts;
use crate::seed::Seeded;

/// Documented: connect timeout 3 s, response timeout 15 s.
const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(15);

/// How webhooks of the simulated Rackbeat misbehave on their way.
#[derive(Debug, Clone, Copy)]
pub struct HookScript {
    /// Delivered twice, in millionths.
    pub duplicates_ppm: u32,
    /// Never delivered, in millionths.
    pub dropped_ppm: u32,
    /// Held back up to so long, which also reorders them.
    pub delay: Duration,
    /// Wait before the first retry, doubled each time. The real one spreads its retries over about a
    /// day; the sandbox is not that patient.
    pub retry: Duration,
    /// Attempts until it gives up.
    pub attempts: u32,
}

impl Default for HookScript {
    /// Each once, at once, with eight attempts from 200 ms on.
    fn default() -> Self {
        Self {
            duplicates_ppm: 0,
            dropped_ppm: 0,
            delay: Duration::ZERO,
            retry: Duration::from_millis(200),
            attempts: 8,
        }
    }
}

/// How many deliveries there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookCounts {
    /// Attempts sent.
    pub sent: u64,
    /// Attempts answered with a success.
    pub accepted: u64,
    /// Deliveries dropped by the script.
    pub dropped: u64,
    /// Deliveries that are neither accepted nor given up yet.
    pub pending: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    accepted: AtomicU64,
    dropped: AtomicU64,
    pending: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> HookCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        HookCounts {
            sent: read(&self.sent),
            accepted: read(&self.accepted),
            dropped: read(&self.dropped),
            pending: read(&self.pending),
        }
    }
}

/// One webhook call to make. No Debug: it carries the token.
#[derive(Clone)]
pub(super) struct Delivery {
    account: i64,
    hook: i64,
    url: String,
    token: String,
    event: String,
    body: String,
    delay: Duration,
}

/// Turns an account's noted events into deliveries, with the script's duplicates and drops.
pub(super) fn collect(
    account: &mut Account,
    facts: &Facts,
    script: HookScript,
    stream: &mut Seeded,
    counters: &Counters,
) -> Vec<Delivery> {
    let events = std::mem::take(&mut account.events);
    let mut deliveries = Vec::new();
    for event in events {
        for hook in account.hooks.values().filter(|hook| hook.active && hook.event == event.name) {
            if stream.chance(script.dropped_ppm) {
                counters.dropped.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let times = if stream.chance(script.duplicates_ppm) { 2 } else { 1 };
            for _ in 0..times {
                let most = u64::try_from(script.delay.as_millis()).unwrap_or(0);
                counters.pending.fetch_add(1, Ordering::SeqCst);
                deliveries.push(Delivery {
                    account: account.setup.id,
                    hook: hook.id,
                    url: hook.url.clone(),
                    token: hook.token.clone(),
                    event: event.name.clone(),
                    body: event.body(account, facts).to_string(),
                    delay: Duration::from_millis(stream.below(most.saturating_add(1))),
                });
            }
        }
    }
    deliveries
}

/// Sends what comes through `queue` until stopped.
pub(super) async fn run(
    sim: RackbeatSim,
    mut queue: mpsc::UnboundedReceiver<Delivery>,
    stop: CancellationToken,
) {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("Rackbeat Webhook")
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "sandbox cannot send webhooks");
            return;
        }
    };
    loop {
        let delivery = tokio::select! {
            () = stop.cancelled() => return,
            delivery = queue.recv() => delivery,
        };
        let Some(delivery) = delivery else {
            return;
        };
        let (sim, client, stop) = (sim.clone(), client.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = deliver(&sim, &client, &delivery) => {}
            }
        });
    }
}

async fn deliver(sim: &RackbeatSim, client: &reqwest::Client, delivery: &Delivery) {
    let counters = Arc::clone(sim.counters());
    let script = sim.hook_script();
    tokio::time::sleep(delivery.delay).await;
    let mut wait = script.retry;
    for attempt in 1..=script.attempts {
        counters.sent.fetch_add(1, Ordering::SeqCst);
        let answered = client
            .post(&delivery.url)
            .header("Rackbeat-Webhook-Token", &delivery.token)
            .header("Rackbeat-Webhook-Event", &delivery.event)
            .header("Rackbeat-Account-Id", delivery.account)
            .header("Content-Type", "application/json")
            .body(delivery.body.clone())
            .send()
            .await;
        let accepted = answered.is_ok_and(|response| response.status().is_success());
        sim.hook_answered(delivery.account, delivery.hook, accepted);
        if accepted {
            counters.accepted.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if attempt < script.attempts {
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
    }
    counters.pending.fetch_sub(1, Ordering::SeqCst);
}
