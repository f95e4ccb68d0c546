//! The HTTP side: webhooks of both remotes, probes, metrics.

mod probes;
mod rackbeat;
mod secrets;
mod serve;
mod shopify;

pub use probes::{Probed, Readiness, probes};
pub use serve::serve;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::routing::post;
use http::StatusCode;
use shopbeat_domain::failure::Remote;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::JobCounts;
use shopbeat_domain::ports::{Answer, Clock, State};
use shopbeat_domain::store::Store;
use shopbeat_engine::intake::Intake;
use shopbeat_rackbeat::StockEvent;
use tower_http::timeout::TimeoutLayer;

use crate::metrics::{Metrics, WebhookOutcome};
use secrets::WebhookKeys;

/// Shopify's largest payloads are orders with hundreds of lines, far below this.
const LARGEST_BODY: usize = 2 * 1024 * 1024;
/// Shopify hangs up after five seconds: what takes longer is answered 503, and sent again.
const DEADLINE: Duration = Duration::from_secs(4);
/// What the state gets of it.
const WORK: Duration = Duration::from_secs(3);

/// What the handlers work with.
pub struct Web {
    intake: Intake,
    state: State,
    keys: WebhookKeys,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    readiness: Readiness,
    stock_event: StockEvent,
}

impl Web {
    /// Handlers over these parts.
    #[must_use]
    pub fn new(
        intake: Intake,
        state: State,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        readiness: Readiness,
    ) -> Self {
        let keys = WebhookKeys::new(Arc::clone(&state.registry));
        let stock_event = StockEvent::default();
        Self { intake, state, keys, clock, metrics, readiness, stock_event }
    }

    /// Knows Rackbeat's event of a changed stock by another name or shape.
    #[must_use]
    pub fn with_stock_event(self, stock_event: StockEvent) -> Self {
        Self { stock_event, ..self }
    }

    /// All routes.
    pub fn router(self) -> Router {
        let web = Arc::new(self);
        Router::new()
            .route("/webhooks/shopify/{store}", post(shopify::of_store))
            .route("/webhooks/shopify", post(shopify::app_wide))
            .route("/webhooks/rackbeat/{agreement}", post(rackbeat::of_agreement))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
            .with_state(Arc::clone(&web))
            .merge(probes(web))
    }

    /// The queues of all connected stores, asked for at once: there may be a thousand.
    async fn queues(&self) -> Answer<Vec<(StoreId, JobCounts)>> {
        let stores = self.state.registry.stores().await?.into_iter().filter(Store::is_connected);
        let ids: Vec<StoreId> = stores.map(|store| store.id).collect();
        let pulses = self.state.pulses.pulses(&ids, self.clock.now()).await?;
        Ok(ids.into_iter().zip(pulses.into_iter().map(|pulse| pulse.jobs)).collect())
    }

    /// Counts a delivery and answers it.
    fn answer(&self, remote: Remote, outcome: WebhookOutcome, begun: Instant) -> StatusCode {
        self.metrics.webhook(remote, outcome, begun.elapsed());
        match outcome {
            WebhookOutcome::Queued
            | WebhookOutcome::Repeat
            | WebhookOutcome::Handled
            | WebhookOutcome::Unused => StatusCode::OK,
            // Whether the store is unknown or the signature bad is not told.
            WebhookOutcome::Forged | WebhookOutcome::WrongShop => StatusCode::UNAUTHORIZED,
            WebhookOutcome::Malformed => StatusCode::BAD_REQUEST,
            WebhookOutcome::Oversized => StatusCode::PAYLOAD_TOO_LARGE,
            WebhookOutcome::StateAway => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

#[async_trait]
impl Probed for Web {
    async fn missing(&self) -> Vec<String> {
        let state = self.state.health.ping().await;
        state.err().map(|failure| format!("state: {failure}")).into_iter().collect()
    }

    async fn metrics(&self) -> Metrics {
        self.metrics.forget_queues();
        match self.queues().await {
            Ok(queues) => queues.iter().for_each(|(store, counts)| self.metrics.queue(store, *counts)),
            // The other meters are shown all the same: they tell of the trouble.
            Err(failure) => tracing::warn!(error = %failure, "the queues cannot be counted"),
        }
        if let Err(failure) = self.metrics.look(&self.state).await {
            tracing::warn!(error = %failure, "what waits cannot be counted");
        }
        self.metrics.clone()
    }

    fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}

/// The outcome, or that the state was too slow: then the sender sends again.
async fn in_time(work: impl Future<Output = Result<WebhookOutcome, WebhookOutcome>>) -> WebhookOutcome {
    match tokio::time::timeout(WORK, work).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => WebhookOutcome::StateAway,
    }
}

/// The raw bytes, or why there are none.
fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, WebhookOutcome> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => WebhookOutcome::Oversized,
        _ => WebhookOutcome::Malformed,
    })
}

#[cfg(test)]
mod tests;
