//! `/control/rackbeat/…`: the simulated Rackbeat for people and for tests in another process.
//! `?account=` names the account; the first one is taken without it.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::number::number;
use super::{AccountSetup, HookScript, RackbeatSim, control_goods};

#[derive(Deserialize)]
pub(super) struct Which {
    account: Option<i64>,
    reference: Option<String>,
}

impl Which {
    pub(super) fn account(&self, sim: &RackbeatSim) -> i64 {
        self.account.or(sim.account_ids().first().copied()).unwrap_or_default()
    }
}

pub(super) fn router(sim: RackbeatSim) -> Router {
    Router::new()
        .route("/control/rackbeat/accounts", get(accounts).post(add_account))
        .route("/control/rackbeat/orders", get(orders))
        .route("/control/rackbeat/orders/{number}", axum::routing::delete(delete_order))
        .route("/control/rackbeat/orders/{number}/cancel", post(cancel_order))
        .route("/control/rackbeat/stock", get(stock))
        .route("/control/rackbeat/customers", get(customers))
        .route("/control/rackbeat/documents", get(documents))
        .route("/control/rackbeat/webhooks", get(webhooks).post(script_webhooks))
        .route("/control/rackbeat/calls", get(calls).delete(clear_calls))
        .route("/control/rackbeat/act", post(act))
        .merge(control_goods::router())
        .with_state(sim)
}

async fn accounts(State(sim): State<RackbeatSim>) -> Json<Value> {
    let ids = sim.account_ids().into_iter();
    Json(ids.map(|id| json!({ "id": id, "tokens": sim.tokens(id) })).collect())
}

#[derive(Deserialize)]
struct NewAccount {
    id: i64,
    token: String,
}

async fn add_account(State(sim): State<RackbeatSim>, Json(new): Json<NewAccount>) -> StatusCode {
    sim.add_account(AccountSetup::named(new.id, &new.token));
    StatusCode::CREATED
}

async fn orders(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let reference = which.reference.as_deref().unwrap_or_default();
    let rows = sim.orders_with(which.account(&sim), reference).into_iter().map(|order| {
        let lines: Vec<Value> = order
            .lines
            .iter()
            .map(|line| {
                json!({
                    "item": line.item, "name": line.name, "quantity": number(line.quantity), "shipped": number(line.shipped),
                    "price": number(line.price), "discount": number(line.discount), "vat": number(line.vat),
                })
            })
            .collect();
        json!({
            "number": order.number, "heading": order.heading, "note": order.note, "customer": order.customer,
            "currency": order.currency, "booked": order.booked, "cancelled": order.cancelled, "ready": order.ready,
            "shipped": order.shipped, "invoiced": order.invoiced, "subtotal": order.totals.subtotal,
            "vat": order.totals.vat, "total": order.totals.total, "lines": lines,
        })
    });
    Json(rows.collect())
}

async fn delete_order(
    State(sim): State<RackbeatSim>,
    Path(order): Path<i64>,
    Query(which): Query<Which>,
) -> StatusCode {
    done(sim.delete_order(which.account(&sim), order))
}

async fn cancel_order(
    State(sim): State<RackbeatSim>,
    Path(order): Path<i64>,
    Query(which): Query<Which>,
) -> StatusCode {
    done(sim.cancel_order(which.account(&sim), order))
}

pub(super) fn done(done: bool) -> StatusCode {
    if done { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn stock(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let rows = sim.products(which.account(&sim)).into_iter();
    let row = |row: super::ProductRow| {
        json!({
            "number": row.number, "name": row.name, "price": number(row.price), "barred": row.barred,
            "stock": number(row.stock), "in_order": number(row.in_order), "available": number(row.available),
        })
    };
    Json(rows.map(row).collect())
}

async fn customers(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let rows = sim.customers(which.account(&sim)).into_iter();
    let row = |row: super::CustomerRow| json!({ "number": row.number, "name": row.name, "email": row.email, "vat_zone": row.vat_zone, "barred": row.barred });
    Json(rows.map(row).collect())
}

async fn documents(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let account = which.account(&sim);
    let shipments: Vec<Value> = sim
        .shipments(account)
        .iter()
        .map(|row| json!({ "id": row.id, "order": row.order, "picked": row.picked, "shipped": row.shipped }))
        .collect();
    let invoices: Vec<Value> = sim
        .invoices(account)
        .iter()
        .map(|row| json!({ "number": row.number, "order": row.order, "booked": row.booked, "total": row.totals.total }))
        .collect();
    let mails: Vec<Value> =
        sim.mails(account).iter().map(|mail| json!({ "about": mail.about, "number": mail.number })).collect();
    Json(json!({ "shipments": shipments, "invoices": invoices, "mails": mails }))
}

async fn webhooks(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let rows: Vec<Value> = sim
        .webhooks(which.account(&sim))
        .iter()
        .map(|row| json!({ "id": row.id, "event": row.event, "url": row.url, "active": row.active, "failures": row.failures }))
        .collect();
    let counts = sim.hook_counts();
    Json(json!({
        "webhooks": rows, "sent": counts.sent, "accepted": counts.accepted, "dropped": counts.dropped, "pending": counts.pending,
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Script {
    duplicates_ppm: u32,
    dropped_ppm: u32,
    delay_ms: u64,
}

/// How deliveries misbehave from now on; what is left out is set to none.
async fn script_webhooks(State(sim): State<RackbeatSim>, Json(script): Json<Script>) -> StatusCode {
    sim.set_hook_script(HookScript {
        duplicates_ppm: script.duplicates_ppm,
        dropped_ppm: script.dropped_ppm,
        delay: Duration::from_millis(script.delay_ms),
        ..sim.hook_script()
    });
    StatusCode::NO_CONTENT
}

async fn calls(State(sim): State<RackbeatSim>) -> Json<Value> {
    let row = |call: super::CallRecord| json!({ "method": call.method, "path": call.path, "status": call.status, "at": call.at.to_string() });
    Json(sim.calls().into_iter().map(row).collect())
}

async fn clear_calls(State(sim): State<RackbeatSim>) -> StatusCode {
    sim.clear_calls();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Act {
    method: String,
    path: String,
    #[serde(default)]
    body: Value,
}

/// Any API call, without token, limits, faults or log.
async fn act(State(sim): State<RackbeatSim>, Query(which): Query<Which>, Json(act): Json<Act>) -> Response {
    let Ok(method) = act.method.parse::<Method>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (status, body) = sim.act(which.account(&sim), method, &act.path, act.body);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}
