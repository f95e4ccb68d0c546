//! Meters of stock, products and the remotes' budgets.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use futures::{TryStreamExt as _, stream};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Family as Records, Heap, State};

/// So many stores are looked at side by side: one after the other, a thousand of them outlast a scrape.
const LOOKS_AT_ONCE: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    agreement: String,
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreLabels {
    store: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HeapLabels {
    owner: String,
    heap: &'static str,
}

type Shown = Gauge<i64, AtomicI64>;

#[derive(Debug)]
pub(super) struct GoodsMeters {
    calls: Family<CallLabels, Counter>,
    waited: Family<CallLabels, Counter<f64, AtomicU64>>,
    shop_calls: Family<StoreLabels, Counter>,
    shop_points: Family<StoreLabels, Counter<f64, AtomicU64>>,
    quantities: Family<StoreLabels, Counter>,
    freshness: Histogram,
    stale: Family<StoreLabels, Counter>,
    heaps: Family<HeapLabels, Shown>,
    troubles: Family<StoreLabels, Shown>,
    product_troubles: Family<StoreLabels, Shown>,
    drift: Family<StoreLabels, Shown>,
}

/// From a twentieth of a second to a quarter of an hour: an event is told within a second, a sweep within minutes.
const FRESHNESS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 180.0, 600.0, 900.0];

impl GoodsMeters {
    pub(super) fn new() -> Self {
        Self {
            calls: Family::default(),
            waited: Family::default(),
            shop_calls: Family::default(),
            shop_points: Family::default(),
            quantities: Family::default(),
            freshness: Histogram::new(FRESHNESS),
            stale: Family::default(),
            heaps: Family::default(),
            troubles: Family::default(),
            product_troubles: Family::default(),
            drift: Family::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("rackbeat_calls", "Calls to Rackbeat by agreement and lane", self.calls.clone());
        registry.register(
            "rackbeat_waited_seconds",
            "Time that calls waited for their place in Rackbeat's budget",
            self.waited.clone(),
        );
        registry.register("shopify_calls", "Answered calls to Shopify by store", self.shop_calls.clone());
        registry.register(
            "shopify_points",
            "Points of a shop's budget that the calls were charged",
            self.shop_points.clone(),
        );
        registry.register("stock_quantities", "Quantities written to shops", self.quantities.clone());
        registry.register(
            "stock_freshness_seconds",
            "From a change in Rackbeat, told or found, until it stands in a shop",
            self.freshness.clone(),
        );
        registry.register(
            "stock_stale",
            "Items that showed another quantity than was thought",
            self.stale.clone(),
        );
        registry.register(
            "waiting_items",
            "Things that changed and wait, by store or agreement",
            self.heaps.clone(),
        );
        registry.register("stock_troubles", "Items whose quantity is not sent", self.troubles.clone());
        registry.register(
            "product_troubles",
            "Products that are not carried, or not whole",
            self.product_troubles.clone(),
        );
        registry.register("drift_fields", "Fields edited on the side that is not master", self.drift.clone());
    }

    pub(super) fn rackbeat_called(&self, agreement: &AgreementId, lane: Lane, waited: Duration) {
        let labels = CallLabels { agreement: agreement.to_string(), lane: lane.name() };
        self.calls.get_or_create(&labels).inc();
        self.waited.get_or_create(&labels).inc_by(waited.as_secs_f64());
    }

    /// `milli`: thousandths of a point.
    pub(super) fn shopify_called(&self, store: &StoreId, milli: u64) {
        self.shop_calls.get_or_create(&of(store)).inc();
        let points = Duration::from_millis(milli).as_secs_f64();
        self.shop_points.get_or_create(&of(store)).inc_by(points);
    }

    pub(super) fn stock_written(&self, store: &StoreId, quantities: usize) {
        let quantities = u64::try_from(quantities).unwrap_or(u64::MAX);
        self.quantities.get_or_create(&of(store)).inc_by(quantities);
    }

    pub(super) fn stock_told(&self, took: Duration) {
        self.freshness.observe(took.as_secs_f64());
    }

    pub(super) fn stock_stale(&self, store: &StoreId, items: usize) {
        self.stale.get_or_create(&of(store)).inc_by(u64::try_from(items).unwrap_or(u64::MAX));
    }

    /// Looks how much waits and what hinders, just before it is shown: of all connected stores.
    pub(super) async fn look(&self, state: &State) -> Answer<()> {
        let mut stores = state.registry.stores().await?;
        stores.retain(|store| store.is_connected());
        for gauges in [&self.troubles, &self.product_troubles, &self.drift] {
            gauges.clear();
        }
        self.heaps.clear();
        let mut agreements: Vec<AgreementId> = stores.iter().map(|store| store.agreement.clone()).collect();
        agreements.sort();
        agreements.dedup();
        let agreements = stream::iter(agreements.into_iter().map(Ok));
        agreements.try_for_each_concurrent(LOOKS_AT_ONCE, |id| self.look_at_agreement(state, id)).await?;
        let stores = stream::iter(stores.into_iter().map(|store| Ok(store.id)));
        stores.try_for_each_concurrent(LOOKS_AT_ONCE, |id| self.look_at_store(state, id)).await
    }

    async fn look_at_agreement(&self, state: &State, id: AgreementId) -> Answer<()> {
        let owner = id.to_string();
        self.heap(state, &owner, "agreement_stock", &Heap::AgreementStock(id.clone())).await?;
        self.heap(state, &owner, "agreement_products", &Heap::AgreementProducts(id)).await
    }

    async fn look_at_store(&self, state: &State, id: StoreId) -> Answer<()> {
        let owner = id.to_string();
        self.heap(state, &owner, "store_stock", &Heap::StoreStock(id.clone())).await?;
        self.heap(state, &owner, "store_products", &Heap::StoreProducts(id.clone())).await?;
        self.heap(state, &owner, "shop_products", &Heap::ShopProducts(id.clone())).await?;
        let troubles = state.records.count(&Records::StockTrouble(id.clone())).await?;
        self.troubles.get_or_create(&of(&id)).set(shown(troubles));
        let products = state.records.count(&Records::ProductTrouble(id.clone())).await?;
        self.product_troubles.get_or_create(&of(&id)).set(shown(products));
        let drift = state.records.count(&Records::Drift(id.clone())).await?;
        self.drift.get_or_create(&of(&id)).set(shown(drift));
        Ok(())
    }

    async fn heap(&self, state: &State, owner: &str, name: &'static str, heap: &Heap) -> Answer<()> {
        let count = state.heaps.count(heap).await?;
        let labels = HeapLabels { owner: owner.to_owned(), heap: name };
        self.heaps.get_or_create(&labels).set(shown(count));
        Ok(())
    }
}

fn of(store: &StoreId) -> StoreLabels {
    StoreLabels { store: store.to_string() }
}

fn shown(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
