use ::http::{Request, StatusCode};
use axum::body::Body;
use shopbeat_domain::failure::{Refusal, Remote};
use shopbeat_domain::store::Desired;
use tower::ServiceExt as _;

use super::*;
use crate::testing::{Away, add_store, ports};

const LEASE: Duration = Duration::from_secs(45);

struct Asked {
    ports: Ports,
    probes: Arc<WorkerProbes>,
}

impl Asked {
    fn of_a_worker_of_acme() -> Self {
        let probes = Arc::new(WorkerProbes::new(StoreId::parse("acme").unwrap(), "me".to_owned()));
        Self { ports: ports(probes.metrics.clone()), probes }
    }

    fn reached(self) -> Self {
        assert!(self.probes.state.set(self.ports.state.clone()).is_ok());
        self
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let router = http::probes(Arc::clone(&self.probes) as Arc<_>);
        let answer = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// That it is not ready, for this reason.
    async fn lacks(&self, what: &str) {
        let (status, text) = self.get("/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
        assert!(text.contains(what), "{what} is not in {text}");
        assert_eq!(self.get("/livez").await.0, StatusCode::OK);
    }

    async fn is_ready(&self) {
        let (status, text) = self.get("/readyz").await;
        assert_eq!(status, StatusCode::OK, "{text}");
    }

    async fn lease_of(&self, owner: &str) -> shopbeat_domain::ports::Lease {
        let name = worker::lease_name(&self.probes.store);
        self.ports.state.leases.take(&name, owner, LEASE).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_worker_is_ready_once_it_has_its_store_and_says_until_then_what_it_lacks() {
    let asked = Asked::of_a_worker_of_acme();
    asked.lacks("state: not reached yet").await;
    let asked = asked.reached();
    asked.lacks("store: acme is not connected").await;
    let store = add_store(&asked.ports.state, "acme", "nordlys").await;
    asked.lacks("lease: not taken yet").await;
    let other = asked.lease_of("another").await;
    asked.lacks("lease: another has the store").await;
    asked.ports.state.leases.free(&other).await.unwrap();
    asked.lease_of("me").await;
    asked.is_ready().await;
    let gone = Store { disconnected_at: Some(asked.ports.now()), ..store };
    asked.ports.state.registry.put_store(&gone).await.unwrap();
    asked.lacks("store: acme is not connected").await;
}

#[tokio::test]
async fn a_paused_store_needs_its_worker_and_a_stopped_one_leaves_it_ready_without_a_lease() {
    let asked = Asked::of_a_worker_of_acme().reached();
    let store = add_store(&asked.ports.state, "acme", "nordlys").await;
    let paused = Store { desired: Desired::Paused, ..store };
    let paused = asked.ports.state.registry.put_store(&paused).await.unwrap();
    asked.lacks("lease: not taken yet").await;
    let stopped = Store { desired: Desired::Stopped, ..paused };
    asked.ports.state.registry.put_store(&stopped).await.unwrap();
    asked.is_ready().await;
}

#[tokio::test]
async fn a_worker_that_drains_is_not_ready_and_still_shows_what_it_counted() {
    let asked = Asked::of_a_worker_of_acme().reached();
    add_store(&asked.ports.state, "acme", "nordlys").await;
    asked.lease_of("me").await;
    asked.is_ready().await;
    asked.probes.readiness.drain();
    asked.lacks("draining").await;
    asked.probes.metrics.shopify_called(&asked.probes.store, 1_000);
    let (status, text) = asked.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains(r#"shopbeat_shopify_calls_total{store="acme"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_worker_of_a_store_that_comes_later_takes_it_then_and_gives_it_back_at_the_end() {
    let asked = Asked::of_a_worker_of_acme().reached();
    let (shutdown, state) = (CancellationToken::new(), asked.ports.state.clone());
    let store = asked.probes.store.clone();
    let worker = tokio::spawn(keep_working(asked.ports.clone(), store, "me".to_owned(), shutdown.clone()));
    asked.lacks("store: acme is not connected").await;
    add_store(&state, "acme", "nordlys").await;
    let mut looks = 0;
    while asked.get("/readyz").await.0 != StatusCode::OK {
        looks += 1;
        assert!(looks < 100, "it does not look again");
        tokio::time::advance(IDLE_LOOK / 5).await;
    }
    shutdown.cancel();
    worker.await.unwrap();
    asked.lacks("lease: not taken yet").await;
}

#[tokio::test]
async fn the_state_being_away_later_on_is_named_too() {
    let asked = Asked::of_a_worker_of_acme();
    add_store(&asked.ports.state, "acme", "nordlys").await;
    let away = State { leases: Arc::new(Away), ..asked.ports.state.clone() };
    assert!(asked.probes.state.set(away).is_ok());
    asked.lacks("state: ").await;
}

#[test]
fn only_a_state_that_may_come_back_is_waited_for() {
    let of = |kind| is_away(&Failure::new(Remote::State, kind, "open", "it says so"));
    assert!(of(FailureKind::Unreachable) && of(FailureKind::Unanswered));
    assert!(of(FailureKind::Busy { retry_after: None }), "it loads its file");
    assert!(!of(FailureKind::Refused(Refusal::Other)), "it is too old, or evicts keys");
    assert!(!of(FailureKind::Unauthorized(None)), "another password must be given");
}
