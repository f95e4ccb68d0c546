//! What the side that is not the master changes by itself.

use rust_decimal::Decimal;
use shopbeat_domain::ids::ProductId;
use shopbeat_domain::product::{ErpEdit, ProductField};
use shopbeat_domain::settings::Master;

use super::super::drift::{Choice, resolve};
use super::{carry, drift, item, lone, product, store, text, told_by_rackbeat, told_by_shop, world};
use crate::problem::Problem;
use crate::testing::World;

const PRICE: ProductField = ProductField::Price;

/// A product on both sides, then the price and the title changed in the shop.
async fn drifted_in_shop() -> (World, ProductId) {
    let world = world(Master::Rackbeat, |_| {}).await;
    world.erp.put_product(product("TENT"));
    carry(&world).await;
    let id = world.shop.bearers("TENT")[0].product;
    world.shop.change_product(id, |variant| {
        variant.price = Decimal::from(110);
        variant.product_title = "Merchant's".to_owned();
    });
    told_by_shop(&world, id.0).await;
    carry(&world).await;
    (world, id)
}

/// A product on both sides, then its price changed in Rackbeat.
async fn drifted_in_rackbeat() -> World {
    let world = world(Master::Shopify, |_| {}).await;
    world.shop.put_product(vec![lone(70, "TENT")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    world.erp.change_product("TENT", |product| product.sales_price = Decimal::from(88));
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    world
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_the_shop_is_told_kept_and_overwritten_only_where_rackbeat_changes() {
    let (world, id) = drifted_in_shop().await;
    let both = [("TENT|name", "Name of TENT", "Merchant's"), ("TENT|price", "100", "110")];
    assert_eq!(drift(&world).await, text(&both));
    let writes = world.shop.product_writes().len();
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    assert_eq!(world.shop.product_writes().len(), writes, "never carried back, never overwritten by itself");
    assert_eq!(world.erp.product_now("TENT").unwrap().name, "Name of TENT");
    world.erp.change_product("TENT", |product| product.sales_price = Decimal::from(120));
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    let shown = world.shop.bearers("TENT").remove(0);
    assert_eq!((shown.price, shown.product_title.as_str()), (Decimal::from(150), "Merchant's"));
    assert_eq!(drift(&world).await, text(&both[..1]));
    world.shop.change_product(id, |variant| variant.product_title = "Name of TENT".to_owned());
    told_by_shop(&world, id.0).await;
    carry(&world).await;
    assert_eq!(drift(&world).await, text(&[]));
}

#[tokio::test(start_paused = true)]
async fn drift_in_the_shop_is_repaired_or_adopted_field_by_field() {
    let (world, id) = drifted_in_shop().await;
    let store = store(&world).await;
    let settled =
        resolve(&world.ports, &store, &item("TENT"), &[ProductField::Name], Choice::Repair).await.unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(world.shop.bearers("TENT")[0].product_title, "Name of TENT");
    resolve(&world.ports, &store, &item("TENT"), &[], Choice::Adopt).await.unwrap();
    assert_eq!(world.erp.product_now("TENT").unwrap().sales_price, Decimal::from(88));
    let writes = world.shop.product_writes().len();
    told_by_rackbeat(&world, &["TENT"]).await;
    told_by_shop(&world, id.0).await;
    carry(&world).await;
    assert_eq!(drift(&world).await, text(&[]));
    assert_eq!(
        (world.shop.product_writes().len(), world.shop.bearers("TENT")[0].price),
        (writes, Decimal::from(110))
    );
    let again = resolve(&world.ports, &store, &item("TENT"), &[], Choice::Adopt).await;
    assert!(matches!(again, Err(Problem::Unknown { .. })), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_rackbeat_is_told_and_repaired_or_adopted() {
    for choice in [Choice::Repair, Choice::Adopt] {
        let world = drifted_in_rackbeat().await;
        assert_eq!(drift(&world).await, text(&[("TENT|price", "80", "88")]));
        assert_eq!(world.shop.product_writes(), []);
        let store = store(&world).await;
        resolve(&world.ports, &store, &item("TENT"), &[PRICE], choice).await.unwrap();
        let (erp, shop) = match choice {
            Choice::Repair => (80, 100),
            Choice::Adopt => (88, 110),
        };
        told_by_rackbeat(&world, &["TENT"]).await;
        told_by_shop(&world, 70).await;
        carry(&world).await;
        let prices =
            (world.erp.product_now("TENT").unwrap().sales_price, world.shop.bearers("TENT")[0].price);
        assert_eq!(prices, (Decimal::from(erp), Decimal::from(shop)), "{choice:?}");
        assert_eq!(drift(&world).await, text(&[]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_master_overwrites_only_what_it_changed_itself() {
    let world = drifted_in_rackbeat().await;
    world.shop.change_product(ProductId(70), |variant| variant.product_title = "Better tent".to_owned());
    told_by_shop(&world, 70).await;
    carry(&world).await;
    let edits = world.erp.books.lock().unwrap().edits.clone();
    let name = ErpEdit { name: Some("Better tent".to_owned()), ..ErpEdit::default() };
    assert_eq!(edits, [("TENT".to_owned(), name)]);
    assert_eq!(drift(&world).await, text(&[("TENT|price", "80", "88")]));
}

#[tokio::test(start_paused = true)]
async fn what_the_master_cannot_take_is_refused_and_nothing_is_written() {
    let (world, id) = drifted_in_shop().await;
    world.shop.change_product(id, |variant| variant.product_type = "Mine".to_owned());
    told_by_shop(&world, id.0).await;
    carry(&world).await;
    let before = world.erp.product_now("TENT");
    let refused = resolve(&world.ports, &store(&world).await, &item("TENT"), &[], Choice::Adopt).await;
    assert!(matches!(refused, Err(Problem::Precondition { reason: "NOT_ADOPTABLE", .. })), "{refused:?}");
    assert_eq!(world.erp.product_now("TENT"), before);
    assert_eq!(drift(&world).await.len(), 3);
}
