//! `/control/rackbeat/…` about goods: what people do to them, what there is, and what calls it took.
//! Product groups are made by `/control/rackbeat/act` with `POST /product-groups`.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::control::{Which, done};
use super::number::{decimal, number};
use super::{Location, RackbeatSim};

pub(super) fn router() -> Router<RackbeatSim> {
    Router::new()
        .route("/control/rackbeat/quantities", get(quantities))
        .route("/control/rackbeat/traffic", get(traffic))
        .route("/control/rackbeat/receive", post(receive))
        .route("/control/rackbeat/count", post(count))
        .route("/control/rackbeat/items", post(add_item))
        .route("/control/rackbeat/items/{number}", put(edit_item))
        .route("/control/rackbeat/items/{number}/fields", put(set_fields))
        .route("/control/rackbeat/locations", post(set_location))
}

/// `{number: {physical, available, locations: {number: quantity}}}`.
async fn quantities(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let rows = sim.quantities(which.account(&sim)).into_iter().map(|(item, held)| {
        let locations: Map<String, Value> =
            held.locations.iter().map(|(place, stock)| (place.to_string(), number(*stock))).collect();
        let row = json!({
            "physical": number(held.physical), "available": number(held.available), "locations": locations,
        });
        (item, row)
    });
    Json(Value::Object(rows.collect()))
}

async fn traffic(State(sim): State<RackbeatSim>, Query(which): Query<Which>) -> Json<Value> {
    let seen = sim.traffic(which.account(&sim));
    Json(json!({
        "total": seen.total, "throttled": seen.throttled, "by_endpoint": seen.by_endpoint,
        "busiest_second": seen.busiest_second, "busiest_minute": seen.busiest_minute,
    }))
}

#[derive(Deserialize)]
struct Goods {
    item: String,
    location: i64,
    quantity: Value,
}

/// Adds a quantity to the stock.
async fn receive(
    State(sim): State<RackbeatSim>,
    Query(which): Query<Which>,
    Json(goods): Json<Goods>,
) -> StatusCode {
    let Some(quantity) = decimal(&goods.quantity) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    done(sim.receive(which.account(&sim), &goods.item, goods.location, quantity))
}

/// Sets the stock.
async fn count(
    State(sim): State<RackbeatSim>,
    Query(which): Query<Which>,
    Json(goods): Json<Goods>,
) -> StatusCode {
    let Some(quantity) = decimal(&goods.quantity) else {
        return StatusCode::UNPROCESSABLE_ENTITY;
    };
    done(sim.set_stock(which.account(&sim), &goods.item, goods.location, quantity))
}

/// A product, or with `"lot": true` a lot, as a POST with this body makes it.
async fn add_item(
    State(sim): State<RackbeatSim>,
    Query(which): Query<Which>,
    Json(body): Json<Value>,
) -> StatusCode {
    let account = which.account(&sim);
    let made =
        if body["lot"] == true { sim.create_lot(account, body) } else { sim.create_product(account, body) };
    if made { StatusCode::CREATED } else { StatusCode::UNPROCESSABLE_ENTITY }
}

async fn edit_item(
    State(sim): State<RackbeatSim>,
    Path(item): Path<String>,
    Query(which): Query<Which>,
    Json(body): Json<Value>,
) -> StatusCode {
    done(sim.edit_product(which.account(&sim), &item, body))
}

/// `{slug: value}`; null takes a value away.
async fn set_fields(
    State(sim): State<RackbeatSim>,
    Path(item): Path<String>,
    Query(which): Query<Which>,
    Json(fields): Json<Map<String, Value>>,
) -> StatusCode {
    let account = which.account(&sim);
    let refused = fields.into_iter().filter(|(slug, value)| {
        // One that is refused does not hold up the rest.
        !sim.set_field(account, &item, slug, value.clone())
    });
    done(refused.count() == 0)
}

#[derive(Deserialize)]
struct NewLocation {
    number: i64,
    name: String,
    parent: Option<i64>,
}

async fn set_location(
    State(sim): State<RackbeatSim>,
    Query(which): Query<Which>,
    Json(new): Json<NewLocation>,
) -> StatusCode {
    let NewLocation { number, name, parent } = new;
    sim.set_location(which.account(&sim), Location { number, name, parent });
    StatusCode::CREATED
}
