//! Master Shopify.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::NewProduct;
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{ProductId, VariantId};
use shopbeat_domain::ports::{Family, IdMap};
use shopbeat_domain::product::{ErpEdit, ProductCode, ProductField};
use shopbeat_domain::settings::{Master, OnDelete, Settings};
use shopbeat_domain::stock::Shelf;

use super::{carry, item, lone, product, store, told_by_shop, troubles, world};
use crate::testing::{Trouble, World, variant};

async fn followed(settings: impl FnOnce(&mut Settings)) -> World {
    world(Master::Shopify, settings).await
}

fn made(world: &World) -> Vec<NewProduct> {
    world.erp.books.lock().unwrap().products_made.clone()
}

fn edits(world: &World) -> Vec<(String, ErpEdit)> {
    world.erp.books.lock().unwrap().edits.clone()
}

fn numbers(world: &World) -> Vec<String> {
    world.erp.books.lock().unwrap().items.keys().cloned().collect()
}

async fn shelf(world: &World, sku: &str) -> Option<VariantId> {
    let family = Family::Shelf(world.id.clone());
    let text = world.raw.records.get(&family, &[sku.to_owned()]).await.unwrap().remove(0)?;
    let shelf: Shelf = serde_json::from_str(&text).unwrap();
    shelf.spot.map(|spot| spot.variant)
}

#[tokio::test(start_paused = true)]
async fn each_variant_becomes_a_product_of_its_own_and_its_changes_follow() {
    let world = followed(|settings| settings.products.unit = Some(3)).await;
    let mut other = variant(72, "TENT-BLUE", 1);
    other.options = "Blue / M".to_owned();
    (other.cost, other.weight_kg) = (None, None);
    world.shop.put_product(vec![variant(71, " TENT-RED ", 1), other]);
    told_by_shop(&world, 7).await;
    carry(&world).await;
    let made = made(&world);
    let [red, blue] = made.as_slice() else { panic!("{made:?}") };
    let expected = NewProduct {
        number: item("TENT-RED"),
        name: "Thing 71 / Red / M".to_owned(),
        group: 1,
        unit: Some(3),
        description: "Good & cheap".to_owned(),
        sales_price: Decimal::from(80),
        cost: Some(Decimal::new(4050, 2)),
        weight_kg: Some(Decimal::new(15, 1)),
        barcode: None,
    };
    assert_eq!(*red, expected);
    assert_eq!((blue.name.as_str(), blue.cost, blue.weight_kg), ("Thing 72 / Blue / M", None, None));
    world.shop.change_product(ProductId(7), |variant| variant.price = Decimal::from(120));
    told_by_shop(&world, 7).await;
    carry(&world).await;
    let price = ErpEdit { sales_price: Some(Decimal::from(96)), ..ErpEdit::default() };
    let expected = ["TENT-RED", "TENT-BLUE"].map(|sku| (sku.to_owned(), price.clone()));
    assert_eq!(edits(&world), expected);
    let map = IdMap::VariantItem(world.id.clone());
    let known = world.raw.ids.look_up(&map, &["71".to_owned()]).await.unwrap();
    assert_eq!(known, [Some("TENT-RED".to_owned())]);
    assert_eq!(shelf(&world, "TENT-RED").await, Some(VariantId(71)));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_purchases_asks_rackbeat_nothing() {
    let world = followed(|_| {}).await;
    world.shop.put_product(vec![lone(70, "TENT")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    // The agreement's next reader finds the new product in Rackbeat.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    carry(&world).await;
    let product_calls = |world: &World| {
        let asked = ["erp.product", "erp.create_product", "erp.edit_product", "erp.product_groups"];
        asked.iter().map(|call| world.hooks.count(call)).sum::<usize>()
    };
    let (asked, written) = (product_calls(&world), world.hooks.count("state.put_records"));
    let working = world.work();
    let reads = world.hooks.count("shop.product");
    for _ in 0..50 {
        world.shop.touch(ProductId(70));
        told_by_shop(&world, 70).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    world.until("they were looked at", async || world.hooks.count("shop.product") > reads + 10).await;
    working.stop().await;
    carry(&world).await;
    assert_eq!(product_calls(&world), asked);
    assert_eq!(world.hooks.count("state.put_records"), written, "nothing is even written down");
}

#[tokio::test(start_paused = true)]
async fn a_product_of_more_than_a_hundred_variants_is_carried_whole() {
    let world = followed(|_| {}).await;
    let all = (0..150).map(|n| Variant { product: ProductId(9), ..variant(1000 + n, &format!("V{n}"), 1) });
    world.shop.put_product(all.collect());
    told_by_shop(&world, 9).await;
    carry(&world).await;
    assert_eq!(made(&world).len(), 150);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_there_is_adopted_and_only_what_differs_is_written() {
    let world = followed(|settings| {
        settings.products.fields = Some([ProductField::Name, ProductField::Price].into());
    })
    .await;
    world.erp.put_product(product("TENT"));
    world.shop.put_product(vec![lone(70, "TENT")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    assert_eq!(made(&world), []);
    let edit = ErpEdit { name: Some("Thing 70".to_owned()), ..ErpEdit::default() };
    assert_eq!(edits(&world), [("TENT".to_owned(), edit)]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_sku_renumbers_its_item_and_keeps_its_stock() {
    let world = followed(|_| {}).await;
    world.shop.put_product(vec![lone(70, "OLD")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    world.erp.put_stock("OLD", 12);
    world.shop.change_product(ProductId(70), |variant| variant.sku = "NEW".to_owned());
    told_by_shop(&world, 70).await;
    carry(&world).await;
    assert_eq!(numbers(&world), ["NEW"]);
    assert_eq!(world.erp.available("NEW"), Decimal::from(12));
    let number = ErpEdit { number: Some(item("NEW")), ..ErpEdit::default() };
    assert_eq!(edits(&world), [("OLD".to_owned(), number)]);
    assert_eq!((shelf(&world, "OLD").await, shelf(&world, "NEW").await), (None, Some(VariantId(70))));
    assert_eq!(troubles(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn where_a_number_cannot_be_changed_a_new_item_is_made_and_told() {
    let world = followed(|_| {}).await;
    world.shop.put_product(vec![lone(70, "OLD")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    *world.erp.numbers_stay.lock().unwrap() = true;
    world.shop.change_product(ProductId(70), |variant| variant.sku = "NEW".to_owned());
    told_by_shop(&world, 70).await;
    carry(&world).await;
    assert_eq!(numbers(&world), ["NEW", "OLD"]);
    assert_eq!(troubles(&world).await, [("OLD".to_owned(), ProductCode::NotRenumbered)]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_another_store_sells_is_neither_renumbered_nor_barred() {
    let world = followed(|settings| settings.products.on_delete = OnDelete::Bar).await;
    let second = world.add_shop("beta.myshopify.com");
    second.scopes.lock().unwrap().push(crate::connect::WRITE_PRODUCTS.to_owned());
    let mut request = world.request(store(&world).await.settings);
    request.shop = second.domain.clone();
    let beta = world.connector.connect(request).await.unwrap().store;
    world.shop.put_product(vec![lone(70, "OLD")]);
    world.shop.put_product(vec![lone(80, "SHARED")]);
    told_by_shop(&world, 70).await;
    told_by_shop(&world, 80).await;
    carry(&world).await;
    let shelf = Shelf {
        version: 1,
        item: item("OLD"),
        spot: Some(lone(5, "OLD").spot()),
        looked_at: world.ports.now(),
    };
    let text = serde_json::to_string(&shelf).unwrap();
    let shelves = ["OLD", "SHARED"].map(|sku| (sku.to_owned(), text.clone()));
    world.raw.records.put(&Family::Shelf(beta.id), &shelves).await.unwrap();
    world.shop.change_product(ProductId(70), |variant| variant.sku = "NEW".to_owned());
    world.shop.remove_product(ProductId(80));
    told_by_shop(&world, 70).await;
    told_by_shop(&world, 80).await;
    carry(&world).await;
    assert_eq!(numbers(&world), ["NEW", "OLD", "SHARED"]);
    assert!(!world.erp.product_now("SHARED").unwrap().barred);
}

#[tokio::test(start_paused = true)]
async fn the_items_of_a_deleted_product_are_barred_if_so_set_and_a_refusal_is_told() {
    for (on_delete, refused) in [(OnDelete::Leave, false), (OnDelete::Bar, false), (OnDelete::Bar, true)] {
        let world = followed(|settings| settings.products.on_delete = on_delete).await;
        world.shop.put_product(vec![variant(71, "RED", 1), variant(72, "BLUE", 1)]);
        told_by_shop(&world, 7).await;
        carry(&world).await;
        if refused {
            world.hooks.trouble(
                "erp.edit_product",
                0,
                9,
                Trouble::Fails(FailureKind::Refused(Refusal::Other)),
            );
        }
        world.shop.remove_product(ProductId(7));
        told_by_shop(&world, 7).await;
        carry(&world).await;
        for sku in ["RED", "BLUE"] {
            let barred = world.erp.product_now(sku).unwrap().barred;
            assert_eq!(barred, on_delete == OnDelete::Bar && !refused, "{sku} {on_delete:?}");
            assert_eq!(shelf(&world, sku).await, None);
        }
        let codes: Vec<ProductCode> = troubles(&world).await.into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, vec![ProductCode::NotBarred; if refused { 2 } else { 0 }]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sku_that_is_cleared_or_double_bars_nothing() {
    let world = followed(|settings| settings.products.on_delete = OnDelete::Bar).await;
    world.shop.put_product(vec![variant(71, "RED", 1), variant(72, "BLUE", 1)]);
    world.shop.put_product(vec![lone(80, "CUP")]);
    told_by_shop(&world, 7).await;
    told_by_shop(&world, 80).await;
    carry(&world).await;
    world.shop.change_product(ProductId(7), |variant| {
        variant.sku = if variant.id.0 == 71 { String::new() } else { "CUP".to_owned() };
    });
    told_by_shop(&world, 7).await;
    carry(&world).await;
    assert_eq!(edits(&world), []);
    let expected = [("CUP", ProductCode::DuplicateSku), ("variant/7/71", ProductCode::SkuMissing)];
    assert_eq!(troubles(&world).await, expected.map(|(key, code)| (key.to_owned(), code)));
    assert_eq!(shelf(&world, "CUP").await, None, "none of the two is the right one");
}

#[tokio::test(start_paused = true)]
async fn bad_skus_are_told_by_name_gift_cards_and_bundles_left_alone_and_the_rest_goes_on() {
    let world = followed(|_| {}).await;
    let gift = Variant { gift_card: true, ..variant(75, "GIFT", 1) };
    let bundle = Variant { bundle: true, ..variant(76, "SET", 1) };
    let long = "X".repeat(26);
    let bad = [variant(71, "", 1), variant(72, "TWICE", 1), variant(73, "TWICE", 1), variant(74, &long, 1)];
    world.shop.put_product([bad.to_vec(), vec![gift, bundle, variant(77, "GOOD", 1)]].concat());
    told_by_shop(&world, 7).await;
    carry(&world).await;
    assert_eq!(numbers(&world), ["GOOD"]);
    let expected = [
        ("variant/7/71", ProductCode::SkuMissing),
        ("variant/7/72", ProductCode::DuplicateSku),
        ("variant/7/73", ProductCode::DuplicateSku),
        ("variant/7/74", ProductCode::SkuTooLong),
    ];
    assert_eq!(troubles(&world).await, expected.map(|(key, code)| (key.to_owned(), code)));
    world.shop.change_product(ProductId(7), |variant| variant.sku = format!("S{}", variant.id));
    told_by_shop(&world, 7).await;
    carry(&world).await;
    assert_eq!(troubles(&world).await, []);
    assert_eq!(numbers(&world).len(), 5, "{:?}", numbers(&world));
}

#[tokio::test(start_paused = true)]
async fn one_product_that_rackbeat_refuses_blocks_neither_its_siblings_nor_others() {
    let world = followed(|_| {}).await;
    world.shop.put_product(vec![variant(71, "A", 1), variant(72, "B", 1), variant(73, "C", 1)]);
    told_by_shop(&world, 7).await;
    world.erp.refuses.lock().unwrap().insert("B".to_owned());
    carry(&world).await;
    assert_eq!(numbers(&world), ["A", "C"]);
    assert_eq!(troubles(&world).await, [("B".to_owned(), ProductCode::Refused)]);
    world.erp.refuses.lock().unwrap().clear();
    let working = world.work();
    world.until("it heals by itself", async || numbers(&world).len() == 3).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_webhook_told_is_swept_and_without_a_master_only_shelves_are_kept() {
    let world = world(Master::None, |_| {}).await;
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    world.shop.put_product(vec![lone(70, "TENT")]);
    carry(&world).await;
    assert_eq!(shelf(&world, "TENT").await, Some(VariantId(70)));
    assert_eq!((numbers(&world), world.shop.product_writes()), (Vec::new(), Vec::new()));
    let known =
        world.raw.ids.look_up(&IdMap::VariantItem(world.id.clone()), &["70".to_owned()]).await.unwrap();
    assert_eq!(known, [None], "an item that Rackbeat does not have is nothing to fall back on");
}
