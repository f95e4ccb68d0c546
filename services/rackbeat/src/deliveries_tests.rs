use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::*;

fn number(text: &str) -> ItemNumber {
    ItemNumber::parse(text).unwrap()
}

fn read(event: Option<&str>, body: &str) -> Option<About> {
    read_delivery(&StockEvent::default(), event, body.as_bytes()).map(|delivery| delivery.about)
}

#[test]
fn the_item_of_a_stock_event_is_told_in_every_shape() {
    for body in [
        r#"{"item":"TENT","item_type":"product","type":"stock"}"#,
        r#"{"item":"TENT","item_type":"product","type":"stock","key_name":"id","key":"4711"}"#,
        r#"{"item":{"number":"TENT","name":"x"}}"#,
        r#"{"key_name":"number","key":"TENT"}"#,
        r#"{"key":"TENT","key_name":"number","event":"inventory.changed","data":{}}"#,
        r#"{"item":null,"key":"TENT"}"#,
    ] {
        let told = read(Some("inventory.changed"), body);
        assert_eq!(told, Some(About::Stock(number("TENT"))), "{body}");
    }
    let digits = read(Some("inventory.changed"), r#"{"item":1021}"#);
    assert_eq!(digits, Some(About::Stock(number("1021"))));
}

#[test]
fn name_and_keys_of_the_stock_event_are_as_set() {
    let stock = StockEvent {
        event: "inventory.updated".to_owned(),
        keys: vec!["data.item".to_owned(), "sku".to_owned()],
    };
    let told = |event: &str, body: &str| {
        read_delivery(&stock, Some(event), body.as_bytes()).map(|delivery| delivery.about)
    };
    let tent = Some(About::Stock(number("TENT")));
    assert_eq!(told("inventory.updated", r#"{"data":{"item":"TENT"},"key":"9"}"#), tent);
    assert_eq!(told("inventory.updated", r#"{"sku":"TENT"}"#), tent);
    assert_eq!(told("inventory.updated", r#"{"item":"TENT"}"#), None);
    assert_eq!(told("inventory.changed", r#"{"item":"TENT"}"#), Some(About::Other));
    let events = subscribed_events(&stock);
    assert_eq!(events.len(), 5);
    assert!(events.contains(&"inventory.updated".to_owned()) && events.contains(&"lot.created".to_owned()));
}

#[test]
fn products_and_lots_are_told_in_live_and_documented_shape() {
    for event in PRODUCT_EVENTS {
        let live = r#"{"key_name":"number","key":"TENT"}"#;
        assert_eq!(read(Some(event), live), Some(About::Product(vec![number("TENT")])));
        let documented =
            format!(r#"{{"key":"TENT","key_name":"number","event":"{event}","data":{{"number":"TENT"}}}}"#);
        assert_eq!(read(None, &documented), Some(About::Product(vec![number("TENT")])));
    }
    let plural = read(Some("products.updated"), r#"{"key":"TENT"}"#);
    assert_eq!(plural, Some(About::Product(vec![number("TENT")])));
    assert_eq!(read(Some("order.created"), r#"{"key":"1"}"#), Some(About::Other));
}

#[test]
fn a_renamed_item_is_told_under_both_numbers() {
    let renamed = r#"{"key":"B","key_name":"number","old_key":"A","new_key":"B","changed":["number"]}"#;
    assert_eq!(read(Some("product.updated"), renamed), Some(About::Product(vec![number("A"), number("B")])));
    let same = r#"{"key":"B","old_key":"B","new_key":"B","changed":["name"]}"#;
    assert_eq!(read(Some("lot.updated"), same), Some(About::Product(vec![number("B")])));
    // The body's key may still be the old one.
    let stale = r#"{"key":"A","old_key":"A","new_key":"B"}"#;
    assert_eq!(read(Some("lot.updated"), stale), Some(About::Product(vec![number("A"), number("B")])));
}

#[test]
fn deliveries_that_tell_nothing_are_refused() {
    let long = format!(r#"{{"item":"{}"}}"#, "x".repeat(300));
    for body in
        ["", "[]", "null", "{}", r#"{"item":""}"#, r#"{"item":[]}"#, r#"{"item":"a\nb"}"#, "<html>", &long]
    {
        assert_eq!(read(Some("inventory.changed"), body), None, "{body}");
        assert_eq!(read(Some("product.updated"), body), None, "{body}");
    }
    assert_eq!(read(None, r#"{"item":"A"}"#), None, "no event");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..200), event in any::<Option<String>>()) {
        if let Some(told) = read_delivery(&StockEvent::default(), event.as_deref(), &body) {
            assert!(!told.event.is_empty());
        }
    }
}
