//! What people and clocks do while an order is on its way: nothing of it may be lost, doubled or billed wrong.

use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::Decimal;
use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::ids::{OrderId, OrderNumber};
use shopbeat_domain::job::{IgnoreRule, JobPhase, Outcome, ParkCode};
use shopbeat_domain::limits;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::{Financial, Order};
use shopbeat_domain::settings::{Target, Trigger};
use shopbeat_domain::transfer::{Step, Transfer};

use crate::testing::{Mishap, Trouble, World, WorldBuilder};

const ORDER: OrderId = OrderId(5001);

async fn world(target: Target) -> World {
    let world = WorldBuilder::default().target(target).build().await;
    world.shop.put(samples::order());
    world
}

async fn journal(world: &World) -> Transfer {
    world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap()
}

fn the_one(world: &World) -> ErpOrder {
    let living = world.erp.living(&world.reference(ORDER));
    assert_eq!(living.len(), 1, "{living:?}");
    living[0].clone()
}

fn change(world: &World, change: fn(&mut Order)) {
    let later = samples::order().head.updated_at + SignedDuration::from_secs(60);
    world.shop.change(ORDER, later, change);
}

const CHANGES: [fn(&mut Order); 3] = [
    |order| order.cancelled_at = Some(order.head.updated_at),
    |order| order.totals.current_total -= Decimal::TEN,
    |order| order.refunds = 1,
];

#[tokio::test(start_paused = true)]
async fn an_order_changed_in_shopify_while_it_waits_for_stock_is_neither_shipped_nor_invoiced() {
    for changed in CHANGES {
        let world = world(Target::ShippedAndInvoiced).await;
        *world.erp.short.lock().unwrap() = true;
        world.offer(ORDER).await;
        assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);
        assert!(journal(&world).await.waiting_for_stock);

        change(&world, changed);
        *world.erp.short.lock().unwrap() = false;
        world.offer(ORDER).await;
        let job = world.settle_again(ORDER).await;
        assert_eq!(job.park.map(|park| park.code), Some(ParkCode::ChangedOnTheWay));
        let order = the_one(&world);
        assert!(!order.flags.shipped && !order.flags.invoiced, "{order:?}");
        assert!(world.erp.books.lock().unwrap().invoices.is_empty());
        world.assert_invariants().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_changed_in_shopify_after_its_draft_was_made_is_not_booked() {
    for changed in CHANGES {
        let world = world(Target::Booked).await;
        *world.erp.off_by.lock().unwrap() = Decimal::ONE;
        world.offer(ORDER).await;
        assert_eq!(world.settle(ORDER).await.park.unwrap().code, ParkCode::TotalDiffers);

        change(&world, changed);
        world.erp.books.lock().unwrap().orders.values_mut().for_each(|order| {
            order.total = order.total.map(|total| total - Decimal::ONE);
        });
        world.offer(ORDER).await;
        let job = world.settle_again(ORDER).await;
        assert_eq!(job.park.map(|park| park.code), Some(ParkCode::ChangedOnTheWay));
        assert!(!the_one(&world).flags.booked);
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_cancelled_in_shopify_is_not_made_anew_whoever_asks() {
    let world = world(Target::Booked).await;
    *world.erp.off_by.lock().unwrap() = Decimal::ONE;
    world.offer(ORDER).await;
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Parked);
    world.erp.books.lock().unwrap().orders.clear();
    *world.erp.off_by.lock().unwrap() = Decimal::ZERO;
    change(&world, |order| order.cancelled_at = Some(order.head.updated_at));
    world.desk().retry(&world.id, &[ORDER], true).await.unwrap();
    let job = world.settle_again(ORDER).await;
    assert_eq!(job.outcome, Outcome::Ignored(IgnoreRule::CancelledBefore));
    assert!(world.erp.living(&world.reference(ORDER)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_forced_order_that_a_person_removes_afterwards_stays_removed() {
    let world = world(Target::Booked).await;
    let working = world.work();
    let ask = crate::desk::OrderAsk::Id(ORDER);
    world.desk().transfer_order(&world.id, &ask, true, Duration::from_secs(60)).await.unwrap();
    world.until("it rests", async || world.job(ORDER).await.phase == JobPhase::Delayed).await;
    working.kill().await;
    world.erp.books.lock().unwrap().orders.clear();
    world.offer(ORDER).await;
    world.settle_again(ORDER).await;
    assert!(world.erp.living(&world.reference(ORDER)).is_empty(), "not made anew by an event");
    tokio::time::sleep(limits::TWIN_AUDIT * 2).await;
    assert_eq!(world.settle_again(ORDER).await.outcome, Outcome::RemovedInRackbeat);
    assert!(world.erp.living(&world.reference(ORDER)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_reference_a_person_wrote_over_is_still_there() {
    let world = world(Target::Booked).await;
    world.offer(ORDER).await;
    let number = {
        world.settle(ORDER).await;
        the_one(&world).number
    };
    world.erp.books.lock().unwrap().orders.values_mut().for_each(|order| {
        (order.heading, order.note) = ("Ring before noon".to_owned(), String::new());
    });
    tokio::time::sleep(limits::TWIN_AUDIT * 2).await;
    assert_eq!(world.settle_again(ORDER).await.outcome, Outcome::Transferred);
    let journal = journal(&world).await;
    assert_eq!(journal.number, Some(number));
    assert!(journal.did(Step::Audited));
}

#[tokio::test(start_paused = true)]
async fn a_search_that_shows_only_the_other_of_two_drafts_leaves_none_behind() {
    let world = world(Target::Draft).await;
    world.offer(ORDER).await;
    world.settle(ORDER).await;
    let ours = the_one(&world);
    let mut twin = ours.clone();
    twin.number = OrderNumber(ours.number.0 - 50);
    world.erp.books.lock().unwrap().orders.insert(twin.number.0, twin.clone());
    *world.erp.unlisted.lock().unwrap() = Some(ours.number);
    tokio::time::sleep(limits::TWIN_AUDIT * 2).await;
    world.settle_again(ORDER).await;
    assert_eq!(the_one(&world).number, twin.number);
    assert_eq!(journal(&world).await.number, Some(twin.number));
}

#[tokio::test(start_paused = true)]
async fn a_shipment_that_is_picked_already_is_not_picked_again() {
    let world = world(Target::Packed).await;
    let at = {
        let clean = self::world(Target::Packed).await;
        clean.offer(ORDER).await;
        clean.settle(ORDER).await;
        clean.hooks.calls().iter().position(|call| call == "erp.pick").unwrap()
    };
    world.hooks.plan(at, Mishap::LostReply);
    world.offer(ORDER).await;
    let job = world.settle(ORDER).await;
    assert_eq!(job.outcome, Outcome::Transferred, "{job:?}");
}

#[tokio::test(start_paused = true)]
async fn a_payment_in_the_same_second_as_the_order_is_found_by_the_sweep() {
    let world = WorldBuilder::default().trigger(Trigger::Paid).build().await;
    let now = jiff::Timestamp::from_second(world.ports.now().as_second()).unwrap();
    let mut order = samples::order();
    (order.financial, order.head.created_at, order.head.updated_at) = (Some(Financial::Pending), now, now);
    world.shop.put(order);
    world.offer(ORDER).await;
    let job = world.settle(ORDER).await;
    assert_eq!((job.outcome, job.phase), (Outcome::Pending, JobPhase::Idle));
    // Shopify tells times in whole seconds, and this webhook never comes.
    world.shop.change(ORDER, now, |order| order.financial = Some(Financial::Paid));
    let working = world.work();
    tokio::time::sleep(limits::SWEEP_EVERY * 2).await;
    working.stop().await;
    assert_eq!(world.job(ORDER).await.outcome, Outcome::Transferred);
}

#[tokio::test(start_paused = true)]
async fn a_customer_is_not_made_once_somebody_else_has_the_lock() {
    let world = world(Target::Booked).await;
    // A full index of a large account takes many calls, and so may outlast the lock.
    world.hooks.trouble("erp.customers", 0, 1, Trouble::Slow(limits::WORKER_LEASE + Duration::from_secs(10)));
    world.offer(ORDER).await;
    let working = world.work();
    world.until("it looks", async || world.hooks.count("erp.customers") == 1).await;
    let email = samples::order().buyer.email.unwrap();
    let agreement = shopbeat_domain::ids::AgreementId::parse("nordlys").unwrap();
    let lock = format!("customer/{agreement}/{}", world.ports.blind.blind(&agreement, email.reveal()));
    let other = Duration::from_secs(60);
    let taken =
        async || world.raw.leases.take(&lock, "another store's worker", other).await.unwrap().is_some();
    world.until("the lock ran out", taken).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.hooks.count("erp.create_customer"), 0);
    let transferred = async || world.job(ORDER).await.outcome == Outcome::Transferred;
    world.until("it goes on", transferred).await;
    working.stop().await;
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_about_an_order_that_was_forgotten_long_since_makes_no_second_draft() {
    let world = WorldBuilder::default().target(Target::Draft).build().await;
    let made = |id| {
        let mut order = samples::numbered(id);
        (order.head.created_at, order.head.updated_at) = (world.ports.now(), world.ports.now());
        order
    };
    world.shop.put(made(ORDER.0));
    world.offer(ORDER).await;
    world.settle(ORDER).await;
    tokio::time::sleep(limits::TWIN_AUDIT * 2).await;
    assert_eq!(world.settle_again(ORDER).await.phase, JobPhase::Delayed, "a person may book it yet");
    tokio::time::sleep(limits::DRAFT_MEMORY).await;
    assert_eq!(world.settle_again(ORDER).await.phase, JobPhase::Idle);
    tokio::time::sleep(limits::RECORD_MEMORY + Duration::from_secs(3600)).await;
    let looked_for = world.hooks.count("erp.find_orders");
    let next = OrderId(5002);
    world.shop.put(made(next.0));
    world.offer(next).await;
    world.settle(next).await;
    let drafts = world.hooks.count("erp.create_draft");
    world.offer(ORDER).await;
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);
    assert_eq!(world.hooks.count("erp.create_draft"), drafts);
    assert!(world.hooks.count("erp.find_orders") > looked_for, "its number was forgotten and found again");
}

#[tokio::test(start_paused = true)]
async fn an_order_dated_by_a_clock_ahead_of_ours_is_looked_for_after_a_loss_of_the_state() {
    let first = world(Target::Draft).await;
    first.offer(ORDER).await;
    first.settle(ORDER).await;
    let second = world(Target::Draft).await;
    second.erp.take_over(&first.erp);
    // The state was lost right after; by our clock that is before the order was made by Shopify's.
    let created = samples::order().head.created_at;
    second.forget_everything_before(created - SignedDuration::from_secs(30));
    second.offer(ORDER).await;
    assert_eq!(second.settle(ORDER).await.outcome, Outcome::Transferred);
    assert_eq!(second.hooks.count("erp.create_draft"), 0);
}
