//! Quantities reach every shop, whatever fails on the way, and nothing is sold twice.

use std::time::Duration;

use rust_decimal::Decimal;
use shopbeat_domain::erp::{ErpProduct, ItemKind};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::{DeliveryId, ItemNumber, LocationId, OrderId, StoreId};
use shopbeat_domain::job::Outcome;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::{Financial, Fulfillment};
use shopbeat_domain::ports::{Family, Heap};
use shopbeat_domain::settings::{Settings, Trigger};
use shopbeat_domain::stock::StockCode;
use shopbeat_domain::store::Store;

use super::{accept, begin_for_tests, look, preview, troubles};
use crate::agreement;
use crate::intake::Intake;
use crate::testing::{FakeShop, Mishap, Trouble, Working, World, WorldBuilder, variant};

const SKU: &str = "TENT-2P";

fn item(sku: &str) -> ItemNumber {
    ItemNumber::parse(sku).unwrap()
}

/// Rackbeat has 10 of each item, the shop shows another quantity, stock is accepted.
async fn world(settings: impl FnOnce(&mut Settings)) -> World {
    let world = WorldBuilder::default().settings(settings).build().await;
    for (at, sku) in [SKU, "PEG-10"].into_iter().enumerate() {
        world.erp.put_stock(sku, 10);
        world.shop.put_product(vec![variant(10 * (at as u64 + 1), sku, 3)]);
    }
    begin_for_tests(&world.ports, &world.id).await;
    world
}

fn product(sku: &str) -> ErpProduct {
    ErpProduct {
        number: item(sku),
        kind: ItemKind::Product,
        name: sku.to_owned(),
        description: String::new(),
        sales_price: Decimal::ONE_HUNDRED,
        barcode: None,
        group: 1,
        group_name: "Goods".to_owned(),
        weight_kg: None,
        barred: false,
        keeps_stock: true,
        fields: Vec::new(),
        updated_at: None,
    }
}

async fn store(world: &World) -> Store {
    world.raw.registry.store(&world.id).await.unwrap().unwrap()
}

async fn shows(world: &World, shop: &FakeShop, sku: &str, units: i64) {
    let what = format!("{sku} shows {units}");
    world.until(&what, async || shop.available(sku, 1) == Some(units)).await;
}

/// Works until the shop shows this; a planned crash kills the worker, and another goes on.
async fn shows_despite_crashes(world: &World, sku: &str, units: i64) -> Working {
    let mut working = world.work();
    loop {
        tokio::select! {
            () = shows(world, &world.shop, sku, units) => return working,
            () = world.hooks.crashed() => {
                working.kill().await;
                working = world.work();
            }
        }
    }
}

async fn changed(world: &World, skus: &[&str]) {
    let items: Vec<ItemNumber> = skus.iter().map(|sku| item(sku)).collect();
    agreement::stock_changed(&world.ports, &store(world).await.agreement, &items).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_in_rackbeat_reaches_the_shop_and_a_burst_is_one_write() {
    let world = world(|_| {}).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    shows(&world, &world.shop, "PEG-10", 10).await;
    let before = world.shop.quantities_written().len();
    for units in 0..1000 {
        world.erp.put_stock(SKU, units % 7);
        changed(&world, &[SKU]).await;
    }
    world.erp.put_stock(SKU, 4);
    changed(&world, &[SKU]).await;
    shows(&world, &world.shop, SKU, 4).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let written = world.shop.quantities_written().len() - before;
    assert!(written <= 8, "{written} writes for a burst of 1,000 changes");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_it_is_accepted_and_only_the_report_that_was_read_is_accepted() {
    let world = WorldBuilder::default().build().await;
    for (at, sku) in [SKU, "PEG-10"].into_iter().enumerate() {
        world.shop.put_product(vec![variant(10 * (at as u64 + 1), sku, 3)]);
    }
    world.erp.put_stock(SKU, 10);
    let working = world.work();
    changed(&world, &[SKU, "PEG-10"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.shop.quantities_written(), []);
    let report = preview(&world.ports, &store(&world).await).await.unwrap();
    assert_eq!((report.to_zero, report.changes.len()), (1, 2));
    assert_eq!((report.changes[0].item.as_str(), report.changes[0].to), ("PEG-10", 0), "zeros come first");
    world.erp.put_stock(SKU, 0);
    assert!(
        accept(&world.ports, &world.id, &report.digest).await.is_err(),
        "another item would fall to zero"
    );
    world.erp.put_stock(SKU, 5);
    accept(&world.ports, &world.id, &report.digest).await.unwrap();
    shows(&world, &world.shop, SKU, 5).await;
    shows(&world, &world.shop, "PEG-10", 0).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn units_sold_anywhere_are_held_until_they_are_booked() {
    let world = world(|settings| settings.orders.trigger = Trigger::Fulfilled).await;
    let other = world.add_shop("beta.myshopify.com");
    other.put_product(vec![variant(50, SKU, 3)]);
    let mut request = world.request(store(&world).await.settings);
    request.shop = other.domain.clone();
    world.connector.connect(request).await.unwrap();
    let beta = StoreId::parse("beta").unwrap();
    begin_for_tests(&world.ports, &beta).await;
    let (working, second) = (world.work(), world.work_for(&beta));
    for shop in [&world.shop, &other] {
        shows(&world, shop, SKU, 10).await;
    }
    // Every order waits for `fulfilled`: Rackbeat hears of none of them, and all ten are sold once.
    for id in 1..=5 {
        let mut order = samples::numbered(id);
        order.fulfillment = Fulfillment::Open("UNFULFILLED".to_owned());
        order.lines.iter_mut().for_each(|line| line.fulfilled_quantity = 0);
        world.shop.put(order);
        world.offer(OrderId(id)).await;
    }
    let sold: i64 = samples::numbered(1)
        .lines
        .iter()
        .filter(|line| line.sku.as_deref() == Some(SKU))
        .map(|line| line.current_quantity as i64)
        .sum();
    let left = 10 - 5 * sold;
    for shop in [&world.shop, &other] {
        shows(&world, shop, SKU, left).await;
    }
    assert_eq!(world.erp.books.lock().unwrap().orders.len(), 0);
    // Fulfilled: booked, released, and Rackbeat itself counts them now.
    for id in 1..=5 {
        let now = world.ports.now();
        world.shop.change(OrderId(id), now, |order| {
            order.financial = Some(Financial::Paid);
            order.fulfillment = Fulfillment::Fulfilled;
            order.lines.iter_mut().for_each(|line| line.fulfilled_quantity = line.current_quantity);
        });
        world.offer(OrderId(id)).await;
        world
            .until("it is transferred", async || world.job(OrderId(id)).await.outcome == Outcome::Transferred)
            .await;
    }
    let held = world.raw.holds.held(&world.id, &[item(SKU)]).await.unwrap();
    assert_eq!(held, [0], "released when booked");
    for shop in [&world.shop, &other] {
        shows(&world, shop, SKU, left).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    for shop in [&world.shop, &other] {
        assert_eq!(shop.available(SKU, 1), Some(left));
        let most = shop.quantities_written().iter().map(|set| set.quantity).max();
        assert!(most <= Some(10));
    }
    working.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_level_changed_by_a_sale_that_is_not_known_yet_is_not_written_over() {
    let world = world(|settings| settings.orders.trigger = Trigger::Fulfilled).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    let before = world.shop.quantities_written().len();
    let mut order = samples::numbered(1);
    order.fulfillment = Fulfillment::Open("UNFULFILLED".to_owned());
    order.lines.iter_mut().for_each(|line| line.fulfilled_quantity = 0);
    order.head.updated_at = world.ports.now();
    world.shop.put(order);
    let left = world.shop.available(SKU, 1).unwrap();
    // Only the level's webhook comes; the order's is lost.
    let intake = Intake::new(world.ports.clone());
    let delivery = DeliveryId::parse("d-1").unwrap();
    let inventory_item = world.shop.bearers(SKU)[0].inventory_item;
    let taken =
        intake.level_changed(&world.id, &delivery, inventory_item, LocationId(1), Some(left)).await.unwrap();
    assert!(taken.is_some(), "no echo");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.shop.available(SKU, 1), Some(left));
    let later = world.shop.quantities_written();
    assert!(later[before..].iter().all(|set| set.quantity <= left), "{later:?}");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn our_own_write_is_an_echo_and_a_merchants_edit_is_set_right() {
    let world = world(|_| {}).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    let intake = Intake::new(world.ports.clone());
    let inventory_item = world.shop.bearers(SKU)[0].inventory_item;
    let deliver = async |name: &str, available: i64| {
        let delivery = DeliveryId::parse(name).unwrap();
        intake
            .level_changed(&world.id, &delivery, inventory_item, LocationId(1), Some(available))
            .await
            .unwrap()
    };
    world.until("it is known", async || deliver("echo", 10).await.is_none()).await;
    let before = world.shop.quantities_written().len();
    for edit in ["first", "second"] {
        world.shop.set_by_hand(SKU, 1, 99);
        assert!(deliver(edit, 99).await.is_some());
        shows(&world, &world.shop, SKU, 10).await;
    }
    let written = &world.shop.quantities_written()[before..];
    assert_eq!(written.len(), 2, "each edit is repaired once: {written:?}");
    assert!(written.iter().all(|set| set.from == Some(99)), "from what stood there");
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_whose_webhook_was_lost_is_set_right_within_a_day() {
    let world = world(|_| {}).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    world.shop.set_by_hand(SKU, 1, 99);
    shows(&world, &world.shop, SKU, 10).await;
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_quantity_is_read_again_and_one_that_keeps_changing_is_told() {
    let world = world(|_| {}).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    // Somebody edits it and no webhook comes: the next write is stale.
    world.shop.set_by_hand(SKU, 1, 77);
    world.erp.put_stock(SKU, 8);
    changed(&world, &[SKU]).await;
    shows(&world, &world.shop, SKU, 8).await;
    assert_eq!(troubles(&world.ports, &store(&world).await, None, 10).await.unwrap(), []);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_bad_item_is_quarantined_and_the_rest_goes_on() {
    for named in [true, false] {
        let world = world(|_| {}).await;
        for id in 0..40 {
            let sku = format!("SKU-{id}");
            world.erp.put_product(product(&sku));
            world.erp.put_stock(&sku, 10);
            world.shop.put_product(vec![variant(1000 + 10 * id, &sku, 3)]);
        }
        *world.shop.names_no_culprit.lock().unwrap() = !named;
        world.shop.poisoned.lock().unwrap().insert(world.shop.bearers("SKU-7")[0].inventory_item);
        super::mark_all(&world.ports, &store(&world).await).await.unwrap();
        let working = world.work();
        for id in (0..40).filter(|id| *id != 7) {
            shows(&world, &world.shop, &format!("SKU-{id}"), 10).await;
        }
        world
            .until("it is told", async || {
                !troubles(&world.ports, &store(&world).await, None, 10).await.unwrap().is_empty()
            })
            .await;
        let told = troubles(&world.ports, &store(&world).await, None, 10).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].item.as_str(), told[0].code), ("SKU-7", StockCode::Refused));
        // The cause is gone: it goes on by itself.
        world.shop.poisoned.lock().unwrap().clear();
        shows(&world, &world.shop, "SKU-7", 10).await;
        world
            .until("nothing is told", async || {
                troubles(&world.ports, &store(&world).await, None, 10).await.unwrap().is_empty()
            })
            .await;
        working.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_inactive_level_is_activated_once_and_bundles_and_untracked_ones_are_told() {
    let world = world(|_| {}).await;
    world.shop.deactivate(SKU, 1);
    let mut bundle = variant(30, "BUNDLE", 3);
    bundle.bundle = true;
    let mut free = variant(40, "FREE", 3);
    free.tracked = false;
    for (sku, variant) in [("BUNDLE", bundle), ("FREE", free)] {
        world.erp.put_product(product(sku));
        world.erp.put_stock(sku, 10);
        world.shop.put_product(vec![variant]);
    }
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    world
        .until("both are told", async || {
            troubles(&world.ports, &store(&world).await, None, 10).await.unwrap().len() == 2
        })
        .await;
    let told = troubles(&world.ports, &store(&world).await, None, 10).await.unwrap();
    assert_eq!(
        told.iter().map(|trouble| trouble.code).collect::<Vec<_>>(),
        [StockCode::Bundle, StockCode::Untracked]
    );
    assert_eq!(world.hooks.count("shop.activate"), 1);
    assert_eq!(world.shop.available("BUNDLE", 1), Some(3));
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_call_that_fails_is_lost_or_cut_off_still_leads_to_the_right_quantity() {
    let calls = {
        let world = world(|_| {}).await;
        let working = world.work();
        shows(&world, &world.shop, SKU, 10).await;
        working.stop().await;
        world.hooks.calls().len()
    };
    // Each call meets one of the seven mishaps, neighbours different ones: all with all would take minutes.
    for (first, mishap) in Mishap::ALL.into_iter().enumerate() {
        for at in (first..calls).step_by(Mishap::ALL.len()) {
            let world = world(|_| {}).await;
            world.hooks.plan(at, mishap);
            let working = shows_despite_crashes(&world, SKU, 10).await;
            world.erp.put_stock(SKU, 4);
            // By the state itself: the test is no process that can be cut off.
            let heap = Heap::AgreementStock(store(&world).await.agreement);
            world.raw.heaps.mark(&heap, &[SKU.to_owned()], false, world.ports.now()).await.unwrap();
            drop(working);
            let working = shows_despite_crashes(&world, SKU, 4).await;
            working.kill().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stock_goes_on_while_orders_wait_for_rackbeat() {
    let world = world(|_| {}).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 10).await;
    let away = FailureKind::Busy { retry_after: None };
    world.hooks.trouble("erp.create_draft", 0, usize::MAX, Trouble::Fails(away));
    world.shop.put(samples::numbered(1));
    world.offer(OrderId(1)).await;
    world.until("it probes", async || world.hooks.count("erp.create_draft") > 3).await;
    let asked = world.ports.now();
    world.erp.put_stock("PEG-10", 6);
    changed(&world, &["PEG-10"]).await;
    let sold: i64 = samples::numbered(1)
        .lines
        .iter()
        .filter(|line| line.sku.as_deref() == Some("PEG-10"))
        .map(|line| line.current_quantity as i64)
        .sum();
    shows(&world, &world.shop, "PEG-10", 6 - sold).await;
    assert!(world.ports.now().duration_since(asked).as_secs() < 30);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_can_be_looked_up_in_all_stores() {
    let world = world(|settings| settings.stock.buffer = 2).await;
    let working = world.work();
    shows(&world, &world.shop, SKU, 8).await;
    world
        .until("it is written down", async || {
            let family = Family::Told(world.id.clone());
            world.raw.records.count(&family).await.unwrap() > 0
        })
        .await;
    let view = look(&world.ports, &store(&world).await, &item(SKU)).await.unwrap();
    let (_, notice) = view.notice.unwrap();
    assert_eq!(notice.stock.available, Some(10.into()));
    assert_eq!(view.stores[0].told.as_ref().unwrap().levels[0].quantity, 8);
    assert!(view.stores[0].takes_stock);
    working.stop().await;
}
