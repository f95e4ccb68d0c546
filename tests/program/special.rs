//! Orders that are not ordinary: parked for a reason of their own, left alone by a rule, or transferred all the same.

use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_sandbox::shopify::special;
use shopbeat_tests::{Expect, LONG, Plan, SHORT, StateAt, World, settings, until};

use crate::mix::{PARKED, amount, buy_mix, plain};

const SHOP: &str = "fjeld.myshopify.com";

fn of_store() -> String {
    "fjeld".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_mapped_is_parked_for_its_own_reason_and_listed_with_a_remedy() {
    let mut world = World::start(Plan::new(61)).await;
    world.connect("fjeld").await;
    buy_mix(&mut world, "fjeld", 5);
    world.settled("fjeld", LONG).await;

    let mut listed = Vec::new();
    let mut request = v1::ListParkedRequest { store_id: of_store(), page_size: 3, page_token: String::new() };
    loop {
        let page = world.api.list_parked(request.clone()).await.unwrap().into_inner();
        assert!(page.orders.len() <= 3);
        listed.extend(page.orders);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let mut codes: Vec<String> = Vec::new();
    for order in &listed {
        let park = order.park.as_ref().unwrap();
        assert!(!park.remedy.is_empty() && !park.message.is_empty() && park.since.is_some(), "{park:?}");
        assert!(order.shopify_link.ends_with(&format!("/store/fjeld/orders/{}", order.order_id)));
        codes.push(park.code.clone());
    }
    codes.sort_unstable();
    let mut wanted: Vec<&str> = PARKED.iter().map(|(code, _)| *code).collect();
    wanted.sort_unstable();
    assert_eq!(codes, wanted);
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_before_the_transfer_decides() {
    let mut world = World::start(Plan::new(62)).await;
    world.connect("fjeld").await;
    pause(&mut world).await;
    let shopify = world.shopify().clone();
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(world.buy("fjeld", &plain(&world, "fjeld")));
    }
    let [refunded, edited, cancelled, emptied] = orders[..] else { panic!("four orders") };
    shopify.refund(SHOP, refunded, 0, 1).unwrap();
    shopify.edit(SHOP, edited, 0, 1).unwrap();
    shopify.cancel(SHOP, cancelled).unwrap();
    shopify.edit(SHOP, emptied, 0, 0).unwrap();
    world.expect("fjeld", refunded, Expect::Parked("refunded_before_transfer"));
    world.expect("fjeld", edited, Expect::Parked("edited_before_transfer"));
    world.expect("fjeld", cancelled, Expect::Ignored("cancelled_before"));
    world.expect("fjeld", emptied, Expect::Ignored("nothing_owed"));
    resume(&mut world).await;
    world.finish(SHORT).await;
}

async fn pause(world: &mut World) {
    let store = world.api.pause_store(v1::PauseStoreRequest { store_id: of_store() }).await.unwrap();
    assert_eq!(store.into_inner().store.unwrap().desired(), v1::Desired::Paused);
}

async fn resume(world: &mut World) {
    let store = world.api.resume_store(v1::ResumeStoreRequest { store_id: of_store() }).await.unwrap();
    assert_eq!(store.into_inner().store.unwrap().desired(), v1::Desired::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_store_records_and_goes_on_when_resumed() {
    let mut world = World::start(Plan::new(63)).await;
    world.connect("fjeld").await;
    pause(&mut world).await;
    pause(&mut world).await;
    let orders = world.buy_many("fjeld", 5);
    world.shopify().settled().await;
    until("all are recorded", SHORT, async || {
        let store = world.store("fjeld").await;
        let (jobs, seen) = (store.jobs.unwrap(), store.ledger.unwrap().total.unwrap().seen);
        // Beside the orders, one job each for stock and products.
        if seen == 5 && jobs.ready >= 5 { Ok(()) } else { Err(format!("{seen} seen, {jobs:?}")) }
    })
    .await;
    let refused = world.transfer_now("fjeld", orders[0], false).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused:?}");
    assert!(world.rackbeat().orders(world.account()).is_empty(), "nothing was written");
    resume(&mut world).await;
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_on_by_itself_when_its_product_is_made_or_unbarred() {
    let mut world = World::start(Plan::new(64)).await;
    world.connect("fjeld").await;
    let unknown = world.buy("fjeld", &special::unknown_sku(plain(&world, "fjeld"), "NEW-ONE"));
    let mut spec = plain(&world, "fjeld");
    let offers = world.shopify().offers(SHOP).unwrap();
    spec.lines[0].sku = Some(offers[5].sku.clone());
    spec.lines[0].variant = Some(offers[5].variant);
    assert!(world.rackbeat().bar_product(world.account(), &offers[5].sku, true));
    let barred = world.buy("fjeld", &spec);
    world.expect("fjeld", unknown, Expect::Parked("unknown_sku"));
    world.expect("fjeld", barred, Expect::Parked("barred_item"));
    world.settled("fjeld", SHORT).await;
    world.check("fjeld").await;

    let account = world.account();
    assert!(world.rackbeat().add_product(account, "NEW-ONE", "New", amount("100"), Decimal::ONE_HUNDRED));
    assert!(world.rackbeat().bar_product(account, &offers[5].sku, false));
    for order in [unknown, barred] {
        world.expect("fjeld", order, Expect::Transferred);
        until("the order goes on", SHORT, async || match world.transfer("fjeld", order).await {
            Ok(transfer) if transfer.state() == v1::OrderState::Transferred => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_setting_is_told_at_the_connect_and_mended_by_a_retry() {
    let mut world = World::start(Plan::new(65)).await;
    let mut bare = settings();
    let orders = bare.orders.as_mut().unwrap();
    orders.freight_product = None;
    let warnings = world.connect_with("fjeld", bare).await.warnings;
    assert!(warnings.iter().any(|warning| warning.contains("freight_product")), "{warnings:?}");
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    world.expect("fjeld", order, Expect::Parked("freight_product_missing"));
    world.settled("fjeld", SHORT).await;
    world.check("fjeld").await;

    world.connect("fjeld").await;
    let retry =
        v1::RetryParkedRequest { store_id: of_store(), all: true, ..v1::RetryParkedRequest::default() };
    assert_eq!(world.api.retry_parked(retry).await.unwrap().into_inner().order_ids, [order]);
    world.expect("fjeld", order, Expect::Transferred);
    until("the order goes on", SHORT, async || match world.transfer("fjeld", order).await {
        Ok(transfer) if transfer.state() == v1::OrderState::Transferred => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_store_leaves_no_webhook_and_can_be_connected_again() {
    let mut world = World::start(Plan { state: StateAt::File, ..Plan::new(66) }).await;
    world.connect("fjeld").await;
    let order = world.buy("fjeld", &plain(&world, "fjeld"));
    world.settled("fjeld", SHORT).await;
    assert!(!world.shopify().subscriptions(SHOP).unwrap().is_empty());
    assert!(!world.rackbeat().webhooks(world.account()).is_empty());

    for _ in 0..2 {
        let request = v1::DisconnectStoreRequest { store_id: of_store(), managed_by: None };
        let left = world.api.disconnect_store(request).await.unwrap().into_inner();
        assert_eq!(left.left_behind, Vec::<String>::new());
        assert!(left.store.unwrap().disconnected_at.is_some());
    }
    assert_eq!(world.shopify().subscriptions(SHOP).unwrap(), []);
    assert_eq!(world.rackbeat().webhooks(world.account()), []);
    let listed = world.api.list_stores(v1::ListStoresRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.stores, []);
    let all = v1::ListStoresRequest { show_disconnected: true, ..v1::ListStoresRequest::default() };
    assert_eq!(world.api.list_stores(all).await.unwrap().into_inner().stores.len(), 1);
    world.shopify().fulfill(SHOP, order).unwrap();
    let missed = world.buy("fjeld", &plain(&world, "fjeld"));

    // The sweep at the start finds what was told to nobody.
    world.restart().await;
    world.connect("fjeld").await;
    world.settled("fjeld", SHORT).await;
    assert_eq!(world.transfer("fjeld", missed).await.unwrap().state(), v1::OrderState::Transferred);
    world.finish(SHORT).await;
}
