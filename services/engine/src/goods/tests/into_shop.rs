//! Master Rackbeat.

use rust_decimal::Decimal;
use shopbeat_domain::erp::{ErpProduct, ItemKind};
use shopbeat_domain::failure::{FailureKind, Refusal};
use shopbeat_domain::ids::{ProductId, VariantId};
use shopbeat_domain::product::{NewShopProduct, ProductCode, ProductField, ShopEdit};
use shopbeat_domain::settings::{Master, ProductFilter, Publish, Settings};

use super::{carry, lone, product, told_by_rackbeat, told_by_shop, troubles, world};
use crate::testing::{ShopWrite, Trouble, World, variant};

async fn followed(settings: impl FnOnce(&mut Settings)) -> World {
    world(Master::Rackbeat, settings).await
}

fn made(world: &World) -> Vec<NewShopProduct> {
    let writes = world.shop.product_writes().into_iter();
    writes.filter_map(|write| if let ShopWrite::Created(new) = write { Some(new) } else { None }).collect()
}

fn edits(world: &World) -> Vec<(u64, ShopEdit)> {
    let writes = world.shop.product_writes().into_iter();
    writes
        .filter_map(|write| {
            if let ShopWrite::Edited(_, variant, edit) = write { Some((variant.0, edit)) } else { None }
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn products_and_bills_of_materials_are_made_in_the_shop_once_as_drafts_with_the_price_with_vat() {
    let world = followed(|_| {}).await;
    world.erp.put_product(product("TENT"));
    let lot = ErpProduct { kind: ItemKind::Lot, keeps_stock: false, barcode: None, ..product("Sæt 1") };
    world.erp.put_product(lot);
    carry(&world).await;
    let mut all = made(&world);
    all.sort_by(|a, b| a.sku.cmp(&b.sku));
    let [lot, tent] = all.as_slice() else { panic!("{all:?}") };
    let expected = NewShopProduct {
        handle: "tent".to_owned(),
        title: "Name of TENT".to_owned(),
        description_html: "<p>Good &amp; cheap<br>and light</p>".to_owned(),
        product_type: "Goods".to_owned(),
        active: false,
        sku: "TENT".to_owned(),
        price: Some(Decimal::ONE_HUNDRED),
        barcode: Some("57TENT".to_owned()),
        tracked: true,
    };
    assert_eq!(*tent, expected);
    assert_eq!((lot.sku.as_str(), lot.tracked, lot.barcode.as_deref()), ("Sæt 1", false, None));
    assert!(lot.handle.starts_with("saet-1-"), "what a slug loses is made up for: {}", lot.handle);
    // The webhooks of our own writes, and a sweep.
    let catalog = world.shop.catalog.lock().unwrap().clone();
    for variant in catalog {
        told_by_shop(&world, variant.product.0).await;
    }
    told_by_rackbeat(&world, &["TENT", "Sæt 1"]).await;
    carry(&world).await;
    assert_eq!((made(&world).len(), edits(&world)), (2, Vec::new()));
    assert_eq!(troubles(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_variant_that_is_there_gets_what_differs_and_later_only_what_changed() {
    let world = followed(|settings| settings.products.publish = Publish::Active).await;
    world.erp.put_product(product("TENT"));
    let mut tent = lone(70, "TENT");
    (tent.product_title, tent.product_type) = ("Name of TENT".to_owned(), "Goods".to_owned());
    world.shop.put_product(vec![tent]);
    carry(&world).await;
    assert_eq!(made(&world), []);
    let description_html = Some("<p>Good &amp; cheap<br>and light</p>".to_owned());
    let first = ShopEdit { barcode: Some("57TENT".to_owned()), description_html, ..ShopEdit::default() };
    assert_eq!(edits(&world), [(70, first.clone())]);
    world.erp.change_product("TENT", |product| product.sales_price = Decimal::from(96));
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    let second = ShopEdit { price: Some(Decimal::from(120)), ..ShopEdit::default() };
    assert_eq!(edits(&world), [(70, first), (70, second)]);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_several_variants_is_left_to_the_merchant() {
    let world = followed(|_| {}).await;
    for sku in ["TENT-RED", "TENT-BLUE"] {
        world.erp.put_product(product(sku));
    }
    let of = |id, sku| variant(id, sku, 1);
    world.shop.put_product(vec![of(71, "TENT-RED"), of(72, "TENT-BLUE"), of(73, "")]);
    carry(&world).await;
    assert_eq!(made(&world), []);
    let edits = edits(&world);
    assert_eq!(edits.iter().map(|(variant, _)| *variant).collect::<Vec<_>>(), [72, 71]);
    assert!(edits.iter().all(|(_, edit)| !edit.touches_product() && edit.barcode.is_some()), "{edits:?}");
}

#[tokio::test(start_paused = true)]
async fn only_chosen_products_come_and_barred_ones_never_newly() {
    let chosen = |settings: &mut Settings| {
        let filter = ProductFilter::Field { slug: "webshop".to_owned(), value: "yes".to_owned() };
        settings.products.filter = Some(filter);
        settings.products.boms = false;
        settings.products.fields = Some([ProductField::Price].into());
    };
    let world = followed(chosen).await;
    let yes = vec![("webshop".to_owned(), " Yes ".to_owned())];
    world.erp.put_product(ErpProduct { fields: yes.clone(), ..product("IN") });
    world.erp.put_product(product("OUT"));
    world.erp.put_product(ErpProduct { kind: ItemKind::Lot, fields: yes.clone(), ..product("LOT") });
    world.erp.put_product(ErpProduct { barred: true, fields: yes.clone(), ..product("BARRED") });
    world.erp.put_product(ErpProduct { barred: true, fields: yes, ..product("BARRED-THERE") });
    world.shop.put_product(vec![lone(70, "BARRED-THERE")]);
    world.shop.put_product(vec![lone(80, "OUT")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    let made = made(&world);
    let [only] = made.as_slice() else { panic!("{made:?}") };
    let fields = (only.sku.as_str(), only.description_html.as_str(), only.barcode.as_deref());
    assert_eq!(fields, ("IN", "", None), "fields that are not carried are not filled");
    assert_eq!(edits(&world), []);
    assert_eq!(troubles(&world).await, [("BARRED-THERE".to_owned(), ProductCode::Barred)]);
    world.erp.change_product("BARRED-THERE", |product| {
        (product.barred, product.sales_price) = (false, Decimal::from(96));
    });
    told_by_rackbeat(&world, &["BARRED-THERE"]).await;
    carry(&world).await;
    assert_eq!(edits(&world).len(), 1);
    assert_eq!(troubles(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_new_number_in_rackbeat_moves_the_sku_and_makes_no_second_product() {
    let world = followed(|_| {}).await;
    world.erp.put_product(product("OLD"));
    world.erp.put_product(product("OTHER"));
    carry(&world).await;
    let before = world.shop.bearers("OLD").remove(0);
    world.erp.renumber("OLD", "NEW");
    post_gone_and_new(&world).await;
    carry(&world).await;
    let after = world.shop.bearers("NEW").remove(0);
    assert_eq!((after.id, after.product), (before.id, before.product));
    let sku = ShopEdit { sku: Some("NEW".to_owned()), ..ShopEdit::default() };
    assert_eq!(edits(&world), [(before.id.0, sku)]);
    assert_eq!(made(&world).len(), 2);
    assert_eq!(troubles(&world).await, []);
    world.erp.change_product("NEW", |product| product.name = "Newer".to_owned());
    told_by_rackbeat(&world, &["NEW"]).await;
    told_by_shop(&world, before.product.0).await;
    carry(&world).await;
    assert_eq!(world.shop.bearers("NEW")[0].product_title, "Newer");
}

async fn post_gone_and_new(world: &World) {
    super::post_gone(world, "OLD").await;
    told_by_rackbeat(world, &["NEW"]).await;
}

#[tokio::test(start_paused = true)]
async fn several_variants_under_one_sku_are_told_and_the_rest_is_carried() {
    let world = followed(|_| {}).await;
    for sku in ["TWICE", "ONCE"] {
        world.erp.put_product(product(sku));
    }
    world.shop.put_product(vec![lone(70, "TWICE")]);
    world.shop.put_product(vec![lone(80, "TWICE")]);
    carry(&world).await;
    assert_eq!(edits(&world), []);
    assert_eq!(made(&world).iter().map(|new| new.sku.as_str()).collect::<Vec<_>>(), ["ONCE"]);
    assert_eq!(troubles(&world).await, [("TWICE".to_owned(), ProductCode::DuplicateSku)]);
    world.shop.change_product(ProductId(80), |variant| variant.sku = "OTHER".to_owned());
    told_by_shop(&world, 80).await;
    told_by_shop(&world, 70).await;
    carry(&world).await;
    assert_eq!(edits(&world).iter().map(|(variant, _)| *variant).collect::<Vec<_>>(), [70]);
    assert_eq!(troubles(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_product_of_the_merchants_under_the_same_handle_is_not_overwritten() {
    let world = followed(|_| {}).await;
    world.erp.put_product(product("TENT"));
    world.shop.put_product(vec![variant(71, "A", 1), variant(72, "B", 1)]);
    world.shop.handles.lock().unwrap().insert("tent".to_owned(), ProductId(7));
    carry(&world).await;
    assert!(made(&world)[0].handle.starts_with("tent-"));
    assert_eq!(world.shop.bearers("A").len() + world.shop.bearers("B").len(), 2);
    assert_eq!(world.shop.bearers("TENT").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_product_even_while_the_search_lags() {
    let world = followed(|_| {}).await;
    world.erp.put_product(product("TENT"));
    *world.shop.search_lags.lock().unwrap() = true;
    world.hooks.lose("shop.create_product", 1);
    carry(&world).await;
    assert_eq!((made(&world).len(), world.shop.bearers("TENT").len()), (1, 1));
    world.erp.change_product("TENT", |product| product.name = "Newer".to_owned());
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    assert_eq!(world.shop.bearers("TENT")[0].product_title, "Newer");
}

#[tokio::test(start_paused = true)]
async fn a_product_that_a_person_deleted_in_the_shop_is_not_made_again() {
    let world = followed(|_| {}).await;
    world.erp.put_product(product("TENT"));
    carry(&world).await;
    let made_at = world.shop.bearers("TENT")[0].product;
    world.shop.remove_product(made_at);
    told_by_shop(&world, made_at.0).await;
    world.erp.change_product("TENT", |product| product.name = "Newer".to_owned());
    told_by_rackbeat(&world, &["TENT"]).await;
    carry(&world).await;
    assert_eq!(made(&world).len(), 1);
    assert_eq!(troubles(&world).await, [("TENT".to_owned(), ProductCode::DeletedInShop)]);
    // A person who wants it back makes it in the shop.
    world.shop.put_product(vec![lone(70, "TENT")]);
    told_by_shop(&world, 70).await;
    carry(&world).await;
    assert_eq!(world.shop.bearers("TENT")[0].product_title, "Newer");
    assert_eq!(troubles(&world).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_product_that_shopify_refuses_is_told_and_blocks_nothing_else() {
    let world = followed(|_| {}).await;
    for sku in ["A", "B", "C"] {
        world.erp.put_product(product(sku));
    }
    world.hooks.trouble("shop.create_product", 1, 1, Trouble::Fails(FailureKind::Refused(Refusal::Other)));
    carry(&world).await;
    assert_eq!((made(&world).len(), troubles(&world).await.len()), (2, 1));
    assert_eq!(troubles(&world).await[0].1, ProductCode::Refused);
    let working = world.work();
    world.until("it heals by itself", async || made(&world).len() == 3).await;
    world.until("the trouble is gone", async || troubles(&world).await.is_empty()).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn prices_do_not_cross_currencies_without_a_rate() {
    for (rate, price) in [(None, None), (Some(Decimal::TWO), Some(Decimal::from(200)))] {
        let world = followed(|settings| settings.prices.rate = rate).await;
        let mut agreement = world.raw.registry.agreements().await.unwrap().remove(0);
        agreement.currency = shopbeat_domain::money::Currency::parse("EUR").unwrap();
        world.raw.registry.bind_agreement(&agreement).await.unwrap();
        world.erp.put_product(product("TENT"));
        carry(&world).await;
        assert_eq!(made(&world)[0].price, price);
        let id = world.shop.bearers("TENT")[0].id;
        assert_ne!(id, VariantId(0));
    }
}
