//! Writes of products over a real connection.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{ProductId, VariantId};
use shopbeat_domain::ports::Shop as _;
use shopbeat_domain::product::{NewShopProduct, ShopEdit};

use crate::products::tests::{head, variant};
use crate::testing::{Say, Server, TestClock, client};

fn done(name: &str) -> Say {
    Say::json(&json!({"data": {name: {"product": null, "productVariants": null, "userErrors": []}}}))
}

#[tokio::test]
async fn only_what_changes_is_sent_and_nothing_is_cleared_by_a_null() {
    let server = Server::start([done("productVariantsBulkUpdate"), done("productUpdate")]).await;
    let client = client(&server, &TestClock::new());
    let edit = ShopEdit {
        price: Some(Decimal::new(1250, 2)),
        title: Some("Tent".to_owned()),
        ..ShopEdit::default()
    };
    client.edit_product(ProductId(1), VariantId(2), &edit).await.unwrap();
    let seen = server.seen();
    let variants = json!([{"id": "gid://shopify/ProductVariant/2", "price": "12.50"}]);
    assert_eq!(seen[0].variables(), json!({"productId": "gid://shopify/Product/1", "variants": variants}));
    assert_eq!(seen[1].variables(), json!({"product": {"id": "gid://shopify/Product/1", "title": "Tent"}}));
    client.edit_product(ProductId(1), VariantId(2), &ShopEdit::default()).await.unwrap();
    assert_eq!(server.seen().len(), 2, "nothing to change, nothing sent");
}

#[tokio::test]
async fn a_product_is_made_under_its_handle() {
    let mut product = head();
    product["variants"] = json!({"nodes": [variant(2, "T-1")]});
    let made = json!({"data": {"productSet": {"product": product, "userErrors": []}}});
    let refused = json!({"data": {"productSet": {"product": null,
        "userErrors": [{"field": ["input", "title"], "message": "is too long", "code": "INVALID_INPUT"}]}}});
    let server = Server::start([Say::json(&made), Say::json(&refused), Say::Close]).await;
    let client = client(&server, &TestClock::new());
    let new = NewShopProduct {
        handle: "t-1".to_owned(),
        title: "Tent".to_owned(),
        description_html: String::new(),
        product_type: "Tents".to_owned(),
        active: false,
        sku: "T-1".to_owned(),
        price: None,
        barcode: None,
        tracked: true,
    };
    assert_eq!(client.create_product(&new).await.unwrap().id, VariantId(2));
    let sent = server.seen()[0].variables();
    assert_eq!(sent["identifier"], json!({"handle": "t-1"}));
    assert_eq!(sent["input"]["status"], json!("DRAFT"));
    assert_eq!(sent["input"]["variants"][0].get("price"), None::<&Value>, "no price is not a price of null");
    assert!(matches!(client.create_product(&new).await.unwrap_err().kind, FailureKind::Refused(_)));
    assert_eq!(client.create_product(&new).await.unwrap_err().kind, FailureKind::Unanswered);
}

#[tokio::test]
async fn a_product_or_variant_that_is_gone_is_missing_and_a_refusal_is_a_refusal() {
    let says = |name: &str, error: Value| Say::json(&json!({"data": {name: {"userErrors": [error]}}}));
    let variant = |code: &str| {
        says(
            "productVariantsBulkUpdate",
            json!({"field": ["variants", "0"], "message": "words", "code": code}),
        )
    };
    let product = |words: &str| says("productUpdate", json!({"field": ["id"], "message": words}));
    let server = Server::start([
        variant("PRODUCT_DOES_NOT_EXIST"),
        variant("PRODUCT_VARIANT_DOES_NOT_EXIST"),
        variant("NEGATIVE_PRICE_VALUE"),
        product("Product does not exist"),
        product("Title is too long"),
    ])
    .await;
    let client = client(&server, &TestClock::new());
    let price = ShopEdit { price: Some(Decimal::ONE), ..ShopEdit::default() };
    let title = ShopEdit { title: Some("Tent".to_owned()), ..ShopEdit::default() };
    for (edit, gone) in [(&price, true), (&price, true), (&price, false), (&title, true), (&title, false)] {
        let failure = client.edit_product(ProductId(1), VariantId(2), edit).await.unwrap_err();
        assert_eq!(failure.is_missing(), gone, "{failure}");
        assert!(gone || matches!(failure.kind, FailureKind::Refused(_)));
    }
}
