//! One test's world: the sandbox, the state, the service, its workers, and what is expected of each order.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::Method;
use rust_decimal::Decimal;
use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::catalog::{Catalog, generated};
use shopbeat_sandbox::rackbeat::RackbeatSim;
use shopbeat_sandbox::shopify::{OrderSpec, OrderTruth, ShopSpec, ShopifySim};
use shopbeat_sandbox::{Sandbox, SandboxConfig};
use tempfile::TempDir;

use crate::books::Expect;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::service::{Api, Service, StateAt};
use crate::settings::{FREIGHT, ROUNDING, settings};

/// How a world is made.
pub struct Plan {
    /// The two remotes.
    pub sandbox: SandboxConfig,
    /// Handles of the shops.
    pub shops: Vec<&'static str>,
    /// What each shop sells.
    pub catalog: Catalog,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// Where the state lives; an address is filled in.
    pub state: StateAt,
    /// Whether a proxy that can be cut stands before Redis.
    pub proxied: bool,
    /// Whether Rackbeat has all products, with plenty of stock, from the start.
    pub stocked: bool,
    /// More arguments of `serve`.
    pub args: Vec<&'static str>,
    /// More environment.
    pub env: Vec<(&'static str, String)>,
}

impl Plan {
    /// One shop, `fjeld`, of sixty variants that Rackbeat knows; no limits; embedded state in memory.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            sandbox: SandboxConfig { seed, limits: false, ..SandboxConfig::default() },
            shops: vec!["fjeld"],
            catalog: generated(60, seed),
            taxes_included: true,
            state: StateAt::Memory,
            proxied: false,
            stocked: true,
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    /// The same on a real Redis, with workers that are processes of their own.
    #[must_use]
    pub fn on_redis(mut self) -> Self {
        self.state = StateAt::Redis(([127, 0, 0, 1], 0).into());
        self
    }
}

/// A test's world. [`World::finish`] must be called: it holds what must always hold.
pub struct World {
    /// The remotes.
    pub sandbox: Sandbox,
    /// The state's server, if there is one.
    pub redis: Option<Redis>,
    /// What stands before it, if anything does.
    pub proxy: Option<Proxy>,
    /// How the service is called.
    pub service: Service,
    /// The service.
    pub process: Process,
    /// Workers that are processes of their own, by store.
    pub workers: BTreeMap<String, Process>,
    /// The API.
    pub api: Api,
    pub(crate) expected: BTreeMap<(String, u64), Expect>,
    pub(crate) connected: Vec<String>,
    pub(crate) finished: bool,
    // Last, so that it goes last.
    _dir: TempDir,
}

impl World {
    /// Starts everything; no store is connected yet.
    ///
    /// # Panics
    /// When anything does not start.
    pub async fn start(plan: Plan) -> Self {
        let seed = plan.sandbox.seed;
        eprintln!("seed {seed}");
        let dir = tempfile::tempdir().expect("a directory can be made");
        let sandbox = Sandbox::start(plan.sandbox).await.expect("the sandbox starts");
        for handle in &plan.shops {
            let mut shop = ShopSpec::new(handle, plan.catalog.clone());
            shop.taxes_included = plan.taxes_included;
            sandbox.shopify().add_shop(shop);
        }
        let (mut state, mut redis, mut proxy) = (plan.state, None, None);
        if let StateAt::Redis(_) = state {
            let server = Redis::start().await;
            let link = if plan.proxied { Some(Proxy::start(server.address()).await) } else { None };
            state = StateAt::Redis(link.as_ref().map_or(server.address(), Proxy::address));
            (redis, proxy) = (Some(server), link);
        }
        let mut service = Service::new(state, dir.path().to_owned());
        service.args = plan.args.iter().map(|arg| (*arg).to_owned()).collect();
        service.env = environment(&sandbox);
        service.env.extend(plan.env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let process = service.serve().await;
        let api = service.api();
        let world = Self {
            sandbox,
            redis,
            proxy,
            service,
            process,
            workers: BTreeMap::new(),
            api,
            expected: BTreeMap::new(),
            connected: Vec::new(),
            finished: false,
            _dir: dir,
        };
        world.fill_rackbeat(plan.stocked);
        world
    }

    fn fill_rackbeat(&self, stocked: bool) {
        for account in self.rackbeat().account_ids() {
            assert!(self.rackbeat().add_service(account, FREIGHT, "Freight", Decimal::ZERO));
            let rounding = json!({ "number": ROUNDING, "name": "Rounding", "group": 5, "sales_price": 0 });
            let (status, _) = self.rackbeat().act(account, Method::POST, "/products", rounding);
            assert_eq!(status, 201, "the rounding product is made");
            if stocked {
                for shop in self.shopify().shops() {
                    for offer in self.shopify().offers(&shop).expect("the shop is there") {
                        let (price, stock) = (offer.price / Decimal::new(125, 2), Decimal::from(100_000));
                        let price = price.round_dp(2);
                        // Two shops may sell the same.
                        self.rackbeat().add_product(account, &offer.sku, &offer.title, price, stock);
                    }
                }
            }
        }
    }

    /// The simulated Shopify.
    #[must_use]
    pub fn shopify(&self) -> &ShopifySim {
        self.sandbox.shopify()
    }

    /// The simulated Rackbeat.
    #[must_use]
    pub fn rackbeat(&self) -> &RackbeatSim {
        self.sandbox.rackbeat()
    }

    /// The first account of Rackbeat.
    #[must_use]
    pub fn account(&self) -> i64 {
        self.rackbeat().account_ids().first().copied().unwrap_or_default()
    }

    /// A request that connects a shop of the sandbox to its first account.
    #[must_use]
    pub fn connect_request(&self, handle: &str, settings: v1::Settings) -> v1::ConnectStoreRequest {
        let credentials = v1::ClientCredentials {
            client_id: format!("client-{handle}"),
            client_secret: format!("shpss_{handle}"),
        };
        v1::ConnectStoreRequest {
            shop: format!("{handle}.myshopify.com"),
            agreement_id: "nordlys".to_owned(),
            credentials: Some(v1::connect_store_request::Credentials::ClientCredentials(credentials)),
            rackbeat_token: self.rackbeat().tokens(self.account()).first().cloned().unwrap_or_default(),
            settings: Some(settings),
            agreement_currency: String::new(),
            ..v1::ConnectStoreRequest::default()
        }
    }

    /// Connects a shop with the usual settings.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&mut self, handle: &str) -> v1::ConnectStoreResponse {
        self.connect_with(handle, settings()).await
    }

    /// Connects a shop.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect_with(&mut self, handle: &str, settings: v1::Settings) -> v1::ConnectStoreResponse {
        let request = self.connect_request(handle, settings);
        self.connect_by(request).await
    }

    /// Connects a shop by a request of its own.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect_by(&mut self, request: v1::ConnectStoreRequest) -> v1::ConnectStoreResponse {
        let handle = request.shop.trim_end_matches(".myshopify.com").to_owned();
        let answer = self.api.connect_store(request).await.expect("the store is connected").into_inner();
        if !self.connected.contains(&handle) {
            self.connected.push(handle);
        }
        answer
    }

    /// A store that somebody else connected counts like one that this world did.
    pub fn connected_by_another(&mut self, handle: &str) {
        if !self.connected.iter().any(|known| known == handle) {
            self.connected.push(handle.to_owned());
        }
    }

    /// A store whose books are closed: it was held to them, and disconnected since.
    pub fn disconnected_by_another(&mut self, handle: &str) {
        self.connected.retain(|known| known != handle);
    }

    /// Starts a worker of a store, in place of the one before.
    pub fn start_worker(&mut self, handle: &str) {
        let worker = self.service.worker(handle);
        self.workers.insert(handle.to_owned(), worker);
    }

    /// Kills the service and starts it again; it is ready then.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = self.service.serve().await;
    }

    /// The next ordinary order of a shop, not placed yet.
    ///
    /// # Panics
    /// When there is no such shop.
    #[must_use]
    pub fn spec(&self, handle: &str) -> OrderSpec {
        self.shopify().ordinary_order(&domain(handle)).expect("the shop is there")
    }

    /// Places an order, not paid yet.
    ///
    /// # Panics
    /// When there is no such shop.
    pub fn place(&self, handle: &str, spec: &OrderSpec) -> u64 {
        self.shopify().place_order(&domain(handle), spec).expect("the shop is there")
    }

    /// Places an order and pays it.
    ///
    /// # Panics
    /// When there is no such shop.
    pub fn buy(&self, handle: &str, spec: &OrderSpec) -> u64 {
        let order = self.place(handle, spec);
        self.pay(handle, order);
        order
    }

    /// Pays an order, unless there is nothing to pay.
    ///
    /// # Panics
    /// When there is no such order.
    pub fn pay(&self, handle: &str, order: u64) {
        if self.truth(handle, order).order.financial_status() != "PAID" {
            self.shopify().pay(&domain(handle), order).expect("the order can be paid");
        }
    }

    /// Buys so many ordinary orders.
    pub fn buy_many(&self, handle: &str, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.buy(handle, &self.spec(handle))).collect()
    }

    /// An order as Shopify knows it.
    ///
    /// # Panics
    /// When there is no such order.
    #[must_use]
    pub fn truth(&self, handle: &str, order: u64) -> OrderTruth {
        self.shopify().order(&domain(handle), order).expect("the order is there")
    }

    /// Says what must become of an order; of all others it is expected that they are transferred.
    pub fn expect(&mut self, handle: &str, order: u64, what: Expect) {
        self.expected.insert((handle.to_owned(), order), what);
    }

    /// Says of several orders that one of them, or all, may end so.
    pub fn expect_all(&mut self, handle: &str, orders: &[u64], what: &Expect) {
        for order in orders {
            self.expect(handle, *order, what.clone());
        }
    }

    /// What is known of a store.
    ///
    /// # Panics
    /// When the service does not tell.
    pub async fn store(&mut self, handle: &str) -> v1::GetStoreResponse {
        let request = v1::GetStoreRequest { store_id: handle.to_owned(), ..v1::GetStoreRequest::default() };
        self.api.get_store(request).await.expect("the store is known").into_inner()
    }

    /// A meter of the service by its name and labels; 0 if it does not show it.
    ///
    /// # Panics
    /// When the service does not answer.
    pub async fn meter(&self, name: &str) -> u64 {
        let answer = self.service.web().get("/metrics").await.expect("the service answers");
        let value = answer.text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// What is known of an order.
    ///
    /// # Errors
    /// The service's.
    pub async fn transfer(&mut self, handle: &str, order: u64) -> Result<v1::Transfer, tonic::Status> {
        let order = Some(v1::get_transfer_request::Order::OrderId(order));
        let request = v1::GetTransferRequest { store_id: handle.to_owned(), order };
        let answer = self.api.get_transfer(request).await?.into_inner();
        Ok(answer.transfer.expect("a transfer is told"))
    }

    /// Asks to transfer an order and waits for it.
    ///
    /// # Errors
    /// The service's.
    pub async fn transfer_now(
        &mut self,
        handle: &str,
        order: u64,
        force: bool,
    ) -> Result<v1::TransferOrderResponse, tonic::Status> {
        let order = Some(v1::transfer_order_request::Order::OrderId(order));
        let message = v1::TransferOrderRequest { store_id: handle.to_owned(), order, force };
        let mut request = tonic::Request::new(message);
        request.set_timeout(Duration::from_secs(20));
        Ok(self.api.transfer_order(request).await?.into_inner())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test must end with World::finish");
    }
}

/// A shop's domain.
pub(crate) fn domain(handle: &str) -> String {
    format!("{handle}.myshopify.com")
}

/// Where the remotes are; a short lease, so that a killed worker's store is soon taken over; no pace, as the
/// sandbox lifts its limits, too.
fn environment(sandbox: &Sandbox) -> Vec<(String, String)> {
    let pairs = [
        ("SHOPBEAT_SHOPIFY_URL", sandbox.shopify_url()),
        ("SHOPBEAT_RACKBEAT_URL", sandbox.rackbeat_url()),
        ("SHOPBEAT_LEASE_SECONDS", "3".to_owned()),
        ("SHOPBEAT_RACKBEAT_UNPACED", (!sandbox.core().limits).to_string()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
}
