//! From an HTTP request to a call on an account and back: token, rate limit, body, log.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::Account;
use super::call::{Answer, Call, Refusal, Reply};
use super::number::decode;
use super::{CallRecord, ClientHeaders, RackbeatSim};
use super::{customers, groups, hooks, invoices, locations, orders, products, reference, shipments, stock};
use crate::facts::{Burst, Facts, RateHeaders, RetryAfter};

/// Calls in a sliding minute, per token.
const PER_MINUTE: usize = 480;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);
/// The smaller limit a user's report hints at.
const PER_BURST: usize = 60;
const BURST: SignedDuration = SignedDuration::from_secs(5);

/// Hands a call to its resource.
pub(super) fn dispatch(account: &mut Account, call: &Call<'_>) -> Answer {
    let second = call.segments.get(1).map(String::as_str);
    match call.segments.first().map(String::as_str) {
        Some("products" | "lots" | "items") => products::route(account, call),
        Some("customers") => customers::route(account, call),
        Some("orders") => orders::route(account, call),
        Some("order-shipments") => shipments::route(account, call),
        Some("customer-invoices") => invoices::route(account, call),
        Some("webhooks") => hooks::route(account, call),
        Some("inventory-adjustments") => stock::adjustments(account, call),
        Some("reports") if second == Some("checking") && call.method == Method::GET => {
            stock::checking(account, call)
        }
        Some("product-groups") => groups::route(account, call),
        Some("locations") => locations::route(account, call),
        Some(_) if call.method == Method::GET => reference::route(account, call),
        _ => Err(Refusal::Missing),
    }
}

/// Path segments below `/api`, each percent-decoded once.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Seconds to wait, or how many calls are left in the minute.
fn pace(account: &mut Account, token: &str, now: Timestamp, facts: &Facts) -> Result<usize, u32> {
    let window = account.windows.entry(token.to_owned()).or_default();
    while window.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
        window.pop_front();
    }
    let mut wait = None;
    if window.len() >= PER_MINUTE {
        wait = window.front().map(|oldest| MINUTE - now.duration_since(*oldest));
    } else if facts.burst() == Burst::Sixty
        && let Some(oldest) = window.len().checked_sub(PER_BURST).and_then(|at| window.get(at))
        && now.duration_since(*oldest) < BURST
    {
        wait = Some(BURST - now.duration_since(*oldest));
    }
    if let Some(wait) = wait {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(0);
        return Err(seconds + 1);
    }
    window.push_back(now);
    Ok(PER_MINUTE - window.len())
}

/// The headers of the framework: what is left, and when to come again.
fn tell_pace(headers: &mut HeaderMap, paced: &Result<usize, u32>, now: Timestamp, facts: &Facts) {
    if facts.rate_headers() == RateHeaders::Sent {
        headers.insert("x-ratelimit-limit", PER_MINUTE.into());
        headers.insert("x-ratelimit-remaining", (*paced).unwrap_or(0).into());
    }
    if let Err(wait) = *paced
        && facts.retry_after() == RetryAfter::Sent
    {
        headers.insert(header::RETRY_AFTER, wait.into());
        if facts.rate_headers() == RateHeaders::Sent {
            headers.insert("x-ratelimit-reset", (now.as_second() + i64::from(wait)).into());
        }
    }
}

/// A body counts only as JSON: the framework sees no fields in other content types.
fn body_of(parts: &Parts, body: &Bytes) -> Result<Value, Reply> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if body.is_empty() || !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
        .map_err(|_| Reply { status: 400, body: json!({ "message": "Malformed JSON." }) })
}

pub(super) async fn handle(State(sim): State<RackbeatSim>, parts: Parts, body: Bytes) -> Response<Body> {
    let path = parts.uri.path();
    let path = path.strip_prefix("/api").unwrap_or(path).to_owned();
    let at = sim.core().clock.now();
    let (reply, headers) = answer(&sim, &parts, &path, &body, at);
    let account = bearer(&parts.headers).and_then(|token| sim.account_of(token));
    sim.log(CallRecord { method: parts.method.to_string(), path, status: reply.status, account, at });
    let mut response =
        Response::new(if reply.body.is_null() { Body::empty() } else { Body::from(reply.body.to_string()) });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn answer(sim: &RackbeatSim, parts: &Parts, path: &str, body: &Bytes, now: Timestamp) -> (Reply, HeaderMap) {
    let mut headers = HeaderMap::new();
    let refused = |status, message: &str| Reply { status, body: json!({ "message": message }) };
    let text = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    sim.saw(ClientHeaders {
        user_agent: text("user-agent"),
        consumer_name: text("consumer-name"),
        consumer_contact: text("consumer-contact"),
    });
    let core = sim.core();
    let Some(token) = bearer(&parts.headers) else {
        return (refused(401, "Unauthenticated."), headers);
    };
    let reply = sim.with_token(token, |account| {
        if core.limits {
            let paced = pace(account, token, now, &core.facts);
            tell_pace(&mut headers, &paced, now, &core.facts);
            if paced.is_err() {
                return refused(429, "Too Many Attempts.");
            }
        }
        let body = match body_of(parts, body) {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
            return refused(400, "Malformed query.");
        };
        let call = Call {
            method: parts.method.clone(),
            segments: segments(path),
            query,
            body,
            facts: &core.facts,
            now,
            page_cap: core.page_cap,
        };
        dispatch(account, &call).unwrap_or_else(Refusal::reply)
    });
    (reply.unwrap_or_else(|| refused(401, "Unauthenticated.")), headers)
}
