//! Playing merchant and buyer from a terminal: JSON over HTTP on the control port.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::delivery::DeliveryOptions;
use super::life::LifeError;
use super::order_spec::OrderSpec;
use super::sim::OrderTruth;
use super::{ShopifySim, Standing, special};

/// Under `/control/shopify`: `shops`, `calls`, `deliveries` (GET, POST); under `shops/{shop}`: `orders`
/// (GET, POST), `orders/{id}` (GET), `orders/{id}/{pay|fulfill|cancel|refund|edit}` (POST), `standing` (POST),
/// `tokens` (DELETE). A shop is named by its domain.
pub(crate) fn router(sim: ShopifySim) -> Router {
    Router::new()
        .route("/control/shopify/shops", get(shops))
        .route("/control/shopify/calls", get(calls))
        .route("/control/shopify/deliveries", get(deliveries).post(set_deliveries))
        .route("/control/shopify/shops/{shop}/orders", get(orders).post(place))
        .route("/control/shopify/shops/{shop}/orders/{id}", get(order))
        .route("/control/shopify/shops/{shop}/orders/{id}/{verb}", post(act))
        .route("/control/shopify/shops/{shop}/standing", post(standing))
        .route("/control/shopify/shops/{shop}/tokens", axum::routing::delete(revoke))
        .with_state(sim)
}

fn failed(error: &LifeError) -> Response {
    let status = match error {
        LifeError::NoShop(_) | LifeError::NoOrder(_) | LifeError::NoLine(..) | LifeError::NoGoods(..) => {
            StatusCode::NOT_FOUND
        }
        LifeError::Forbidden(..) => StatusCode::CONFLICT,
    };
    (status, Json(json!({ "message": error.to_string() }))).into_response()
}

pub(super) fn told(outcome: Result<Value, LifeError>) -> Response {
    match outcome {
        Ok(body) => Json(body).into_response(),
        Err(error) => failed(&error),
    }
}

/// Ids and amounts; no names and no addresses.
fn summary(truth: &OrderTruth) -> Value {
    let order = &truth.order;
    json!({
        "id": order.id,
        "name": order.name(),
        "financial_status": order.financial_status(),
        "fulfillment_status": order.fulfillment_status(),
        "cancelled": order.cancelled_at.is_some(),
        "lines": order.lines.len(),
        "currency": order.currencies.shop,
        "total": truth.placed.total.shop,
        "current_total": truth.current.total.shop,
        "current_tax": truth.current.tax.shop,
    })
}

async fn shops(State(sim): State<ShopifySim>) -> Json<Value> {
    Json(json!(sim.shops()))
}

async fn calls(State(sim): State<ShopifySim>) -> Json<Value> {
    let mut shops: Map<String, Value> = Map::new();
    for ((shop, operation), count) in sim.calls() {
        shops.entry(shop).or_insert_with(|| json!({}))[operation] = json!(count);
    }
    Json(Value::Object(shops))
}

async fn deliveries(State(sim): State<ShopifySim>) -> Json<Value> {
    Json(sim.deliveries().to_json())
}

/// `{"duplicate_ppm": 100000, "triple_ppm": 0, "reorder_ppm": 50000, "drop_ppm": 0}`.
async fn set_deliveries(State(sim): State<ShopifySim>, Json(asked): Json<Value>) -> StatusCode {
    let ppm = |name: &str| asked[name].as_u64().and_then(|ppm| u32::try_from(ppm).ok()).unwrap_or_default();
    sim.set_delivery(DeliveryOptions {
        duplicate_ppm: ppm("duplicate_ppm"),
        triple_ppm: ppm("triple_ppm"),
        reorder_ppm: ppm("reorder_ppm"),
        drop_ppm: ppm("drop_ppm"),
        ..DeliveryOptions::default()
    });
    StatusCode::NO_CONTENT
}

async fn orders(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    told(sim.orders(&shop).map(|orders| orders.iter().map(summary).collect()))
}

async fn order(State(sim): State<ShopifySim>, Path((shop, id)): Path<(String, u64)>) -> Response {
    told(sim.order(&shop, id).map(|found| summary(&found)))
}

/// `{"count": 3, "kind": "tip", "paid": true}`, all optional: random orders of the seed, made special.
async fn place(State(sim): State<ShopifySim>, Path(shop): Path<String>, body: axum::body::Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let kind = asked["kind"].as_str().unwrap_or("ordinary");
    let mut placed = Vec::new();
    for _ in 0..asked["count"].as_u64().unwrap_or(1).min(10_000) {
        let Some(spec) = sim.ordinary_order(&shop).map(|spec| made_special(spec, kind)).transpose() else {
            let why = json!({ "message": format!("no kind of order is named {kind}") });
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(why)).into_response();
        };
        let outcome = spec.and_then(|spec| sim.place_order(&shop, &spec)).and_then(|id| {
            if asked["paid"] == json!(true) {
                sim.pay(&shop, id)?;
            }
            sim.order(&shop, id)
        });
        match outcome {
            Ok(order) => placed.push(summary(&order)),
            Err(error) => return failed(&error),
        }
    }
    (StatusCode::CREATED, Json(Value::Array(placed))).into_response()
}

fn made_special(spec: OrderSpec, kind: &str) -> Option<OrderSpec> {
    let some = |cents| Decimal::new(cents, 2);
    Some(match kind {
        "ordinary" => spec,
        "tip" => special::tip(spec, some(2_500)),
        "gift-card" => special::gift_card(spec, some(50_000)),
        "paid-by-gift-card" => special::by_gift_card(spec),
        "custom-line" => special::custom_line(spec, "Reparation", some(19_900)),
        "unknown-sku" => special::unknown_sku(spec, "FINDES-IKKE"),
        "foreign-currency" => special::foreign_buyer(spec, "EUR", Decimal::new(134, 3)),
        "duties" => special::duties(spec, some(4_200)),
        "fee" => special::additional_fee(spec, "Miljøgebyr", some(1_500)),
        "cash-rounding" => special::cash_rounding(spec, some(25)),
        "test" => special::test_order(spec),
        "guest" => special::guest(spec),
        "protected" => special::protected(spec),
        "business" => special::business(spec, "Fjeldgaard ApS", Some("DK12345678")),
        "old" => special::old(spec, 400),
        "many-lines" => special::many_lines(spec, 60),
        _ => return None,
    })
}

async fn act(
    State(sim): State<ShopifySim>,
    Path((shop, id, verb)): Path<(String, u64, String)>,
    body: axum::body::Bytes,
) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let number = |name: &str, default: u32| {
        asked[name].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let line = usize::try_from(number("line", 0)).unwrap_or_default();
    let done = match verb.as_str() {
        "pay" => sim.pay(&shop, id),
        "fulfill" => sim.fulfill(&shop, id),
        "cancel" => sim.cancel(&shop, id),
        "refund" => sim.refund(&shop, id, line, number("quantity", 1)),
        "edit" => sim.edit(&shop, id, line, number("quantity", 0)),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    told(done.and_then(|()| sim.order(&shop, id)).map(|found| summary(&found)))
}

/// `{"standing": "open" | "frozen" | "locked" | "gone"}`.
async fn standing(
    State(sim): State<ShopifySim>,
    Path(shop): Path<String>,
    Json(asked): Json<Value>,
) -> Response {
    let standing = match asked["standing"].as_str() {
        Some("open") => Standing::Open,
        Some("frozen") => Standing::Frozen,
        Some("locked") => Standing::Locked,
        Some("gone") => Standing::Gone,
        _ => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    };
    told(sim.set_standing(&shop, standing).map(|()| asked))
}

async fn revoke(State(sim): State<ShopifySim>, Path(shop): Path<String>) -> Response {
    told(sim.revoke_tokens(&shop).map(|()| json!({ "revoked": true })))
}
