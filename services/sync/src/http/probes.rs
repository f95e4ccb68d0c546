//! `/livez` (the process is up), `/readyz` (what is missing, from one list), `/metrics`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::Web;

/// What can be missing besides the state, which is asked each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// The gRPC API does not listen yet.
    Api,
    /// The workers of this process have not begun.
    Workers,
    /// The process is about to end.
    Draining,
}

impl Lack {
    fn words(self) -> &'static str {
        match self {
            Self::Api => "api: not listening yet",
            Self::Workers => "workers: not begun yet",
            Self::Draining => "draining: the process is about to end",
        }
    }
}

/// What is missing before this process can do its work; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<Lack>>>);

impl Readiness {
    /// Something is missing from now on.
    pub fn lacks(&self, lack: Lack) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(lack);
    }

    /// Something is there now.
    pub fn has(&self, lack: Lack) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&lack);
    }

    fn missing(&self) -> Vec<String> {
        let lacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lacks.iter().map(|lack| lack.words().to_owned()).collect()
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(web): State<Web>) -> Response {
    let mut missing = web.readiness.missing();
    if let Err(failure) = web.state.health.ping().await {
        missing.push(format!("state: {failure}"));
    }
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": missing.is_empty(), "missing": missing }))).into_response()
}

pub(super) async fn metrics(State(web): State<Web>) -> Response {
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
    match web.metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
