//! What `/metrics` shows, `shopbeat_operator_<noun>_<unit>[_total]`. Labels have few values: never a store or a shop.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    rpc: &'static str,
    code: &'static str,
}

/// How a store stands, as the gauge counts it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Standing {
    /// What is wanted of it.
    pub state: &'static str,
    /// The status of its condition Ready.
    pub ready: &'static str,
    /// The reason of that condition, from the catalogue.
    pub reason: &'static str,
}

/// What a reconcile came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be.
    Settled,
    /// The resource cannot stand as it is; it waits for a change.
    Refused,
    /// Something is to be waited for.
    Waiting,
    /// Something failed; it is tried again.
    Failed,
}

/// Something that was not as the operator had left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drifted {
    /// Settings in the service.
    Settings,
    /// Whether the store runs, is paused or stopped, in the service.
    Desired,
    /// The record of who manages the store, or the store itself, in the service.
    Registration,
    /// A worker's Deployment.
    Deployment,
    /// A worker's NetworkPolicy.
    NetworkPolicy,
}

/// The meters of one process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Meters>);

#[derive(Debug)]
struct Meters {
    registry: Registry,
    reconciles: Family<ResultLabel, Counter>,
    reconcile_seconds: Histogram,
    errors: Family<Kind, Counter>,
    ready_seconds: Histogram,
    drift: Family<What, Counter>,
    writes: Family<What, Counter>,
    calls: Family<Call, Counter>,
    stores: Family<Standing, Gauge<i64, AtomicI64>>,
    standings: Mutex<HashMap<String, Standing>>,
    stream_connected: Gauge<i64, AtomicI64>,
    leader: Gauge<i64, AtomicI64>,
}

/// From a millisecond to a minute.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0];
/// From a second to an hour: a worker's start, or an owner who has yet to make the Secret.
const READY_SECONDS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 300.0, 900.0, 3600.0];

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
            registry: Registry::with_prefix("shopbeat_operator"),
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new(SECONDS),
            errors: Family::default(),
            ready_seconds: Histogram::new(READY_SECONDS),
            drift: Family::default(),
            writes: Family::default(),
            calls: Family::default(),
            stores: Family::default(),
            standings: Mutex::default(),
            stream_connected: Gauge::default(),
            leader: Gauge::default(),
        };
        meters.register();
        Self(Arc::new(meters))
    }

    /// A reconcile came to its end.
    pub fn reconciled(&self, outcome: Outcome, took: Duration) {
        let result = match outcome {
            Outcome::Settled => "settled",
            Outcome::Refused => "refused",
            Outcome::Waiting => "waiting",
            Outcome::Failed => "failed",
        };
        self.0.reconciles.get_or_create(&ResultLabel { result }).inc();
        self.0.reconcile_seconds.observe(took.as_secs_f64());
    }

    /// Something failed.
    pub fn failed(&self, kind: &'static str) {
        self.0.errors.get_or_create(&Kind { kind }).inc();
    }

    /// A store became ready for the first time, this long after its resource was made.
    pub fn first_ready(&self, after: Duration) {
        self.0.ready_seconds.observe(after.as_secs_f64());
    }

    /// Something was not as the operator had left it.
    pub fn drifted(&self, what: Drifted) {
        let what = match what {
            Drifted::Settings => "settings",
            Drifted::Desired => "desired",
            Drifted::Registration => "registration",
            Drifted::Deployment => "deployment",
            Drifted::NetworkPolicy => "network_policy",
        };
        self.0.drift.get_or_create(&What { what }).inc();
    }

    /// Something was written to the API server.
    pub fn wrote(&self, what: &'static str) {
        self.0.writes.get_or_create(&What { what }).inc();
    }

    /// The service answered a call.
    pub fn called(&self, rpc: &'static str, code: &'static str) {
        self.0.calls.get_or_create(&Call { rpc, code }).inc();
    }

    /// How a store stands; `None`: it is gone.
    pub fn stands(&self, uid: &str, standing: Option<Standing>) {
        let mut standings = self.0.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match &standing {
            Some(standing) => standings.insert(uid.to_owned(), standing.clone()),
            None => standings.remove(uid),
        };
        if before == standing {
            return;
        }
        if let Some(before) = before {
            self.0.stores.get_or_create(&before).dec();
        }
        if let Some(now) = standing {
            self.0.stores.get_or_create(&now).inc();
        }
    }

    /// Whether the service streams.
    pub fn streaming(&self, connected: bool) {
        self.0.stream_connected.set(connected.into());
    }

    /// Whether this operator leads.
    pub fn leading(&self, leading: bool) {
        self.0.leader.set(leading.into());
    }

    /// All meters as text.
    ///
    /// # Errors
    /// None that is known: it is written into memory.
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
        registry.register("build", "Version of the program", build);
        registry.register("reconciles", "Looks at a store, by what they came to", self.reconciles.clone());
        registry.register("reconcile_seconds", "How long those took", self.reconcile_seconds.clone());
        registry.register("errors", "Failures, by kind", self.errors.clone());
        let help = "From the making of a resource to its first Ready";
        registry.register("time_to_ready_seconds", help, self.ready_seconds.clone());
        registry.register("drift", "Things that were not as the operator had left them", self.drift.clone());
        registry.register("api_writes", "Writes to the API server, by what", self.writes.clone());
        registry.register("service_calls", "Calls to the service, by answer", self.calls.clone());
        registry.register("stores", "Stores, by what is wanted and how they stand", self.stores.clone());
        let help = "1 while the service streams the status of its stores";
        registry.register("stream_connected", help, self.stream_connected.clone());
        registry.register("leader", "1 while this operator leads", self.leader.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(ready: &'static str, reason: &'static str) -> Standing {
        Standing { state: "Running", ready, reason }
    }

    #[test]
    fn a_store_is_counted_where_it_stands_and_nowhere_else() {
        let metrics = Metrics::new();
        metrics.stands("a", Some(standing("False", "Connecting")));
        metrics.stands("a", Some(standing("True", "InSync")));
        metrics.stands("a", Some(standing("True", "InSync")));
        metrics.stands("b", Some(standing("True", "InSync")));
        metrics.stands("b", None);
        let text = metrics.text().unwrap();
        assert!(text.contains(r#"stores{state="Running",ready="True",reason="InSync"} 1"#), "{text}");
        assert!(text.contains(r#"stores{state="Running",ready="False",reason="Connecting"} 0"#), "{text}");
    }

    #[test]
    fn every_meter_is_shown_under_the_programs_name() {
        let metrics = Metrics::new();
        metrics.reconciled(Outcome::Settled, Duration::from_millis(3));
        metrics.failed("conflict");
        metrics.drifted(Drifted::Settings);
        metrics.wrote("status");
        metrics.called("ConnectStore", "ok");
        metrics.leading(true);
        let text = metrics.text().unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("shopbeat_operator_"), "{line}");
        }
        assert!(text.contains(r#"reconciles_total{result="settled"} 1"#), "{text}");
    }
}
