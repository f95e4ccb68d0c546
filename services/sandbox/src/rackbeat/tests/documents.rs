use serde_json::{Value, json};

use super::{ACCOUNT, bench, line};

#[tokio::test]
async fn shipping_takes_only_available_stock_and_lowers_it() {
    let bench = bench(&[]).await;
    let number = bench.booked(json!([line("TENT", 12), line("FREIGHT", 1)])).await;
    let path = format!("/orders/{number}");
    let (status, made) = bench.post(&format!("{path}/create-shipment"), json!({})).await;
    assert_eq!(status, 201);
    let shipment = &made["order_shipment"];
    assert_eq!(shipment["lines"].as_array().unwrap().len(), 1);
    assert_eq!(shipment["lines"][0]["quantity"], 10);
    assert_eq!(bench.post(&format!("{path}/create-shipment"), json!({})).await.0, 422);
    assert_eq!(bench.post(&format!("{path}/reopen"), Value::Null).await.0, 403);
    let ship = format!("/orders/shipments/{}/mark-shipped", shipment["id"]);
    assert_eq!(bench.post(&ship, json!({})).await.0, 422);
    assert_eq!(bench.post(&ship, json!({ "pick": true })).await.0, 200);
    assert_eq!(bench.post(&ship, json!({ "pick": true })).await.0, 403);
    let sim = bench.sandbox.rackbeat();
    let tent = sim.stock(ACCOUNT, "TENT").unwrap();
    assert_eq!((tent.stock.to_string(), tent.in_order.to_string()), ("0".to_owned(), "2".to_owned()));
    assert!(sim.order(ACCOUNT, number).unwrap().partly_shipped);
    sim.set_stock(ACCOUNT, "TENT", 1, "5".parse().unwrap());
    let (_, rest) = bench.post(&format!("{path}/create-shipment"), json!({})).await;
    assert_eq!(rest["order_shipment"]["lines"][0]["quantity"], 2);
    let ship = format!("/orders/shipments/{}/mark-shipped", rest["order_shipment"]["id"]);
    assert_eq!(bench.post(&ship, json!({ "pick": true })).await.0, 200);
    assert!(sim.order(ACCOUNT, number).unwrap().shipped);
    let (_, list) = bench.get(&format!("/order-shipments?order_number={number}&is_shipped=true")).await;
    assert_eq!(list["total"], 2);
}

#[tokio::test]
async fn an_order_of_services_only_has_nothing_to_ship() {
    let bench = bench(&[]).await;
    let number = bench.booked(json!([line("FREIGHT", 1)])).await;
    let (status, refused) = bench.post(&format!("/orders/{number}/create-shipment"), json!({})).await;
    assert_eq!(status, 422);
    assert!(refused["errors"]["lines"].is_array());
    let draft = bench.draft(json!([line("TENT", 1)])).await;
    assert_eq!(bench.post(&format!("/orders/{draft}/create-shipment"), json!({})).await.0, 403);
}

#[tokio::test]
async fn old_paths_and_separate_picking_are_a_matter_of_switches() {
    let facts = [
        "rackbeat.ship-path=per-order",
        "rackbeat.ship-picks=needs-pick",
        "rackbeat.shipment-overlap=allowed",
    ];
    let bench = bench(&facts).await;
    let number = bench.booked(json!([line("TENT", 1)])).await;
    let (_, made) = bench.post(&format!("/orders/{number}/create-shipment"), json!({})).await;
    assert_eq!(bench.post(&format!("/orders/{number}/create-shipment"), json!({})).await.0, 201);
    let id = &made["order_shipment"]["id"];
    assert_eq!(
        bench.post(&format!("/orders/shipments/{id}/mark-shipped"), json!({ "pick": true })).await.0,
        404
    );
    let path = format!("/orders/{number}/shipments/{id}");
    assert_eq!(bench.post(&format!("{path}/mark-shipped"), json!({ "pick": true })).await.0, 422);
    assert_eq!(bench.post(&format!("{path}/mark-picked"), json!({})).await.0, 200);
    assert_eq!(bench.post(&format!("{path}/mark-shipped"), json!({})).await.0, 200);
    assert_eq!(bench.get(&format!("/orders/{number}/shipments")).await.1["total"], 2);
}

#[tokio::test]
async fn the_ready_flag_is_set_by_the_call_that_counts() {
    for (fact, put, post) in [("update", true, 404), ("book-for-shipping", false, 200)] {
        let bench = bench(&[&format!("rackbeat.ready-call={fact}")]).await;
        let number = bench.booked(json!([line("TENT", 1)])).await;
        let path = format!("/orders/{number}");
        let (status, order) = bench.put(&path, json!({ "is_ready_for_shipping": true })).await;
        assert_eq!((status, &order["order"]["is_ready_for_shipping"]), (200, &json!(put)), "{fact}");
        assert_eq!(bench.post(&format!("{path}/book-for-shipping"), Value::Null).await.0, post, "{fact}");
        assert!(bench.sandbox.rackbeat().order(ACCOUNT, number).unwrap().ready);
    }
}

#[tokio::test]
async fn converting_books_the_invoice_unless_told_otherwise_where_it_counts() {
    let cases = [
        ("query-or-body", "?book=false", Value::Null, false),
        ("query-or-body", "", json!({ "book": false }), false),
        ("query-or-body", "", Value::Null, true),
        ("query-only", "", json!({ "book": false }), true),
        ("body-only", "?book=false", Value::Null, true),
    ];
    for (fact, query, body, booked) in cases {
        let bench = bench(&[&format!("rackbeat.invoice-book={fact}")]).await;
        let number = bench.booked(json!([line("TENT", 1)])).await;
        let (status, made) = bench.post(&format!("/orders/{number}/convert-to-invoice{query}"), body).await;
        assert_eq!(status, 201);
        let (_, read) = bench.get(&format!("/customer-invoices/{}", made["invoice_id"])).await;
        assert_eq!(read["customer_invoice"]["is_booked"], booked, "{fact} {query}");
        assert_eq!(bench.sandbox.rackbeat().order(ACCOUNT, number).unwrap().invoiced, booked);
    }
}

#[tokio::test]
async fn of_two_draft_invoices_one_is_booked_and_the_other_deleted() {
    let bench = bench(&[]).await;
    let number = bench.booked(json!([line("TENT", 1)])).await;
    let convert = format!("/orders/{number}/convert-to-invoice?book=false");
    bench.post(&convert, Value::Null).await;
    bench.post(&convert, Value::Null).await;
    let (_, list) = bench.get(&format!("/customer-invoices?order_number={number}")).await;
    let numbers: Vec<i64> = list["customer_invoices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 2);
    let (first, second) = (numbers[0], numbers[1]);
    assert_eq!(
        bench.post(&format!("/customer-invoices/{first}/book"), json!({ "mail": { "send": true } })).await.0,
        200
    );
    assert_eq!(bench.delete(&format!("/customer-invoices/{first}")).await.0, 403);
    assert_eq!(bench.delete(&format!("/customer-invoices/{second}")).await.0, 204);
    assert_eq!(bench.post(&convert, Value::Null).await.0, 403);
    let mails = bench.sandbox.rackbeat().mails(ACCOUNT);
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].about, mails[0].number), ("invoice", first));
}

#[tokio::test]
async fn a_cancelled_order_is_neither_booked_nor_invoiced_and_frees_its_goods() {
    let bench = bench(&[]).await;
    let number = bench.booked(json!([line("TENT", 4)])).await;
    let sim = bench.sandbox.rackbeat();
    assert_eq!(sim.stock(ACCOUNT, "TENT").unwrap().available.to_string(), "6");
    assert!(sim.cancel_order(ACCOUNT, number));
    assert_eq!(sim.stock(ACCOUNT, "TENT").unwrap().available.to_string(), "10");
    assert_eq!(bench.get(&format!("/orders/{number}")).await.1["order"]["is_cancelled"], true);
    assert_eq!(bench.post(&format!("/orders/{number}/book"), Value::Null).await.0, 403);
    assert_eq!(bench.post(&format!("/orders/{number}/convert-to-invoice"), Value::Null).await.0, 403);
    assert!(sim.delete_order(ACCOUNT, number));
    assert_eq!(bench.get(&format!("/orders/{number}")).await.0, 404);
}
