//! Headers and bodies of deliveries.

use proptest::prelude::*;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.insert(*name, value.parse().unwrap());
    }
    map
}

#[test]
fn headers_are_read_whatever_is_optional() {
    let read = Headers::parse(&headers(&[
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "Acme.myshopify.com"),
        ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        ("x-shopify-triggered-at", "2026-03-29T18:00:27.877041743Z"),
    ]))
    .unwrap();
    assert_eq!(read.topic, "orders/create");
    assert_eq!(read.shop.as_str(), "acme.myshopify.com");
    assert!(read.triggered_at.is_some());
    assert_eq!((read.event, read.api_version), (None, None));
}

#[test]
fn a_missing_or_odd_header_is_named() {
    let good = [
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "acme.myshopify.com"),
        ("x-shopify-webhook-id", "1"),
    ];
    for (name, odd) in [
        ("x-shopify-topic", "orders"),
        ("x-shopify-shop-domain", "evil.com"),
        ("x-shopify-webhook-id", "a b"),
    ] {
        let mut map = headers(&good);
        map.insert(name, odd.parse().unwrap());
        assert_eq!(Headers::parse(&map), Err(Malformed::Header(name)));
        map.remove(name);
        assert_eq!(Headers::parse(&map), Err(Malformed::Header(name)));
    }
}

fn subject(topic: &str, body: &str) -> Option<Subject> {
    Payload::parse(topic, body.as_bytes()).ok().map(|p| p.subject)
}

#[test]
fn every_topic_names_its_order_in_its_own_place() {
    let order = Some(Subject::Order(OrderId(7)));
    assert_eq!(subject("orders/create", r#"{"id": 7, "email": "a@b.test"}"#), order);
    assert_eq!(
        subject("orders/updated", r#"{"admin_graphql_api_id": "gid://shopify/Order/7", "id": 8e0}"#),
        order
    );
    assert_eq!(subject("orders/edited", r#"{"order_edit": {"id": 1, "order_id": 7}}"#), order);
    assert_eq!(subject("refunds/create", r#"{"id": 1, "order_id": 7}"#), order);
    assert_eq!(subject("fulfillments/create", r#"{"id": 1, "order_id": 7}"#), order);
    assert_eq!(subject("products/delete", r#"{"id": 7}"#), Some(Subject::Product(ProductId(7))));
    let bulk = r#"{"admin_graphql_api_id": "gid://shopify/BulkOperation/7", "status": "completed"}"#;
    assert_eq!(subject("bulk_operations/finish", bulk), Some(Subject::Bulk(BulkId(7))));
    assert_eq!(subject("app/uninstalled", "not even json"), Some(Subject::Uninstalled));
    assert_eq!(subject("carts/update", "[]"), Some(Subject::Unknown));
}

#[test]
fn a_level_names_item_location_and_a_quantity_that_may_be_negative_or_missing() {
    let level = |available| {
        Some(Subject::Level { inventory_item: InventoryItemId(3), location: LocationId(5), available })
    };
    let body = |available: &str| {
        format!(r#"{{"inventory_item_id": 3, "location_id": 5, "available": {available}}}"#)
    };
    assert_eq!(subject("inventory_levels/update", &body("7")), level(Some(7)));
    assert_eq!(subject("inventory_levels/update", &body("-2")), level(Some(-2)));
    assert_eq!(subject("inventory_levels/update", &body("null")), level(None));
    assert_eq!(subject("inventory_levels/update", r#"{"inventory_item_id": 3}"#), None);
}

#[test]
fn ids_beyond_two_to_the_53_stay_exact() {
    let exact = Some(Subject::Order(OrderId(9_007_199_254_740_993)));
    assert_eq!(subject("orders/create", r#"{"id": 9007199254740993}"#), exact);
    assert_eq!(
        subject("orders/create", r#"{"id": 18446744073709551615}"#),
        Some(Subject::Order(OrderId(u64::MAX)))
    );
    assert_eq!(subject("orders/create", r#"{"id": 18446744073709551616}"#), None, "too large is no id");
}

#[test]
fn a_body_without_its_id_is_refused() {
    for body in
        ["", "{", "[7]", "{}", "null", r#"{"id": -7}"#, r#"{"id": 0}"#, r#"{"id": 7.5}"#, r#"{"id": {}}"#]
    {
        assert_eq!(subject("orders/create", body), None, "{body}");
    }
    assert_eq!(subject("orders/edited", r#"{"id": 7, "order_edit": 3}"#), None);
    assert_eq!(subject("refunds/create", r#"{"id": 7}"#), None, "a refund's id is not its order's");
}

#[test]
fn the_time_counts_only_where_it_is_the_orders_own() {
    let at = |topic, body: &str| Payload::parse(topic, body.as_bytes()).unwrap().updated_at;
    let body = r#"{"id": 7, "order_id": 7, "updated_at": "2026-03-01T11:00:00+01:00"}"#;
    assert_eq!(at("orders/paid", body), Some("2026-03-01T10:00:00Z".parse().unwrap()));
    assert_eq!(at("fulfillments/create", body), None, "that is when the fulfilment changed");
    assert_eq!(at("orders/paid", r#"{"id": 7, "updated_at": "soon"}"#), None);
    assert_eq!(at("orders/paid", r#"{"id": 7, "updated_at": 5}"#), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_bytes_make_it_panic(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            r#"\{("(id|order_id|order_edit|updated_at|admin_graphql_api_id)":([0-9]{1,25}|"[^"]{0,40}"|\[+|\{"order_id":[0-9]{1,20}\}|null|-1e9),?){0,5}\}?"#
                .prop_map(String::into_bytes),
        ],
        topic in prop_oneof![Just("orders/create"), Just("orders/edited"), Just("refunds/create"), Just("products/update"), Just("bulk_operations/finish"), Just("")],
    ) {
        if let Ok(Payload { subject: Subject::Order(id), .. }) = Payload::parse(topic, &body) {
            prop_assert!(id.0 != 0);
        }
    }
}
