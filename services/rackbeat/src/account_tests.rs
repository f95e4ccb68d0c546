use rust_decimal::Decimal;
use serde_json::json;
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

#[tokio::test]
async fn the_account_is_told_by_id_and_company() {
    let fake = Fake::start(|_| {
        let body = json!({ "user_account": { "id": 8123, "company_name": "Nordlys Gear ApS" }, "user": { "id": 55 } });
        (200, body.to_string())
    })
    .await;
    let account = fake.client.account().await.unwrap();
    assert_eq!((account.id, account.company.as_str()), (AccountId(8123), "Nordlys Gear ApS"));
    assert_eq!(fake.calls(), ["GET /self"]);
}

#[tokio::test]
async fn groups_and_locations_are_read_with_and_without_pages() {
    let fake = Fake::start(|seen| match seen.path.as_str() {
        "/product-groups" => {
            let rows = [
                json!({ "number": 1, "name": "Goods 25%", "vat_domestic": 25, "vat_eu": "20", "vat_abroad": 5.5,
                    "vat_domestic_exempt": 1, "has_inventory": true }),
                json!({ "number": 2, "name": "Freight", "vat_domestic": "12.5", "has_inventory": false }),
            ];
            page_of("product_groups", &rows, seen.page(), 1)
        }
        _ => (200, json!({ "locations": [{ "number": 1, "name": "Main", "is_default": true }] }).to_string()),
    })
    .await;
    let groups = fake.client.product_groups().await.unwrap();
    assert_eq!(
        (groups[1].number, groups[1].vat_domestic, groups[1].has_inventory),
        (2, Decimal::new(125, 1), false)
    );
    let rates = |at: usize| [groups[at].vat_eu, groups[at].vat_abroad, groups[at].vat_domestic_exempt];
    assert_eq!(rates(0), [Decimal::from(20), Decimal::new(55, 1), Decimal::ONE]);
    assert_eq!(rates(1), [Decimal::ZERO; 3]);
    let locations = fake.client.locations().await.unwrap();
    assert_eq!((locations[0].number, locations[0].is_default), (StockLocation(1), true));
}
