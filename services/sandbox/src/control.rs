//! The control API: what a person or a test in another process may look at and change.
//! It runs on a port of its own, where no fault strikes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::Core;
use crate::fault::Rule;

/// `/control/faults` (GET, POST one rule or a list, DELETE), `/control/facts` (GET, POST `{name: option}`) and
/// `/control/clock` (POST `{advance_ms}`).
pub(crate) fn router(core: Core) -> Router {
    Router::new()
        .route("/control/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/control/facts", get(facts).post(set_facts))
        .route("/control/clock", post(advance))
        .with_state(core)
}

async fn faults(State(core): State<Core>) -> Json<Value> {
    Json(json!({ "faults": core.faults.to_json(), "struck": core.faults.struck() }))
}

async fn add_faults(State(core): State<Core>, Json(body): Json<Value>) -> Response {
    let rules = match &body {
        Value::Array(rules) => rules.iter().map(Rule::from_json).collect(),
        one => Rule::from_json(one).map(|rule| vec![rule]),
    };
    match rules {
        Ok(rules) => {
            for rule in rules {
                core.faults.add(rule);
            }
            (StatusCode::CREATED, faults(State(core)).await).into_response()
        }
        Err(error) => refused(&error),
    }
}

async fn clear_faults(State(core): State<Core>) -> StatusCode {
    core.faults.clear();
    StatusCode::NO_CONTENT
}

async fn facts(State(core): State<Core>) -> Json<Value> {
    Json(core.facts.to_json())
}

async fn set_facts(State(core): State<Core>, Json(body): Json<Map<String, Value>>) -> Response {
    for (name, option) in &body {
        if let Err(error) = core.facts.set(name, option.as_str().unwrap_or_default()) {
            return refused(&error);
        }
    }
    facts(State(core)).await.into_response()
}

#[derive(serde::Deserialize)]
struct Advance {
    advance_ms: u64,
}

async fn advance(State(core): State<Core>, Json(by): Json<Advance>) -> Json<Value> {
    core.clock.advance(std::time::Duration::from_millis(by.advance_ms));
    Json(json!({ "now": core.clock.now().to_string() }))
}

fn refused(error: &dyn std::error::Error) -> Response {
    let body = Json(json!({ "message": error.to_string() }));
    (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
}
