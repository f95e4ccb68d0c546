//! Every call of a product's way, failed, lost and cut off.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::ids::ProductId;
use shopbeat_domain::settings::Master;

use super::{carry, lone, product, told_by_rackbeat, told_by_shop, world};
use crate::testing::{Mishap, ShopWrite, World, variant};

/// A product to be made, one to be changed, a renamed SKU.
async fn act(world: &World, master: Master) {
    match master {
        Master::Rackbeat => {
            world.erp.put_product(product("NEW"));
            world.erp.put_product(product("THERE"));
            world.shop.put_product(vec![variant(71, "THERE", 1), variant(72, "MINE", 1)]);
            told_by_rackbeat(world, &["NEW", "THERE"]).await;
        }
        Master::Shopify => {
            world.erp.put_product(product("THERE"));
            world.shop.put_product(vec![variant(71, "THERE", 1), variant(72, "NEW", 1)]);
            told_by_shop(world, 7).await;
            carry(world).await;
            world.shop.change_product(ProductId(7), |variant| {
                variant.price = Decimal::from(120);
                if variant.id.0 == 72 {
                    variant.sku = "NEWER".to_owned();
                }
            });
            told_by_shop(world, 7).await;
        }
        Master::None => {}
    }
    carry(world).await;
}

fn check(world: &World, master: Master, what: &str) {
    let books = world.erp.books.lock().unwrap();
    let numbers: Vec<&str> = books.items.keys().map(String::as_str).collect();
    match master {
        Master::Rackbeat => {
            drop(books);
            let [made] = <[Variant; 1]>::try_from(world.shop.bearers("NEW")).unwrap();
            assert_eq!(
                (made.product_title.as_str(), made.price),
                ("Name of NEW", Decimal::ONE_HUNDRED),
                "{what}"
            );
            assert_eq!(world.shop.bearers("THERE")[0].barcode.as_deref(), Some("57THERE"), "{what}");
            let mine = world.shop.bearers("MINE").remove(0);
            assert_eq!(mine, Variant { price: mine.price, ..variant(72, "MINE", 1) }, "{what}");
            let made = world.shop.product_writes();
            let made = made.iter().filter(|write| matches!(write, ShopWrite::Created(_))).count();
            assert!(made <= 2, "{what}");
        }
        Master::Shopify => {
            assert_eq!(numbers, ["NEWER", "THERE"], "{what}");
            for number in ["NEWER", "THERE"] {
                assert_eq!(books.edits.iter().filter(|(n, _)| n == number).count().min(1), 1, "{what}");
            }
            drop(books);
            for number in ["NEWER", "THERE"] {
                let stands = world.erp.product_now(number).unwrap();
                assert_eq!(stands.sales_price, Decimal::from(96), "{what}");
                assert_eq!(stands.description, "Good & cheap", "{what}");
            }
            assert_eq!(world.shop.product_writes(), [], "{what}");
        }
        Master::None => {}
    }
}

/// Each call goes wrong in one of the ways, in turn; the calls that write in every way.
async fn whatever_fails(master: Master) {
    const WRITES: [&str; 4] =
        ["shop.create_product", "shop.edit_product", "erp.create_product", "erp.edit_product"];
    let clean = world(master, |_| {}).await;
    let connected = clean.hooks.calls().len();
    act(&clean, master).await;
    check(&clean, master, "clean");
    let calls = clean.hooks.calls();
    assert!(calls.len() > connected + 10, "{calls:?}");
    for (at, call) in calls.iter().enumerate().skip(connected) {
        let writes = WRITES.contains(&call.as_str());
        for (way, mishap) in Mishap::ALL.into_iter().enumerate() {
            if !writes && way != at % Mishap::ALL.len() {
                continue;
            }
            let world = world(master, |_| {}).await;
            world.hooks.plan(at, mishap);
            act(&world, master).await;
            let call = world.hooks.calls().get(at).cloned();
            check(&world, master, &format!("{mishap:?} at {at}, {call:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_a_product_of_rackbeats_stands_in_the_shop_once() {
    whatever_fails(Master::Rackbeat).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_a_variant_has_one_item_in_rackbeat() {
    whatever_fails(Master::Shopify).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_the_store_is_paused() {
    use shopbeat_domain::store::{Desired, Store};
    let world = world(Master::Shopify, |_| {}).await;
    let store = super::store(&world).await;
    world.raw.registry.put_store(&Store { desired: Desired::Paused, ..store }).await.unwrap();
    world.shop.put_product(vec![lone(70, "TENT")]);
    told_by_shop(&world, 70).await;
    let working = world.work();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(world.erp.product_now("TENT").is_none());
    let store = super::store(&world).await;
    world.raw.registry.put_store(&Store { desired: Desired::Running, ..store }).await.unwrap();
    world.until("it goes on", async || world.erp.product_now("TENT").is_some()).await;
    working.stop().await;
}
