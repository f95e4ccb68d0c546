//! One order over the wire: pages of every size, orders that move, gaps, and what its parts become.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{OrderId, VariantId};
use shopbeat_domain::order::{Financial, Fulfillment, Order};
use shopbeat_domain::person::Email;
use shopbeat_domain::ports::{Answer, Shop as _};

use crate::testing::{Say, Server, TestClock, client};

const ID: OrderId = OrderId(9_007_199_254_740_993);
const MOMENT: &str = "2026-03-01T10:00:00Z";

fn bag(amount: &str) -> Value {
    json!({"shopMoney": {"amount": amount, "currencyCode": "DKK"}})
}

fn line(number: u64) -> Value {
    json!({
        "id": format!("gid://shopify/LineItem/{number}"), "title": "Tent", "name": "Tent - Red", "sku": "T-1",
        "vendor": "Nordlys", "quantity": 3, "currentQuantity": 2, "unfulfilledQuantity": 1,
        "requiresShipping": true, "isGiftCard": false,
        "variant": {"id": "gid://shopify/ProductVariant/7"}, "product": {"id": "gid://shopify/Product/8"},
        "originalUnitPriceSet": bag("100.00"),
        "discountAllocations": [{"allocatedAmountSet": bag("10.00")}, {"allocatedAmountSet": bag("0.50")}],
        "taxLines": [{"title": "Moms", "rate": 0.25, "priceSet": bag("57.90")}],
        "duties": []
    })
}

fn page(nodes: &[Value], next: Option<&str>) -> Value {
    json!({"nodes": nodes, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}})
}

fn order() -> Value {
    json!({
        "id": ID.gid(), "name": "#1001", "createdAt": MOMENT, "processedAt": MOMENT, "updatedAt": MOMENT,
        "cancelledAt": null, "test": false, "edited": false, "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "PARTIALLY_FULFILLED", "currencyCode": "DKK", "presentmentCurrencyCode": "SEK",
        "taxesIncluded": true, "note": null, "email": "Own@Example.test", "phone": null, "customerLocale": "da",
        "totalPriceSet": bag("289.50"), "currentTotalPriceSet": bag("189.50"), "currentTotalTaxSet": bag("37.90"),
        "currentTotalDutiesSet": null, "currentTotalAdditionalFeesSet": bag("5.00"),
        "totalTipReceivedSet": bag("0.00"), "totalCashRoundingAdjustment": {"paymentSet": bag("-0.25")},
        "refunds": [{"id": "gid://shopify/Refund/1"}],
        "transactions": [
            {"kind": "AUTHORIZATION", "status": "SUCCESS", "gateway": "bogus", "amountSet": bag("289.50")},
            {"kind": "CAPTURE", "status": "SUCCESS", "gateway": "bogus", "amountSet": bag("200.00")},
            {"kind": "CAPTURE", "status": "FAILURE", "gateway": "bogus", "amountSet": bag("89.50")},
            {"kind": "SALE", "status": "SUCCESS", "gateway": "gift_card", "amountSet": bag("89.50")}
        ],
        "customer": {"id": "gid://shopify/Customer/1", "firstName": "Ida", "lastName": "Holm", "locale": "sv",
            "defaultEmailAddress": {"emailAddress": "ida@example.test"},
            "defaultPhoneNumber": {"phoneNumber": "+4512345678"}, "taxSettings": {"taxId": null}},
        "purchasingEntity": {"__typename": "Customer"},
        "billingAddress": null, "shippingAddress": null,
        "shippingLines": page(&[json!({"title": "PostNord", "isRemoved": false, "originalPriceSet": bag("49.00"),
            "discountAllocations": [], "taxLines": []})], None),
        "lineItems": page(&[line(1)], None)
    })
}

fn whole(order: &Value) -> Say {
    Say::json(&json!({"data": {"order": order}}))
}

async fn read(says: Vec<Say>) -> Answer<Order> {
    let server = Server::start(says).await;
    let read = client(&server, &TestClock::new()).order(ID).await;
    assert_eq!(server.left(), 0, "the script was not asked for to its end");
    read
}

/// The order with these changes on top of the usual one.
async fn with(changes: &Value) -> Order {
    read(vec![whole(&changed(changes))]).await.unwrap()
}

fn changed(changes: &Value) -> Value {
    let mut order = order();
    for (key, value) in changes.as_object().unwrap() {
        order[key] = value.clone();
    }
    order
}

#[tokio::test]
async fn amounts_and_states_become_the_domains() {
    let order = with(&json!({})).await;
    assert_eq!((order.head.id, order.head.name.as_str()), (ID, "#1001"));
    assert_eq!(order.financial, Some(Financial::Paid));
    assert_eq!(order.fulfillment, Fulfillment::Open("PARTIALLY_FULFILLED".to_owned()));
    assert_eq!(
        (order.currency.to_string(), order.presentment_currency.to_string()),
        ("DKK".into(), "SEK".into())
    );
    assert_eq!(order.refunds, 1);
    let totals = &order.totals;
    assert_eq!(totals.current_total, Decimal::new(18_950, 2));
    assert_eq!(totals.captured, Decimal::new(28_950, 2), "only what was captured, and for good");
    assert_eq!(totals.gift_card_paid, Decimal::new(8_950, 2));
    assert_eq!((totals.duties, totals.fees), (Decimal::ZERO, Decimal::new(500, 2)));
    assert_eq!(totals.cash_rounding, Decimal::new(-25, 2));
    let line = &order.lines[0];
    assert_eq!((line.id, line.variant, line.title.as_str()), (1, Some(VariantId(7)), "Tent - Red"));
    assert_eq!((line.quantity, line.current_quantity, line.fulfilled_quantity), (3, 2, 1));
    assert_eq!(line.discount, Decimal::new(1_050, 2));
    assert_eq!(line.rate_percent(), Decimal::from(25));
    assert_eq!(line.charged(), Decimal::new(28_950, 2));
    assert_eq!(order.shipping_lines[0].charged(), Decimal::new(4_900, 2));
}

#[tokio::test]
async fn words_newer_than_this_code_are_kept() {
    let order =
        with(&json!({"displayFinancialStatus": "HAGGLED", "displayFulfillmentStatus": "BEAMED"})).await;
    assert_eq!(order.financial, Some(Financial::Other("HAGGLED".to_owned())));
    assert_eq!(order.fulfillment, Fulfillment::Open("BEAMED".to_owned()));
    let order = with(&json!({"displayFulfillmentStatus": "FULFILLMENT_NOT_REQUIRED"})).await;
    assert_eq!(order.fulfillment, Fulfillment::NotRequired);
}

#[tokio::test]
async fn the_orders_own_address_comes_before_the_customers() {
    let own = with(&json!({})).await.buyer;
    assert_eq!(own.email, Email::normalise("own@example.test"));
    assert_eq!(own.name.reveal(), "Ida Holm");
    assert_eq!((own.phone.reveal(), own.locale.as_str()), ("+4512345678", "da"));
    let theirs = with(&json!({"email": " ", "customerLocale": null})).await.buyer;
    assert_eq!(theirs.email, Email::normalise("ida@example.test"));
    assert_eq!(theirs.locale, "sv");
    let nobody = with(&json!({"email": null, "customer": null, "customerLocale": null})).await.buyer;
    assert_eq!(nobody, shopbeat_domain::order::Buyer { locale: String::new(), ..Default::default() });
}

#[tokio::test]
async fn a_company_buys_with_its_vat_number() {
    let company = json!({"__typename": "PurchasingCompany", "company": {"name": "Nordlys ApS"},
        "location": {"taxSettings": {"taxRegistrationId": "DK12345678"}}});
    let buyer = with(&json!({"purchasingEntity": company})).await.buyer;
    assert_eq!((buyer.company.reveal(), buyer.vat_number.reveal()), ("Nordlys ApS", "DK12345678"));
}

fn bare_line(changes: &Value) -> Value {
    let mut line = line(2);
    for key in ["sku", "vendor", "variant", "product"] {
        line[key] = Value::Null;
    }
    for (key, value) in changes.as_object().unwrap() {
        line[key] = value.clone();
    }
    line
}

#[tokio::test]
async fn a_typed_in_line_is_told_from_a_deleted_product() {
    let lines = [
        bare_line(&json!({"sku": ""})),
        bare_line(&json!({"vendor": "Nordlys"})),
        bare_line(&json!({"sku": "T-1"})),
    ];
    let order = with(&json!({"lineItems": page(&lines, None)})).await;
    let customs: Vec<bool> = order.lines.iter().map(|line| line.is_custom).collect();
    assert_eq!(customs, [true, false, false]);
    assert_eq!(order.lines[0].sku, None, "an empty SKU is none");
}

#[tokio::test]
async fn a_tip_is_the_one_unshipped_line_worth_the_tips_told() {
    let tip =
        bare_line(&json!({"requiresShipping": false, "quantity": 1, "originalUnitPriceSet": bag("20.00"),
        "discountAllocations": []}));
    let lines = [line(1), tip.clone()];
    let of = |lines: &[Value]| json!({"lineItems": page(lines, None), "totalTipReceivedSet": bag("20.00")});
    let order = with(&of(&lines)).await;
    assert!(order.lines[1].is_tip && !order.lines[1].is_custom && !order.lines[0].is_tip);
    let unclear = with(&of(&[tip.clone(), tip])).await;
    assert!(unclear.lines.iter().all(|line| !line.is_tip && line.is_custom));
    assert_eq!(unclear.totals.tip, Decimal::from(20), "the total still tells");
}

#[tokio::test]
async fn what_the_data_rules_emptied_is_told_and_is_not_taken_for_none() {
    let mut order = changed(&json!({"email": null, "lineItems": page(&[bare_line(&json!({}))], None)}));
    order["customer"] = Value::Null;
    let error = |path: Value| json!({"message": "Access denied", "path": path, "extensions": {"code": "ACCESS_DENIED"}});
    let errors = [
        error(json!(["order", "email"])),
        error(json!(["order", "customer"])),
        error(json!(["order", "lineItems", "nodes", 0, "variant"])),
    ];
    let order = read(vec![Say::json(&json!({"data": {"order": order}, "errors": errors}))]).await.unwrap();
    assert_eq!(order.redacted, ["order.email", "order.customer", "order.lineItems.nodes.0.variant"]);
    assert!(!order.lines[0].is_custom, "a hidden variant does not make a line a typed-in one");
}

#[tokio::test]
async fn a_missing_order_and_one_that_we_may_not_see_differ() {
    let missing = read(vec![whole(&Value::Null)]).await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::Missing);
    let denied = json!({"data": {"order": null}, "errors": [{"message": "Access denied for order field. Required access: `read_orders` access scope.",
        "path": ["order"], "extensions": {"code": "ACCESS_DENIED"}}]});
    let denied = read(vec![Say::json(&denied)]).await.unwrap_err();
    assert_eq!(denied.kind, FailureKind::Refused(Refusal::Forbidden));
    assert!(denied.message.contains("read_orders"), "{denied}");
}

#[tokio::test]
async fn another_currency_in_an_amount_or_another_order_is_garbled() {
    let mut foreign = order();
    foreign["totalPriceSet"]["shopMoney"]["currencyCode"] = json!("SEK");
    let other = changed(&json!({"id": "gid://shopify/Order/5"}));
    for odd in [
        foreign,
        other,
        changed(&json!({"totalPriceSet": {"shopMoney": {"amount": 1.5, "currencyCode": "DKK"}}})),
    ] {
        assert_eq!(read(vec![whole(&odd)]).await.unwrap_err().kind, FailureKind::Garbled);
    }
}

/// The answers for an order of so many lines in pages of `size`.
fn pages(lines: u64, size: u64, moment: &str) -> Vec<Say> {
    let all: Vec<Value> = (1..=lines).map(line).collect();
    let mut says = Vec::new();
    let mut start = 0;
    loop {
        let end = (start + size).min(lines);
        let rows = &all[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
        let page = page(rows, (end < lines).then(|| format!("after-{end}")).as_deref());
        says.push(if start == 0 {
            whole(&changed(&json!({"lineItems": page})))
        } else {
            whole(&json!({"updatedAt": moment, "lineItems": page}))
        });
        start = end;
        if end == lines {
            return says;
        }
    }
}

#[tokio::test]
async fn every_line_is_read_once_whatever_the_page_size() {
    for size in 1..=4 {
        for lines in 0..=9 {
            let order = read(pages(lines, size, MOMENT)).await.unwrap();
            let ids: Vec<u64> = order.lines.iter().map(|line| line.id).collect();
            assert_eq!(ids, (1..=lines).collect::<Vec<_>>(), "{lines} lines in pages of {size}");
        }
    }
}

#[tokio::test]
async fn the_next_page_is_asked_for_by_the_cursor_of_the_last() {
    let server = Server::start(pages(5, 2, MOMENT)).await;
    client(&server, &TestClock::new()).with_line_pages(2).order(ID).await.unwrap();
    let asked: Vec<Value> = server.seen().iter().map(crate::testing::Seen::variables).collect();
    assert_eq!(
        asked,
        [
            json!({"id": ID.gid(), "lines": 2}),
            json!({"id": ID.gid(), "lines": 2, "after": "after-2"}),
            json!({"id": ID.gid(), "lines": 2, "after": "after-4"}),
        ]
    );
}

#[tokio::test]
async fn shipping_lines_are_paged_too() {
    let shipping = |title: &str| json!({"title": title, "isRemoved": true, "originalPriceSet": bag("1"), "discountAllocations": [], "taxLines": []});
    let first = changed(&json!({"shippingLines": page(&[shipping("a")], Some("c"))}));
    let second = json!({"updatedAt": MOMENT, "shippingLines": page(&[shipping("b")], None)});
    let order = read(vec![whole(&first), whole(&second)]).await.unwrap();
    assert_eq!(order.shipping_lines.iter().map(|l| l.title.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn an_order_that_moves_between_its_pages_is_read_anew() {
    let mut says = pages(3, 2, "2026-03-01T10:00:01Z");
    says.extend(pages(1, 2, MOMENT));
    assert_eq!(read(says).await.unwrap().lines.len(), 1);
}

#[tokio::test]
async fn an_order_that_never_stands_still_is_a_conflict() {
    let moving = || pages(3, 2, "2026-03-01T10:00:01Z");
    let says = [moving(), moving(), moving()].concat();
    assert_eq!(read(says).await.unwrap_err().kind, FailureKind::Conflict);
}

fn too_big() -> Say {
    Say::json(
        &json!({"errors": [{"message": "Query cost is 1723, which exceeds the single query max cost limit (1000)",
        "extensions": {"code": "MAX_COST_EXCEEDED"}}]}),
    )
}

#[tokio::test]
async fn a_query_that_costs_too_much_asks_for_half_and_remembers_it() {
    let server = Server::start([too_big(), too_big(), whole(&order()), whole(&order())]).await;
    let client = client(&server, &TestClock::new());
    client.order(ID).await.unwrap();
    client.order(ID).await.unwrap();
    let sizes: Vec<Value> = server.seen().iter().map(|seen| seen.variables()["lines"].clone()).collect();
    assert_eq!(sizes, [json!(25), json!(12), json!(6), json!(6)]);
}

#[tokio::test]
async fn one_line_that_costs_too_much_is_refused_and_not_asked_for_again() {
    let server = Server::start([too_big()]).await;
    let client = client(&server, &TestClock::new()).with_line_pages(1);
    assert_eq!(client.order(ID).await.unwrap_err().kind, FailureKind::Refused(Refusal::Other));
}

#[tokio::test]
async fn no_personal_data_is_shown() {
    let order = with(&json!({"note": "call Ida", "billingAddress": {"name": "Ida Holm", "company": null,
        "address1": "Havnegade 1", "address2": null, "city": "Aarhus", "zip": "8000", "country": "Denmark",
        "countryCodeV2": "DK", "phone": null}}))
    .await;
    let shown = format!("{order:?}").to_lowercase();
    for personal in ["ida", "example.test", "havnegade", "45123"] {
        assert!(!shown.contains(personal), "{personal} in {shown}");
    }
}
