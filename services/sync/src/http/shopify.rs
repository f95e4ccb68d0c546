//! Shopify's webhooks. The signature is checked over the raw bytes before anything is parsed; what is kept of a
//! delivery are ids.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use shopbeat_domain::failure::{Failure, Remote};
use shopbeat_domain::ids::{ShopDomain, StoreId};
use shopbeat_domain::ports::Received;
use shopbeat_shopify::webhook::{Headers, Payload, Subject};

use super::secrets::Signer;
use super::{Web, bytes, in_time};
use crate::metrics::WebhookOutcome;

/// Shopify asks apps to act on these topics even after they were removed from a shop.
const PRIVACY_TOPICS: [&str; 3] = ["customers/data_request", "customers/redact", "shop/redact"];
/// `shop/redact` comes two days after the end, `customers/redact` up to a month later; the secret is kept as long.
const PRIVACY_MEMORY: SignedDuration = SignedDuration::from_hours(60 * 24);

/// `POST /webhooks/shopify/{store}`: what a store's own subscriptions send.
pub(super) async fn of_store(
    State(web): State<Arc<Web>>,
    Path(store): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> StatusCode {
    let begun = Instant::now();
    let outcome = match StoreId::parse(&store) {
        Ok(store) => in_time(take(&web, &store, &headers, body)).await,
        Err(_) => WebhookOutcome::Forged,
    };
    web.answer(Remote::Shopify, outcome, begun)
}

/// `POST /webhooks/shopify`: what the app's own configuration sends for all its shops, the privacy topics among them;
/// the shop stands in the header. It is not believed before the signature of that shop's app was found good.
pub(super) async fn app_wide(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> StatusCode {
    let begun = Instant::now();
    let shop = headers.get("x-shopify-shop-domain").and_then(|value| value.to_str().ok());
    let outcome = match shop.map(ShopDomain::parse) {
        Some(Ok(shop)) => in_time(take(&web, &StoreId::of(&shop), &headers, body)).await,
        Some(Err(_)) | None => WebhookOutcome::Forged,
    };
    web.answer(Remote::Shopify, outcome, begun)
}

async fn take(
    web: &Web,
    store: &StoreId,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<WebhookOutcome, WebhookOutcome> {
    let body = bytes(body)?;
    let fits = |signer: &Signer| signer.secrets.verify_headers(&body, headers);
    let signer = web.keys.signer(store, web.clock.now(), fits).await.map_err(|failure| away(&failure))?;
    let signer = signer.ok_or(WebhookOutcome::Forged)?;
    let parsed = Headers::parse(headers).map_err(|_| WebhookOutcome::Malformed)?;
    // All shops of one app share its secret: a delivery for another shop is signed as well as ours.
    if parsed.shop != signer.store.shop {
        return Err(WebhookOutcome::WrongShop);
    }
    if PRIVACY_TOPICS.contains(&parsed.topic.as_str()) {
        return privacy(web, &signer, &parsed);
    }
    if signer.store.disconnected_at.is_some() {
        return Ok(WebhookOutcome::Unused);
    }
    let payload = Payload::parse(&parsed.topic, &body).map_err(|_| WebhookOutcome::Malformed)?;
    match payload.subject {
        Subject::Order(order) => {
            let received = web.intake.order_changed(store, &parsed.delivery, order).await;
            Ok(taken(received.map_err(|failure| away(&failure))?))
        }
        Subject::Uninstalled => {
            web.intake.uninstalled(store).await.map_err(|failure| away(&failure))?;
            tracing::warn!(store.id = %store, "the merchant uninstalled the app");
            Ok(WebhookOutcome::Handled)
        }
        Subject::Product(product) => {
            let delivery = &parsed.delivery;
            let received = web.intake.product_changed_in_shop(store, delivery, product).await;
            Ok(taken(received.map_err(|failure| away(&failure))?))
        }
        Subject::Level { inventory_item, location, available } => {
            let delivery = &parsed.delivery;
            let received =
                web.intake.level_changed(store, delivery, inventory_item, location, available).await;
            // An echo of what we wrote ourselves, or an item that is none of ours, is over with this.
            Ok(received.map_err(|failure| away(&failure))?.map_or(WebhookOutcome::Handled, taken))
        }
        // The worker looks at its export itself, and scopes are looked at whenever a call is refused for one.
        Subject::Bulk(_) | Subject::ScopesChanged | Subject::Unknown => Ok(WebhookOutcome::Unused),
    }
}

fn taken(received: Received) -> WebhookOutcome {
    match received {
        Received::Queued => WebhookOutcome::Queued,
        Received::Repeat => WebhookOutcome::Repeat,
    }
}

/// Nothing of a person is stored here: ids of orders and a keyed hash of the customer's address are all there is. So
/// a request is acknowledged and told to the operator, who answers for what stands in Rackbeat.
fn privacy(web: &Web, signer: &Signer, headers: &Headers) -> Result<WebhookOutcome, WebhookOutcome> {
    let store = &signer.store;
    if store.disconnected_at.is_some_and(|at| web.clock.now().duration_since(at) > PRIVACY_MEMORY) {
        return Err(WebhookOutcome::Forged);
    }
    tracing::warn!(
        store.id = %store.id,
        webhook.topic = headers.topic,
        webhook.id = headers.delivery.as_str(),
        "a privacy request came; look it up in Shopify and answer it for Rackbeat within 30 days"
    );
    Ok(WebhookOutcome::Handled)
}

fn away(failure: &Failure) -> WebhookOutcome {
    tracing::error!(error = %failure, "a webhook could not be stored; Shopify sends it again");
    WebhookOutcome::StateAway
}
