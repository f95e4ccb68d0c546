//! One store connected to one account, with a worker that can be killed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AgreementId, OrderId, Reference, ShopDomain, StoreId};
use shopbeat_domain::job::{JobPhase, JobRecord, Lane, Offer, Subject};
use shopbeat_domain::mapping::samples;
use shopbeat_domain::ports::{Answer, Blind, Clock, Erp, Random, Remotes, Shop, State};
use shopbeat_domain::settings::{Settings, Target, Trigger};
use shopbeat_domain::store::{ManagedBy, ShopCredentials, Store};
use shopbeat_state::Sealing;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::state::{Epoch, Frozen, hooked};
use super::{FakeErp, FakeShop, Hooks};
use crate::connect::{ConnectRequest, Connector, WRITE_INVENTORY, WRITE_PRODUCTS};
use crate::desk::Desk;
use crate::observe::Silent;
use crate::ports::{About, Ports};
use crate::timing::Timing;
use crate::worker;

/// Tokio's paused clock, as ours.
struct VirtualClock {
    start: Timestamp,
    since: tokio::time::Instant,
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.since.elapsed()).unwrap();
        self.start + elapsed
    }
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

struct Seeded(AtomicU64);

impl Random for Seeded {
    fn next_u64(&self) -> u64 {
        // SplitMix64.
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

struct FakeBlind;

impl Blind for FakeBlind {
    fn blind(&self, agreement: &AgreementId, text: &str) -> String {
        // Not a real hash: only that the key is no address matters here.
        format!("{agreement}-{}", text.len())
    }
}

/// The account, and the shops by domain.
struct FakeRemotes {
    shops: Mutex<Vec<Arc<FakeShop>>>,
    erp: Arc<FakeErp>,
}

impl FakeRemotes {
    fn find(&self, domain: &ShopDomain) -> Answer<Arc<dyn Shop>> {
        let shops = self.shops.lock().unwrap();
        let found = shops.iter().find(|shop| shop.domain == *domain).cloned();
        let missing = || Failure::new(Remote::Shopify, FailureKind::Unreachable, "shop", "no such shop");
        found.map(|shop| shop as Arc<dyn Shop>).ok_or_else(missing)
    }
}

#[async_trait]
impl Remotes for FakeRemotes {
    async fn shop(&self, store: &Store) -> Answer<Arc<dyn Shop>> {
        self.find(&store.shop)
    }
    async fn erp(&self, _: &AgreementId, _: Lane) -> Answer<Arc<dyn Erp>> {
        Ok(self.erp.clone())
    }
    fn shop_with(&self, domain: &ShopDomain, _: &ShopCredentials) -> Answer<Arc<dyn Shop>> {
        self.find(domain)
    }
    fn erp_with(&self, _: &AgreementId, _: &SecretString) -> Answer<Arc<dyn Erp>> {
        Ok(self.erp.clone())
    }
}

/// How a world is set up.
pub(crate) struct WorldBuilder {
    pub(crate) settings: Settings,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        let orders = samples::settings();
        let mut settings = Settings { orders, ..Settings::default() };
        settings.orders.since = Some("2026-02-01T00:00:00Z".parse().unwrap());
        Self { settings }
    }
}

impl WorldBuilder {
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.settings.orders.target = target;
        self
    }

    pub(crate) fn trigger(mut self, trigger: Trigger) -> Self {
        self.settings.orders.trigger = trigger;
        self
    }

    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Connects the store; the state's epoch is the world's start, 2026-02-15.
    pub(crate) async fn build(self) -> World {
        let settings = self.settings.clone();
        let world = self.unconnected().await;
        world.shop.scopes.lock().unwrap().extend([WRITE_PRODUCTS.to_owned(), WRITE_INVENTORY.to_owned()]);
        world.connector.connect(world.request(settings)).await.unwrap();
        world
    }

    /// A world of which the store is not connected yet.
    pub(crate) async fn unconnected(self) -> World {
        let hooks = Hooks::default();
        let start: Timestamp = "2026-02-15T00:00:00Z".parse().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock { start, since: tokio::time::Instant::now() });
        let state = shopbeat_state::embedded(None, Sealing::generate().unwrap(), clock.clone()).unwrap();
        state.registry.epoch(start).await.unwrap();
        let shop = Arc::new(FakeShop::new(hooks.clone(), clock.clone(), "acme.myshopify.com"));
        let erp = Arc::new(FakeErp::new(hooks.clone(), clock.clone()));
        let (epoch, frozen) = (Epoch::default(), Frozen::default());
        let remotes = Arc::new(FakeRemotes { shops: Mutex::new(vec![shop.clone()]), erp: erp.clone() });
        let ports = Ports {
            state: hooked(state.clone(), &hooks, &epoch, &frozen),
            remotes: remotes.clone(),
            clock,
            random: Arc::new(Seeded(AtomicU64::new(7))),
            blind: Arc::new(FakeBlind),
            observer: Arc::new(Silent),
            timing: Timing::default(),
            about: About { build: "test", shopify_api: "2026-10" },
            routes: Arc::default(),
        };
        let connector = Connector::new(ports.clone(), Some("https://hooks.example.test".parse().unwrap()));
        let id = StoreId::parse("acme").unwrap();
        let workers = AtomicU64::new(0);
        World { hooks, shop, erp, remotes, ports, raw: state, connector, id, epoch, frozen, workers }
    }
}

/// The world.
pub(crate) struct World {
    pub(crate) hooks: Hooks,
    pub(crate) shop: Arc<FakeShop>,
    pub(crate) erp: Arc<FakeErp>,
    remotes: Arc<FakeRemotes>,
    pub(crate) ports: Ports,
    /// The state without hooks, for looking at it.
    pub(crate) raw: State,
    pub(crate) connector: Connector,
    pub(crate) id: StoreId,
    epoch: Epoch,
    frozen: Frozen,
    workers: AtomicU64,
}

/// A worker that ends with its handle.
pub(crate) struct Working {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
    hooks: Hooks,
}

impl Working {
    /// As kill -9 would: nothing of it runs on.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ended = self.task.await;
    }

    /// As SIGTERM would. A crash that was planned for a call of this very end kills it.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        let crashed = tokio::select! {
            ended = &mut self.task => {
                ended.unwrap();
                false
            }
            () = self.hooks.crashed() => true,
        };
        if crashed {
            self.kill().await;
        }
    }
}

impl World {
    pub(crate) fn request(&self, settings: Settings) -> ConnectRequest {
        ConnectRequest {
            shop: self.shop.domain.clone(),
            agreement: AgreementId::parse("nordlys").unwrap(),
            agreement_currency: None,
            credentials: ShopCredentials::ClientCredentials {
                client_id: "id".to_owned(),
                client_secret: SecretString::from("secret"),
            },
            rackbeat_token: SecretString::from("token"),
            settings,
            managed_by: ManagedBy::Api,
            desired: None,
        }
    }

    /// The same remotes, connected by a state that has just been found empty.
    pub(crate) async fn that_lost_its_state(&self) -> World {
        let clock = self.ports.clock.clone();
        let state = shopbeat_state::embedded(None, Sealing::generate().unwrap(), clock.clone()).unwrap();
        state.registry.epoch(clock.now()).await.unwrap();
        let (hooks, epoch, frozen) = (self.hooks.clone(), Epoch::default(), Frozen::default());
        let ports = Ports { state: hooked(state.clone(), &hooks, &epoch, &frozen), ..self.ports.clone() };
        let world = World {
            hooks,
            shop: self.shop.clone(),
            erp: self.erp.clone(),
            remotes: self.remotes.clone(),
            connector: Connector::new(ports.clone(), Some("https://hooks.example.test".parse().unwrap())),
            ports,
            raw: state,
            id: self.id.clone(),
            epoch,
            frozen,
            workers: AtomicU64::new(0),
        };
        let settings = self.raw.registry.store(&self.id).await.unwrap().unwrap().settings;
        world.connector.connect(world.request(settings)).await.unwrap();
        world
    }

    pub(crate) fn desk(&self) -> Desk {
        Desk::new(self.ports.clone())
    }

    pub(crate) fn reference(&self, order: OrderId) -> Reference {
        Reference::new(&self.id, order)
    }

    /// Starts a worker, each under a name of its own: `worker-0`, `worker-1` ...
    pub(crate) fn work(&self) -> Working {
        self.work_for(&self.id)
    }

    /// Starts a worker of another store.
    pub(crate) fn work_for(&self, store: &StoreId) -> Working {
        let shutdown = CancellationToken::new();
        let owner = format!("worker-{}", self.workers.fetch_add(1, Ordering::Relaxed));
        let task = tokio::spawn(worker::run(self.ports.clone(), store.clone(), owner, shutdown.clone()));
        Working { task, shutdown, hooks: self.hooks.clone() }
    }

    /// From now on this worker cannot renew its lease (`None` = all can).
    pub(crate) fn freeze(&self, owner: Option<&str>) {
        *self.frozen.0.lock().unwrap() = owner.map(ToOwned::to_owned);
    }

    /// Which worker has the store.
    pub(crate) async fn holder(&self) -> Option<String> {
        self.raw.leases.holder(&worker::lease_name(&self.id)).await.unwrap()
    }

    /// One more shop, not connected yet.
    pub(crate) fn add_shop(&self, domain: &str) -> Arc<FakeShop> {
        let shop = Arc::new(FakeShop::new(self.hooks.clone(), self.ports.clock.clone(), domain));
        self.remotes.shops.lock().unwrap().push(shop.clone());
        shop
    }

    /// Waits, at most a day, until this holds.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..24 * 3600 * 20 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within a day: {what}; calls: {:?}", self.hooks.calls());
    }

    /// A call from outside of the worker, by a sender who sends again until it is taken, as Shopify does: also where
    /// the process died under it.
    pub(crate) async fn sent<T>(&self, mut call: impl AsyncFnMut() -> Answer<T>) -> T {
        loop {
            let taken = tokio::select! {
                taken = call() => taken.ok(),
                () = self.hooks.crashed() => None,
            };
            if let Some(taken) = taken {
                return taken;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub(crate) async fn offer(&self, order: OrderId) {
        let offer = [Offer::order(order)];
        self.sent(async || self.ports.state.jobs.offer(&self.id, &offer, None, self.ports.now()).await).await;
    }

    pub(crate) async fn job(&self, order: OrderId) -> JobRecord {
        self.ports.state.jobs.job(&self.id, &Subject::Order(order)).await.unwrap().unwrap()
    }

    /// As if the state had been found empty at this moment.
    pub(crate) fn forget_everything_before(&self, epoch: Timestamp) {
        *self.epoch.0.lock().unwrap() = Some(epoch);
    }

    /// Like `settle`, after something that makes the job run once more.
    pub(crate) async fn settle_again(&self, order: OrderId) -> JobRecord {
        let before = self.job(order).await.settled;
        let working = self.work();
        while self.job(order).await.settled <= before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        working.kill().await;
        self.settle(order).await
    }

    /// Works until an order's job is at rest: settled and neither queued nor running. A planned crash kills the
    /// worker, and another goes on.
    pub(crate) async fn settle(&self, order: OrderId) -> JobRecord {
        let mut working = self.work();
        let at_rest = async {
            loop {
                let job = self.ports.state.jobs.job(&self.id, &Subject::Order(order)).await.unwrap();
                if let Some(job) = job
                    && job.settled > 0
                    && matches!(job.phase, JobPhase::Idle | JobPhase::Parked | JobPhase::Delayed)
                    && (job.phase != JobPhase::Delayed
                        || job.outcome != shopbeat_domain::job::Outcome::Pending)
                {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::pin!(at_rest);
        let bound = tokio::time::sleep(Duration::from_secs(24 * 3600));
        tokio::pin!(bound);
        loop {
            tokio::select! {
                job = &mut at_rest => {
                    working.kill().await;
                    return job;
                }
                () = self.hooks.crashed() => {
                    working.kill().await;
                    working = self.work();
                }
                () = &mut bound => panic!("not settled within a day; calls: {:?}", self.hooks.calls()),
            }
        }
    }

    /// What must hold whatever happened.
    pub(crate) async fn assert_invariants(&self) {
        let report = self.desk().report(&self.id).await.unwrap();
        for row in &report.ledger {
            assert!(row.adds_up(), "{row:?}");
        }
        let books = self.erp.books.lock().unwrap();
        let mut mails: Vec<&str> = books
            .customers
            .iter()
            .map(|(_, mail, _)| mail.as_str())
            .filter(|mail| !mail.is_empty())
            .collect();
        let all = mails.len();
        mails.sort_unstable();
        mails.dedup();
        assert_eq!(mails.len(), all, "one customer per e-mail address");
    }
}
