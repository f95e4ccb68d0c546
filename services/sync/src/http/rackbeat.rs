//! Rackbeat's webhooks. Their token is a shared secret and no signature: only the key of a thing is believed, and
//! the thing itself is read from Rackbeat.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use shopbeat_domain::failure::{Failure, Remote};
use shopbeat_domain::ids::AgreementId;
use shopbeat_rackbeat::{About, TOKEN_HEADER, read_delivery};

use super::{Web, bytes, in_time};
use crate::metrics::WebhookOutcome;

const EVENT_HEADER: &str = "rackbeat-webhook-event";

/// `POST /webhooks/rackbeat/{agreement}`.
pub(super) async fn of_agreement(
    State(web): State<Arc<Web>>,
    Path(agreement): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> StatusCode {
    let begun = Instant::now();
    let outcome = match AgreementId::parse(&agreement) {
        Ok(agreement) => in_time(take(&web, &agreement, &headers, body)).await,
        Err(_) => WebhookOutcome::Forged,
    };
    web.answer(Remote::Rackbeat, outcome, begun)
}

async fn take(
    web: &Web,
    agreement: &AgreementId,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<WebhookOutcome, WebhookOutcome> {
    let body = bytes(body)?;
    let event = headers.get(EVENT_HEADER).and_then(|value| value.to_str().ok());
    let event = event.filter(|event| is_event(event)).ok_or(WebhookOutcome::Forged)?;
    let token = headers.get(TOKEN_HEADER).ok_or(WebhookOutcome::Forged)?;
    if !web.keys.knows(agreement, event, token.as_bytes()).await.map_err(|failure| away(&failure))? {
        return Err(WebhookOutcome::Forged);
    }
    let delivery = read_delivery(&web.stock_event, Some(event), &body).ok_or_else(|| {
        if event == web.stock_event.event {
            tracing::warn!(
                agreement.id = %agreement,
                keys = web.stock_event.keys.join(","),
                "Rackbeat's stock event names no item where it is looked for: set --rackbeat-stock-keys"
            );
        }
        WebhookOutcome::Malformed
    })?;
    let intake = &web.intake;
    match delivery.about {
        About::Stock(item) => {
            intake.stock_changed(agreement, &[item]).await.map_err(|failure| away(&failure))?;
        }
        // An order may be parked for want of the product, or because it was barred.
        About::Product(items) if !items.is_empty() => {
            for item in &items {
                let woken = intake.product_changed(agreement, item).await.map_err(|f| away(&f))?;
                tracing::debug!(agreement.id = %agreement, jobs.woken = woken, "a product changed in Rackbeat");
            }
        }
        About::Product(_) => return Err(WebhookOutcome::Malformed),
        About::Other => return Ok(WebhookOutcome::Unused),
    }
    Ok(WebhookOutcome::Handled)
}

/// The event becomes part of a key in the state: letters, dots and underscores only.
fn is_event(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 60
        && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
}

fn away(failure: &Failure) -> WebhookOutcome {
    tracing::error!(error = %failure, "a webhook could not be taken; Rackbeat sends it again");
    WebhookOutcome::StateAway
}
