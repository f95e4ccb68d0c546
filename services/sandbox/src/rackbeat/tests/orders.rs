use serde_json::{Value, json};

use super::{ACCOUNT, bench, line};

#[tokio::test]
async fn a_draft_names_what_is_wrong_by_dotted_path() {
    let bench = bench(&[]).await;
    let lines = json!([line("TENT", 1), line("NOTHING", 1), { "quantity": 1 }]);
    let (status, refused) = bench.post("/orders/drafts", json!({ "customer_id": 7, "lines": lines })).await;
    assert_eq!(status, 422);
    let expected = json!({
        "customer_id": ["The selected Customer is invalid."],
        "lines.1.item_id": ["The selected Product is invalid."],
        "lines.2.item_id": ["Product needed"],
    });
    assert_eq!(refused["errors"], expected);
    bench.sandbox.rackbeat().bar_product(ACCOUNT, "TENT", true);
    let (_, refused) =
        bench.post("/orders/drafts", json!({ "customer_id": 1001, "lines": [line("TENT", 1)] })).await;
    assert_eq!(refused["errors"]["lines.0.item_id"], json!(["Product 'TENT' is barred."]));
    let long = json!({ "customer_id": 1001, "heading": "x".repeat(256), "note": "y".repeat(801) });
    let (_, refused) = bench.post("/orders/drafts", long).await;
    assert!(refused["errors"]["heading"].is_array() && refused["errors"]["note"].is_array());
    let fine = json!([{ "item_id": "TENT", "line_price": 1.000_000_1 }]);
    let (_, refused) = bench.post("/orders/drafts", json!({ "customer_id": 1001, "lines": fine })).await;
    assert!(refused["errors"]["lines.0.line_price"].is_array());
    assert!(bench.sandbox.rackbeat().orders(ACCOUNT).is_empty());
}

#[tokio::test]
async fn totals_follow_the_rounding_model_in_force() {
    let lines = json!([
        { "item_id": "TENT", "quantity": 1, "line_price": 0.333, "vat_percentage": 25 },
        { "item_id": "MUG", "quantity": 1, "line_price": 10.014, "vat_percentage": 25 },
    ]);
    let models = [
        ("sum-then-once", 10.35, 2.59, 12.94),
        ("per-line", 10.34, 2.58, 12.92),
        ("net-per-line-and-vat-per-rate", 10.34, 2.59, 12.93),
    ];
    for (model, subtotal, vat, total) in models {
        let bench = bench(&[&format!("rackbeat.rounding={model}")]).await;
        let number = bench.draft(lines.clone()).await;
        let (_, read) = bench.get(&format!("/orders/{number}")).await;
        let order = &read["order"];
        assert_eq!(
            (&order["total_subtotal"], &order["total_vat"], &order["total_total"]),
            (&json!(subtotal), &json!(vat), &json!(total)),
            "{model}"
        );
    }
}

#[tokio::test]
async fn what_a_line_leaves_out_comes_from_item_customer_and_group() {
    let bench = bench(&[]).await;
    let body = json!({ "general_discount_percentage": 10 });
    assert_eq!(bench.put("/customers/1001", body).await.0, 200);
    let number = bench.draft(json!([{ "item_id": "TENT" }])).await;
    let (_, read) = bench.get(&format!("/orders/{number}")).await;
    let line = &read["order"]["lines"][0];
    assert_eq!(
        (&line["line_price"], &line["discount_percentage"], &line["vat_percentage"], &line["line_total"]),
        (&json!(100), &json!(10), &json!(25), &json!(90))
    );
    let zeros =
        json!([{ "item_id": "TENT", "line_price": 0, "discount_percentage": 0, "vat_percentage": 0 }]);
    let number = bench.draft(zeros).await;
    assert_eq!(bench.get(&format!("/orders/{number}")).await.1["order"]["total_total"], 0);
    let abroad = json!({ "customer_id": 1001, "vat_zone": "eu", "lines": [{ "item_id": "TENT" }] });
    let (_, made) = bench.post("/orders/drafts", abroad).await;
    assert_eq!(made["order"]["lines"][0]["vat_percentage"], 0);
}

#[tokio::test]
async fn vat_on_create_may_be_ignored_until_the_line_is_updated() {
    let bench = bench(&["rackbeat.vat-on-create=ignored"]).await;
    let number = bench.draft(json!([{ "item_id": "TENT", "line_price": 100, "vat_percentage": 12 }])).await;
    let path = format!("/orders/{number}");
    let (_, read) = bench.get(&path).await;
    assert_eq!(read["order"]["total_vat"], 25);
    let line = format!("{path}/lines/{}", read["order"]["lines"][0]["id"]);
    assert_eq!(bench.put(&line, json!({ "vat_percentage": 12 })).await.0, 200);
    assert_eq!(bench.get(&path).await.1["order"]["total_vat"], 12);
}

#[tokio::test]
async fn lines_are_locked_after_booking_until_the_order_is_reopened() {
    let bench = bench(&[]).await;
    let number = bench.booked(json!([line("TENT", 1)])).await;
    let path = format!("/orders/{number}");
    let id = bench.get(&path).await.1["order"]["lines"][0]["id"].clone();
    assert_eq!(bench.post(&format!("{path}/lines"), line("MUG", 1)).await.0, 422);
    assert_eq!(bench.put(&format!("{path}/lines/{id}"), json!({ "quantity": 2 })).await.0, 422);
    assert_eq!(bench.delete(&format!("{path}/lines/{id}")).await.0, 422);
    assert_eq!(bench.put(&path, json!({ "heading": "x" })).await.0, 422);
    assert_eq!(bench.delete(&path).await.0, 403);
    assert_eq!(bench.post(&format!("{path}/book"), Value::Null).await.0, 403);
    assert_eq!(bench.post(&format!("{path}/reopen"), Value::Null).await.0, 200);
    assert_eq!(bench.put(&format!("{path}/lines/{id}"), json!({ "quantity": 2 })).await.0, 200);
    assert_eq!(bench.post(&format!("{path}/lines"), line("MUG", 1)).await.0, 201);
    assert_eq!(bench.get(&format!("{path}/lines")).await.1["total"], 2);
    assert_eq!(bench.delete(&path).await.0, 204);
    assert_eq!(bench.get(&path).await.0, 404);
}

#[tokio::test]
async fn another_item_on_a_line_resets_what_is_not_sent_again() {
    let bench = bench(&[]).await;
    let number = bench
        .draft(
            json!([{ "item_id": "TENT", "line_price": 77, "discount_percentage": 5, "vat_percentage": 12 }]),
        )
        .await;
    let id = bench.get(&format!("/orders/{number}")).await.1["order"]["lines"][0]["id"].clone();
    let (_, swapped) = bench.put(&format!("/orders/{number}/lines/{id}"), json!({ "item_id": "MUG" })).await;
    let line = &swapped["order_line"];
    assert_eq!(
        (&line["line_price"], &line["discount_percentage"], &line["vat_percentage"]),
        (&json!(10), &json!(0), &json!(25))
    );
}

#[tokio::test]
async fn orders_are_found_by_heading_flag_sort_and_field_as_far_as_switched() {
    let bench = bench(&[]).await;
    for _ in 0..3 {
        bench.draft(json!([line("TENT", 1)])).await;
    }
    let (_, read) = bench.get("/orders?search=Shop/1&order_by=created_at&order_direction=DESC").await;
    let numbers = |list: &Value| {
        list["orders"].as_array().unwrap().iter().map(|o| o["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&read), [1003, 1002, 1001]);
    let field = json!({ "custom_fields": [{ "id": 3, "value": "shop/1" }] });
    assert_eq!(bench.put("/orders/1002/fields", field).await.0, 200);
    assert_eq!(numbers(&bench.get("/orders?field_eq[3]=shop/1").await.1), [1002]);
    assert_eq!(bench.get("/orders?is_booked=true").await.1["total"], 0);
    assert_eq!(bench.get("/orders?simple_filter[heading]=x").await.0, 422);
    let facts = &bench.sandbox.core().facts;
    for fact in
        ["heading-search=not-covered", "order-sort=ignored", "order-flags=refused", "field-filter=ignored"]
    {
        facts.set_text(&format!("rackbeat.{fact}")).unwrap();
    }
    assert_eq!(bench.get("/orders?search=shop/1").await.1["total"], 0);
    assert_eq!(
        numbers(&bench.get("/orders?order_by=created_at&order_direction=DESC").await.1),
        [1001, 1002, 1003]
    );
    let (status, refused) = bench.get("/orders?is_booked=true").await;
    assert_eq!(
        (status, &refused["errors"]["filter"][0]),
        (422, &json!("Property 'is_booked' is not filterable"))
    );
    assert_eq!(bench.get("/orders?field_eq[3]=shop/1").await.1["total"], 3);
}

#[tokio::test]
async fn addresses_are_taken_from_flat_keys_and_objects_as_far_as_switched() {
    let body = json!({
        "customer_id": 1001, "address_street": "Flat 1", "billing_address": { "street": "Object 1" },
        "delivery_address_street": "Flat 2", "delivery_address": { "phone": "+4512345678" },
    });
    let cases = [
        ("both", "Object 1", json!("Flat 2")),
        ("flat-only", "Flat 1", json!("Flat 2")),
        ("objects-only", "Object 1", json!(null)),
    ];
    for (fact, billing, delivery) in cases {
        let bench = bench(&[&format!("rackbeat.order-address={fact}")]).await;
        let (_, made) = bench.post("/orders/drafts", body.clone()).await;
        let order = &made["order"];
        assert_eq!(order["billing_address"]["street"], billing, "{fact}");
        assert_eq!(order["delivery_address"]["street"], delivery, "{fact}");
        assert_eq!(order["delivery_address"]["phone"], "+4512345678");
    }
}
