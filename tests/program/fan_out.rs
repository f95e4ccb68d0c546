//! One agreement, many shops: whatever happens to it, in the end every shop shows what Rackbeat has, and no quantity
//! was written more often than something changed it.
//!
//! Small in the ordinary run, under the remotes' real limits; `tests/run fan-out` runs it with ten stores and two
//! thousand items for a minute. `SHOPBEAT_TEST_SEED` tries another course of events.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::generated;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_sandbox::rackbeat::HookScript;
use shopbeat_sandbox::seed::Seeded;
use shopbeat_sandbox::shopify::DeliveryOptions;
use shopbeat_tests::{Ledger, Plan, World, seed, until};
use tokio::time::{MissedTickBehavior, interval};

const SHOPS: [&str; 10] =
    ["fjeld", "skov", "strand", "vidde", "elv", "holme", "klippe", "lyng", "mose", "tinde"];

struct Size {
    stores: usize,
    items: usize,
    /// So long it storms.
    storm: Duration,
    /// Between two things that happen.
    tick: Duration,
    /// Processes of their own for the stores' workers; else one crew in the service.
    processes: bool,
    limits: bool,
    /// Among few calls they must be more frequent to be any at all.
    mishaps: u32,
    /// So long it may take until all is even again.
    patience: Duration,
}

fn size() -> Size {
    if std::env::var("SHOPBEAT_TEST_FAN_OUT").is_ok_and(|size| size == "full") {
        return Size {
            stores: 10,
            items: 2_000,
            storm: Duration::from_secs(60),
            tick: Duration::from_millis(25),
            processes: false,
            limits: false,
            mishaps: 1,
            patience: Duration::from_secs(300),
        };
    }
    Size {
        stores: 3,
        items: 100,
        storm: Duration::from_secs(15),
        tick: Duration::from_millis(150),
        processes: true,
        limits: true,
        mishaps: 4,
        patience: Duration::from_secs(180),
    }
}

/// How often something happened that may change a quantity.
#[derive(Default)]
struct Happened {
    /// To an item, in all shops.
    everywhere: BTreeMap<String, usize>,
    /// To an item in one shop.
    there: BTreeMap<(&'static str, String), usize>,
    counts: usize,
    /// Lines of orders, each an item in all shops.
    lines: usize,
    edits: usize,
    orders: usize,
    kills: usize,
}

impl Happened {
    /// An order is held, then in Rackbeat's orders, then held no more: three moments, of which each may be read.
    const MOMENTS_OF_AN_ORDER: usize = 3;

    fn may_be_written(&self, shop: &'static str, sku: &str) -> usize {
        // And once at the begin.
        1 + self.everywhere.get(sku).copied().unwrap_or_default()
            + self.there.get(&(shop, sku.to_owned())).copied().unwrap_or_default()
    }
}

struct Storm {
    world: World,
    shops: Vec<&'static str>,
    skus: Vec<String>,
    /// Inventory items by shop and SKU, and the shop's location.
    items: BTreeMap<(&'static str, String), (u64, u64)>,
    draw: Seeded,
    happened: Happened,
    processes: bool,
}

impl Storm {
    async fn begin(size: &Size, seed: u64) -> Self {
        let shops = SHOPS[..size.stores].to_vec();
        let sandbox = SandboxConfig { seed, limits: size.limits, ..SandboxConfig::default() };
        let args = if size.processes { Vec::new() } else { vec!["--workers", "in-process"] };
        let catalog = generated(size.items, seed);
        // A call waits for its place in the budget, but not longer than a third of this.
        let env = vec![("SHOPBEAT_LEASE_SECONDS", "9".to_owned())];
        let plan = Plan { sandbox, shops: shops.clone(), catalog, args, env, ..Plan::new(seed).on_redis() };
        let mut world = World::start(plan).await;
        let skus: Vec<String> = world.shelf(shops[0]).into_keys().collect();
        assert_eq!(skus.len(), size.items);
        let mut draw = Seeded::labelled(seed, "fan-out");
        for sku in &skus {
            world.count(sku, 1 + i64::try_from(draw.below(60)).unwrap());
        }
        let mut items = BTreeMap::new();
        for shop in &shops {
            let location = world.location(shop);
            for (sku, row) in world.shelf(shop) {
                items.insert((*shop, sku), (row.item, location));
            }
            let settings = world.stocked(shop);
            world.connect_stocked(shop, settings).await;
            if size.processes {
                world.start_worker(shop);
            }
        }
        world.even(&shops, size.patience).await;
        let happened = Happened::default();
        Self { world, shops, skus, items, draw, happened, processes: size.processes }
    }

    fn sku(&mut self) -> String {
        // Some items are busier than others.
        let among = if self.draw.chance(300_000) { 8 } else { self.skus.len() };
        self.skus[self.draw.index(among)].clone()
    }

    fn shop(&mut self) -> &'static str {
        self.shops[self.draw.index(self.shops.len())]
    }

    fn something_happens(&mut self) {
        match self.draw.below(20) {
            0..=9 => self.count(),
            10..=12 => self.receive(),
            13..=16 => self.edit(),
            _ => self.buy(),
        }
    }

    fn count(&mut self) {
        let (sku, quantity) = (self.sku(), self.draw.below(60));
        let account = self.world.account();
        if self.world.rackbeat().set_stock(account, &sku, 1, Decimal::from(quantity)) {
            *self.happened.everywhere.entry(sku).or_default() += 1;
            self.happened.counts += 1;
        }
    }

    fn receive(&mut self) {
        let (sku, quantity) = (self.sku(), 1 + self.draw.below(5));
        let account = self.world.account();
        assert!(self.world.rackbeat().receive(account, &sku, 1, Decimal::from(quantity)));
        *self.happened.everywhere.entry(sku).or_default() += 1;
        self.happened.counts += 1;
    }

    fn edit(&mut self) {
        let (shop, sku) = (self.shop(), self.sku());
        let quantity = i64::try_from(self.draw.below(90)).unwrap();
        let (item, location) = self.items[&(shop, sku.clone())];
        let domain = format!("{shop}.myshopify.com");
        let before = self.world.shopify().level(&domain, item, location).unwrap().available;
        if before != quantity {
            self.world.shopify().set_quantity(&domain, item, location, quantity).unwrap();
            *self.happened.there.entry((shop, sku)).or_default() += 1;
            self.happened.edits += 1;
        }
    }

    fn buy(&mut self) {
        let shop = self.shop();
        let spec = self.world.spec(shop);
        for sku in spec.lines.iter().filter_map(|line| line.sku.clone()) {
            *self.happened.everywhere.entry(sku).or_default() += Happened::MOMENTS_OF_AN_ORDER;
            self.happened.lines += 1;
        }
        self.world.buy(shop, &spec);
        self.happened.orders += 1;
    }

    /// The service, a worker or the state is killed and comes back.
    async fn kill(&mut self, nth: usize) {
        self.happened.kills += 1;
        match nth % 3 {
            1 => {
                let redis = self.world.redis.as_mut().unwrap();
                redis.kill();
                redis.restart().await;
            }
            2 if self.processes => self.world.restart().await,
            _ if self.processes => {
                let shop = self.shop();
                self.world.workers.get_mut(shop).unwrap().kill();
                self.world.start_worker(shop);
            }
            _ => self.world.restart().await,
        }
    }

    async fn rage(&mut self, size: &Size) {
        mishaps(&self.world, size.mishaps);
        let begun = Instant::now();
        let mut kills = 0;
        let mut ticks = interval(size.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while begun.elapsed() < size.storm {
            ticks.tick().await;
            self.something_happens();
            if begun.elapsed() > size.storm * (kills + 1) / 5 {
                self.kill(usize::try_from(kills).unwrap()).await;
                kills += 1;
            }
        }
        calm(&self.world).await;
    }

    /// What no webhook told is looked for, as it is on timers that a test cannot wait for.
    async fn look_again(&mut self) {
        if self.processes {
            for shop in self.shops.clone() {
                self.world.workers.get_mut(shop).unwrap().kill();
                self.world.start_worker(shop);
            }
        } else {
            self.world.restart().await;
        }
        self.world.refresh("").await;
    }

    fn judge(&self, ledgers: &[Ledger]) {
        let (mut written, mut wrong) = (0, Vec::new());
        for shop in &self.shops {
            for (sku, times) in self.world.quantities_written(shop) {
                let most = self.happened.may_be_written(shop, &sku);
                written += times;
                if times > most {
                    wrong.push(format!("{shop} {sku}: written {times} times, changed {most} times"));
                }
            }
        }
        let traffic = self.world.rackbeat().traffic(self.world.account());
        let Happened { counts, lines, edits, orders, kills, .. } = &self.happened;
        // Over all, an order is one cause, and so is the begin.
        let causes = self.shops.len() * (self.skus.len() + counts + lines) + edits;
        eprintln!(
            "{counts} changes in Rackbeat, {edits} edits by merchants, {orders} orders of {lines} lines, {kills} kills, \
             {} faults; {written} quantities written for {causes} causes; {} calls to Rackbeat, at most {} in a \
             minute, {} throttled",
            self.world.sandbox.core().faults.struck(),
            traffic.total,
            traffic.busiest_minute,
            traffic.throttled,
        );
        assert_eq!(ledgers.iter().map(|ledger| ledger.pending + ledger.parked).sum::<u64>(), 0);
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(written <= causes, "{written} quantities were written for {causes} causes");
        assert_eq!(traffic.throttled, 0, "Rackbeat's limit was passed: {traffic:?}");
    }
}

/// Answers are lost after the write, calls before it; both remotes refuse now and then; webhooks come twice, late, not
/// at all.
fn mishaps(world: &World, times: u32) {
    let rule =
        |remote, route: &str, ppm: u32, what| Rule::new(remote, route, When::Probability(ppm * times), what);
    for rule in [
        rule(Remote::Rackbeat, "POST /orders", 15_000, Fault::CloseAfter),
        rule(Remote::Rackbeat, "*", 4_000, Fault::CloseBefore),
        rule(Remote::Rackbeat, "*", 4_000, Fault::Status(503, None)),
        rule(Remote::Rackbeat, "*", 3_000, Fault::Status(429, Some(1))),
        rule(Remote::Rackbeat, "*", 2_000, Fault::Truncated),
        rule(Remote::Shopify, "*", 5_000, Fault::CloseAfter),
        rule(Remote::Shopify, "*", 5_000, Fault::Status(503, None)),
        rule(Remote::Shopify, "*", 3_000, Fault::Status(429, Some(1))),
    ] {
        world.sandbox.core().faults.add(rule);
    }
    world.shopify().set_delivery(DeliveryOptions {
        duplicate_ppm: 100_000,
        reorder_ppm: 50_000,
        drop_ppm: 30_000,
        remove_failing: false,
        ..DeliveryOptions::default()
    });
    world.rackbeat().set_hook_script(HookScript {
        duplicates_ppm: 100_000,
        dropped_ppm: 50_000,
        delay: Duration::from_millis(200),
        ..HookScript::default()
    });
}

/// Nothing goes wrong any more, and all that is on its way arrives.
async fn calm(world: &World) {
    world.sandbox.core().faults.clear();
    world.shopify().set_delivery(DeliveryOptions { remove_failing: false, ..DeliveryOptions::default() });
    world.rackbeat().set_hook_script(HookScript::default());
    world.shopify().settled().await;
    until("Rackbeat's webhooks are through", Duration::from_secs(60), async || {
        let counts = world.rackbeat().hook_counts();
        if counts.pending == 0 { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_every_shop_shows_what_rackbeat_has_and_nothing_was_written_without_a_cause() {
    let (size, seed) = (size(), seed(211));
    let mut storm = Storm::begin(&size, seed).await;
    storm.rage(&size).await;
    storm.look_again().await;
    let calmed = Instant::now();
    let mut ledgers = Vec::new();
    for shop in storm.shops.clone() {
        ledgers.push(storm.world.settled(shop, size.patience).await);
    }
    storm.world.even(&storm.shops, size.patience).await;
    eprintln!("even again after {:?}", calmed.elapsed());
    storm.judge(&ledgers);
    storm.world.finish(size.patience).await;
}
