//! An order's way through the real program: triggers, targets, the proof of the money, a restart.

use jiff::Timestamp;
use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_proto::v1::{Reached, Target, Trigger};
use shopbeat_sandbox::rackbeat::OrderRow;
use shopbeat_tests::{Expect, LONG, Plan, SHORT, StateAt, World, settings, until};

use crate::mix::{amount, buy_mix, plain};

const TARGETS: [(Target, Reached); 7] = [
    (Target::Draft, Reached::Draft),
    (Target::Booked, Reached::Booked),
    (Target::ReadyToShip, Reached::ReadyToShip),
    (Target::Packed, Reached::Packed),
    (Target::Shipped, Reached::Shipped),
    (Target::Invoiced, Reached::Invoiced),
    (Target::ShippedAndInvoiced, Reached::ShippedAndInvoiced),
];

fn with(trigger: Trigger, target: Target) -> v1::Settings {
    let mut settings = settings();
    let orders = settings.orders.as_mut().unwrap();
    orders.trigger = trigger.into();
    orders.target = target.into();
    settings
}

/// What Rackbeat itself says of an order that reached a target.
fn stands(world: &World, target: Target, row: &OrderRow) {
    let account = world.account();
    let shipments = world.rackbeat().shipments(account);
    let shipments: Vec<_> = shipments.iter().filter(|one| one.order == row.number).collect();
    let invoices = world.rackbeat().invoices(account);
    let invoices: Vec<_> = invoices.iter().filter(|one| one.order == row.number).collect();
    let is_shipped = matches!(target, Target::Shipped | Target::ShippedAndInvoiced);
    let is_invoiced = matches!(target, Target::Invoiced | Target::ShippedAndInvoiced);
    assert_eq!(row.booked, target != Target::Draft, "{target:?} {row:?}");
    assert_eq!(row.shipped, is_shipped, "{target:?} {row:?}");
    assert_eq!(row.invoiced, is_invoiced, "{target:?} {row:?}");
    assert_eq!(invoices.len(), usize::from(is_invoiced), "{target:?}");
    assert!(invoices.iter().all(|invoice| invoice.booked && invoice.totals == row.totals));
    if target == Target::ReadyToShip {
        assert!(row.ready);
    }
    assert_eq!(shipments.len(), usize::from(is_shipped || target == Target::Packed), "{target:?}");
    assert!(shipments.iter().all(|shipment| shipment.picked));
}

async fn each_target(trigger: Trigger, seed: u64) {
    let mut world = World::start(Plan::new(seed)).await;
    for (target, reached) in TARGETS {
        world.connect_with("fjeld", with(trigger, target)).await;
        let order = world.place("fjeld", &plain(&world, "fjeld"));
        if trigger != Trigger::Received {
            world.expect("fjeld", order, Expect::Pending);
            world.settled("fjeld", SHORT).await;
            world.pay("fjeld", order);
        }
        if trigger == Trigger::Fulfilled {
            world.settled("fjeld", SHORT).await;
            world.check("fjeld").await;
            world.shopify().fulfill("fjeld.myshopify.com", order).unwrap();
        }
        world.expect("fjeld", order, Expect::Transferred);
        world.settled("fjeld", SHORT).await;
        let transfer = world.transfer("fjeld", order).await.unwrap();
        assert_eq!((transfer.target(), transfer.reached()), (target, reached), "{:?}", transfer.remarks);
        let row = world.rackbeat().orders_with(world.account(), &format!("fjeld/{order}"));
        stands(&world, target, &row[0]);
    }
    assert_eq!(world.rackbeat().mails(world.account()), [], "nobody was mailed");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn received_orders_reach_each_target() {
    each_target(Trigger::Received, 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_reach_each_target_once_they_are_paid() {
    each_target(Trigger::Paid, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_reach_each_target_once_they_are_fulfilled() {
    each_target(Trigger::Fulfilled, 13).await;
}

fn sum<'a>(amounts: impl Iterator<Item = &'a str>) -> Decimal {
    amounts.map(amount).sum()
}

/// Each Rackbeat line stands in the proof, and the proof's parts are the whole.
fn adds_up(proof: &v1::MoneyProof, row: &OrderRow, total: Decimal, vat: Decimal) {
    assert_eq!(amount(&proof.shopify_total), total);
    assert_eq!(amount(&proof.shopify_vat), vat);
    assert_eq!(proof.rackbeat_total.as_deref().map(amount), Some(row.totals.total));
    assert_eq!(proof.rackbeat_vat.as_deref().map(amount), Some(row.totals.vat));
    assert_eq!(sum(proof.lines.iter().map(|line| line.vat.as_str())), vat, "{proof:?}");
    let rounding = amount(&proof.rounding);
    let lines = proof.lines.len() + usize::from(!rounding.is_zero());
    assert_eq!(row.lines.len(), lines, "{proof:?} {row:?}");
    let mut left = row.lines.clone();
    for line in &proof.lines {
        let at = left.iter().position(|row| {
            row.item == line.item
                && row.quantity == amount(&line.quantity)
                && row.price == amount(&line.unit_price)
                && row.discount == amount(&line.discount_percent)
                && row.vat == amount(&line.vat_percent)
        });
        left.remove(at.unwrap_or_else(|| panic!("{line:?} is not in Rackbeat: {left:?}")));
        assert!(!line.amounts.is_empty(), "{line:?} names no amount of Shopify's");
    }
    // Nets have up to six decimals by their unit prices; the whole is off by less than a minor unit.
    let net = sum(proof.lines.iter().map(|line| line.net.as_str()));
    let whole = net + vat;
    assert!((whole - total).abs() < amount("0.01"), "{whole} is not {total}: {proof:?}");
    let nets = sum(proof.rates.iter().map(|rate| rate.net.as_str()));
    assert!((nets - net).abs() < amount("0.01"), "{nets} is not {net}: {proof:?}");
    assert_eq!(sum(proof.rates.iter().map(|rate| rate.shopify_vat.as_str())), vat);
}

async fn proofs_add_up(taxes_included: bool, seed: u64) {
    let mut world = World::start(Plan { taxes_included, ..Plan::new(seed) }).await;
    world.connect("fjeld").await;
    let orders = world.buy_many("fjeld", 40);
    world.settled("fjeld", LONG).await;
    for order in orders {
        let transfer = world.transfer("fjeld", order).await.unwrap();
        let truth = world.truth("fjeld", order);
        let rows = world.rackbeat().orders_with(world.account(), &format!("fjeld/{order}"));
        adds_up(transfer.proof.as_ref().unwrap(), &rows[0], truth.placed.total.shop, truth.placed.tax.shop);
        let steps: Vec<_> = transfer.steps.iter().map(|done| done.step).collect();
        assert!(steps.is_sorted() && steps.contains(&v1::Step::Booked.into()), "{steps:?}");
        assert_eq!(transfer.order_name, truth.order.name());
    }
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_adds_up_where_prices_hold_the_tax() {
    proofs_add_up(true, 21).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_adds_up_where_tax_comes_on_top() {
    proofs_add_up(false, 22).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_a_state_file_keeps_everything() {
    let mut world = World::start(Plan { state: StateAt::File, ..Plan::new(31) }).await;
    world.connect("fjeld").await;
    let orders = buy_mix(&mut world, "fjeld", 8);
    let before = world.settled("fjeld", LONG).await;
    let mut known = Vec::new();
    for order in &orders {
        known.push(world.transfer("fjeld", *order).await.unwrap());
    }
    let store = world.store("fjeld").await.store;

    world.restart().await;
    assert_eq!(world.store("fjeld").await.store, store);
    assert_eq!(world.settled("fjeld", SHORT).await, before);
    for (order, known) in orders.iter().zip(known) {
        assert_eq!(world.transfer("fjeld", *order).await.unwrap(), known);
    }
    let pending = world.place("fjeld", &plain(&world, "fjeld"));
    world.pay("fjeld", pending);
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_a_person_removed_is_made_again_only_when_asked() {
    let mut world = World::start(Plan::new(41)).await;
    world.connect_with("fjeld", with(Trigger::Paid, Target::Shipped)).await;
    let spec = plain(&world, "fjeld");
    let item = spec.lines[0].sku.clone().unwrap();
    assert!(world.rackbeat().set_stock(world.account(), &item, 1, Decimal::ZERO));
    let order = world.buy("fjeld", &spec);
    world.settled("fjeld", SHORT).await;
    let transfer = world.transfer("fjeld", order).await.unwrap();
    assert!(transfer.waiting_for_stock && transfer.reached() == Reached::Booked, "{transfer:?}");
    let number = transfer.rackbeat_order_number.unwrap();
    assert!(world.rackbeat().cancel_order(world.account(), i64::try_from(number).unwrap()));
    // An event about it brings it up again.
    world.shopify().fulfill("fjeld.myshopify.com", order).unwrap();
    world.expect("fjeld", order, Expect::Removed);
    removed(&mut world, order).await;

    let retry = v1::RetryParkedRequest {
        store_id: "fjeld".to_owned(),
        order_ids: vec![order],
        ..v1::RetryParkedRequest::default()
    };
    let refused = world.api.retry_parked(retry.clone()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    world.check("fjeld").await;
    assert!(world.rackbeat().set_stock(world.account(), &item, 1, Decimal::ONE_HUNDRED));
    let again = v1::RetryParkedRequest { recreate: true, ..retry };
    assert_eq!(world.api.retry_parked(again).await.unwrap().into_inner().order_ids, [order]);
    world.expect("fjeld", order, Expect::Transferred);
    until("it is made again", SHORT, async || match world.transfer("fjeld", order).await {
        Ok(transfer) if transfer.reached() == Reached::Shipped => {
            assert_ne!(transfer.rackbeat_order_number, Some(number));
            Ok(())
        }
        other => Err(format!("{other:?}")),
    })
    .await;
    world.finish(SHORT).await;
}

async fn removed(world: &mut World, order: u64) {
    until("its removal is noticed", SHORT, async || match world.transfer("fjeld", order).await {
        Ok(transfer) if transfer.state() == v1::OrderState::RemovedInRackbeat => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_very_second_of_the_connect_are_not_lost() {
    let mut world = World::start(Plan::new(51)).await;
    let mut settings = settings();
    settings.orders.as_mut().unwrap().since = None;
    let store = world.connect_with("fjeld", settings).await.store.unwrap();
    let since = store.settings.unwrap().orders.unwrap().since.unwrap();
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    // Shopify tells whole seconds.
    let created = world.truth("fjeld", order).order.created_at;
    assert!(created >= Timestamp::from_second(since.seconds).unwrap());
    world.finish(SHORT).await;
}
