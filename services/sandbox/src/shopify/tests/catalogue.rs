//! Reading products, variants and levels page by page.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, SHOP, operation};
use crate::shopify::docs::gid;
use crate::shopify::{ProductEdit, special};

fn skus(found: &Value) -> Vec<&str> {
    found["nodes"].as_array().unwrap().iter().map(|node| node["sku"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn changed_products_come_in_the_order_of_their_change() {
    let bench = Bench::small();
    let products = bench.sim.products(SHOP).unwrap();
    for product in [&products[3], &products[1]] {
        bench.clock.advance(Duration::from_secs(60));
        let edit = ProductEdit { title: Some("Nyt navn".to_owned()), ..ProductEdit::default() };
        bench.sim.edit_product(SHOP, product.id, edit).unwrap();
    }
    let since = bench.sim.product(SHOP, products[3].id).unwrap().updated_at;
    let query = format!("updated_at:>='{since}'");
    let mut after = Value::Null;
    let mut seen = Vec::new();
    loop {
        let asked = json!({ "query": query, "first": 1, "after": after });
        let page = bench.data(&operation("products_updated"), asked).await["products"].clone();
        seen.push(page["nodes"][0]["id"].as_str().unwrap().to_owned());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, [gid("Product", products[3].id), gid("Product", products[1].id)]);
}

#[tokio::test]
async fn a_search_by_sku_finds_near_matches_and_may_lag_behind() {
    let bench = Bench::small();
    let products = bench.sim.products(SHOP).unwrap();
    let variants: Vec<u64> =
        products.iter().flat_map(|product| &product.variants).map(|one| one.id).collect();
    bench.sim.set_sku(SHOP, variants[0], Some("ABC-1")).unwrap();
    bench.sim.set_sku(SHOP, variants[1], Some("abc-1-RED")).unwrap();
    bench.sim.set_sku(SHOP, variants[2], Some("X\"Y")).unwrap();
    let search = async |query: &str| {
        let asked = json!({ "query": query, "first": 10 });
        bench.data(&operation("variants_by_sku"), asked).await["productVariants"].clone()
    };
    let found = search(r#"sku:"ABC-1""#).await;
    assert_eq!(skus(&found), ["ABC-1", "abc-1-RED"]);
    assert_eq!(found["nodes"][0]["product"]["title"], products[0].title.as_str());
    assert_eq!(skus(&search(r#"sku:"abc-1-red" OR sku:"X\"Y""#).await), ["abc-1-RED", "X\"Y"]);
    assert_eq!(skus(&search(r#"sku:"nix""#).await), [] as [&str; 0]);
    bench.set_fact("shopify.sku-search=lags");
    bench.sim.set_sku(SHOP, variants[0], Some("NEW-1")).unwrap();
    assert_eq!(skus(&search(r#"sku:"NEW-1""#).await), [] as [&str; 0]);
    assert_eq!(skus(&search(r#"sku:"ABC-1""#).await), ["NEW-1", "abc-1-RED"]);
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(skus(&search(r#"sku:"NEW-1""#).await), ["NEW-1"]);
}

#[tokio::test]
async fn variants_and_levels_past_the_first_page_come_with_the_cursor() {
    let bench = Bench::small();
    let products = bench.sim.products(SHOP).unwrap();
    let product = products.iter().max_by_key(|product| product.variants.len()).unwrap();
    let id = gid("Product", product.id);
    let data = bench.data(&operation("product_by_id"), json!({ "id": id, "variants": 2 })).await;
    let mut page = data["product"]["variants"].clone();
    let mut seen: Vec<String> = skus(&page).into_iter().map(ToOwned::to_owned).collect();
    while page["pageInfo"]["hasNextPage"] == true {
        let asked = json!({ "id": id, "variants": 2, "after": page["pageInfo"]["endCursor"] });
        page = bench.data(&operation("product_variants"), asked).await["product"]["variants"].clone();
        seen.extend(skus(&page).into_iter().map(ToOwned::to_owned));
    }
    let all: Vec<String> = product.variants.iter().filter_map(|variant| variant.sku.clone()).collect();
    assert_eq!(seen, all);
    let item = gid("InventoryItem", product.variants[0].item);
    let data = bench.data(&operation("inventory_levels"), json!({ "ids": [item], "levels": 1 })).await;
    let first = &data["nodes"][0]["inventoryLevels"];
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let asked = json!({ "id": item, "levels": 1, "after": first["pageInfo"]["endCursor"] });
    let rest = bench.data(&operation("inventory_item_levels"), asked).await;
    let rest = &rest["inventoryItem"]["inventoryLevels"];
    assert_ne!(rest["nodes"][0]["location"], first["nodes"][0]["location"]);
    assert_eq!(rest["pageInfo"]["hasNextPage"], false);
}

#[tokio::test]
async fn more_than_250_ids_at_once_are_refused() {
    let bench = Bench::small();
    let ids = vec![gid("InventoryItem", 1); 251];
    let (_, body) = bench.ask(&operation("inventory_levels"), json!({ "ids": ids, "levels": 1 })).await;
    assert_eq!(body["errors"][0]["extensions"]["code"], "MAX_INPUT_SIZE_EXCEEDED");
}

#[tokio::test]
async fn a_shop_tells_its_country_and_which_locations_are_in_use() {
    let bench = Bench::small();
    let butik = bench.sim.locations(SHOP).unwrap()[1].clone();
    bench.sim.set_location_active(SHOP, butik.id, false).unwrap();
    let data = bench.data(&operation("shop"), json!({})).await;
    assert_eq!(data["shop"]["shopAddress"]["countryCodeV2"], "DK");
    let data = bench.data(&operation("locations"), json!({ "first": 10 })).await;
    let told: Vec<(&Value, &Value)> = data["locations"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (&node["name"], &node["isActive"]))
        .collect();
    assert_eq!(told, [(&json!("Butik"), &json!(false)), (&json!("Lager"), &json!(true))]);
}

#[tokio::test]
async fn the_latest_orders_tell_how_the_shop_sells() {
    let bench = Bench::small();
    let plain = || bench.sim.ordinary_order(SHOP).unwrap();
    let specs = [
        special::tip(plain(), rust_decimal::Decimal::TEN),
        special::by_gift_card(plain()),
        special::gift_card(plain(), rust_decimal::Decimal::TEN),
    ];
    for spec in specs {
        bench.clock.advance(Duration::from_secs(5));
        let id = bench.sim.place_order(SHOP, &spec).unwrap();
        bench.sim.pay(SHOP, id).unwrap();
    }
    let data = bench.data(&operation("recent_orders"), json!({ "first": 3, "lines": 50 })).await;
    let [sold, paid, tipped] = [0, 1, 2].map(|at| &data["orders"]["nodes"][at]);
    assert_eq!(tipped["totalTipReceivedSet"]["shopMoney"]["amount"], "10.0");
    assert_eq!(paid["transactions"][0]["gateway"], "gift_card");
    let lines = sold["lineItems"]["nodes"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["isGiftCard"] == true));
}
