//! Webhook delivery: signed, at least once, in no promised order, sometimes not at all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::order_doc::instant;
use super::shop::Shop;
use super::webhook::{Event, Subscription, header_topic, sign};
use super::{API_VERSION, SharedShop};
use crate::seed::Seeded;

/// How deliveries misbehave. Probabilities are in millionths, drawn from the seed per event, so that
/// the same events meet the same fate whatever the timing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOptions {
    /// Delivered twice at once, under one `X-Shopify-Webhook-Id`.
    pub duplicate_ppm: u32,
    /// Delivered three times at once.
    pub triple_ppm: u32,
    /// Held back by [`delay`](Self::delay), so that later ones overtake it.
    pub reorder_ppm: u32,
    /// Never sent.
    pub drop_ppm: u32,
    /// How long a reordered one is held back.
    pub delay: Duration,
    /// Retries after a failed attempt. Shopify: 8 in 4 hours.
    pub retries: u32,
    /// The first wait before a retry, doubled each time. Shopify's is minutes; scaled here.
    pub first_wait: Duration,
    /// Whether a subscription that failed `retries` times in a row is removed, as Shopify does.
    pub remove_failing: bool,
}

impl Default for DeliveryOptions {
    /// Well-behaved: once, in order of sending, 8 retries from 50 ms on.
    fn default() -> Self {
        Self {
            duplicate_ppm: 0,
            triple_ppm: 0,
            reorder_ppm: 0,
            drop_ppm: 0,
            delay: Duration::from_millis(300),
            retries: 8,
            first_wait: Duration::from_millis(50),
            remove_failing: true,
        }
    }
}

/// What has been delivered so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Events that had a subscriber.
    pub due: u64,
    /// Extra copies on purpose.
    pub duplicates: u64,
    /// Held back on purpose.
    pub reordered: u64,
    /// Left out on purpose.
    pub dropped: u64,
    /// Attempts answered with 2xx.
    pub accepted: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Given up after all retries.
    pub given_up: u64,
}

#[derive(Debug, Default)]
struct Tally {
    due: AtomicU64,
    duplicates: AtomicU64,
    reordered: AtomicU64,
    dropped: AtomicU64,
    accepted: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

#[derive(Debug)]
struct Office {
    client: reqwest::Client,
    options: Mutex<DeliveryOptions>,
    tally: Tally,
    outstanding: watch::Sender<u64>,
    seed: u64,
}

/// Sends webhooks. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Courier(Arc<Office>);

#[derive(Debug, Clone)]
struct Parcel {
    uri: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    subscription: u64,
}

/// What fate the seed has for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    copies: u32,
    held_back: bool,
    dropped: bool,
}

pub(crate) fn fate(seed: u64, domain: &str, nth: u64, options: &DeliveryOptions) -> Fate {
    let mut draw = Seeded::labelled(seed, &format!("delivery {domain} {nth}"));
    let dropped = draw.chance(options.drop_ppm);
    let triple = draw.chance(options.triple_ppm);
    let double = draw.chance(options.duplicate_ppm);
    let held_back = draw.chance(options.reorder_ppm);
    let copies = if triple {
        3
    } else if double {
        2
    } else {
        1
    };
    Fate { copies, held_back, dropped }
}

impl Courier {
    /// Connects within 1 s, whole request within 5 s, no redirects: as Shopify documents it.
    pub(crate) fn new(seed: u64) -> Self {
        // Already installed is as good; without a provider the client cannot be built.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            // Addresses here are loopback; a proxy of the environment must not see them.
            .no_proxy()
            .user_agent("Shopify-Captain-Hook")
            .build()
            .unwrap_or_default();
        Self(Arc::new(Office {
            client,
            options: Mutex::default(),
            tally: Tally::default(),
            outstanding: watch::Sender::new(0),
            seed,
        }))
    }

    pub(crate) fn set_options(&self, options: DeliveryOptions) {
        *self.0.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    fn options(&self) -> DeliveryOptions {
        self.0.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn counts(&self) -> DeliveryCounts {
        let tally = &self.0.tally;
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        DeliveryCounts {
            due: read(&tally.due),
            duplicates: read(&tally.duplicates),
            reordered: read(&tally.reordered),
            dropped: read(&tally.dropped),
            accepted: read(&tally.accepted),
            failed: read(&tally.failed),
            given_up: read(&tally.given_up),
        }
    }

    /// Waits until every delivery is accepted, dropped or given up.
    pub(crate) async fn settled(&self) {
        let mut seen = self.0.outstanding.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = seen.wait_for(|outstanding| *outstanding == 0).await;
    }

    /// Hands the shop's outbox to its subscribers. Must run within a Tokio runtime.
    pub(crate) fn dispatch(&self, shop: &mut Shop, owner: &SharedShop) {
        let options = self.options();
        let events: Vec<Event> = shop.outbox.drain(..).collect();
        for event in events {
            let subscriptions: Vec<Subscription> =
                shop.subscriptions.values().filter(|found| found.topic == event.topic).cloned().collect();
            for subscription in subscriptions {
                let nth = shop.events_sent;
                shop.events_sent += 1;
                self.0.tally.due.fetch_add(1, Ordering::SeqCst);
                let fate = fate(self.0.seed, &shop.spec.domain, nth, &options);
                if fate.dropped {
                    self.0.tally.dropped.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                self.count_fate(fate);
                let parcel = parcel(shop, &event, &subscription, nth);
                for copy in 0..fate.copies {
                    self.send(parcel.clone(), fate, copy, options.clone(), Arc::downgrade(owner));
                }
            }
        }
    }

    fn count_fate(&self, fate: Fate) {
        self.0.tally.duplicates.fetch_add(u64::from(fate.copies - 1), Ordering::SeqCst);
        self.0.tally.reordered.fetch_add(u64::from(fate.held_back), Ordering::SeqCst);
    }

    fn send(
        &self,
        parcel: Parcel,
        fate: Fate,
        copy: u32,
        options: DeliveryOptions,
        owner: Weak<Mutex<Shop>>,
    ) {
        self.0.outstanding.send_modify(|outstanding| *outstanding += 1);
        let courier = self.clone();
        tokio::spawn(async move {
            if fate.held_back && copy == 0 {
                tokio::time::sleep(options.delay).await;
            }
            courier.deliver(&parcel, &options, &owner).await;
            courier.0.outstanding.send_modify(|outstanding| *outstanding -= 1);
        });
    }

    /// The original payload to the original address, again and again.
    async fn deliver(&self, parcel: &Parcel, options: &DeliveryOptions, owner: &Weak<Mutex<Shop>>) {
        let mut wait = options.first_wait;
        for attempt in 0..=options.retries {
            if attempt > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let accepted = self.attempt(parcel).await;
            let count = if accepted { &self.0.tally.accepted } else { &self.0.tally.failed };
            count.fetch_add(1, Ordering::SeqCst);
            let Some(shop) = owner.upgrade() else {
                return;
            };
            let mut shop = shop.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(subscription) = shop.subscriptions.get_mut(&parcel.subscription) {
                subscription.failures = if accepted { 0 } else { subscription.failures + 1 };
            }
            if accepted {
                return;
            }
        }
        self.0.tally.given_up.fetch_add(1, Ordering::SeqCst);
        if options.remove_failing
            && let Some(shop) = owner.upgrade()
        {
            let mut shop = shop.lock().unwrap_or_else(PoisonError::into_inner);
            let failing = shop
                .subscriptions
                .get(&parcel.subscription)
                .is_some_and(|found| found.failures > options.retries);
            if failing {
                shop.subscriptions.remove(&parcel.subscription);
            }
        }
    }

    async fn attempt(&self, parcel: &Parcel) -> bool {
        let mut request = self
            .0
            .client
            .post(&parcel.uri)
            .header("Content-Type", "application/json")
            .body(parcel.body.clone());
        for (name, value) in &parcel.headers {
            request = request.header(*name, value);
        }
        request.send().await.is_ok_and(|response| response.status().is_success())
    }
}

fn parcel(shop: &Shop, event: &Event, subscription: &Subscription, nth: u64) -> Parcel {
    let body: Value = subscription.trim(&event.body);
    let body = Bytes::from(body.to_string());
    let seed = shop.core.seed;
    let unique = |label: &str| {
        let mut draw = Seeded::labelled(seed, label);
        uuid::Builder::from_random_bytes(
            (u128::from(draw.next_u64()) << 64 | u128::from(draw.next_u64())).to_be_bytes(),
        )
        .into_uuid()
        .to_string()
    };
    let mut headers = vec![
        ("X-Shopify-Topic", header_topic(event.topic)),
        ("X-Shopify-Hmac-Sha256", sign(&shop.spec.client_secret, &body)),
        ("X-Shopify-Shop-Domain", shop.spec.domain.clone()),
        ("X-Shopify-API-Version", API_VERSION.to_owned()),
        ("X-Shopify-Webhook-Id", unique(&format!("webhook {} {nth}", shop.spec.domain))),
        ("X-Shopify-Event-Id", unique(&format!("event {} {}", shop.spec.domain, event.action))),
        ("X-Shopify-Triggered-At", instant(event.at)),
    ];
    if let Some(name) = &subscription.name {
        headers.push(("X-Shopify-Name", name.clone()));
    }
    Parcel { uri: subscription.uri.clone(), headers, body, subscription: subscription.id }
}

impl DeliveryCounts {
    /// For the control API.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "due": self.due,
            "duplicates": self.duplicates,
            "reordered": self.reordered,
            "dropped": self.dropped,
            "accepted": self.accepted,
            "failed": self.failed,
            "given_up": self.given_up,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{DeliveryOptions, fate};

    #[test]
    fn the_seed_decides_which_events_are_doubled_and_dropped() {
        let options = DeliveryOptions {
            duplicate_ppm: 100_000,
            triple_ppm: 10_000,
            reorder_ppm: 50_000,
            drop_ppm: 50_000,
            ..DeliveryOptions::default()
        };
        let fates =
            |seed| (0..2_000).map(|nth| fate(seed, "a.myshopify.com", nth, &options)).collect::<Vec<_>>();
        assert_eq!(fates(4), fates(4));
        assert_ne!(fates(4), fates(5));
        let of = |test: &dyn Fn(&super::Fate) -> bool| fates(4).iter().filter(|fate| test(fate)).count();
        assert!((140..260).contains(&of(&|fate| fate.copies == 2)));
        assert!(of(&|fate| fate.copies == 3) > 5);
        assert!((60..140).contains(&of(&|fate| fate.dropped)));
        assert!((60..140).contains(&of(&|fate| fate.held_back)));
    }
}
