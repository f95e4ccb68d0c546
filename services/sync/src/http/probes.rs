//! `/livez` (the process is up), `/readyz` (what is missing, from one list), `/metrics`: the same for the service and
//! for a worker; each says for itself what it lacks and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tower_http::timeout::TimeoutLayer;

use crate::metrics::Metrics;

/// Whoever probes waits a few seconds at most; what takes longer is no sign of health.
const DEADLINE: Duration = Duration::from_secs(4);

/// A process that can be asked how it is.
#[async_trait]
pub trait Probed: Send + Sync + 'static {
    /// What it lacks to do its work, each with a name before the colon; looked up when it is asked.
    async fn missing(&self) -> Vec<String>;

    /// Its meters, brought up to date.
    async fn metrics(&self) -> Metrics;

    /// Whether it is about to end.
    fn readiness(&self) -> &Readiness;
}

/// Whether a process is about to end; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// The process is about to end: nothing new should be sent to it.
    pub fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The routes of the probes.
pub fn probes(probed: Arc<dyn Probed>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
        .with_state(probed)
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(probed): State<Arc<dyn Probed>>) -> Response {
    let mut missing = Vec::new();
    if probed.readiness().is_draining() {
        missing.push("draining: the process is about to end".to_owned());
    }
    missing.extend(probed.missing().await);
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": missing.is_empty(), "missing": missing }))).into_response()
}

async fn metrics(State(probed): State<Arc<dyn Probed>>) -> Response {
    match probed.metrics().await.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
