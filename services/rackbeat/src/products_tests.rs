use std::sync::Mutex;

use serde_json::{Value, json};
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

fn number(text: &str) -> ItemNumber {
    ItemNumber::parse(text).unwrap()
}

fn tent() -> Value {
    json!({
        "number": "TENT-2P", "type": "product", "name": "Two person tent", "description": "Light tent",
        "sales_price": 1199.20, "barcode": "5701234567899", "is_barred": false, "inventory_enabled": true,
        "group": { "number": 1, "name": "Goods 25%", "has_inventory": true },
        "physical": { "weight": 2100, "weight_unit": "g" }, "updated_at": "2026-02-01T12:00:00+00:00",
        "field_values": [
            { "value": "yes", "field": { "id": 3, "slug": "webshop" } },
            { "value": null, "field": { "slug": "empty" } },
            { "value": 1.5, "field": { "slug": "depth" } },
            { "value": ["a", "b"], "field": { "slug": "colours" } },
        ],
    })
}

async fn one(row: Value) -> Fake {
    Fake::start(move |_| (200, json!({ "item": row }).to_string())).await
}

async fn read(row: Value) -> Answer<ErpProduct> {
    one(row).await.client.product(&number("TENT-2P")).await
}

#[tokio::test]
async fn a_product_is_read_whole_with_its_custom_fields() {
    let fake = one(tent()).await;
    let product = fake.client.product(&number("TENT-2P")).await.unwrap();
    let field = |slug: &str, value: &str| (slug.to_owned(), value.to_owned());
    let expected = ErpProduct {
        number: number("TENT-2P"),
        kind: ItemKind::Product,
        name: "Two person tent".to_owned(),
        description: "Light tent".to_owned(),
        sales_price: Decimal::new(11992, 1),
        barcode: Some("5701234567899".to_owned()),
        group: 1,
        group_name: "Goods 25%".to_owned(),
        weight_kg: Some(Decimal::new(21, 1)),
        barred: false,
        keeps_stock: true,
        fields: vec![field("colours", "a,b"), field("depth", "1.5"), field("webshop", "yes")],
        updated_at: Some("2026-02-01T12:00:00Z".parse().unwrap()),
    };
    assert_eq!(product, expected);
    let seen = fake.take();
    assert_eq!((seen.len(), seen[0].param("expand")), (1, Some("field_values")));
    assert!(
        seen[0].param("fields").unwrap().contains("field_values"),
        "sparse fields must name what expands"
    );
}

#[tokio::test]
async fn custom_fields_are_taken_from_metadata_too_and_told_absent_where_there_are_none() {
    for (key, fields, expected, proof) in [
        ("metadata", json!([{ "slug": "webshop", "value": true }]), "true", Proof::Proven),
        ("metadata", json!([]), "", Proof::Disproven),
        ("metadata", json!({}), "", Proof::Disproven),
        ("field_values", Value::Null, "", Proof::Disproven),
        ("field_values", json!([]), "", Proof::Proven),
    ] {
        let mut row = tent();
        row.as_object_mut().unwrap().remove("field_values");
        row[key] = fields;
        let fake = one(row).await;
        let product = fake.client.product(&number("TENT-2P")).await.unwrap();
        let told: Vec<_> = product.fields.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(told.join(""), expected, "{key}");
        assert_eq!(fake.client.shared.quirks.fields_embedded.get(), proof, "{key}");
    }
}

#[tokio::test]
async fn weights_become_kilograms_and_a_unit_nobody_knows_tells_no_weight() {
    for (weight, unit, expected) in [
        (json!(2.1), json!("kg"), Some("2.1")),
        (json!("250"), json!("G"), Some("0.25")),
        (json!(1), json!("lbs"), Some("0.453592")),
        (json!(1), json!("oz"), Some("0.02835")),
        (json!(0), Value::Null, Some("0")),
        (json!(3), json!("stone"), None),
        (json!(3), Value::Null, None),
        (Value::Null, json!("kg"), None),
    ] {
        let mut row = tent();
        row["physical"] = json!({ "weight": weight, "weight_unit": unit });
        let told = read(row).await.unwrap().weight_kg.map(|weight| weight.to_string());
        assert_eq!(told.as_deref(), expected, "{weight} {unit}");
    }
}

#[tokio::test]
async fn what_is_left_out_is_not_made_up() {
    let bare = json!({ "number": "TENT-2P", "type": "lot", "name": "Set", "sales_price": 5, "group_id": 4,
        "barcode": "", "physical": [], "is_barred": 1 });
    let product = read(bare.clone()).await.unwrap();
    assert_eq!((product.kind, product.group, product.barred), (ItemKind::Lot, 4, true));
    assert_eq!((product.barcode, product.weight_kg, product.updated_at), (None, None, None));
    for key in ["name", "sales_price"] {
        let mut row = bare.clone();
        row[key] = Value::Null;
        assert_eq!(read(row).await.unwrap_err().kind, FailureKind::Garbled, "{key}");
    }
}

#[tokio::test]
async fn products_and_lots_come_page_by_page_from_lists_of_their_own() {
    let fake = Fake::start(|seen| {
        let key = seen.path.trim_start_matches('/').to_owned();
        let rows: Vec<Value> = (0..5)
            .map(|n| json!({ "number": format!("{key}-{n}"), "name": "x", "sales_price": n, "group_id": 1 }))
            .collect();
        page_of(&key, &rows, seen.page(), 2)
    })
    .await;
    for (kind, key) in [(ItemKind::Product, "products"), (ItemKind::Lot, "lots")] {
        let (mut all, mut page) = (Vec::new(), 1);
        loop {
            let answer = fake.client.products(kind, page).await.unwrap();
            all.extend(answer.rows);
            if answer.next.is_none() {
                break;
            }
            page += 1;
        }
        assert_eq!((all.len(), page), (5, 3));
        assert!(all.iter().all(|product| product.kind == kind && product.number.as_str().starts_with(key)));
    }
    let seen = fake.take();
    for (param, value) in [("order_by", "number"), ("order_direction", "ASC"), ("limit", "1000")] {
        assert!(seen.iter().all(|seen| seen.param(param) == Some(value)), "{param}");
    }
}

#[tokio::test]
async fn one_product_without_a_price_stands_alone_and_a_page_of_them_is_an_error() {
    let good = Mutex::new(true);
    let fake = Fake::start(move |seen| {
        let priced = std::mem::replace(&mut *good.lock().unwrap(), false);
        let rows = [
            json!({ "number": "A", "name": "a", "sales_price": priced.then_some(1) }),
            json!({ "number": "B", "name": "b" }),
        ];
        page_of("products", &rows, seen.page(), 10)
    })
    .await;
    let rows = fake.client.products(ItemKind::Product, 1).await.unwrap().rows;
    assert_eq!((rows.len(), rows[0].number.as_str()), (1, "A"));
    let failure = fake.client.products(ItemKind::Product, 1).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Garbled);
}

#[tokio::test]
async fn a_product_is_made_with_what_is_known_of_it() {
    let fake = Fake::start(|_| (201, json!({ "product": { "number": "A" } }).to_string())).await;
    let product = NewProduct {
        number: number("A/1"),
        name: "Tent".to_owned(),
        group: 1,
        unit: None,
        description: String::new(),
        sales_price: Decimal::new(119_920, 2),
        cost: Some(Decimal::new(7, 0)),
        weight_kg: Some(Decimal::new(45_359_237, 8)),
        barcode: None,
    };
    fake.client.create_product(&product).await.unwrap();
    assert_eq!(
        fake.take()[0].text,
        r#"{"number":"A/1","name":"Tent","group":1,"group_id":1,"sales_price":1199.2,"recommended_cost_price":7,"physical":{"weight":0.453592,"weight_unit":"kg"}}"#
    );
    let more =
        NewProduct { unit: Some(3), barcode: Some("570".to_owned()), weight_kg: None, cost: None, ..product };
    fake.client.create_product(&more).await.unwrap();
    assert_eq!(
        fake.take()[0].text,
        r#"{"number":"A/1","name":"Tent","group":1,"group_id":1,"sales_price":1199.2,"barcode":"570","unit_id":3}"#
    );
}

#[tokio::test]
async fn only_what_changed_is_sent_and_nothing_for_no_change() {
    let fake = Fake::start(|_| (200, json!({ "product": { "number": "A" } }).to_string())).await;
    let edit = ErpEdit { sales_price: Some(Decimal::new(9900, 2)), ..ErpEdit::default() };
    fake.client.edit_product(&number("A"), ItemKind::Product, &edit).await.unwrap();
    let all = ErpEdit {
        number: None,
        name: Some("Tent".to_owned()),
        description: Some(String::new()),
        sales_price: None,
        barcode: Some(String::new()),
        weight_kg: Some(Decimal::new(45_359_237, 8)),
        barred: Some(true),
    };
    fake.client.edit_product(&number("A"), ItemKind::Lot, &all).await.unwrap();
    fake.client.edit_product(&number("A"), ItemKind::Lot, &ErpEdit::default()).await.unwrap();
    let seen = fake.take();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].call().as_str(), seen[0].text.as_str()),
        ("PUT /products/A", r#"{"sales_price":99}"#)
    );
    let expected = r#"{"name":"Tent","description":"","barcode":"","physical":{"weight":0.453592,"weight_unit":"kg"},"is_barred":true}"#;
    assert_eq!((seen[1].call().as_str(), seen[1].text.as_str()), ("PUT /lots/A", expected));
}

#[tokio::test]
async fn a_number_that_stays_as_it_was_is_told() {
    for (answered, fine) in [("B", true), ("A", false)] {
        let fake =
            Fake::start(move |_| (200, json!({ "product": { "number": answered } }).to_string())).await;
        let edit = ErpEdit { number: Some(number("B")), ..ErpEdit::default() };
        let told = fake.client.edit_product(&number("A"), ItemKind::Product, &edit).await;
        assert_eq!(told.is_ok(), fine, "{told:?}");
        assert_eq!(fake.take()[0].text, r#"{"number":"B"}"#);
    }
}

#[tokio::test]
async fn an_odd_number_is_edited_in_the_form_that_was_found_to_work() {
    let fake = Fake::start(|seen| match seen.path.as_str() {
        "/items/A%252FB" => (200, json!({ "item": { "number": "A/B" } }).to_string()),
        "/products/A%252FB" => (200, json!({ "product": { "number": "A/B" } }).to_string()),
        _ => (404, "{}".to_owned()),
    })
    .await;
    let edit = ErpEdit { barred: Some(true), ..ErpEdit::default() };
    fake.client.edit_product(&number("A/B"), ItemKind::Product, &edit).await.unwrap();
    assert_eq!(fake.calls().last().unwrap(), "PUT /products/A%252FB");
}

#[tokio::test]
async fn failures_tell_what_is_known_of_a_read_and_of_a_change() {
    let busy = FailureKind::Busy { retry_after: Some(std::time::Duration::from_secs(7)) };
    let taken = r#"{"errors":{"number":["The number has already been taken."]}}"#;
    for (status, body, read, change) in [
        (401, "{}", FailureKind::Unauthorized(None), FailureKind::Unauthorized(None)),
        (403, "{}", FailureKind::Refused(Refusal::Forbidden), FailureKind::Refused(Refusal::Forbidden)),
        (404, "{}", FailureKind::Missing, FailureKind::Missing),
        (409, "{}", FailureKind::Conflict, FailureKind::Conflict),
        (422, taken, FailureKind::Refused(Refusal::Duplicate), FailureKind::Refused(Refusal::Duplicate)),
        (429, "{}", busy.clone(), busy.clone()),
        (503, "<html>", busy.clone(), FailureKind::Unanswered),
        (200, r#"{"item":{"num"#, FailureKind::Garbled, FailureKind::Unanswered),
        (200, r#"{"item":{"name":{}},"x":1}"#, FailureKind::Garbled, FailureKind::Unanswered),
    ] {
        let fake = Fake::start(move |_| (status, body.to_owned())).await;
        let told = fake.client.product(&number("A")).await.unwrap_err();
        assert_eq!(told.kind, read, "{status} {body}");
        let told = fake.client.products(ItemKind::Product, 1).await.unwrap_err();
        assert_eq!(told.kind, read, "list {status} {body}");
        let edit = ErpEdit { number: Some(number("B")), ..ErpEdit::default() };
        let told = fake.client.edit_product(&number("A"), ItemKind::Product, &edit).await.unwrap_err();
        assert_eq!(told.kind, change, "edit {status} {body}");
        assert_eq!(fake.calls().len(), 3, "one attempt each");
    }
}
