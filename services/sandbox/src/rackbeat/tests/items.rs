use serde_json::{Value, json};

use super::{ACCOUNT, bench, line};

#[tokio::test]
async fn a_product_needs_number_group_name_and_price_and_a_free_number() {
    let bench = bench(&[]).await;
    let (status, refused) = bench.post("/products", json!({})).await;
    assert_eq!(status, 422);
    for key in ["number", "group", "name", "sales_price"] {
        assert!(refused["errors"][key].is_array(), "{key}");
    }
    let body = |number: &str| json!({ "number": number, "group": 1, "name": "x", "sales_price": 9.5, "barcode": "57" });
    let (status, made) = bench.post("/products", body("X-1")).await;
    assert_eq!(status, 201);
    let product = &made["product"];
    assert_eq!((&product["id"], &product["sales_price"]), (&Value::Null, &json!(9.5)));
    assert_eq!((&product["barcode"], &product["group"]["vat_domestic"]), (&json!("57"), &json!(25)));
    assert!(bench.post("/products", body("X-1")).await.1["errors"]["number"].is_array());
    assert_eq!(bench.post("/products", body("THIS-NUMBER-IS-LONGER-THAN-25")).await.0, 422);
    let mut heavy = body("X-2");
    heavy["physical"] = json!({ "weight": 2.1 });
    let (_, refused) = bench.post("/products", heavy).await;
    assert!(refused["errors"]["physical.weight_unit"].is_array(), "{refused}");
}

#[tokio::test]
async fn an_item_with_stock_or_documents_is_not_deleted_and_an_unused_one_is() {
    let bench = bench(&[]).await;
    assert_eq!(bench.delete("/products/TENT").await.0, 422);
    bench.draft(json!([line("FREIGHT", 1)])).await;
    assert_eq!(bench.delete("/products/FREIGHT").await.0, 422);
    assert_eq!(bench.delete("/products/MUG").await.0, 204);
    assert_eq!(bench.get("/products/MUG").await.0, 404);
}

#[tokio::test]
async fn an_adjustment_takes_two_steps_and_a_change() {
    let bench = bench(&[]).await;
    let body = json!({ "item_id": "TENT", "adjustment_type": "quantity", "quantity": 14, "location": 1 });
    let (status, made) = bench.post("/inventory-adjustments", body.clone()).await;
    assert_eq!(status, 201);
    let sim = bench.sandbox.rackbeat();
    let stock = || sim.stock(ACCOUNT, "TENT").unwrap().stock.to_string();
    assert_eq!(stock(), "10");
    let book = format!("/inventory-adjustments/{}/book", made["inventory_regulation"]["id"]);
    assert_eq!(bench.post(&book, Value::Null).await.0, 200);
    assert_eq!(stock(), "14");
    assert_eq!(bench.post(&book, Value::Null).await.0, 403);
    let (status, refused) = bench.post("/inventory-adjustments", body).await;
    assert_eq!(status, 422);
    let message = "Adjustment can't be created, since no change is made.";
    assert_eq!(refused["errors"]["quantity"], json!([message]));
}

#[tokio::test]
async fn stock_is_told_by_item_by_location_and_for_all_at_once() {
    let bench = bench(&[]).await;
    bench.booked(json!([line("TENT", 3)])).await;
    let (_, product) =
        bench.get("/products/TENT?fields=stock_quantity,in_order_quantity,available_quantity").await;
    let expected = json!({ "stock_quantity": 10, "in_order_quantity": 3, "available_quantity": 7 });
    assert_eq!(product["product"], expected);
    let (status, places) = bench.get("/products/TENT/locations").await;
    assert_eq!(status, 200);
    assert!(places.get("pages").is_none());
    assert_eq!(places["product_locations"][0]["available_quantity"], 7);
    let (_, report) =
        bench.get("/reports/checking?show_all_locations=true&fields=number,stock_quantity,locations(number,stock_quantity)").await;
    let tent = json!({ "number": "TENT", "stock_quantity": 10, "locations": [{ "number": 1, "stock_quantity": 10 }] });
    assert_eq!(report["items"][1], tent);
}

#[tokio::test]
async fn a_number_with_a_slash_is_found_in_the_encoding_that_counts() {
    for (fact, once, twice) in [("single", 200, 404), ("double", 404, 200)] {
        let bench = bench(&[&format!("rackbeat.number-encoding={fact}")]).await;
        let body = json!({ "number": "A/1", "group": 1, "name": "x", "sales_price": 1 });
        let (_, made) = bench.post("/products", body).await;
        assert_eq!(made["product"]["urlfriendly_number"], "A%2F1");
        assert_eq!(bench.get("/products/A%2F1").await.0, once, "{fact}");
        assert_eq!(bench.get("/products/A%252F1").await.0, twice, "{fact}");
        assert_eq!(bench.get("/products/TENT").await.0, 200);
    }
}

#[tokio::test]
async fn lots_are_listed_with_items_but_not_with_products() {
    let bench = bench(&[]).await;
    let body = json!({ "number": "SET", "name": "Set", "lines": [{ "product_id": "TENT", "quantity": 1 }] });
    assert_eq!(bench.post("/lots", body).await.0, 201);
    assert_eq!(bench.get("/lots/SET").await.1["lot"]["type"], "lot");
    assert_eq!(bench.get("/products/SET").await.0, 404);
    assert_eq!(bench.get("/items/SET").await.1["item"]["number"], "SET");
    assert_eq!(bench.get("/items").await.1["total"], 4);
    assert_eq!(bench.get("/products").await.1["total"], 3);
    let (_, found) = bench.get("/items?search=tEn&is_barred=false").await;
    assert_eq!(found["items"][0]["number"], "TENT");
    let unknown =
        json!({ "number": "SET2", "name": "Set", "lines": [{ "product_id": "NO", "quantity": 1 }] });
    assert!(bench.post("/lots", unknown).await.1["errors"]["lines.0.product_id"].is_array());
}

#[tokio::test]
async fn a_customer_gets_the_next_number_and_is_found_as_the_switches_allow() {
    let bench = bench(&[]).await;
    let (status, refused) = bench.post("/customers", json!({ "contact_email": "x@example.test" })).await;
    assert_eq!(status, 422);
    assert!(refused["errors"]["company_name"].is_array() && refused["errors"]["payment_terms_id"].is_array());
    let body =
        json!({ "company_name": "Ida Two", "payment_terms_id": 1, "contact_email": "IDA@example.test" });
    let (status, made) = bench.post("/customers", body).await;
    assert_eq!(
        (status, &made["customer"]["number"], &made["customer"]["name"]),
        (201, &json!(1002), &json!("Ida Two"))
    );
    let filter = "/customers?simple_filter[contact_email]=ida@example.test";
    assert_eq!(bench.get(filter).await.1["total"], 2);
    assert_eq!(bench.get("/customers?search=1002").await.1["total"], 1);
    let facts = &bench.sandbox.core().facts;
    facts.set("rackbeat.email-filter", "refused").unwrap();
    let (status, refused) = bench.get(filter).await;
    assert_eq!(status, 422);
    assert_eq!(refused["errors"]["filter"][0], "Property 'contact_email' is not filterable");
    facts.set("rackbeat.customer-search", "name-and-number").unwrap();
    assert_eq!(bench.get("/customers?search=ida@example.test").await.1["total"], 0);
}

#[tokio::test]
async fn the_group_decides_whether_stock_is_kept() {
    let bench = bench(&[]).await;
    let (_, service) = bench.get("/items/FREIGHT?fields=inventory_enabled,group(has_inventory)").await;
    let expected = json!({ "inventory_enabled": false, "group": { "has_inventory": false } });
    assert_eq!(service["item"], expected);
    let body = json!({ "name": "Fees", "has_inventory": false, "vat_domestic": 25 });
    let (status, made) = bench.post("/product-groups", body).await;
    assert_eq!((status, &made["product_group"]["number"]), (201, &json!(6)));
    let body =
        json!({ "number": "FEE", "group": 6, "name": "Fee", "sales_price": 1, "inventory_enabled": true });
    assert_eq!(bench.post("/products", body).await.1["product"]["inventory_enabled"], false);
    let adjust = json!({ "item_id": "FEE", "adjustment_type": "quantity", "quantity": 1 });
    assert!(bench.post("/inventory-adjustments", adjust).await.1["errors"]["item_id"].is_array());
}
