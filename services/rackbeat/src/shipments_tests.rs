use std::sync::Mutex;

use serde_json::json;
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::Fake;

const ORDER: OrderNumber = OrderNumber(7);
const SHIPMENT: ShipmentId = ShipmentId(31);
const GONE: &str = r#"{"message":"Not found."}"#;

/// An order whose ready flag is set by `PUT` (or not) and by the old call (or not).
async fn ready_server(by_put: bool, by_call: bool) -> Fake {
    let ready = Mutex::new(false);
    Fake::start(move |seen| {
        match seen.call().as_str() {
            "PUT /orders/7" if by_put => *ready.lock().unwrap() = true,
            "POST /orders/7/book-for-shipping" if by_call => *ready.lock().unwrap() = true,
            "POST /orders/7/book-for-shipping" => return (404, GONE.to_owned()),
            _ => {}
        }
        let order = json!({ "number": 7, "is_ready_for_shipping": *ready.lock().unwrap() });
        (200, json!({ "order": order }).to_string())
    })
    .await
}

#[tokio::test]
async fn ready_is_set_by_the_flag_and_read_back() {
    let fake = ready_server(true, false).await;
    fake.client.mark_ready(ORDER).await.unwrap();
    assert_eq!(fake.calls(), ["PUT /orders/7", "GET /orders/7"]);
    fake.take();
    fake.client.mark_ready(ORDER).await.unwrap();
    assert_eq!(fake.calls(), ["PUT /orders/7"], "known to work");
}

#[tokio::test]
async fn an_ignored_flag_leads_to_the_old_call_which_is_remembered() {
    let fake = ready_server(false, true).await;
    fake.client.mark_ready(ORDER).await.unwrap();
    assert_eq!(fake.take().len(), 3);
    fake.client.mark_ready(ORDER).await.unwrap();
    assert_eq!(fake.calls(), ["POST /orders/7/book-for-shipping"]);
}

#[tokio::test]
async fn ready_is_never_claimed_where_neither_call_works() {
    let fake = ready_server(false, false).await;
    let failure = fake.client.mark_ready(ORDER).await.unwrap_err();
    assert!(failure.is_refusal(Refusal::Other), "{failure}");
}

#[tokio::test]
async fn a_refused_flag_is_told_when_the_old_call_is_gone() {
    let fake = Fake::start(|seen| match seen.method.as_str() {
        "PUT" => (422, json!({ "message": "The order is booked and can't be changed." }).to_string()),
        _ => (404, GONE.to_owned()),
    })
    .await;
    assert!(fake.client.mark_ready(ORDER).await.unwrap_err().is_refusal(Refusal::Locked));
    assert_eq!(fake.calls(), ["PUT /orders/7", "POST /orders/7/book-for-shipping"]);
}

/// A server on which a step works at one path only, and shipping may need a pick first.
async fn shipping_server(ship_at: &'static str, pick_at: &'static str, needs_pick: bool) -> Fake {
    let picked = Mutex::new(false);
    Fake::start(move |seen| {
        let done = (200, json!({ "order_shipment": { "id": 31 } }).to_string());
        if seen.path == pick_at {
            *picked.lock().unwrap() = true;
            done
        } else if seen.path == ship_at && needs_pick && !*picked.lock().unwrap() {
            (422, json!({ "errors": { "is_picked": ["The shipment must be picked first."] } }).to_string())
        } else if seen.path == ship_at {
            assert_eq!(seen.json(), json!({ "pick": true }));
            done
        } else {
            (404, GONE.to_owned())
        }
    })
    .await
}

const BY_ID: &str = "/orders/shipments/31/mark-shipped";
const BY_ORDER: &str = "/orders/7/shipments/31/mark-shipped";
const PICK_BY_ID: &str = "/orders/shipments/31/mark-picked";
const PICK_BY_ORDER: &str = "/orders/7/shipments/31/mark-picked";

#[tokio::test]
async fn a_shipment_is_shipped_on_whichever_path_there_is() {
    for (path, calls) in [(BY_ID, 1), (BY_ORDER, 2)] {
        let fake = shipping_server(path, PICK_BY_ORDER, false).await;
        fake.client.ship(ORDER, SHIPMENT).await.unwrap();
        assert_eq!(fake.take().len(), calls);
        fake.client.ship(ORDER, SHIPMENT).await.unwrap();
        assert_eq!(fake.calls(), [format!("POST {path}")], "the path is remembered");
    }
}

#[tokio::test]
async fn a_shipment_that_must_be_picked_first_is_picked_and_shipped() {
    for pick in [PICK_BY_ID, PICK_BY_ORDER] {
        let fake = shipping_server(BY_ID, pick, true).await;
        fake.client.ship(ORDER, SHIPMENT).await.unwrap();
        assert_eq!(fake.calls().last().unwrap(), &format!("POST {BY_ID}"));
    }
    let fake = shipping_server(BY_ID, PICK_BY_ID, false).await;
    fake.client.pick(ORDER, SHIPMENT).await.unwrap();
    assert_eq!(fake.calls(), [format!("POST {PICK_BY_ORDER}"), format!("POST {PICK_BY_ID}")]);
}

#[tokio::test]
async fn a_shipment_that_is_not_there_on_any_path_is_missing() {
    let fake = shipping_server("/nowhere", "/nowhere", false).await;
    assert!(fake.client.ship(ORDER, SHIPMENT).await.unwrap_err().is_missing());
    assert!(fake.client.pick(ORDER, SHIPMENT).await.unwrap_err().is_missing());
}

#[tokio::test]
async fn a_lost_answer_is_not_followed_by_the_other_path() {
    let fake = Fake::start(|_| (500, String::new())).await;
    let failure = fake.client.ship(ORDER, SHIPMENT).await.unwrap_err();
    assert_eq!((failure.kind, fake.calls().len()), (FailureKind::Unanswered, 1));
}

#[tokio::test]
async fn shipments_are_made_listed_and_refused() {
    let fake = Fake::start(|seen| match seen.method.as_str() {
        "GET" => {
            let rows = json!([{ "id": 32, "is_picked": false }, { "id": 31, "is_shipped": true }]);
            (206, json!({ "order_shipments": rows, "pages": 1 }).to_string())
        }
        _ => (422, json!({ "errors": { "lines": ["There is nothing to ship."] } }).to_string()),
    })
    .await;
    let shipments = fake.client.shipments(ORDER).await.unwrap();
    let told: Vec<_> = shipments.iter().map(|row| (row.id.0, row.picked, row.shipped)).collect();
    assert_eq!(told, [(31, true, true), (32, false, false)]);
    assert!(fake.client.create_shipment(ORDER).await.unwrap_err().is_refusal(Refusal::NothingToShip));
    let fake = Fake::start(|_| (201, json!({ "order_shipment": { "id": 31 } }).to_string())).await;
    assert_eq!(fake.client.create_shipment(ORDER).await.unwrap(), SHIPMENT);
}
