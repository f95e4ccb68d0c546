//! Remotes in trouble: nothing is parked for it, nothing is doubled, and all goes on by itself.

use std::time::Duration;

use shopbeat_proto::v1;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_sandbox::shopify::Standing;
use shopbeat_tests::{LONG, Plan, SHORT, World, settings, until};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::mix::plain;

const SHOP: &str = "fjeld.myshopify.com";

/// Each kind of trouble strikes each of the calls once, while an order comes over.
async fn each_kind_strikes(calls: [(Remote, &str); 2], seed: u64) {
    let mut world = World::start(Plan::new(seed)).await;
    world.connect("fjeld").await;
    let faults = world.sandbox.core().faults.clone();
    let kinds = [
        Fault::Status(429, Some(1)),
        Fault::Status(500, None),
        Fault::Slow(1_500),
        Fault::TimeoutAfter,
        Fault::CloseBefore,
        Fault::CloseAfter,
        Fault::Truncated,
        Fault::Html(502),
        Fault::Html(200),
    ];
    for what in kinds {
        for (remote, route) in calls {
            faults.add(Rule::new(remote, route, When::Every, what).at_most(1));
        }
        world.buy("fjeld", &world.spec("fjeld"));
        world.settled("fjeld", LONG).await;
        faults.clear();
    }
    let struck = faults.struck();
    assert_eq!(struck, 18, "each of the faults struck");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_trouble_with_a_read_passes_and_leaves_the_order_once() {
    each_kind_strikes([(Remote::Shopify, "*"), (Remote::Rackbeat, "GET /*")], 181).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_trouble_with_a_write_passes_and_leaves_the_order_once() {
    let calls = [(Remote::Rackbeat, "POST /orders/drafts"), (Remote::Rackbeat, "POST /orders/*/book")];
    each_kind_strikes(calls, 188).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_rackbeat_is_away_orders_wait_and_none_is_parked() {
    let mut world = World::start(Plan::new(182)).await;
    world.connect("fjeld").await;
    let faults = world.sandbox.core().faults.clone();
    faults.add(Rule::new(Remote::Rackbeat, "*", When::Every, Fault::Status(503, None)));
    world.buy_many("fjeld", 20);
    let struck = faults.struck();
    until("the lane has probed it a few times", SHORT, async || {
        let more = faults.struck() - struck;
        if more >= 6 { Ok(()) } else { Err(format!("{more} calls")) }
    })
    .await;
    let ledger = world.store("fjeld").await.ledger.unwrap().total.unwrap();
    assert_eq!((ledger.seen, ledger.pending, ledger.parked), (20, 20, 0));
    assert!(faults.struck() < 40, "{} calls to a remote that is away: no hot loop", faults.struck());
    faults.clear();
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_on_the_way_is_renewed() {
    let mut world = World::start(Plan::new(183)).await;
    world.connect("fjeld").await;
    world.buy_many("fjeld", 3);
    world.settled("fjeld", SHORT).await;
    let issued = world.shopify().tokens_issued(SHOP).unwrap();
    world.shopify().revoke_tokens(SHOP).unwrap();
    world.buy_many("fjeld", 5);
    world.settled("fjeld", LONG).await;
    let renewed = world.shopify().tokens_issued(SHOP).unwrap() - issued;
    assert!((1..=3).contains(&renewed), "{renewed} tokens");
    // Before its end, too: none is refused.
    world.sandbox.core().clock.advance(Duration::from_secs(86_000));
    world.finish(LONG).await;
}

async fn held(world: &mut World, hold: v1::Hold) {
    until("the store is on hold", LONG, async || {
        let store = world.store("fjeld").await.store.unwrap();
        if store.hold() == hold { Ok(()) } else { Err(format!("{:?}", store.hold())) }
    })
    .await;
    let order = world.shopify().orders(SHOP).unwrap()[0].order.id;
    let refused = world.transfer_now("fjeld", order, true).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "STORE_ON_HOLD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_shop_is_put_on_hold_and_goes_on_once_it_is_connected_again() {
    let mut world = World::start(Plan::new(184)).await;
    world.connect("fjeld").await;
    world.shopify().freeze(SHOP).unwrap();
    world.buy("fjeld", &plain(&world, "fjeld"));
    held(&mut world, v1::Hold::ShopFrozen).await;
    let refused = world.api.connect_store(world.connect_request("fjeld", settings())).await.unwrap_err();
    assert_ne!(refused.code(), Code::Internal, "{refused:?}");
    world.shopify().set_standing(SHOP, Standing::Open).unwrap();
    world.connect("fjeld").await;
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstalled_app_is_put_on_hold_and_nothing_is_lost() {
    let mut world = World::start(Plan::new(185)).await;
    world.connect("fjeld").await;
    world.buy("fjeld", &plain(&world, "fjeld"));
    world.settled("fjeld", SHORT).await;
    world.shopify().set_installed(SHOP, false).unwrap();
    held(&mut world, v1::Hold::Uninstalled).await;
    world.shopify().set_installed(SHOP, true).unwrap();
    world.connect("fjeld").await;
    world.buy("fjeld", &plain(&world, "fjeld"));
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_revoked_rackbeat_token_orders_wait_for_a_new_one() {
    let mut world = World::start(Plan::new(186)).await;
    world.connect("fjeld").await;
    let account = world.account();
    let token = world.rackbeat().tokens(account).remove(0);
    world.rackbeat().revoke_token(account, &token);
    world.rackbeat().add_token(account, "another-token-of-the-account");
    world.buy_many("fjeld", 5);
    until("the refusals are told", LONG, async || {
        let name = r#"shopbeat_failures_total{remote="rackbeat",kind="unauthorized"}"#;
        let told = world.meter(name).await;
        if told > 0 { Ok(()) } else { Err("nothing is told".to_owned()) }
    })
    .await;
    let ledger = world.store("fjeld").await.ledger.unwrap().total.unwrap();
    assert_eq!((ledger.pending, ledger.parked), (5, 0));
    world.connect("fjeld").await;
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_went_between_the_shipment_and_its_shipping_is_waited_for() {
    let env = vec![("SHOPBEAT_LEASE_SECONDS", "20".to_owned())];
    let mut world = World::start(Plan { env, ..Plan::new(187) }).await;
    let mut shipped = settings();
    shipped.orders.as_mut().unwrap().target = v1::Target::Shipped.into();
    world.connect_with("fjeld", shipped).await;
    let slow = Rule::new(Remote::Rackbeat, "POST /orders/*/create-shipment", When::Every, Fault::Slow(1_000));
    world.sandbox.core().faults.add(slow.at_most(1));
    let spec = plain(&world, "fjeld");
    let item = spec.lines[0].sku.clone().unwrap();
    let order = world.buy("fjeld", &spec);
    let account = world.account();
    until("a shipment is made", SHORT, async || {
        let made = world.rackbeat().shipments(account).len();
        if made > 0 { Ok(()) } else { Err("none is".to_owned()) }
    })
    .await;
    assert!(world.rackbeat().set_stock(account, &item, 1, 0.into()));
    world.settled("fjeld", SHORT).await;
    let transfer = world.transfer("fjeld", order).await.unwrap();
    assert!(transfer.waiting_for_stock, "{transfer:?}");
    assert_eq!(transfer.reached(), v1::Reached::Booked);
    assert!(world.rackbeat().set_stock(account, &item, 1, 50.into()));
    // An event about it brings it up again.
    world.shopify().fulfill(SHOP, order).unwrap();
    until("it is shipped", SHORT, async || {
        let transfer = world.transfer("fjeld", order).await.map_err(|status| status.to_string())?;
        if transfer.reached() == v1::Reached::Shipped { Ok(()) } else { Err(format!("{transfer:?}")) }
    })
    .await;
    assert_eq!(world.rackbeat().shipments(account).len(), 1);
    world.finish(SHORT).await;
}
