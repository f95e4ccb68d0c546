//! What `/metrics` shows, `shopbeat_<noun>_<unit>[_total]`. Labels have few values: never an order, a shop's text
//! or a caller.

mod goods;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::job::{JobCounts, Lane, Verdict};
use shopbeat_domain::ports::{Answer, State};
use shopbeat_engine::observe::Observer;
use tonic::Code;

use goods::GoodsMeters;

/// What became of a delivered webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookOutcome {
    /// Durably queued.
    Queued,
    /// Seen before.
    Repeat,
    /// Genuine, and acted on without a job (uninstalled, a product in Rackbeat, a privacy request).
    Handled,
    /// Genuine, of a topic nobody listens to.
    Unused,
    /// Signature or token is not good, or there is no such store or agreement.
    Forged,
    /// Signed for another shop than the address says.
    WrongShop,
    /// Genuine, but without what its topic must have.
    Malformed,
    /// Too large.
    Oversized,
    /// The state was away; the sender sends again.
    StateAway,
}

impl WebhookOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Repeat => "repeat",
            Self::Handled => "handled",
            Self::Unused => "unused",
            Self::Forged => "forged",
            Self::WrongShop => "wrong_shop",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::StateAway => "state_away",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    remote: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RpcLabels {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    lane: &'static str,
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    remote: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    store: String,
    phase: &'static str,
}

/// The meters of one process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Meters>);

#[derive(Debug)]
struct Meters {
    registry: Registry,
    webhooks: Family<WebhookLabels, Counter>,
    webhook_seconds: Histogram,
    rpcs: Family<RpcLabels, Counter>,
    rpc_seconds: Histogram,
    jobs: Family<JobLabels, Counter>,
    job_seconds: Histogram,
    failures: Family<FailureLabels, Counter>,
    swept_orders: Counter,
    swept_jobs: Counter,
    queue: Family<QueueLabels, Gauge<i64, AtomicI64>>,
    goods: GoodsMeters,
}

/// From half a millisecond to half a minute.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Fresh meters.
    #[must_use]
    pub fn new() -> Self {
        let mut meters = Meters {
            registry: Registry::with_prefix("shopbeat"),
            webhooks: Family::default(),
            webhook_seconds: Histogram::new(SECONDS),
            rpcs: Family::default(),
            rpc_seconds: Histogram::new(SECONDS),
            jobs: Family::default(),
            job_seconds: Histogram::new(SECONDS),
            failures: Family::default(),
            swept_orders: Counter::default(),
            swept_jobs: Counter::default(),
            queue: Family::default(),
            goods: GoodsMeters::new(),
        };
        meters.register();
        Self(Arc::new(meters))
    }

    /// A webhook was answered.
    pub fn webhook(&self, remote: Remote, outcome: WebhookOutcome, took: Duration) {
        self.0
            .webhooks
            .get_or_create(&WebhookLabels { remote: remote_name(remote), outcome: outcome.name() })
            .inc();
        self.0.webhook_seconds.observe(took.as_secs_f64());
    }

    /// A call of the API was answered.
    pub fn rpc(&self, rpc: &'static str, code: Code, took: Duration) {
        self.0.rpcs.get_or_create(&RpcLabels { rpc, code: code_name(code) }).inc();
        self.0.rpc_seconds.observe(took.as_secs_f64());
    }

    /// Sets the queue lengths of a store, just before they are shown.
    pub fn queue(&self, store: &StoreId, counts: JobCounts) {
        let JobCounts { ready, delayed, claimed, parked } = counts;
        for (phase, count) in
            [("ready", ready), ("delayed", delayed), ("claimed", claimed), ("parked", parked)]
        {
            let labels = QueueLabels { store: store.to_string(), phase };
            self.0.queue.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A call was about to be sent to Rackbeat, after it had waited so long for its place in the budget.
    pub fn rackbeat_called(&self, agreement: &AgreementId, lane: Lane, waited: Duration) {
        self.0.goods.rackbeat_called(agreement, lane, waited);
    }

    /// A shop answered a call; what it was charged, in thousandths of a point.
    pub fn shopify_called(&self, store: &StoreId, milli: u64) {
        self.0.goods.shopify_called(store, milli);
    }

    /// Looks how much waits and what hinders, just before it is shown.
    ///
    /// # Errors
    /// When the state is away: then the rest is shown as it is.
    pub async fn look(&self, state: &State) -> Answer<()> {
        self.0.goods.look(state).await
    }

    /// Forgets all queue lengths, so that no store that is gone is shown.
    pub fn forget_queues(&self) {
        self.0.queue.clear();
    }

    /// All meters in the OpenMetrics text format.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Meters {
    fn register(&mut self) {
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let registry = &mut self.registry;
        registry.register("build", "What runs", build);
        registry.register("webhooks", "Deliveries by remote and outcome", self.webhooks.clone());
        registry.register("webhook_seconds", "Time to answer a delivery", self.webhook_seconds.clone());
        registry.register("rpcs", "Calls of the API by name and code", self.rpcs.clone());
        registry.register("rpc_seconds", "Time until the answer of a call begins", self.rpc_seconds.clone());
        registry.register("jobs", "Jobs that ended, by lane and verdict", self.jobs.clone());
        registry.register("job_seconds", "Time a job took", self.job_seconds.clone());
        registry.register("failures", "Failed calls by remote and kind", self.failures.clone());
        registry.register("swept_orders", "Orders that sweeps read", self.swept_orders.clone());
        registry.register(
            "swept_jobs",
            "Orders that no webhook brought, found by sweeps",
            self.swept_jobs.clone(),
        );
        registry.register("queue_jobs", "Jobs by store and phase", self.queue.clone());
        self.goods.register(registry);
    }
}

impl Observer for Metrics {
    fn job_settled(&self, _: &StoreId, lane: Lane, verdict: &Verdict, took: Duration) {
        let verdict = match verdict {
            Verdict::Done { .. } => "done",
            Verdict::Later { .. } => "later",
            Verdict::Parked(_) => "parked",
        };
        self.0.jobs.get_or_create(&JobLabels { lane: lane.name(), verdict }).inc();
        self.0.job_seconds.observe(took.as_secs_f64());
    }

    fn call_failed(&self, _: &StoreId, failure: &Failure) {
        let kind = match failure.kind {
            FailureKind::Busy { .. } => "busy",
            FailureKind::Unreachable => "unreachable",
            FailureKind::Unanswered => "unanswered",
            FailureKind::Refused(_) => "refused",
            FailureKind::Missing => "missing",
            FailureKind::Conflict => "conflict",
            FailureKind::Garbled => "garbled",
            FailureKind::Unauthorized(_) => "unauthorized",
        };
        self.0.failures.get_or_create(&FailureLabels { remote: remote_name(failure.remote), kind }).inc();
    }

    fn swept(&self, _: &StoreId, read: u64, queued: u64) {
        self.0.swept_orders.inc_by(read);
        self.0.swept_jobs.inc_by(queued);
    }

    fn stock_written(&self, store: &StoreId, quantities: usize) {
        self.0.goods.stock_written(store, quantities);
    }

    fn stock_told(&self, _: &StoreId, took: Duration) {
        self.0.goods.stock_told(took);
    }

    fn stock_stale(&self, store: &StoreId, items: usize) {
        self.0.goods.stock_stale(store, items);
    }
}

fn remote_name(remote: Remote) -> &'static str {
    match remote {
        Remote::Shopify => "shopify",
        Remote::Rackbeat => "rackbeat",
        Remote::State => "state",
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use shopbeat_domain::ports::Heap;
    use shopbeat_domain::store::Store;

    use super::*;

    #[test]
    fn what_was_counted_is_shown_under_its_name() {
        let metrics = Metrics::new();
        metrics.webhook(Remote::Shopify, WebhookOutcome::Forged, Duration::from_millis(1));
        metrics.rpc("GetStore", Code::NotFound, Duration::from_millis(1));
        let store = StoreId::parse("acme").unwrap();
        metrics.queue(&store, JobCounts { parked: 3, ..JobCounts::default() });
        let nordic = AgreementId::parse("nordic").unwrap();
        metrics.rackbeat_called(&nordic, Lane::Stock, Duration::from_millis(500));
        metrics.rackbeat_called(&nordic, Lane::Stock, Duration::ZERO);
        metrics.shopify_called(&store, 10_500);
        metrics.shopify_called(&store, 2_000);
        metrics.stock_written(&store, 250);
        metrics.stock_told(&store, Duration::from_millis(300));
        metrics.stock_stale(&store, 2);
        let text = metrics.text().unwrap();
        for line in [
            r#"shopbeat_webhooks_total{remote="shopify",outcome="forged"} 1"#,
            r#"shopbeat_rpcs_total{rpc="GetStore",code="not_found"} 1"#,
            r#"shopbeat_queue_jobs{store="acme",phase="parked"} 3"#,
            "shopbeat_build_info{",
            r#"shopbeat_rackbeat_calls_total{agreement="nordic",lane="stock"} 2"#,
            &format!(r#"shopbeat_shopify_calls_total{{store="{store}"}} 2"#),
            &format!(r#"shopbeat_shopify_points_total{{store="{store}"}} 12.5"#),
            r#"shopbeat_rackbeat_waited_seconds_total{agreement="nordic",lane="stock"} 0.5"#,
            r#"shopbeat_stock_quantities_total{store="acme"} 250"#,
            r#"shopbeat_stock_freshness_seconds_bucket{le="0.5"} 1"#,
            r#"shopbeat_stock_stale_total{store="acme"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.forget_queues();
        assert!(!metrics.text().unwrap().contains("shopbeat_queue_jobs{"));
    }

    #[tokio::test]
    async fn what_waits_and_what_hinders_is_looked_up_for_connected_stores() {
        let metrics = Metrics::new();
        let ports = crate::testing::ports(metrics.clone());
        let store = crate::testing::add_store(&ports.state, "acme", "nordlys").await;
        let now = ports.now();
        let keys = ["A".to_owned(), "B".to_owned()];
        ports.state.heaps.mark(&Heap::StoreStock(store.id.clone()), &keys, false, now).await.unwrap();
        metrics.look(&ports.state).await.unwrap();
        let text = metrics.text().unwrap();
        for line in [
            r#"shopbeat_waiting_items{owner="acme",heap="store_stock"} 2"#,
            r#"shopbeat_waiting_items{owner="nordlys",heap="agreement_stock"} 0"#,
            r#"shopbeat_stock_troubles{store="acme"} 0"#,
            r#"shopbeat_product_troubles{store="acme"} 0"#,
            r#"shopbeat_drift_fields{store="acme"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let gone = Store { disconnected_at: Some(now), ..store };
        ports.state.registry.put_store(&gone).await.unwrap();
        metrics.look(&ports.state).await.unwrap();
        assert!(!metrics.text().unwrap().contains("acme"));
    }
}
