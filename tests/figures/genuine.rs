//! Webhooks as Shopify sends them, made before the clock runs: bodies of about ten kilobytes in the shape of an
//! order of the REST API, each of another order, each with an id and a signature of its own.

use serde_json::{Value, json};
use shopbeat_tests::Webhook;

use crate::place::{SECRET, STORE};

/// A body has at least so many bytes.
const BODY: usize = 10_000;
const TOPIC: &str = "orders/create";
/// The order of the sample; others count on from here.
const ORDER: u64 = 5_867_000_000_000;

/// An order's body as Shopify documents it, whole: what a subscription that filters no fields is sent.
pub(crate) struct Sample(String);

impl Sample {
    /// As many lines as make the body long enough.
    pub(crate) fn new() -> Self {
        let mut bodies = (1..).map(|lines| order(lines).to_string());
        Self(bodies.find(|body| body.len() >= BODY).expect("there is always a longer order"))
    }

    /// Bytes of a body.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whole requests, ready to be sent; `first` is added to the order's id, and counts on.
    pub(crate) fn requests(&self, first: u64, count: usize) -> Vec<Vec<u8>> {
        let old = ORDER.to_string();
        let ids = (ORDER + 1 + first..).take(count);
        ids.map(|id| request(&self.0.replace(&old, &id.to_string()), id)).collect()
    }
}

fn request(body: &str, id: u64) -> Vec<u8> {
    let hook = Webhook::signed(STORE, SECRET, TOPIC, &format!("b54557e4-{id:027}"), body.as_bytes())
        .with("x-shopify-api-version", "2026-10")
        .with("x-shopify-triggered-at", "2026-11-24T08:00:00.877041743Z")
        .with("x-shopify-event-id", "98880550-7158-44d4-b7cd-2c97c8a091b5")
        .with("user-agent", "Shopify-Captain-Hook");
    let mut request = format!("POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", hook.path);
    for (name, value) in &hook.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n", hook.body.len()));
    let mut request = request.into_bytes();
    request.extend_from_slice(&hook.body);
    request
}

fn order(lines: u64) -> Value {
    let address = json!({
        "first_name": "Test", "last_name": "Buyer", "company": null, "address1": "Prøvevej 1", "address2": "",
        "city": "Prøveby", "zip": "0000", "province": null, "province_code": null, "country": "Denmark",
        "country_code": "DK", "phone": null, "name": "Test Buyer", "latitude": null, "longitude": null,
    });
    json!({
        "id": ORDER, "admin_graphql_api_id": format!("gid://shopify/Order/{ORDER}"), "app_id": 580111,
        "browser_ip": null, "buyer_accepts_marketing": false, "cancel_reason": null, "cancelled_at": null,
        "cart_token": "c1-7d0b6d6e5d8b4d3b", "checkout_id": 36_000_000_000_000_u64, "closed_at": null,
        "confirmation_number": "XQ4RT7C2M", "confirmed": true, "contact_email": "buyer@example.test",
        "created_at": "2026-11-24T08:00:00+01:00", "currency": "DKK", "current_subtotal_price": "1196.00",
        "current_total_price": "1245.00", "current_total_tax": "249.00", "customer_locale": "da",
        "discount_codes": [], "email": "buyer@example.test", "financial_status": "paid",
        "fulfillment_status": null, "name": "#1001", "note": null, "note_attributes": [], "number": 1,
        "order_number": 1001, "payment_gateway_names": ["bogus"], "presentment_currency": "DKK",
        "processed_at": "2026-11-24T08:00:00+01:00", "referring_site": null, "source_name": "web",
        "subtotal_price": "1196.00", "subtotal_price_set": both("1196.00"), "tags": "", "tax_exempt": false,
        "tax_lines": taxes("249.00"), "taxes_included": true, "test": false, "total_discounts": "0.00",
        "total_line_items_price_set": both("1196.00"), "total_price": "1245.00",
        "total_price_set": both("1245.00"), "total_shipping_price_set": both("49.00"), "total_tax": "249.00",
        "total_tax_set": both("249.00"), "total_weight": 1200, "updated_at": "2026-11-24T08:00:01+01:00",
        "billing_address": address, "shipping_address": address,
        "customer": {
            "id": 7_001, "email": "buyer@example.test", "created_at": "2026-11-24T08:00:00+01:00",
            "state": "disabled", "note": null, "verified_email": true, "tax_exempt": false, "phone": null,
            "currency": "DKK", "tags": "", "admin_graphql_api_id": "gid://shopify/Customer/7001",
            "default_address": address,
        },
        "discount_applications": [], "fulfillments": [], "payment_terms": null, "refunds": [],
        "line_items": (0..lines).map(line).collect::<Value>(),
        "shipping_lines": [{
            "id": 4_001, "carrier_identifier": null, "code": "Standard", "price": "49.00",
            "price_set": both("49.00"), "discounted_price": "49.00", "discounted_price_set": both("49.00"),
            "source": "shopify", "title": "Standard", "tax_lines": taxes("9.80"), "discount_allocations": [],
        }],
    })
}

fn line(nth: u64) -> Value {
    let id = 14_000_000_000_000 + nth;
    json!({
        "id": id, "admin_graphql_api_id": format!("gid://shopify/LineItem/{id}"), "attributed_staffs": [],
        "current_quantity": 1, "fulfillable_quantity": 1, "fulfillment_service": "manual",
        "fulfillment_status": null, "gift_card": false, "grams": 300, "name": "Candle, rape wax - Small / White",
        "price": "299.00", "price_set": both("299.00"), "product_exists": true, "product_id": 8_800 + nth,
        "properties": [], "quantity": 1, "requires_shipping": true, "sku": format!("FJ-{nth:04}-S-WH"),
        "taxable": true, "title": "Candle, rape wax", "total_discount": "0.00",
        "total_discount_set": both("0.00"), "variant_id": 44_900 + nth,
        "variant_inventory_management": "shopify", "variant_title": "Small / White", "vendor": "Fjeld",
        "tax_lines": taxes("59.80"), "duties": [], "discount_allocations": [],
    })
}

fn both(amount: &str) -> Value {
    let money = json!({ "amount": amount, "currency_code": "DKK" });
    json!({ "shop_money": money, "presentment_money": money })
}

fn taxes(amount: &str) -> Value {
    json!([{ "channel_liable": false, "price": amount, "price_set": both(amount), "rate": 0.25, "title": "DK VAT" }])
}
