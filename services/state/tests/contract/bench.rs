//! What each promise is tried with: an engine, a clock that is set by hand, and short ways to say things.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{OrderId, StoreId};
use shopbeat_domain::job::{Claim, Lane, Offer, Outcome, Park, ParkCode, Settled, Verdict};
use shopbeat_domain::ports::{Answer, Clock, LedgerRow, State};
use shopbeat_domain::settings::Target;
use shopbeat_domain::transfer::Transfer;
use shopbeat_state::{Sealing, embedded};
use tempfile::TempDir;

use crate::server::Server;

/// Time by hand. Sleeping takes real time: only `wait` sleeps, and what ends it is an event.
pub(crate) struct HandClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) sealing: Sealing,
    pub(crate) server: Option<Server>,
    file: Option<TempDir>,
}

fn clock() -> Arc<HandClock> {
    Arc::new(HandClock(Mutex::new("2026-11-24T10:30:00Z".parse().unwrap())))
}

impl Bench {
    pub(crate) async fn memory() -> Self {
        let (clock, sealing) = (clock(), Sealing::generate().unwrap());
        let state = embedded(None, sealing.clone(), clock.clone()).unwrap();
        Self { state, clock, sealing, server: None, file: None }
    }

    pub(crate) async fn file() -> Self {
        let (clock, sealing) = (clock(), Sealing::generate().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let state = embedded(Some(&dir.path().join("state.redb")), sealing.clone(), clock.clone()).unwrap();
        Self { state, clock, sealing, server: None, file: Some(dir) }
    }

    pub(crate) async fn redis() -> Self {
        let (clock, sealing) = (clock(), Sealing::generate().unwrap());
        let server = Server::start(&[]);
        let state =
            shopbeat_state::redis(&server.url(), "test", sealing.clone(), clock.clone()).await.unwrap();
        Self { state, clock, sealing, server: Some(server), file: None }
    }

    /// The same state, opened again by a new process.
    pub(crate) async fn reopened(self, sealing: Sealing) -> Self {
        let Self { state, clock, server, file, .. } = self;
        drop(state);
        let state = match (&server, &file) {
            (Some(server), _) => {
                shopbeat_state::redis(&server.url(), "test", sealing.clone(), clock.clone()).await.unwrap()
            }
            (None, Some(dir)) => {
                embedded(Some(&dir.path().join("state.redb")), sealing.clone(), clock.clone()).unwrap()
            }
            (None, None) => panic!("memory cannot be opened again"),
        };
        Self { state, clock, sealing, server, file }
    }

    /// So many things are many: redb in a debug build takes half a minute for what Redis does in one second.
    pub(crate) fn many(&self) -> usize {
        if self.server.is_some() { 100_000 } else { 10_000 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(crate) async fn offer(&self, offer: Offer) -> u64 {
        self.state.jobs.offer(&store(), &[offer], None, self.now()).await.unwrap()
    }

    pub(crate) async fn claim(&self) -> Option<Claim> {
        self.state.jobs.claim(&store(), &Lane::ALL, HOLD, self.now()).await.unwrap()
    }

    pub(crate) async fn settle(&self, claim: &Claim, verdict: Verdict) -> Settled {
        self.state.jobs.settle(claim, &verdict, None, false, self.now()).await.unwrap()
    }

    /// All rows; fails if one does not add up.
    pub(crate) async fn ledger(&self) -> Vec<LedgerRow> {
        let rows =
            self.state.ledger.rows(&store(), Timestamp::UNIX_EPOCH, after(self.now(), 1)).await.unwrap();
        assert!(rows.iter().all(LedgerRow::adds_up), "{rows:?}");
        rows
    }

    /// The only row's columns.
    pub(crate) async fn columns(&self) -> Vec<(String, u64)> {
        let rows = self.ledger().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].outcomes.clone()
    }
}

pub(crate) const HOLD: Duration = Duration::from_secs(30);

pub(crate) fn store() -> StoreId {
    StoreId::parse("acme").unwrap()
}

pub(crate) fn order(id: u64) -> Offer {
    Offer::order(OrderId(id))
}

pub(crate) fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub(crate) fn done(outcome: Outcome) -> Verdict {
    Verdict::Done { outcome, version: None, again_at: None }
}

pub(crate) fn park(now: Timestamp, retry_at: Option<Timestamp>) -> Park {
    Park {
        code: ParkCode::UnknownSku,
        culprit: "SKU-1".to_owned(),
        message: "no such item".to_owned(),
        since: now,
        retry_at,
        number: None,
    }
}

pub(crate) fn parked(now: Timestamp, retry_at: Option<Timestamp>) -> Verdict {
    Verdict::Parked(park(now, retry_at))
}

pub(crate) fn journal(id: u64, now: Timestamp) -> Transfer {
    Transfer::begin(store(), OrderId(id), Target::Booked, now)
}

pub(crate) fn kind<T: std::fmt::Debug>(answer: Answer<T>) -> FailureKind {
    answer.unwrap_err().kind
}

/// Makes one test per engine of each promise.
macro_rules! on_every_engine {
    ($($promise:ident),+ $(,)?) => {
        $(mod $promise {
            #[tokio::test]
            async fn in_memory() {
                super::$promise(crate::bench::Bench::memory().await).await;
            }

            #[tokio::test]
            async fn in_a_file() {
                super::$promise(crate::bench::Bench::file().await).await;
            }

            #[tokio::test]
            async fn on_redis() {
                super::$promise(crate::bench::Bench::redis().await).await;
            }
        })+
    };
}

pub(crate) use on_every_engine;
