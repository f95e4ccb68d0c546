//! Watching all stores, on the API itself: time is paused, and a look costs none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use jiff::Timestamp;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer as PortAnswer, Pulse, Pulses};

use super::*;
use crate::auth::{Deadline, Reach, Role};
use crate::testing::agreement_id;

/// Counts the looks, and fails them if told to.
struct Counted {
    inner: Arc<dyn Pulses>,
    looks: AtomicUsize,
    away: AtomicBool,
    panics: AtomicBool,
}

#[async_trait]
impl Pulses for Counted {
    async fn pulses(&self, stores: &[StoreId], now: Timestamp) -> PortAnswer<Vec<Pulse>> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics.load(Ordering::Relaxed), "planned");
        if self.away.load(Ordering::Relaxed) {
            return Err(Failure::new(Remote::State, FailureKind::Unreachable, "pulses", "away"));
        }
        self.inner.pulses(stores, now).await
    }
}

struct Watch {
    api: SyncApi,
    counted: Arc<Counted>,
    shutdown: CancellationToken,
}

impl Watch {
    async fn up() -> Self {
        let mut ports = ports(Metrics::new());
        add_store(&ports.state, "acme", "nordlys").await;
        add_store(&ports.state, "foreign", "elsewhere").await;
        let counted = Arc::new(Counted {
            inner: ports.state.pulses.clone(),
            looks: AtomicUsize::new(0),
            away: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        });
        ports.state.pulses = counted.clone();
        let shutdown = CancellationToken::new();
        Self { api: SyncApi::new(ports, None, shutdown.clone()), counted, shutdown }
    }

    fn of(&self, caller: &Caller, agreement: &str, headers: &http::HeaderMap) -> watch::Watched {
        let message = v1::WatchStoresRequest { agreement_id: agreement.to_owned() };
        self.api.watch_stores_of(caller, &message, Deadline::of(headers)).unwrap()
    }

    fn all(&self) -> watch::Watched {
        self.of(&Caller::anyone(), "", &http::HeaderMap::new())
    }

    fn looks(&self) -> usize {
        self.counted.looks.load(Ordering::Relaxed)
    }

    async fn offer(&self, store: &str, order: u64) {
        let state = &self.api.ports.state;
        let id = StoreId::parse(store).unwrap();
        state.jobs.offer(&id, &[Offer::order(OrderId(order))], None, self.api.ports.now()).await.unwrap();
    }
}

fn ids(answer: &v1::WatchStoresResponse) -> Vec<&str> {
    answer.stores.iter().map(|status| status.store.as_ref().unwrap().id.as_str()).collect()
}

async fn next(watched: &mut watch::Watched) -> v1::WatchStoresResponse {
    watched.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_all_are_told_then_what_changed_then_what_is_gone() {
    let watch = Watch::up().await;
    let mut watched = watch.all();
    let first = next(&mut watched).await;
    assert_eq!((ids(&first), first.complete), (vec!["acme", "foreign"], true));
    assert_eq!((first.stores[0].billing_position, first.stores[0].billing_free), (1, true));
    let asked = tokio::time::Instant::now();
    watch.offer("acme", 1).await;
    let changed = next(&mut watched).await;
    assert!(asked.elapsed() <= limits::STATUS_LOOK, "{:?}", asked.elapsed());
    assert_eq!((ids(&changed), changed.complete), (vec!["acme"], true));
    assert_eq!(changed.stores[0].jobs.as_ref().unwrap().ready, 1);
    assert!(changed.stores[0].waiting_since.is_some());
    watch.api.connector.disconnect(&StoreId::parse("acme").unwrap()).await.unwrap();
    let gone = next(&mut watched).await;
    assert_eq!((gone.gone, gone.stores.len(), gone.complete), (vec!["acme".to_owned()], 0, true));
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_only_of_their_agreements_and_of_the_one_that_they_ask_for() {
    let watch = Watch::up().await;
    let of = |agreement: &str| Caller {
        name: "one".to_owned(),
        role: Role::Reader,
        reach: Reach::Only([agreement_id(agreement)].into()),
    };
    let headers = http::HeaderMap::new();
    assert_eq!(ids(&next(&mut watch.of(&of("nordlys"), "", &headers)).await), ["acme"]);
    assert_eq!(ids(&next(&mut watch.of(&Caller::anyone(), "elsewhere", &headers)).await), ["foreign"]);
    let none = next(&mut watch.of(&of("nordlys"), "elsewhere", &headers)).await;
    assert_eq!((none.stores.len(), none.complete), (0, true), "nothing to tell is told as well");
}

#[tokio::test(start_paused = true)]
async fn many_stores_come_in_parts_and_the_last_says_that_it_is_complete() {
    let watch = Watch::up().await;
    for n in 0..403 {
        add_store(&watch.api.ports.state, &format!("shop-{n:03}"), "nordlys").await;
    }
    let mut watched = watch.all();
    let (mut parts, mut told) = (Vec::new(), Vec::new());
    loop {
        let answer = next(&mut watched).await;
        told.extend(ids(&answer).iter().map(ToString::to_string));
        parts.push((answer.stores.len(), answer.complete));
        if answer.complete {
            break;
        }
    }
    assert_eq!(parts, [(200, false), (200, false), (5, true)]);
    told.dedup();
    assert_eq!(told.len(), 405);
}

#[tokio::test(start_paused = true)]
async fn all_who_watch_share_one_look_and_it_ends_with_the_last_of_them() {
    let watch = Watch::up().await;
    let mut watched: Vec<_> = (0..20).map(|_| watch.all()).collect();
    for one in &mut watched {
        assert_eq!(next(one).await.stores.len(), 2);
    }
    let before = watch.looks();
    tokio::time::sleep(10 * limits::STATUS_LOOK).await;
    assert!((9..=11).contains(&(watch.looks() - before)), "{}", watch.looks() - before);
    drop(watched);
    tokio::time::sleep(2 * limits::STATUS_LOOK).await;
    let ended = watch.looks();
    tokio::time::sleep(10 * limits::STATUS_LOOK).await;
    assert_eq!(watch.looks(), ended, "nobody watches");
    assert_eq!(next(&mut watch.all()).await.stores.len(), 2, "the next one starts it again");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_slowly_gets_what_is_and_not_what_was_between() {
    let watch = Watch::up().await;
    let mut slow = watch.all();
    next(&mut slow).await;
    for order in 1..=5 {
        watch.offer("acme", order).await;
        tokio::time::sleep(2 * limits::STATUS_LOOK).await;
    }
    let answer = next(&mut slow).await;
    assert_eq!((ids(&answer), answer.stores[0].jobs.as_ref().unwrap().ready), (vec!["acme"], 5));
    let more = tokio::time::timeout(5 * limits::STATUS_LOOK, slow.next()).await;
    assert!(more.is_err(), "nothing is behind it");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_away_for_a_moment_is_waited_for_and_one_that_stays_away_ends_the_watch_with_a_wait()
{
    let watch = Watch::up().await;
    let mut watched = watch.all();
    next(&mut watched).await;
    watch.counted.away.store(true, Ordering::Relaxed);
    tokio::time::sleep((limits::STATUS_FAILURES - 1) * limits::STATUS_LOOK - Duration::from_millis(100))
        .await;
    watch.counted.away.store(false, Ordering::Relaxed);
    watch.offer("acme", 1).await;
    assert_eq!(ids(&next(&mut watched).await), ["acme"], "it goes on");
    watch.counted.away.store(true, Ordering::Relaxed);
    let ended = watched.next().await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    assert!(ended.get_error_details().retry_info().is_some());
    let refused = watch.all().next().await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    watch.counted.away.store(false, Ordering::Relaxed);
    tokio::time::sleep(2 * limits::STATUS_LOOK).await;
    assert_eq!(next(&mut watch.all()).await.stores.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_all_stores_ends_at_its_callers_deadline_and_when_the_process_drains() {
    let watch = Watch::up().await;
    let mut headers = http::HeaderMap::new();
    headers.insert("grpc-timeout", "30S".parse().unwrap());
    let mut timed = watch.of(&Caller::anyone(), "", &headers);
    next(&mut timed).await;
    assert_eq!(timed.next().await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    let mut endless = watch.all();
    next(&mut endless).await;
    watch.shutdown.cancel();
    assert_eq!(endless.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_ends_by_a_mistake_ends_the_watches_and_the_next_one_begins_another() {
    let watch = Watch::up().await;
    let mut watched = watch.all();
    next(&mut watched).await;
    watch.counted.panics.store(true, Ordering::Relaxed);
    let ended = watched.next().await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    watch.counted.panics.store(false, Ordering::Relaxed);
    assert_eq!(next(&mut watch.all()).await.stores.len(), 2);
}
