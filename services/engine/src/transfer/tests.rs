//! Every step of a transfer, failed, repeated and cut off: the outcome is one order, always.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use shopbeat_domain::erp::ErpOrder;
use shopbeat_domain::failure::Remote;
use shopbeat_domain::ids::{ItemNumber, OrderId, OrderNumber};
use shopbeat_domain::job::{IgnoreRule, JobPhase, Outcome, ParkCode};
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::{Financial, Fulfillment};
use shopbeat_domain::settings::{Target, Trigger};
use shopbeat_domain::transfer::Reached;

use crate::testing::{Mishap, World, WorldBuilder};

const ORDER: OrderId = OrderId(5001);

const TARGETS: [(Target, Reached); 7] = [
    (Target::Draft, Reached::Draft),
    (Target::Booked, Reached::Booked),
    (Target::ReadyToShip, Reached::ReadyToShip),
    (Target::Packed, Reached::Packed),
    (Target::Shipped, Reached::Shipped),
    (Target::Invoiced, Reached::Invoiced),
    (Target::ShippedAndInvoiced, Reached::ShippedAndInvoiced),
];

async fn world(target: Target) -> World {
    let world = WorldBuilder::default().target(target).build().await;
    world.shop.put(samples::order());
    world
}

/// The one order in Rackbeat, checked to be at its target with Shopify's total.
async fn the_one_order(world: &World, target: Target, reached: Reached) -> ErpOrder {
    let living = world.erp.living(&world.reference(ORDER));
    assert_eq!(living.len(), 1, "exactly one order: {living:?}; calls: {:?}", world.hooks.calls());
    let order = living.into_iter().next().unwrap();
    assert_eq!(order.total, Some(samples::order().totals.current_total));
    let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
    assert_eq!(journal.number, Some(order.number));
    assert_eq!(journal.reached, reached);
    let flags = order.flags;
    assert_eq!(flags.booked, target != Target::Draft);
    assert_eq!(flags.ready_to_ship, target == Target::ReadyToShip);
    let books = world.erp.books.lock().unwrap();
    let shipped = books.shipments.iter().filter(|(_, one)| one.shipped).count();
    let picked = books.shipments.iter().filter(|(_, one)| one.picked).count();
    let invoiced = books.invoices.iter().filter(|(_, one)| one.booked).count();
    let ships = matches!(target, Target::Shipped | Target::ShippedAndInvoiced);
    assert_eq!(shipped, usize::from(ships));
    assert_eq!(picked, usize::from(ships || target == Target::Packed));
    assert_eq!(invoiced, usize::from(matches!(target, Target::Invoiced | Target::ShippedAndInvoiced)));
    assert_eq!(books.invoices.len(), invoiced, "no invoice draft is left");
    order
}

#[tokio::test(start_paused = true)]
async fn every_trigger_leads_to_every_target() {
    for trigger in [Trigger::Received, Trigger::Paid, Trigger::Fulfilled] {
        for (target, reached) in TARGETS {
            let world = WorldBuilder::default().target(target).trigger(trigger).build().await;
            let mut order = samples::order();
            order.financial = (trigger == Trigger::Paid).then_some(Financial::Paid);
            if trigger == Trigger::Fulfilled {
                order.fulfillment = Fulfillment::Fulfilled;
            }
            world.shop.put(order);
            world.offer(ORDER).await;
            assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);
            the_one_order(&world, target, reached).await;
            world.assert_invariants().await;
        }
    }
}

/// Every call of one order's way, failed, lost and cut off in every way there is, one at a time.
async fn whatever_happens_to_any_call_there_is_one_order(target: Target, reached: Reached) {
    let clean = world(target).await;
    let connected = clean.hooks.calls().len();
    clean.offer(ORDER).await;
    clean.settle(ORDER).await;
    let calls = clean.hooks.calls().len();
    assert!(calls > connected + 10, "{:?}", clean.hooks.calls());
    for at in connected..calls {
        for mishap in Mishap::ALL {
            let world = world(target).await;
            world.hooks.plan(at, mishap);
            world.offer(ORDER).await;
            let job = world.settle(ORDER).await;
            let call = world.hooks.calls().get(at).cloned();
            assert_eq!(job.outcome, Outcome::Transferred, "{mishap:?} at {call:?}: {job:?}");
            the_one_order(&world, target, reached).await;
            world.assert_invariants().await;
        }
    }
}

/// One test per target, so that they run side by side.
macro_rules! every_call_that_fails_is_lost_or_cut_off_still_leads_to_one_order {
    ($($name:ident: $target:ident;)+) => {
        mod every_call_that_fails_is_lost_or_cut_off_still_leads_to_one_order {
            use super::*;
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                whatever_happens_to_any_call_there_is_one_order(Target::$target, Reached::$target).await;
            })+
        }
    };
}

every_call_that_fails_is_lost_or_cut_off_still_leads_to_one_order! {
    that_is_a_draft: Draft;
    that_is_booked: Booked;
    that_is_ready_to_ship: ReadyToShip;
    that_is_packed: Packed;
    that_is_shipped: Shipped;
    that_is_invoiced: Invoiced;
    that_is_shipped_and_invoiced: ShippedAndInvoiced;
}

#[tokio::test(start_paused = true)]
async fn every_call_cut_off_after_the_state_was_lost_still_leads_to_one_order() {
    // The first life ends after each call of the way; the second starts with an empty state.
    let clean = world(Target::Booked).await;
    let connected = clean.hooks.calls().len();
    clean.offer(ORDER).await;
    clean.settle(ORDER).await;
    let calls = clean.hooks.calls().len();
    // The first of these calls is the offer itself.
    for at in connected + 1..calls {
        let first = world(Target::Booked).await;
        first.hooks.plan(at, Mishap::CrashAfter);
        first.offer(ORDER).await;
        let working = first.work();
        tokio::select! {
            () = first.hooks.crashed() => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(3600)) => {}
        }
        working.kill().await;

        let second = WorldBuilder::default().target(Target::Booked).build().await;
        // An empty state remembers since now: the order is older than that.
        second.forget_everything_before("2026-04-01T00:00:00Z".parse().unwrap());
        second.erp.take_over(&first.erp);
        second.shop.put(samples::order());
        second.offer(ORDER).await;
        assert_eq!(second.settle(ORDER).await.outcome, Outcome::Transferred);
        the_one_order(&second, Target::Booked, Reached::Booked).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_calls_for_a_known_customer_are_at_most_five_and_four_when_the_first_look_may_be_left_out() {
    let world = world(Target::Booked).await;
    world.offer(ORDER).await;
    world.settle(ORDER).await;
    let next = OrderId(5002);
    world.shop.put(samples::numbered(next.0));
    let before = world.hooks.calls().len();
    world.offer(next).await;
    world.settle(next).await;
    let calls: Vec<String> = world.hooks.calls().split_off(before);
    let to_rackbeat: Vec<&String> = calls.iter().filter(|call| call.starts_with("erp.")).collect();
    assert_eq!(to_rackbeat, ["erp.create_draft", "erp.order", "erp.find_orders", "erp.book"]);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_events_about_one_order_and_two_workers_make_one_order() {
    let world = world(Target::ShippedAndInvoiced).await;
    let workers = [world.work(), world.work()];
    for _ in 0..100 {
        world.offer(ORDER).await;
        tokio::time::sleep(std::time::Duration::from_millis(7)).await;
    }
    let job = world.settle(ORDER).await;
    assert_eq!(job.outcome, Outcome::Transferred);
    the_one_order(&world, Target::ShippedAndInvoiced, Reached::ShippedAndInvoiced).await;
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ten_orders_of_a_new_customer_at_once_make_one_customer() {
    let world = WorldBuilder::default().build().await;
    for id in 1..=10 {
        world.shop.put(samples::numbered(id));
        world.offer(OrderId(id)).await;
    }
    for id in 1..=10 {
        assert_eq!(world.settle(OrderId(id)).await.outcome, Outcome::Transferred);
    }
    assert_eq!(world.erp.books.lock().unwrap().customers.len(), 1);
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_six_hours_parks_nothing() {
    for remote in [Remote::Shopify, Remote::Rackbeat, Remote::State] {
        let world = world(Target::Booked).await;
        world.offer(ORDER).await;
        world.hooks.down(Some(remote));
        let working = world.work();
        tokio::time::sleep(std::time::Duration::from_secs(6 * 3600)).await;
        let calls = world.hooks.calls().len();
        assert!(calls < 20_000, "{remote:?}: {calls} calls in six hours is a hot loop");
        assert_eq!(world.job(ORDER).await.outcome, Outcome::Pending, "{remote:?}");
        world.hooks.down(None);
        working.stop().await;
        assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred, "{remote:?}");
        the_one_order(&world, Target::Booked, Reached::Booked).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_sku_is_parked_alone_and_goes_on_when_the_product_appears() {
    let world = world(Target::Booked).await;
    let mut bad = samples::numbered(6001);
    bad.lines[1].sku = Some("NOBODY".to_owned());
    world.shop.put(bad);
    world.offer(OrderId(6001)).await;
    world.offer(ORDER).await;
    let park = world.settle(OrderId(6001)).await.park.unwrap();
    assert_eq!((park.code, park.culprit.as_str()), (ParkCode::UnknownSku, "NOBODY"));
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);

    let number = ItemNumber::parse("NOBODY").unwrap();
    {
        let mut books = world.erp.books.lock().unwrap();
        let mut item = books.items["PEG-10"].clone();
        item.number = number.clone();
        books.items.insert("NOBODY".to_owned(), item);
    }
    let intake = crate::intake::Intake::new(world.ports.clone());
    let agreement = shopbeat_domain::ids::AgreementId::parse("nordlys").unwrap();
    assert_eq!(intake.product_changed(&agreement, &number).await.unwrap(), 1);
    assert_eq!(world.job(OrderId(6001)).await.phase, JobPhase::Ready);
    let working = world.work();
    while world.job(OrderId(6001)).await.outcome != Outcome::Transferred {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    working.stop().await;
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn a_total_that_rackbeat_rounds_otherwise_gets_one_rounding_line_or_is_parked_before_booking() {
    let cent = Decimal::new(1, 2);
    for (off, parked) in [(cent, false), (-cent, false), (Decimal::new(6, 2), true)] {
        let world = world(Target::Booked).await;
        *world.erp.off_by.lock().unwrap() = off;
        world.offer(ORDER).await;
        let job = world.settle(ORDER).await;
        if parked {
            assert_eq!(job.park.unwrap().code, ParkCode::TotalDiffers);
            assert!(world.erp.living(&world.reference(ORDER)).iter().all(|order| !order.flags.booked));
        } else {
            let order = the_one_order(&world, Target::Booked, Reached::Booked).await;
            assert_eq!(
                order
                    .lines
                    .iter()
                    .filter(|line| line.item.as_ref().is_some_and(|item| item.as_str() == "ROUNDING"))
                    .count(),
                1
            );
            let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
            assert_eq!(journal.proof.unwrap().rounding, -off);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn short_stock_waits_at_the_last_state_and_goes_on_by_itself() {
    let world = world(Target::ShippedAndInvoiced).await;
    *world.erp.short.lock().unwrap() = true;
    world.offer(ORDER).await;
    let job = world.settle(ORDER).await;
    assert_eq!((job.outcome, job.phase), (Outcome::Transferred, JobPhase::Delayed));
    let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
    assert!(journal.waiting_for_stock);
    assert_eq!(journal.reached, Reached::Booked);

    *world.erp.short.lock().unwrap() = false;
    let working = world.work();
    loop {
        let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
        if journal.reached == Reached::ShippedAndInvoiced {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    }
    working.stop().await;
    the_one_order(&world, Target::ShippedAndInvoiced, Reached::ShippedAndInvoiced).await;
}

#[tokio::test(start_paused = true)]
async fn an_order_removed_by_a_person_is_not_made_again_unless_a_person_asks() {
    let world = world(Target::Booked).await;
    *world.erp.off_by.lock().unwrap() = Decimal::ONE;
    world.offer(ORDER).await;
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Parked);
    let number = world.erp.living(&world.reference(ORDER))[0].number;
    world.erp.books.lock().unwrap().orders.remove(&number.0);
    *world.erp.off_by.lock().unwrap() = Decimal::ZERO;

    world.desk().retry(&world.id, &[ORDER], false).await.unwrap();
    let removed = world.settle_again(ORDER).await;
    assert_eq!(removed.outcome, Outcome::RemovedInRackbeat);
    assert!(world.erp.living(&world.reference(ORDER)).is_empty());

    world.desk().retry(&world.id, &[ORDER], true).await.unwrap();
    assert_eq!(world.settle_again(ORDER).await.outcome, Outcome::Transferred);
    the_one_order(&world, Target::Booked, Reached::Booked).await;
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_appears_later_is_found_by_the_audit_and_a_worked_on_one_is_only_marked() {
    for touched in [false, true] {
        let world = world(Target::Booked).await;
        world.offer(ORDER).await;
        world.settle(ORDER).await;
        let ours = world.erp.living(&world.reference(ORDER))[0].clone();
        let mut twin = ours.clone();
        twin.number = OrderNumber(ours.number.0 + 500);
        twin.flags.booked = false;
        if touched {
            twin.lines[0].quantity += Decimal::ONE;
        }
        world.erp.books.lock().unwrap().orders.insert(twin.number.0, twin.clone());
        let working = world.work();
        loop {
            let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
            if journal.did(shopbeat_domain::transfer::Step::Audited) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        }
        working.stop().await;
        let left = world.erp.books.lock().unwrap().orders.get(&twin.number.0).cloned();
        match left {
            None => assert!(!touched),
            Some(left) => assert!(touched && left.heading.starts_with("DUPLICATE"), "{left:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_after_the_transfer_is_remarked_and_nothing_is_written() {
    let world = world(Target::Booked).await;
    world.offer(ORDER).await;
    world.settle(ORDER).await;
    let before = the_one_order(&world, Target::Booked, Reached::Booked).await;
    let now = world.ports.now() + SignedDuration::from_secs(1);
    world.shop.change(ORDER, now, |order| order.totals.current_total -= Decimal::TEN);
    world.offer(ORDER).await;
    world.settle_again(ORDER).await;
    assert_eq!(the_one_order(&world, Target::Booked, Reached::Booked).await, before);
    let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
    assert!(journal.remarks.iter().any(|remark| remark.contains("total changed")), "{:?}", journal.remarks);
}

#[tokio::test(start_paused = true)]
async fn an_order_goes_over_when_its_trigger_is_reached_and_not_before() {
    let world = WorldBuilder::default().trigger(Trigger::Paid).build().await;
    let mut order = samples::order();
    order.financial = Some(Financial::Pending);
    world.shop.put(order);
    world.offer(ORDER).await;
    let job = world.settle(ORDER).await;
    assert_eq!((job.outcome, job.phase), (Outcome::Pending, JobPhase::Idle));
    let now = world.ports.now();
    world.shop.change(ORDER, now, |order| order.financial = Some(Financial::PartiallyRefunded));
    world.offer(ORDER).await;
    assert_eq!(world.settle_again(ORDER).await.outcome, Outcome::Transferred);

    world.shop.put({
        let mut order = samples::numbered(7001);
        order.test = true;
        order
    });
    world.offer(OrderId(7001)).await;
    assert_eq!(world.settle(OrderId(7001)).await.outcome, Outcome::Ignored(IgnoreRule::TestOrder));
    world.offer(OrderId(7002)).await;
    assert_eq!(world.settle(OrderId(7002)).await.outcome, Outcome::Ignored(IgnoreRule::GoneInShopify));
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_of_services_only_skips_the_shipment_and_is_over() {
    for (target, reached) in
        [(Target::Shipped, Reached::Booked), (Target::ShippedAndInvoiced, Reached::Invoiced)]
    {
        let world = world(target).await;
        for item in world.erp.books.lock().unwrap().items.values_mut() {
            item.keeps_stock = false;
        }
        *world.erp.short.lock().unwrap() = true;
        world.offer(ORDER).await;
        assert_eq!(world.settle(ORDER).await.outcome, Outcome::Transferred);
        let journal = world.raw.journal.transfer(&world.id, ORDER).await.unwrap().unwrap();
        assert_eq!((journal.reached, journal.waiting_for_stock), (reached, false));
        let working = world.work();
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        let calls = || world.hooks.calls().iter().filter(|call| call.starts_with("erp.")).count();
        let before = calls();
        tokio::time::sleep(std::time::Duration::from_secs(24 * 3600)).await;
        assert_eq!(calls(), before, "nothing more is asked about an order that is over");
        assert_eq!(world.job(ORDER).await.phase, JobPhase::Idle);
        working.stop().await;
    }
}
