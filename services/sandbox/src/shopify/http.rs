//! The routes of the simulated Shopify. A shop's domain is the first part of every path.

use std::sync::PoisonError;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::shop::{Shop, Standing};
use super::{API_VERSION, ShopifySim, graphql, oauth};
use crate::facts::FrozenAnswer;

pub(crate) fn router(sim: ShopifySim) -> Router {
    Router::new()
        .route("/{shop}/admin/oauth/access_token", post(token))
        .route("/{shop}/admin/api/{version}/graphql.json", post(admin))
        .route("/{shop}/bulk/{file}", get(bulk_file))
        .fallback(async || answer(404, &json!({ "errors": "Not Found" })))
        .with_state(sim)
}

/// Names a call for the fault script: the GraphQL operation such as `OrderById`, `oauth`, or `METHOD /path`
/// below the shop, such as `GET /bulk/6100000000001.jsonl`.
#[must_use]
pub fn route_name(parts: &Parts, body: &Bytes) -> String {
    let path = parts.uri.path();
    if path.ends_with("/graphql.json") {
        return graphql::operation_name(body).unwrap_or_else(|| "graphql".to_owned());
    }
    if path.ends_with("/oauth/access_token") {
        return "oauth".to_owned();
    }
    let below = path.trim_start_matches('/').split_once('/').map_or("", |(_, below)| below);
    format!("{} /{below}", parts.method)
}

fn answer(status: u16, body: &Value) -> Response {
    let mut response = body.to_string().into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert("X-Shopify-API-Version", HeaderValue::from_static(API_VERSION));
    if status == 429 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2.0"));
    }
    response
}

/// The answer of a shop that does not answer.
fn closed(shop: &Shop, graphql: bool) -> Option<Response> {
    match shop.standing {
        Standing::Open => None,
        Standing::Gone => Some(answer(404, &json!({ "errors": "Not Found" }))),
        Standing::Locked => Some(answer(423, &json!({ "errors": "This shop is locked" }))),
        Standing::Frozen => Some(match shop.core.facts.frozen_answer() {
            FrozenAnswer::ShopInactive if graphql => {
                let extensions = json!({ "code": "SHOP_INACTIVE" });
                answer(
                    200,
                    &json!({ "errors": [{ "message": "Shop is inactive", "extensions": extensions }] }),
                )
            }
            FrozenAnswer::ShopInactive | FrozenAnswer::PaymentRequired => {
                answer(402, &json!({ "errors": "Unavailable Shop" }))
            }
        }),
    }
}

async fn token(
    State(sim): State<ShopifySim>,
    Path(domain): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    sim.count(&domain, "oauth");
    let Some(shop) = sim.find(&domain) else {
        return answer(404, &json!({ "errors": "Not Found" }));
    };
    let mut shop = shop.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = closed(&shop, false) {
        return refusal;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (status, body) = oauth::grant(&mut shop, &oauth::fields(kind.unwrap_or_default(), &body));
    answer(status, &body)
}

async fn admin(
    State(sim): State<ShopifySim>,
    Path((domain, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = graphql::operation_name(&body).unwrap_or_else(|| "graphql".to_owned());
    sim.count(&domain, &name);
    let Some(owner) = sim.find(&domain).filter(|_| version == API_VERSION) else {
        return answer(404, &json!({ "errors": "Not Found" }));
    };
    let mut shop = owner.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = closed(&shop, true) {
        return refusal;
    }
    let sent = headers.get("X-Shopify-Access-Token").and_then(|value| value.to_str().ok());
    if !sent.is_some_and(|token| oauth::is_valid(&shop, token)) {
        let why = "[API] Invalid API key or access token (unrecognized login or wrong password)";
        return answer(401, &json!({ "errors": why }));
    }
    let json_sent = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !json_sent {
        return answer(415, &json!({ "errors": "Unsupported Media Type" }));
    }
    let Ok(request) = serde_json::from_slice::<graphql::Request>(&body) else {
        return answer(400, &json!({ "errors": { "query": "Required parameter missing or invalid" } }));
    };
    if let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) {
        shop.origin = format!("http://{host}");
    }
    let (status, body) = graphql::serve(&mut shop, &request);
    super::bulk_export::export_waiting(&mut shop, &owner);
    let finished = super::bulk::finished(&mut shop);
    shop.outbox.extend(finished);
    sim.courier().dispatch(&mut shop, &owner);
    drop(shop);
    answer(status, &body)
}

/// The link is signed in the real one: it needs no token here either.
async fn bulk_file(State(sim): State<ShopifySim>, Path((domain, file)): Path<(String, String)>) -> Response {
    sim.count(&domain, "bulk_file");
    let number = file.strip_suffix(".jsonl").and_then(|number| number.parse::<u64>().ok());
    let found = sim.find(&domain).zip(number).and_then(|(shop, number)| {
        let shop = shop.lock().unwrap_or_else(PoisonError::into_inner);
        shop.bulk.get(&number).map(super::bulk::BulkJob::file)
    });
    match found {
        Some(text) => ([(header::CONTENT_TYPE, "application/jsonl")], text).into_response(),
        None => answer(404, &json!({ "errors": "Not Found" })),
    }
}
