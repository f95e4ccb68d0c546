//! Stock over a real connection.

use serde_json::{Value, json};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{InventoryItemId, LocationId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::Shop as _;
use shopbeat_domain::settings::StockKind;
use shopbeat_domain::stock::{SetQuantity, StockProblem, StockWrite};

use super::read_by;
use crate::testing::{Say, Server, TestClock, client, coded};
use crate::wire::PageSize;

fn write(items: u64) -> StockWrite {
    let quantity = |id| SetQuantity {
        inventory_item: InventoryItemId(id),
        location: LocationId(5),
        quantity: 7,
        from: (id % 2 == 0).then_some(3),
    };
    StockWrite {
        kind: StockKind::Available,
        key: "the-key".to_owned(),
        reference: "gid://shopbeat/StockSync/1".to_owned(),
        quantities: (1..=items).map(quantity).collect(),
    }
}

fn answer(errors: &Value) -> Say {
    Say::json(
        &json!({"data": {"inventorySetQuantities": {"inventoryAdjustmentGroup": null, "userErrors": errors}}}),
    )
}

#[tokio::test]
async fn quantities_are_sent_with_what_they_change_from_even_where_that_is_null() {
    let server = Server::start([answer(&json!([]))]).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.set_quantities(&write(2)).await, Ok(Ok(())));
    let sent = server.seen()[0].variables();
    assert_eq!((&sent["key"], &sent["input"]["name"]), (&json!("the-key"), &json!("available")));
    let quantities = sent["input"]["quantities"].as_array().unwrap();
    assert_eq!(quantities[0].get("changeFromQuantity"), Some(&Value::Null), "present, though null");
    assert_eq!(quantities[1]["changeFromQuantity"], json!(3));
}

#[tokio::test]
async fn a_refusal_names_its_kind_and_its_culprit() {
    let at = |index: &str| json!(["input", "quantities", index, "quantity"]);
    let errors = json!([
        {"field": at("1"), "message": "stale", "code": "CHANGE_FROM_QUANTITY_STALE"},
        {"field": at("0"), "message": "bundle", "code": "NON_MUTABLE_INVENTORY_ITEM"},
        {"field": null, "message": "spent", "code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"},
        {"field": ["input", "reason"], "message": "odd", "code": "INVALID_REASON"},
    ]);
    let server = Server::start([answer(&errors)]).await;
    let refusals = client(&server, &TestClock::new()).set_quantities(&write(2)).await.unwrap().unwrap_err();
    let told: Vec<_> = refusals.iter().map(|refusal| (refusal.index, refusal.problem)).collect();
    let expected = [
        (Some(1), StockProblem::Stale),
        (Some(0), StockProblem::Item),
        (None, StockProblem::KeySpent),
        (None, StockProblem::Other),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_lost_answer_leaves_it_open_and_too_many_are_refused_before_they_are_sent() {
    let server = Server::start([Say::Close]).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.set_quantities(&write(1)).await.unwrap_err().kind, FailureKind::Unanswered);
    let most = u64::try_from(limits::QUANTITIES_PER_CALL).unwrap();
    assert!(matches!(
        client.set_quantities(&write(most + 1)).await.unwrap_err().kind,
        FailureKind::Refused(_)
    ));
    assert_eq!(server.seen().len(), 1);
}

fn level(location: u64) -> Value {
    json!({"id": "gid://shopify/InventoryLevel/1", "isActive": location != 2,
        "location": {"id": format!("gid://shopify/Location/{location}")},
        "quantities": [{"name": "available", "quantity": location}, {"name": "on_hand", "quantity": 9}]})
}

fn page(from: u64, to: u64, next: Option<u64>) -> Value {
    json!({"nodes": (from..to).map(level).collect::<Vec<_>>(),
        "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next.map(|next| next.to_string())}})
}

#[tokio::test]
async fn every_level_is_read_over_every_page_size() {
    for size in 1..=4_u64 {
        let mut says = vec![Say::json(&json!({"data": {"nodes": [
            {"__typename": "InventoryItem", "id": "gid://shopify/InventoryItem/3", "tracked": true,
                "inventoryLevels": page(0, size.min(5), (size < 5).then_some(size))},
            null,
            {"__typename": "Product"}]}}))];
        let mut from = size;
        while from < 5 {
            let to = (from + size).min(5);
            says.push(Say::json(&json!({"data": {"inventoryItem": {"id": "gid://shopify/InventoryItem/3",
                "inventoryLevels": page(from, to, (to < 5).then_some(to))}}})));
            from = to;
        }
        let server = Server::start(says).await;
        let client = client(&server, &TestClock::new());
        let levels = u32::try_from(size).unwrap();
        let read =
            read_by(client.transport(), &PageSize::of(9), &[InventoryItemId(3)], levels).await.unwrap();
        for (asked, seen) in server.seen().iter().enumerate() {
            let variables = seen.variables();
            assert_eq!(variables["levels"], json!(levels));
            if asked > 0 {
                assert_eq!(variables["after"], json!((u64::try_from(asked).unwrap() * size).to_string()));
            }
        }
        let levels: Vec<i64> = read[0].levels.iter().map(|level| level.available).collect();
        assert_eq!(levels, [0, 1, 2, 3, 4], "page size {size}");
        assert!(!read[0].levels[2].active && read[0].levels[1].active);
        assert_eq!(server.left(), 0);
    }
}

#[tokio::test]
async fn a_hidden_item_is_no_item_that_is_gone() {
    let hidden = json!({"data": {"nodes": [null]}, "errors": [{"message": "Access denied", "path": ["nodes", 0],
        "extensions": {"code": "ACCESS_DENIED"}}]});
    let server = Server::start([Say::json(&hidden)]).await;
    let read = client(&server, &TestClock::new()).stock_of(&[InventoryItemId(3)]).await;
    assert!(matches!(read.unwrap_err().kind, FailureKind::Refused(_)));
}

fn items(ids: std::ops::Range<u64>) -> Say {
    let item = |id| {
        json!({"__typename": "InventoryItem", "id": format!("gid://shopify/InventoryItem/{id}"),
        "tracked": true, "inventoryLevels": page(0, 1, None)})
    };
    Say::json(&json!({"data": {"nodes": ids.map(item).collect::<Vec<_>>()}}))
}

#[tokio::test]
async fn a_page_that_costs_too_much_is_halved_for_good_and_no_item_is_left_out() {
    let says = [coded("MAX_COST_EXCEEDED"), items(1..3), items(3..5), items(5..6), items(1..3), items(3..4)];
    let server = Server::start(says).await;
    let client = client(&server, &TestClock::new());
    let ids: Vec<InventoryItemId> = (1..=5).map(InventoryItemId).collect();
    let read = client.stock_of(&ids).await.unwrap();
    assert_eq!(read.iter().map(|stock| stock.inventory_item).collect::<Vec<_>>(), ids);
    client.stock_of(&ids[..3]).await.unwrap();
    let asked: Vec<usize> =
        server.seen().iter().map(|seen| seen.variables()["ids"].as_array().unwrap().len()).collect();
    assert_eq!(asked, [5, 2, 2, 1, 2, 1], "the second reading knows what is too much");
}

#[tokio::test]
async fn a_level_without_its_quantity_is_not_taken_for_none() {
    let silent = |active: bool| {
        let level = json!({"id": "gid://shopify/InventoryLevel/1", "isActive": active, "quantities": [],
            "location": {"id": "gid://shopify/Location/5"}});
        let levels = json!({"nodes": [level], "pageInfo": {"hasNextPage": false, "endCursor": null}});
        Say::json(&json!({"data": {"nodes": [{"__typename": "InventoryItem", "tracked": true,
            "id": "gid://shopify/InventoryItem/3", "inventoryLevels": levels}]}}))
    };
    let server = Server::start([silent(true), silent(false)]).await;
    let client = client(&server, &TestClock::new());
    let read = client.stock_of(&[InventoryItemId(3)]).await;
    assert_eq!(read.unwrap_err().kind, FailureKind::Garbled);
    assert!(client.stock_of(&[InventoryItemId(3)]).await.is_ok(), "one that is not stocked has none");
}

#[tokio::test]
async fn an_item_that_goes_while_its_levels_are_read_is_left_out_and_a_hidden_page_is_told() {
    let first = || {
        Say::json(&json!({"data": {"nodes": [{"__typename": "InventoryItem", "tracked": true,
        "id": "gid://shopify/InventoryItem/3", "inventoryLevels": page(0, 1, Some(1))}]}}))
    };
    let gone = Say::json(&json!({"data": {"inventoryItem": null}}));
    let hidden = Say::json(&json!({"data": {"inventoryItem": {"id": "gid://shopify/InventoryItem/3",
        "inventoryLevels": null}}, "errors": [{"message": "Access denied", "path": ["inventoryItem",
        "inventoryLevels"], "extensions": {"code": "ACCESS_DENIED"}}]}));
    let server = Server::start([first(), gone, first(), hidden]).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.stock_of(&[InventoryItemId(3)]).await, Ok(Vec::new()));
    let failure = client.stock_of(&[InventoryItemId(3)]).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused(Refusal::Forbidden));
}

#[tokio::test]
async fn an_item_is_activated_under_the_key_as_given() {
    let done = |errors: Value| {
        Say::json(&json!({"data": {"inventoryActivate": {
        "inventoryLevel": null, "userErrors": errors}}}))
    };
    let refused = done(json!([{"field": ["locationId"], "message": "The location is deactivated"}]));
    let server = Server::start([done(json!([])), refused]).await;
    let client = client(&server, &TestClock::new());
    assert_eq!(client.activate(InventoryItemId(3), LocationId(5), "the-key").await, Ok(()));
    let sent = json!({"item": "gid://shopify/InventoryItem/3", "location": "gid://shopify/Location/5",
        "key": "the-key"});
    assert_eq!(server.seen()[0].variables(), sent);
    assert!(client.activate(InventoryItemId(3), LocationId(5), "other").await.is_err());
}
