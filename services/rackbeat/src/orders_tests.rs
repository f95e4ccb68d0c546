use rust_decimal::Decimal;
use serde_json::{Value, json};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::CustomerNumber;
use shopbeat_domain::money::Currency;
use shopbeat_domain::person::{Address, Personal};
use shopbeat_domain::ports::Erp as _;
use shopbeat_domain::settings::VatZone;

use super::*;
use crate::testing::{Fake, reference};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn line() -> DraftLine {
    DraftLine {
        item: ItemNumber::parse("TENT-2P").unwrap(),
        name: "Two person tent / green".to_owned(),
        quantity: dec("1"),
        unit_price: dec("959.360001"),
        discount_percent: Decimal::ZERO,
        vat_percent: dec("25.00"),
    }
}

fn ida() -> Address {
    Address {
        name: Personal::new("Ida Holm"),
        street: Personal::new("Vej 1"),
        city: Personal::new("Aarhus"),
        zip: Personal::new("8000"),
        country_code: "DK".to_owned(),
        country: "Denmark".to_owned(),
        phone: Personal::new("+45 12345678"),
        ..Address::default()
    }
}

fn draft() -> Draft {
    Draft {
        reference: reference(1001),
        shop_name: "#1042".to_owned(),
        note: Personal::new("Leave at the door"),
        customer: CustomerNumber(1007),
        date: "2026-03-01".parse().unwrap(),
        currency: Currency::parse("DKK").unwrap(),
        vat_zone: VatZone::DomesticExempt,
        layout: None,
        payment_terms: 1,
        employee: Some(2),
        email: Email::normalise("ida@example.test"),
        billing: Some(ida()),
        delivery: Some(ida()),
        lines: vec![line()],
    }
}

async fn sent(draft: Draft) -> (String, Value) {
    let fake =
        Fake::start(|_| (201, json!({ "order": { "number": 1021, "is_booked": false } }).to_string())).await;
    assert_eq!(fake.client.create_draft(&draft).await.unwrap().number, OrderNumber(1021));
    let seen = fake.take();
    assert_eq!((seen.len(), seen[0].call().as_str()), (1, "POST /orders/drafts"));
    (seen[0].text.clone(), seen[0].json())
}

#[tokio::test]
async fn a_draft_bears_the_reference_and_both_forms_of_the_addresses() {
    let (text, body) = sent(draft()).await;
    assert_eq!(body["heading"], "acme/1001 #1042");
    assert_eq!(body["note"], "acme/1001\nLeave at the door");
    assert_eq!(body["vat_zone"], "domestic_exempt");
    assert_eq!(body["order_date"], "2026-03-01");
    assert_eq!((&body["employee_id"], body.get("layout_id")), (&json!(2), None));
    for (flat, object) in [("address_", "billing_address"), ("delivery_address_", "delivery_address")] {
        for key in ["name", "street", "city", "zipcode", "country"] {
            assert_eq!(body[format!("{flat}{key}")], body[object][key], "{key}");
        }
        assert_eq!(body[object]["country"], "Denmark");
    }
    assert_eq!(body["delivery_address"]["email"], "ida@example.test");
    assert_eq!(body["delivery_address"]["phone"], "+45 12345678");
    // Numbers as numbers, exactly; zeros too.
    assert!(
        text.contains(r#""quantity":1,"line_price":959.360001,"discount_percentage":0,"vat_percentage":25"#)
    );
}

#[tokio::test]
async fn a_draft_without_addresses_sends_none() {
    let (_, body) = sent(Draft { billing: None, delivery: None, email: None, ..draft() }).await;
    assert!(body.as_object().unwrap().keys().all(|key| !key.contains("address")), "{body}");
    let (_, body) = sent(Draft { billing: None, delivery: None, ..draft() }).await;
    assert_eq!(body["delivery_address"], json!({ "email": "ida@example.test" }));
}

#[tokio::test]
async fn heading_and_note_are_cut_by_characters_with_the_reference_kept() {
    let long = Draft { shop_name: "ø".repeat(400), note: Personal::new(&"å".repeat(2000)), ..draft() };
    let (_, body) = sent(long).await;
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    assert_eq!((text("heading").chars().count(), text("note").chars().count()), (255, 800));
    assert!(reference(1001).is_in(&text("heading")) && reference(1001).is_in(&text("note")));
}

#[tokio::test]
async fn a_refused_country_name_is_sent_as_a_code_from_then_on() {
    let fake = Fake::start(|seen| {
        if seen.json()["address_country"] == "DK" {
            return (201, json!({ "order": { "number": 1 } }).to_string());
        }
        (422, json!({ "errors": { "address_country": ["The selected country is invalid."] } }).to_string())
    })
    .await;
    fake.client.create_draft(&draft()).await.unwrap();
    fake.client.create_draft(&draft()).await.unwrap();
    let countries: Vec<_> =
        fake.take().iter().map(|seen| seen.json()["billing_address"]["country"].clone()).collect();
    assert_eq!(countries, ["Denmark", "DK", "DK"]);
}

#[tokio::test]
async fn a_country_refused_in_both_forms_is_told_as_first_refused() {
    let refusal = json!({ "errors": { "delivery_address.country": ["invalid"] } }).to_string();
    let fake = Fake::start(move |_| (422, refusal.clone())).await;
    let failure = fake.client.create_draft(&draft()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused(Refusal::Other));
    assert_eq!(failure.fields[0].0, "delivery_address.country");
    assert_eq!(fake.calls().len(), 2);
}

#[tokio::test]
async fn an_order_is_read_whatever_form_its_numbers_have() {
    let fake = Fake::start(|_| {
        let order = json!({
            "number": "1021", "heading": "acme/1001 #1042", "note": null, "created_at": "2026-03-01 10:00:00",
            "is_booked": 1, "is_shipped": false, "is_cancelled": null, "total_subtotal": "998.56",
            "total_vat": 249.64, "total_total": 1248.2, "metadata": [{}],
            "lines": [
                { "id": 5, "child_id": 1234, "quantity": 1.0, "line_price": 959.36, "discount_percentage": "10" },
                { "id": 6, "item": { "number": "FREIGHT" }, "quantity": 1, "line_price": 39.2, "vat_percentage": 25 }
            ]
        });
        (200, json!({ "order": order }).to_string())
    })
    .await;
    let order = fake.client.order(OrderNumber(1021)).await.unwrap();
    assert!(order.flags.booked && !order.flags.shipped && !order.flags.cancelled);
    assert_eq!(order.created_at, Some("2026-03-01T10:00:00Z".parse().unwrap()));
    assert_eq!((order.net, order.total), (Some(dec("998.56")), Some(dec("1248.2"))));
    assert_eq!(order.lines[0].item.as_ref().unwrap().as_str(), "1234");
    assert_eq!((order.lines[0].discount_percent, order.lines[0].vat_percent), (dec("10"), None));
    assert_eq!(order.lines[1].item.as_ref().unwrap().as_str(), "FREIGHT");
    assert_eq!(order.lines[1].vat_percent, Some(dec("25")));
}

#[tokio::test]
async fn changes_of_a_draft_go_where_they_belong_and_booking_sends_no_mail() {
    let fake =
        Fake::start(|_| (200, json!({ "order": { "number": 7, "is_booked": true } }).to_string())).await;
    let number = OrderNumber(7);
    fake.client.add_line(number, &line()).await.unwrap();
    fake.client.update_line(number, LineId(5), &line()).await.unwrap();
    fake.client.rename(number, "DUPLICATE acme/1001").await.unwrap();
    fake.client.delete_draft(number).await.unwrap();
    assert!(fake.client.book(number).await.unwrap().flags.booked);
    let seen = fake.take();
    let calls: Vec<_> = seen.iter().map(crate::testing::Seen::call).collect();
    let expected = [
        "POST /orders/7/lines",
        "PUT /orders/7/lines/5",
        "PUT /orders/7",
        "DELETE /orders/7",
        "POST /orders/7/book",
    ];
    assert_eq!(calls, expected);
    assert_eq!(seen[0].json()["item_id"], "TENT-2P");
    assert_eq!(seen[1].json()["vat_percentage"], 25);
    assert_eq!(seen[2].json(), json!({ "heading": "DUPLICATE acme/1001" }));
    assert_eq!(seen[4].json(), json!({ "mail": { "send": false } }));
}
