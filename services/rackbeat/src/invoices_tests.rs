use serde_json::json;
use shopbeat_domain::ports::Erp as _;

use super::*;
use crate::testing::{Fake, page_of};

const ORDER: OrderNumber = OrderNumber(7);

#[tokio::test]
async fn only_this_orders_invoices_are_told_even_where_the_filter_is_ignored() {
    let fake = Fake::start(|seen| {
        let rows = [
            json!({ "number": 20313, "is_booked": true, "order": { "number": 7 } }),
            json!({ "number": 20312, "is_booked": false, "order": { "number": 8 } }),
            json!({ "number": 20311, "order_number": "7" }),
            json!({ "number": 20310, "order": 7, "is_creditnote": true }),
            json!({ "number": 20309, "order": 9 }),
        ];
        page_of("customer_invoices", &rows, seen.page(), 2)
    })
    .await;
    let invoices = fake.client.invoices(ORDER).await.unwrap();
    let told: Vec<_> = invoices.iter().map(|row| (row.number.0, row.booked)).collect();
    assert_eq!(told, [(20311, false), (20313, true)]);
    assert_eq!(fake.take()[0].param("order_number"), Some("7"));
}

#[tokio::test]
async fn an_invoice_is_made_unbooked_and_booked_without_mail() {
    let fake = Fake::start(|_| (201, json!({ "invoice_id": 20311 }).to_string())).await;
    let number = fake.client.create_invoice(ORDER).await.unwrap();
    assert_eq!(number, InvoiceNumber(20311));
    fake.client.book_invoice(number).await.unwrap();
    fake.client.delete_invoice(number).await.unwrap();
    let seen = fake.take();
    assert_eq!(seen[0].call(), "POST /orders/7/convert-to-invoice");
    assert_eq!((seen[0].param("book"), seen[0].json()), (Some("false"), json!({ "book": false })));
    assert_eq!(seen[1].call(), "POST /customer-invoices/20311/book");
    assert_eq!(seen[1].json(), json!({ "mail": { "send": false } }));
    assert_eq!(seen[2].call(), "DELETE /customer-invoices/20311");
}
