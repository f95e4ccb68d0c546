//! `/livez` (the process is up), `/readyz` (what is missing, from one list), `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::Web;

/// What this process lacks besides the state, which is asked each time; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// The process is about to end: nothing new should be sent to it.
    pub fn drain(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn missing(&self) -> Vec<String> {
        let draining = self.0.load(Ordering::Relaxed);
        draining.then(|| "draining: the process is about to end".to_owned()).into_iter().collect()
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(web): State<Arc<Web>>) -> Response {
    let mut missing = web.readiness.missing();
    if let Err(failure) = web.state.health.ping().await {
        missing.push(format!("state: {failure}"));
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": missing.is_empty(), "missing": missing }))).into_response()
}

pub(super) async fn metrics(State(web): State<Arc<Web>>) -> Response {
    web.metrics.forget_queues();
    match web.state.registry.stores().await {
        Ok(stores) => {
            for store in stores.iter().filter(|store| store.disconnected_at.is_none()) {
                if let Ok(counts) = web.state.jobs.counts(&store.id).await {
                    web.metrics.queue(&store.id, counts);
                }
            }
        }
        // The other meters are shown all the same: they tell of the trouble.
        Err(failure) => tracing::warn!(error = %failure, "the queues cannot be counted"),
    }
    if let Err(failure) = web.metrics.look(&web.state).await {
        tracing::warn!(error = %failure, "what waits cannot be counted");
    }
    match web.metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
