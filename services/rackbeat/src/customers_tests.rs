use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shopbeat_domain::money::Currency;
use shopbeat_domain::person::{Address, Personal};
use shopbeat_domain::ports::{Clock as _, Erp as _};
use shopbeat_domain::settings::VatZone;

use super::*;
use crate::testing::{Fake, Seen, page_of};

#[derive(Clone, Copy, PartialEq)]
enum Filter {
    Works,
    CaseMatters,
    Ignored,
    Refused,
}

type Rows = Arc<Mutex<Vec<Value>>>;

fn customer(number: u64, email: &str) -> Value {
    json!({ "number": number, "contact_email": email, "is_barred": number.is_multiple_of(2) })
}

/// Customers 1 to `count` with addresses `p<n>@example.test`, `size` a page.
async fn serve(filter: Filter, count: u64, size: usize, sorts: bool) -> (Fake, Rows) {
    let rows: Rows =
        Arc::new(Mutex::new((1..=count).map(|n| customer(n, &format!("P{n}@example.test"))).collect()));
    let shared = Arc::clone(&rows);
    let fake = Fake::start(move |seen| {
        let mut rows = shared.lock().unwrap().clone();
        if seen.method == "POST" {
            return (201, json!({ "customer": { "number": 900 } }).to_string());
        }
        if sorts {
            rows.reverse();
        }
        let wanted = seen.param("simple_filter[contact_email]");
        match (filter, wanted) {
            (Filter::Refused, Some(_)) => {
                return (422, r#"{"message":"Property 'contact_email' is not filterable"}"#.to_owned());
            }
            (Filter::Works, Some(text)) => {
                rows.retain(|row| row["contact_email"].as_str().unwrap().eq_ignore_ascii_case(text));
            }
            (Filter::CaseMatters, Some(text)) => rows.retain(|row| row["contact_email"] == text),
            _ => {}
        }
        page_of("customers", &rows, seen.page(), size)
    })
    .await;
    (fake, rows)
}

async fn found(fake: &Fake, text: &str) -> Vec<(u64, bool)> {
    let email = Email::normalise(text).unwrap();
    let found = fake.client.customers(&email).await.unwrap();
    found.iter().map(|customer| (customer.number.0, customer.barred)).collect()
}

fn filtered(calls: &[Seen]) -> usize {
    calls.iter().filter(|seen| seen.param("simple_filter[contact_email]").is_some()).count()
}

#[tokio::test]
async fn a_customer_is_found_whatever_the_filter_does() {
    for filter in [Filter::Works, Filter::CaseMatters, Filter::Ignored, Filter::Refused] {
        for sorts in [true, false] {
            let (fake, rows) = serve(filter, 95, 20, sorts).await;
            rows.lock().unwrap().push(customer(96, "p7@EXAMPLE.test"));
            for _ in 0..2 {
                assert_eq!(found(&fake, " p7@example.test").await, [(7, false), (96, true)]);
                assert_eq!(found(&fake, "nobody@example.test").await, []);
            }
            let relies = fake.client.shared.quirks.email_filter.get() == Proof::Proven;
            assert_eq!(relies, filter == Filter::Works);
        }
    }
}

#[tokio::test]
async fn a_proven_filter_is_one_call_and_a_useless_one_is_tried_once() {
    let (fake, _) = serve(Filter::Works, 95, 20, true).await;
    found(&fake, "p7@example.test").await;
    fake.take();
    found(&fake, "p8@example.test").await;
    assert_eq!((filtered(&fake.take()), fake.calls().len()), (1, 0));
    let (fake, _) = serve(Filter::Ignored, 95, 20, true).await;
    found(&fake, "p7@example.test").await;
    assert_eq!(filtered(&fake.take()), 1);
    found(&fake, "p8@example.test").await;
    assert_eq!(filtered(&fake.take()), 0);
}

#[tokio::test]
async fn the_index_sees_customers_made_since_and_is_read_anew_after_an_hour() {
    let (fake, rows) = serve(Filter::Refused, 95, 20, true).await;
    assert_eq!(found(&fake, "new@example.test").await, []);
    fake.take();
    rows.lock().unwrap().push(customer(97, "new@example.test"));
    assert_eq!(found(&fake, "new@example.test").await, [(97, false)]);
    let refresh = fake.take();
    assert_eq!(refresh.len(), 1, "one page is enough");
    assert_eq!(refresh[0].param("limit"), Some("50"));
    // An old customer's address is edited: seen when the index is read anew.
    rows.lock().unwrap()[0] = customer(1, "moved@example.test");
    assert_eq!(found(&fake, "moved@example.test").await, []);
    fake.clock.advance(INDEX_AGE);
    assert_eq!(found(&fake, "moved@example.test").await, [(1, false)]);
    assert_eq!(found(&fake, "p1@example.test").await, []);
    assert_eq!(fake.client.shared.clock.now(), fake.clock.now());
}

#[tokio::test]
async fn clones_share_the_index() {
    let (fake, _) = serve(Filter::Refused, 95, 20, true).await;
    found(&fake, "p7@example.test").await;
    fake.take();
    let clone = fake.client.in_lane(shopbeat_domain::job::Lane::BackFill);
    let email = Email::normalise("p8@example.test").unwrap();
    assert_eq!(clone.customers(&email).await.unwrap().len(), 1);
    assert_eq!(fake.calls().len(), 1);
}

fn new_customer() -> NewCustomer {
    NewCustomer {
        name: Personal::new("Ida Holm"),
        email: Email::normalise("ida@example.test"),
        phone: Personal::new("+45 12345678"),
        vat_number: Personal::default(),
        address: Some(Address { country: "Denmark".into(), country_code: "DK".into(), ..Address::default() }),
        currency: Currency::parse("DKK").unwrap(),
        vat_zone: VatZone::Domestic,
        group: 3,
        payment_terms: 1,
        layout: Some(2),
        employee: None,
    }
}

#[tokio::test]
async fn a_new_customer_is_known_at_once_and_hides_none_made_just_before() {
    let (fake, rows) = serve(Filter::Refused, 30, 100, true).await;
    assert_eq!(found(&fake, "ida@example.test").await, []);
    assert_eq!(fake.client.create_customer(&new_customer()).await.unwrap(), CustomerNumber(900));
    rows.lock().unwrap().push(customer(899, "other@example.test"));
    rows.lock().unwrap().push(customer(900, "ida@example.test"));
    assert_eq!(found(&fake, "ida@example.test").await, [(900, true)]);
    assert_eq!(found(&fake, "other@example.test").await, [(899, false)]);
    let made = fake.take().into_iter().find(|seen| seen.method == "POST").unwrap().json();
    assert_eq!((&made["name"], &made["company_name"]), (&json!("Ida Holm"), &json!("Ida Holm")));
    assert_eq!(made["contact_email"], "ida@example.test");
    assert_eq!((&made["customer_group_id"], &made["payment_terms_id"]), (&json!(3), &json!(1)));
    assert_eq!((&made["address_country"], made.get("company_vat")), (&json!("Denmark"), None));
    assert!(made.get("number").is_none(), "the server assigns it");
}

#[tokio::test]
async fn a_refused_country_is_sent_as_a_code() {
    let fake = Fake::start(|seen| match seen.json()["address_country"].as_str() {
        Some("DK") => (201, json!({ "customer": { "number": 5 } }).to_string()),
        _ => (
            422,
            json!({ "errors": { "address_country": ["The selected country is invalid."] } }).to_string(),
        ),
    })
    .await;
    assert_eq!(fake.client.create_customer(&new_customer()).await.unwrap().0, 5);
}
