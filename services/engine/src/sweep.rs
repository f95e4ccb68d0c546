//! What no webhook brought: orders by `updated_at`, at the start and every few minutes, and the subscriptions
//! themselves, checked on a timer.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::failure::Remote;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::Offer;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Shop};
use shopbeat_domain::store::Store;
use tokio_util::sync::CancellationToken;

use crate::ports::Ports;
use crate::worker::{Meets, Reporter};

/// The watermark's name.
pub const ORDERS: &str = "orders";

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Orders read.
    pub read: u64,
    /// Orders that have to be looked at now.
    pub queued: u64,
}

/// Reads all orders changed since the watermark, less an overlap, and queues those that were not settled at that
/// version. The watermark moves with each page, in the same step as its offers: it never passes an order that is
/// not queued.
///
/// # Errors
/// When the shop or the state fails; what was queued until then stays, and so does the watermark.
pub async fn sweep(ports: &Ports, shop: &dyn Shop, store: &Store) -> Answer<Swept> {
    let since = start(ports, store).await?;
    let mut swept = Swept::default();
    let mut page: Option<String> = None;
    loop {
        let answer = shop.orders_updated(since, page.as_deref(), limits::SWEEP_PAGE).await?;
        let offers: Vec<Offer> =
            answer.rows.iter().map(|head| Offer::swept(head.id, head.updated_at)).collect();
        swept.read += u64::try_from(offers.len()).unwrap_or_default();
        if let Some(newest) = answer.rows.iter().map(|head| head.updated_at).max() {
            swept.queued +=
                ports.state.jobs.offer(&store.id, &offers, Some((ORDERS, newest)), ports.now()).await?;
        }
        let Some(next) = answer.next else { break };
        page = Some(next);
    }
    ports.observer.swept(&store.id, swept.read, swept.queued);
    Ok(swept)
}

/// From where a sweep reads: behind the watermark by an overlap, never before the store's start.
pub(crate) async fn start(ports: &Ports, store: &Store) -> Answer<Timestamp> {
    let mark = ports.state.watermarks.watermark(&store.id, ORDERS).await?;
    let first = store.settings.orders.since.unwrap_or(store.connected_at);
    let overlap = SignedDuration::try_from(limits::SWEEP_OVERLAP).unwrap_or_default();
    let overlapped = mark.map(|mark| mark.saturating_sub(overlap).unwrap_or(mark));
    Ok(overlapped.unwrap_or(first).max(first))
}

/// Sweeps at once and then on a timer, until `over`; and at once again when something may have made a gap.
pub(crate) async fn keep_swept(ports: &Ports, store: &Store, reporter: &Reporter, over: &CancellationToken) {
    let mut failures = 0;
    while !over.is_cancelled() {
        let before = continuity(ports, &store.id).await.ok();
        let wait = match sweep_now(ports, &store.id).await {
            Ok(swept) => {
                failures = 0;
                if swept.is_some() {
                    reporter.answered(Meets::Sweep, Remote::Shopify);
                }
                let swept = swept.unwrap_or_default();
                tracing::debug!(store.id = %store.id, read = swept.read, queued = swept.queued, "swept");
                limits::SWEEP_EVERY
            }
            Err(failure) => {
                crate::worker::tell(ports, store, "the sweep has to wait", &failure);
                failures += 1;
                reporter.met(Meets::Sweep, &failure, failures);
                crate::retry::backoff(failures, ports.random.as_ref())
            }
        };
        pause_unless_gap(ports, &store.id, wait, before, over).await;
    }
}

/// What stays the same as long as no event can have been lost: the state's epoch (a Redis that was killed may have
/// lost its last second, webhooks that were answered among it) and the store's revision (one that was disconnected
/// and connected anew had no webhooks in between).
type Continuity = (Timestamp, u64);

async fn continuity(ports: &Ports, id: &StoreId) -> Answer<Continuity> {
    let registry = &ports.state.registry;
    let epoch = registry.epoch(ports.now()).await?;
    Ok((epoch, registry.store(id).await?.map_or(0, |store| store.revision)))
}

async fn pause_unless_gap(
    ports: &Ports,
    id: &StoreId,
    wait: Duration,
    before: Option<Continuity>,
    over: &CancellationToken,
) {
    let until = crate::transfer::later(ports.now(), wait);
    while !over.is_cancelled() {
        let left = until.duration_since(ports.now());
        if left <= SignedDuration::ZERO {
            return;
        }
        crate::worker::pause(ports, left.unsigned_abs().min(limits::GAP_LOOK), over).await;
        // A state that is away is no gap yet; it is looked at again.
        if let (Ok(now), Some(before)) = (continuity(ports, id).await, before)
            && now != before
        {
            tracing::info!(store.id = %id, "events may have been lost; sweeping at once");
            return;
        }
    }
}

/// Checks and repairs the webhook subscriptions at once and then on a timer; a repair is followed by a sweep of the
/// gap, since what happened meanwhile was told to nobody.
pub(crate) async fn keep_subscribed(
    ports: &Ports,
    store: &Store,
    reporter: &Reporter,
    over: &CancellationToken,
) {
    let mut failures = 0;
    while !over.is_cancelled() {
        let wait = match repair(ports, &store.id).await {
            Ok(missing) => {
                failures = 0;
                reporter.fine(Meets::Webhooks);
                reporter.webhooks(missing);
                limits::SUBSCRIPTION_CHECK
            }
            Err(failure) => {
                crate::worker::tell(ports, store, "the webhook subscriptions could not be checked", &failure);
                failures += 1;
                reporter.met(Meets::Webhooks, &failure, failures);
                crate::retry::backoff(failures, ports.random.as_ref())
            }
        };
        crate::worker::pause(ports, wait, over).await;
    }
}

/// `None`: there is nothing to sweep.
async fn sweep_now(ports: &Ports, id: &StoreId) -> Answer<Option<Swept>> {
    let Some(store) = as_it_is_now(ports, id).await? else { return Ok(None) };
    let shop = ports.remotes.shop(&store).await?;
    sweep(ports, shop.as_ref(), &store).await.map(Some)
}

/// Answers the topics that the shop refuses.
async fn repair(ports: &Ports, id: &StoreId) -> Answer<Vec<String>> {
    let Some(store) = as_it_is_now(ports, id).await? else { return Ok(Vec::new()) };
    let Some(address) = &store.webhook_address else { return Ok(Vec::new()) };
    let shop = ports.remotes.shop(&store).await?;
    let subscribed = shop.subscribe(address).await?;
    if !subscribed.made.is_empty() {
        tracing::warn!(store.id = %id, topics = ?subscribed.made, "webhook subscriptions were missing and made again");
        sweep(ports, shop.as_ref(), &store).await?;
    }
    if !subscribed.refused.is_empty() {
        tracing::warn!(store.id = %id, refused = ?subscribed.refused, "the shop refuses webhook subscriptions");
    }
    Ok(subscribed.refused.into_iter().map(|(topic, _)| topic).collect())
}

/// A later ConnectStore may have changed address, settings and grant.
async fn as_it_is_now(ports: &Ports, id: &StoreId) -> Answer<Option<Store>> {
    let store = ports.state.registry.store(id).await?;
    Ok(store.filter(|store| store.disconnected_at.is_none()))
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
