use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Bench, SHOP};

async fn control(bench: &Bench, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/control/shopify/{path}"))
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = bench.sim.control_router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_person_places_pays_and_ships_from_the_terminal() {
    let bench = Bench::small();
    let orders = format!("shops/{SHOP}/orders");
    let asked = json!({ "count": 2, "kind": "tip", "paid": true });
    let (status, placed) = control(&bench, "POST", &orders, &asked).await;
    assert_eq!((status, placed.as_array().unwrap().len()), (201, 2));
    assert_eq!(placed[0]["financial_status"], "PAID");
    let one = format!("{orders}/{}", placed[0]["id"]);
    let (status, shipped) = control(&bench, "POST", &format!("{one}/fulfill"), &json!({})).await;
    assert_eq!((status, &shipped["fulfillment_status"]), (200, &json!("FULFILLED")));
    assert_eq!(control(&bench, "POST", &format!("{one}/cancel"), &json!({})).await.0, 409);
    let (_, listed) = control(&bench, "GET", &orders, &Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(control(&bench, "POST", &orders, &json!({ "kind": "odd" })).await.0, 422);
    assert_eq!(control(&bench, "GET", "shops/nobody/orders", &Value::Null).await.0, 404);
}

#[tokio::test]
async fn every_named_kind_of_order_can_be_placed() {
    let bench = Bench::small();
    let orders = format!("shops/{SHOP}/orders");
    for kind in [
        "ordinary",
        "tip",
        "gift-card",
        "paid-by-gift-card",
        "custom-line",
        "unknown-sku",
        "foreign-currency",
        "duties",
        "fee",
        "cash-rounding",
        "test",
        "guest",
        "protected",
        "business",
        "old",
        "many-lines",
    ] {
        assert_eq!(control(&bench, "POST", &orders, &json!({ "kind": kind })).await.0, 201, "{kind}");
    }
}

#[tokio::test]
async fn a_person_plays_merchant_from_the_terminal() {
    let bench = Bench::small();
    let at = |path: &str| format!("shops/{SHOP}/{path}");
    let (status, made) =
        control(&bench, "POST", &at("products"), &json!({ "title": "Kop", "sku": "KOP", "price": "45.00" }))
            .await;
    assert_eq!((status, &made["variants"][0]["sku"]), (201, &json!("KOP")));
    let item = &made["variants"][0]["item"];
    let (_, places) = control(&bench, "GET", &at("locations"), &Value::Null).await;
    let asked = json!({ "item": item, "location": places[0]["id"], "available": 12 });
    assert_eq!(control(&bench, "POST", &at("stock"), &asked).await.0, 200);
    let (_, rows) = control(&bench, "GET", &at("stock"), &Value::Null).await;
    let row = rows.as_array().unwrap().iter().find(|row| row["sku"] == "KOP").unwrap().clone();
    assert_eq!((&row["available"], &row["on_hand"]), (&json!(12), &json!(12)));
    let variant = at(&format!("variants/{}", made["variants"][0]["id"]));
    assert_eq!(control(&bench, "PATCH", &variant, &json!({ "sku": null, "price": "50" })).await.0, 200);
    let product = at(&format!("products/{}", made["id"]));
    let (_, renamed) = control(&bench, "PATCH", &product, &json!({ "title": "Krus" })).await;
    assert_eq!((&renamed["title"], &renamed["variants"][0]["sku"]), (&json!("Krus"), &Value::Null));
    assert_eq!(control(&bench, "DELETE", &product, &Value::Null).await.0, 200);
    assert_eq!(control(&bench, "DELETE", &product, &Value::Null).await.0, 404);
    let (_, writes) = control(&bench, "GET", &at("writes"), &Value::Null).await;
    assert_eq!(writes, json!({ "inventory": [], "products": [] }));
}
