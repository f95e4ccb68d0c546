//! `/livez`, `/readyz` and `/metrics`. Alive is a process that answers; ready is told by what is missing, from one source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// What the operator needs to do its work, and whether it is there.
#[derive(Debug, Default)]
pub struct Readiness {
    api_server: AtomicBool,
    definition: AtomicBool,
    lease: AtomicBool,
    leading: AtomicBool,
    watching: AtomicBool,
    service: AtomicBool,
}

/// One thing that the operator needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The API server answers.
    ApiServer,
    /// The definition of ShopifyStore is installed, and may be read.
    Definition,
    /// It is known who leads.
    Lease,
    /// This operator leads.
    Leading,
    /// All resources were read once.
    Watching,
    /// The service streams the status of its stores.
    Service,
}

impl Readiness {
    fn flag(&self, need: Need) -> &AtomicBool {
        match need {
            Need::ApiServer => &self.api_server,
            Need::Definition => &self.definition,
            Need::Lease => &self.lease,
            Need::Leading => &self.leading,
            Need::Watching => &self.watching,
            Need::Service => &self.service,
        }
    }

    /// Notes whether something is there. Answers whether that is news.
    pub fn set(&self, need: Need, there: bool) -> bool {
        self.flag(need).swap(there, Ordering::AcqRel) != there
    }

    /// Whether something is there.
    #[must_use]
    pub fn has(&self, need: Need) -> bool {
        self.flag(need).load(Ordering::Acquire)
    }

    /// What is missing, one line each; empty: ready. A standby needs no more than to know that it is one.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if !self.has(Need::ApiServer) {
            missing.push("the API server does not answer");
        }
        if !self.has(Need::Definition) {
            missing.push("the definition of ShopifyStore is not installed, or may not be read: install the chart shopbeat-crds");
        }
        if !self.has(Need::Lease) {
            missing.push("the lease was not read yet: it is not known who leads");
        }
        if self.has(Need::Leading) {
            if !self.has(Need::Watching) {
                missing.push("the resources were not all read yet");
            }
            if !self.has(Need::Service) {
                missing.push("the service does not stream the status of its stores");
            }
        }
        missing
    }
}

/// Serves probes and metrics until the process ends.
pub async fn serve(
    listener: TcpListener,
    readiness: Arc<Readiness>,
    metrics: Metrics,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(readiness)
        .merge(Router::new().route("/metrics", get(show_metrics)).with_state(metrics));
    axum::serve(listener, router).await
}

async fn readyz(State(readiness): State<Arc<Readiness>>) -> impl IntoResponse {
    let missing = readiness.missing();
    if missing.is_empty() {
        let role = if readiness.has(Need::Leading) { "ok: leading\n" } else { "ok: standing by\n" };
        return (StatusCode::OK, role.to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n")
}

async fn show_metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_ready_without_the_service() {
        let readiness = Readiness::default();
        for need in [Need::ApiServer, Need::Definition, Need::Lease] {
            assert!(!readiness.missing().is_empty());
            assert!(readiness.set(need, true));
            assert!(!readiness.set(need, true), "told twice is no news");
        }
        assert_eq!(readiness.missing(), Vec::<&str>::new());
    }

    #[test]
    fn a_leader_tells_all_that_it_misses() {
        let readiness = Readiness::default();
        readiness.set(Need::Leading, true);
        assert_eq!(readiness.missing().len(), 5);
        readiness.set(Need::Service, true);
        assert!(!readiness.missing().iter().any(|line| line.contains("stream")));
    }
}
