use std::sync::Arc;

use serde_json::json;
use shopbeat_domain::erp::NewCustomer;
use shopbeat_domain::ids::OrderNumber;
use shopbeat_domain::job::Lane;
use shopbeat_domain::money::Currency;
use shopbeat_domain::person::{Email, Personal};
use shopbeat_domain::ports::{Clock as _, Erp as _};
use shopbeat_domain::settings::VatZone;

use super::*;
use crate::testing::{Fake, FakeClock, FakePace, client_at, raw_server};

const ORDER: OrderNumber = OrderNumber(1021);

#[tokio::test]
async fn each_status_says_what_is_known_for_reads_and_for_writes() {
    let busy = FailureKind::Busy { retry_after: Some(Duration::from_secs(7)) };
    let table = [
        (301, FailureKind::Unreachable, FailureKind::Unreachable),
        (401, FailureKind::Unauthorized(None), FailureKind::Unauthorized(None)),
        (403, FailureKind::Refused(Refusal::Forbidden), FailureKind::Refused(Refusal::Forbidden)),
        (404, FailureKind::Missing, FailureKind::Missing),
        (405, FailureKind::Missing, FailureKind::Missing),
        (409, FailureKind::Conflict, FailureKind::Conflict),
        (422, FailureKind::Refused(Refusal::BarredItem), FailureKind::Refused(Refusal::BarredItem)),
        (423, FailureKind::Refused(Refusal::Locked), FailureKind::Refused(Refusal::Locked)),
        (429, busy.clone(), busy.clone()),
        (500, busy.clone(), FailureKind::Unanswered),
        (503, busy, FailureKind::Unanswered),
    ];
    for (status, read, write) in table {
        let body = r#"{"errors":{"lines.0.item_id":["Product 'A' is barred."]}}"#;
        let fake = Fake::start(move |_| (status, body.to_owned())).await;
        let failure = fake.client.order(ORDER).await.unwrap_err();
        assert_eq!(failure.kind, read, "reading at {status}");
        assert_eq!(failure.call, "GET /orders/{number}");
        assert_eq!(fake.client.book(ORDER).await.unwrap_err().kind, write, "writing at {status}");
        assert_eq!(fake.calls().len(), 2, "one attempt each at {status}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_garbled_for_a_read_and_maybe_done_for_a_write() {
    for body in ["<html>sorry</html>", r#"{"order":{"number":10"#, r#"{"order":{"heading":"x"}}"#, ""] {
        let fake = Fake::start(move |_| (200, body.to_owned())).await;
        assert_eq!(fake.client.order(ORDER).await.unwrap_err().kind, FailureKind::Garbled, "{body}");
        assert_eq!(fake.client.book(ORDER).await.unwrap_err().kind, FailureKind::Unanswered, "{body}");
    }
}

#[tokio::test]
async fn every_2xx_is_a_success_with_or_without_a_body() {
    for (status, body) in [(200, "{}"), (201, r#"{"order":{}}"#), (204, ""), (206, "[]")] {
        let fake = Fake::start(move |_| (status, body.to_owned())).await;
        fake.client.rename(ORDER, "DUPLICATE").await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_the_outcome_open() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"order\":{\"number\":1";
    for reply in ["", cut] {
        let client = client_at(raw_server(reply).await, Arc::default(), Arc::default());
        assert_eq!(client.book(ORDER).await.unwrap_err().kind, FailureKind::Unanswered);
        assert_eq!(client.order(ORDER).await.unwrap_err().kind, FailureKind::Unanswered);
    }
}

#[tokio::test]
async fn nothing_listening_means_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client_at(address, Arc::default(), Arc::default());
    assert_eq!(client.book(ORDER).await.unwrap_err().kind, FailureKind::Unreachable);
}

#[tokio::test]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_at(listener.local_addr().unwrap(), Arc::default(), Arc::default())
        .with_deadline(Duration::from_millis(100));
    let failure = client.book(ORDER).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unanswered, "no answer in time"));
}

#[tokio::test]
async fn pace_is_asked_before_each_request_and_waited_for() {
    let fake = Fake::start(|_| (200, json!({ "order": { "number": 1021 } }).to_string())).await;
    *fake.pace.waits.lock().unwrap() = vec![Duration::from_secs(2), Duration::from_secs(1)];
    let before = fake.clock.now();
    fake.client.order(ORDER).await.unwrap();
    assert_eq!(fake.clock.now().duration_since(before).as_secs(), 3);
    fake.client.in_lane(Lane::BackFill).order(ORDER).await.unwrap();
    let asked = fake.pace.asked.lock().unwrap().clone();
    let lanes: Vec<_> = asked.iter().map(|(_, lane)| *lane).collect();
    assert_eq!(lanes, [Lane::Order, Lane::Order, Lane::Order, Lane::BackFill]);
    assert!(asked.iter().all(|(budget, _)| budget == "budget"));
}

#[tokio::test]
async fn a_long_wait_for_pace_is_told_instead_of_waited_and_nothing_is_sent() {
    let fake = Fake::start(|_| (200, "{}".to_owned())).await;
    *fake.pace.waits.lock().unwrap() = vec![Duration::from_secs(60)];
    let failure = fake.client.book(ORDER).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Busy { retry_after: Some(Duration::from_secs(60)) });
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn every_call_bears_the_token_and_names_us() {
    let fake = Fake::start(|_| (200, json!({ "order": { "number": 1 } }).to_string())).await;
    fake.client.book(ORDER).await.unwrap();
    let headers = &fake.take()[0].headers;
    assert_eq!(headers["authorization"], "Bearer tok.en.secret");
    assert_eq!(headers["consumer-name"], "Shopbeat");
    assert_eq!(headers["consumer-contact"], "ops@example.test");
    assert_eq!(headers["api-version"], "latest");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("Shopbeat/"));
}

#[tokio::test]
async fn failures_and_debug_show_neither_token_nor_person() {
    let echo = r#"{"errors":{"contact_email":["The address ida@example.test of Ida Holm is odd."]}}"#;
    let fake = Fake::start(move |_| (422, echo.to_owned())).await;
    let customer = NewCustomer {
        name: Personal::new("Ida Holm"),
        email: Email::normalise("ida@example.test"),
        phone: Personal::default(),
        vat_number: Personal::default(),
        address: None,
        currency: Currency::parse("DKK").unwrap(),
        vat_zone: VatZone::Domestic,
        group: 1,
        payment_terms: 1,
        layout: None,
        employee: None,
    };
    let failure = fake.client.create_customer(&customer).await.unwrap_err();
    let shown = format!("{failure} {failure:?} {:?}", fake.client);
    for hidden in ["ida@", "Ida", "tok.en"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert_eq!(failure.fields[0].0, "contact_email");
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_dead_and_nothing_is_sent() {
    let fake = Fake::start(|_| (200, "{}".to_owned())).await;
    let shared = &fake.client.shared;
    let client = RackbeatClient::new(
        shared.http.clone(),
        shared.base.clone(),
        secrecy::SecretString::from("a\nb"),
        String::new(),
        Lane::Order,
        Arc::new(FakePace::default()),
        Arc::new(FakeClock::default()),
        shared.consumer.clone(),
    );
    let kind = client.account().await.unwrap_err().kind;
    assert_eq!(kind, FailureKind::Unauthorized(Some(Hold::TokenDead)));
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn a_watch_is_told_of_every_call_that_goes_out_and_how_long_it_waited() {
    let fake = Fake::start(|_| (200, r#"{"item":{"number":"A"}}"#.to_owned())).await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let watched = fake.client.watched_by(Arc::new(move |lane, waited| {
        kept.lock().unwrap().push((lane, waited));
    }));
    let item = shopbeat_domain::ids::ItemNumber::parse("A").unwrap();
    watched.item(&item).await.unwrap();
    fake.pace.waits.lock().unwrap().extend([Duration::from_secs(1), Duration::from_millis(500)]);
    watched.in_lane(Lane::Stock).item(&item).await.unwrap();
    // One that never gets its place is not sent and not told.
    fake.pace.waits.lock().unwrap().push(Duration::from_secs(3600));
    watched.item(&item).await.unwrap_err();
    let expected = [(Lane::Order, Duration::ZERO), (Lane::Stock, Duration::from_millis(1500))];
    assert_eq!(*told.lock().unwrap(), expected);
    assert_eq!(fake.calls().len(), 2);
}
