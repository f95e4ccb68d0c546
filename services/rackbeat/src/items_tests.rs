use proptest::prelude::{ProptestConfig, proptest};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

fn number(text: &str) -> ItemNumber {
    ItemNumber::parse(text).unwrap()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A server that undoes one or two rounds of encoding and knows these items.
async fn serve(twice: bool, known: &'static [&'static str]) -> Fake {
    Fake::start(move |seen| {
        let once = decode(seen.path.strip_prefix("/items/").unwrap());
        let wanted = match twice {
            true if once.contains('%') => decode(&once),
            true if once.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)) => once,
            true => return (404, "{}".to_owned()),
            false => once,
        };
        match known.contains(&wanted.as_str()) {
            true => (
                200,
                json!({ "product": { "id": null, "number": wanted, "stock_quantity": 14 } }).to_string(),
            ),
            false => (404, "{}".to_owned()),
        }
    })
    .await
}

#[tokio::test]
async fn odd_numbers_are_found_however_the_server_wants_them_encoded() {
    let odd = &["ABC/123", "#1 ø", "50% off", "a+b?c=d&e", "A%2FB", "plain-1"];
    for twice in [false, true] {
        for text in odd {
            let fake = serve(twice, odd).await;
            let item = fake.client.item(&number(text)).await.unwrap();
            assert_eq!(item.number.as_str(), *text, "twice: {twice}");
        }
    }
}

#[tokio::test]
async fn the_encoding_is_remembered_and_plain_numbers_are_asked_once() {
    let fake = serve(true, &["ABC/123", "A/B"]).await;
    assert!(fake.client.item(&number("PLAIN")).await.unwrap_err().is_missing());
    assert_eq!(fake.take().len(), 1);
    fake.client.item(&number("ABC/123")).await.unwrap();
    assert_eq!(fake.calls(), ["GET /items/ABC%2F123", "GET /items/ABC%252F123"]);
    fake.take();
    assert!(fake.client.item(&number("not/there")).await.unwrap_err().is_missing());
    assert_eq!(fake.calls(), ["GET /items/not%252Fthere"]);
}

#[tokio::test]
async fn another_item_than_asked_for_is_never_taken_for_it() {
    let fake = serve(true, &["A/B"]).await;
    assert!(fake.client.item(&number("A%2FB")).await.unwrap_err().is_missing());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_number_leaves_its_place_in_the_path(text in "[!-~ øß/.%#?]{1,25}") {
        if let Ok(item) = ItemNumber::parse(&text) {
            for way in [Way::First, Way::Second] {
                let segment = segment(&item, way);
                let url = url::Url::parse(&format!("https://x.test/api/items/{segment}/locations")).unwrap();
                let parts: Vec<_> = url.path_segments().unwrap().collect();
                // The names of the two steps are not numbers of items: the URL itself forbids them.
                if item.as_str() != "." && item.as_str() != ".." {
                    assert_eq!(parts, ["api", "items", segment.as_str(), "locations"]);
                    let once = decode(parts[2]);
                    assert_eq!(if way == Way::First { once } else { decode(&once) }, item.as_str());
                }
            }
        }
    }
}

#[tokio::test]
async fn items_come_page_by_page_and_a_page_past_the_end_is_empty() {
    let fake = Fake::start(|seen| {
        let rows: Vec<Value> = vec![
            json!({ "number": "A", "type": "product", "inventory_enabled": true, "stock_quantity": "2.5" }),
            json!({ "number": "B", "type": "lot", "is_barred": true, "group": { "has_inventory": false } }),
            json!({ "number": 1234, "type": null }),
        ];
        page_of("items", &rows, seen.page(), 2)
    })
    .await;
    let first = fake.client.items(1).await.unwrap();
    assert_eq!(first.next.as_deref(), Some("2"));
    assert_eq!((first.rows[0].stock, first.rows[0].keeps_stock), (Decimal::new(25, 1), true));
    assert_eq!((first.rows[1].kind, first.rows[1].barred), (ItemKind::Lot, true));
    assert!(!first.rows[1].keeps_stock);
    let second = fake.client.items(2).await.unwrap();
    assert_eq!((second.rows[0].number.as_str(), second.next), ("1234", None));
    assert!(fake.client.items(3).await.unwrap().rows.is_empty());
    assert_eq!(fake.take()[0].param("order_by"), Some("number"));
}
