//! Products both ways: each stands once on each side, whatever fails; nothing of the merchant's is touched, and nothing
//! is written that did not change.

mod drifting;
mod into_rackbeat;
mod into_shop;
mod whatever_fails;

use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::Decimal;
use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::{ErpProduct, ItemKind};
use shopbeat_domain::ids::{DeliveryId, ItemNumber, ProductId};
use shopbeat_domain::job::{JobPhase, Subject};
use shopbeat_domain::ports::{Heap, Topic};
use shopbeat_domain::product::{Drift, ProductCode};
use shopbeat_domain::settings::{Master, Settings};
use shopbeat_domain::store::Store;

use crate::intake::Intake;
use crate::testing::{World, WorldBuilder, variant};

async fn world(master: Master, settings: impl FnOnce(&mut Settings)) -> World {
    let builder = WorldBuilder::default().settings(|all| {
        all.products.master = master;
        (all.orders.freight_product, all.orders.rounding_product) = (None, None);
        settings(all);
    });
    let world = builder.build().await;
    // Only what a test puts there.
    world.erp.books.lock().unwrap().items.clear();
    world
}

fn item(sku: &str) -> ItemNumber {
    ItemNumber::parse(sku).unwrap()
}

fn product(sku: &str) -> ErpProduct {
    ErpProduct {
        number: item(sku),
        kind: ItemKind::Product,
        name: format!("Name of {sku}"),
        description: "Good & cheap\nand light".to_owned(),
        sales_price: Decimal::from(80),
        barcode: Some(format!("57{sku}")),
        group: 1,
        group_name: "Goods".to_owned(),
        weight_kg: None,
        barred: false,
        keeps_stock: true,
        fields: Vec::new(),
        updated_at: None,
    }
}

/// A product with one variant of its own.
fn lone(id: u64, sku: &str) -> Variant {
    Variant { product: ProductId(id), options: String::new(), lone: true, ..variant(id, sku, 3) }
}

async fn store(world: &World) -> Store {
    world.raw.registry.store(&world.id).await.unwrap().unwrap()
}

/// Rackbeat's webhook.
async fn told_by_rackbeat(world: &World, skus: &[&str]) {
    let store = store(world).await;
    let intake = Intake::new(world.ports.clone());
    for sku in skus {
        world.sent(async || intake.product_changed(&store.agreement, &item(sku)).await).await;
    }
}

/// Shopify's webhook.
async fn told_by_shop(world: &World, product: u64) {
    let intake = Intake::new(world.ports.clone());
    let delivery = DeliveryId::parse(&world.ports.new_id()).unwrap();
    world.sent(async || intake.product_changed_in_shop(&world.id, &delivery, ProductId(product)).await).await;
}

/// Whether nothing is due within a few minutes, and no job is under way.
async fn is_at_rest(world: &World) -> bool {
    let agreement = store(world).await.agreement;
    let soon = world.ports.now() + SignedDuration::from_mins(6);
    let heaps = [
        Heap::AgreementProducts(agreement),
        Heap::StoreProducts(world.id.clone()),
        Heap::ShopProducts(world.id.clone()),
    ];
    for heap in heaps {
        if world.raw.heaps.next_due(&heap).await.unwrap().is_some_and(|at| at < soon) {
            return false;
        }
    }
    let job = world.raw.jobs.job(&world.id, &Subject::Products).await.unwrap();
    job.is_some_and(|job| job.settled > 0 && !matches!(job.phase, JobPhase::Ready | JobPhase::Claimed))
}

/// Works until all is carried; a planned crash kills the worker, and another goes on.
async fn carry(world: &World) {
    let mut working = world.work();
    let rest = async {
        let mut looks = 0;
        // Twice in a row: a sweep may just have begun.
        while looks < 2 {
            tokio::time::sleep(Duration::from_secs(8)).await;
            looks = if is_at_rest(world).await { looks + 1 } else { 0 };
        }
    };
    tokio::pin!(rest);
    let bound = tokio::time::sleep(Duration::from_secs(24 * 3600));
    tokio::pin!(bound);
    loop {
        tokio::select! {
            () = &mut rest => break,
            () = world.hooks.crashed() => {
                working.kill().await;
                working = world.work();
            }
            () = &mut bound => panic!("not carried within a day; calls: {:?}", world.hooks.calls()),
        }
    }
    working.stop().await;
}

/// The codes of what is not carried, by key.
async fn troubles(world: &World) -> Vec<(String, ProductCode)> {
    let all = super::troubles(&world.ports, &store(world).await, None, 100).await.unwrap();
    all.into_iter().map(|(key, trouble)| (key, trouble.code)).collect()
}

async fn drift(world: &World) -> Vec<(String, String, String)> {
    let all: Vec<Drift> = super::drift::list(&world.ports, &store(world).await, None, 100).await.unwrap();
    all.into_iter().map(|drift| (Drift::key(&drift.item, drift.field), drift.master, drift.other)).collect()
}

fn text(parts: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    parts.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
}

/// What the agreement's reader posts of a product that Rackbeat has no more.
async fn post_gone(world: &World, sku: &str) {
    let agreement = store(world).await.agreement;
    let texts = [(item(sku), super::erp_side::GONE.to_owned())];
    let leases = &world.raw.leases;
    let name = crate::agreement::lease_name(&agreement);
    let lease = loop {
        // The last worker's may not have run out yet.
        match leases.take(&name, "test", Duration::from_secs(5)).await.unwrap() {
            Some(lease) => break lease,
            None => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    world.raw.board.post(&agreement, Topic::Product, lease.fence, &texts).await.unwrap();
    leases.free(&lease).await.unwrap();
    let heap = Heap::StoreProducts(world.id.clone());
    world.raw.heaps.mark(&heap, &[sku.to_owned()], false, world.ports.now()).await.unwrap();
}
