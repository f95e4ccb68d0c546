use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::Outcome;
use shopbeat_domain::mapping::samples;
use shopbeat_domain::order::Financial;
use shopbeat_domain::ports::Heap;
use shopbeat_domain::settings::{Target, Trigger, setting};

use super::*;
use crate::testing::{Trouble, World, WorldBuilder};

const ORDER: OrderId = OrderId(5001);

/// Changes settings as the command line names them.
async fn update(world: &World, values: &[(&str, &str)]) -> Result<Updated, Problem> {
    let mut new = Settings::default();
    let named: Vec<&'static Setting> = values.iter().map(|(path, _)| setting(path).unwrap()).collect();
    for (path, text) in values {
        setting(path).unwrap().set(&mut new, text).unwrap();
    }
    let change = Change { named: &named, desired: None };
    world.connector.update(&world.id, &ManagedBy::Api, &new, change).await
}

async fn stored(world: &World) -> Store {
    world.raw.registry.store(&world.id).await.unwrap().unwrap()
}

fn violations(problem: Problem) -> Vec<(String, String)> {
    let Problem::BadInput(violations) = problem else { panic!("{problem:?}") };
    violations.into_iter().map(|violation| (violation.field, violation.problem)).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_is_named_changes_and_a_change_is_told_by_its_path() {
    let world = WorldBuilder::default().build().await;
    let before = stored(&world).await;
    let updated = update(&world, &[("orders.target", "shipped"), ("customers.group", "1")]).await.unwrap();
    assert_eq!(updated.changed, ["orders.target"]);
    let mut expected = before.settings.clone();
    expected.orders.target = Target::Shipped;
    assert_eq!(stored(&world).await.settings, expected);
    assert_eq!(stored(&world).await, updated.store);
    let again = update(&world, &[("orders.target", "shipped")]).await.unwrap();
    assert_eq!((again.changed.len(), again.store.revision), (0, updated.store.revision));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_stand_is_told_by_its_path_with_what_is_there_and_nothing_changes() {
    let world = WorldBuilder::default().build().await;
    let before = stored(&world).await;
    for (values, path, word) in [
        (
            vec![("orders.target", "draft"), ("orders.rounding_tolerance", "7")],
            "orders.rounding_tolerance",
            "0 to 1",
        ),
        (vec![("orders.freight_product", "NOBODY")], "orders.freight_product", "NOBODY"),
        (vec![("products.group", "44")], "products.group", "it has"),
        (vec![("prices.vat_table", "44=25")], "prices.vat_table", "44"),
        (vec![("stock.locations", "9=404")], "stock.locations", "it has 1, 2"),
        (vec![("products.stock_location", "9")], "products.stock_location", "it has 1, 2"),
        (vec![("customers.without_email", "use_default")], "customers.default_customer", "needed"),
    ] {
        let told = violations(update(&world, &values).await.unwrap_err());
        assert_eq!(told[0].0, format!("settings.{path}"), "{told:?}");
        assert!(told[0].1.contains(word), "{told:?}");
        assert_eq!(stored(&world).await, before, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stood_before_and_vanished_keeps_nobody_from_changing_something_else() {
    let world = WorldBuilder::default().build().await;
    world.erp.books.lock().unwrap().items.get_mut("ROUNDING").unwrap().barred = true;
    update(&world, &[("orders.target", "draft")]).await.unwrap();
    world.hooks.down(Some(shopbeat_domain::failure::Remote::Rackbeat));
    update(&world, &[("orders.target", "booked")]).await.unwrap();
    update(&world, &[("orders.rounding_product", "")]).await.unwrap();
    assert_eq!(stored(&world).await.settings.orders.rounding_product, None, "taking it away asks nobody");
}

#[tokio::test(start_paused = true)]
async fn orders_that_waited_for_another_trigger_go_over_without_a_new_event() {
    let world = WorldBuilder::default().trigger(Trigger::Paid).build().await;
    let mut order = samples::order();
    order.financial = Some(Financial::Pending);
    world.shop.put(order);
    world.offer(ORDER).await;
    assert_eq!(world.settle(ORDER).await.outcome, Outcome::Pending);
    let working = world.work();
    update(&world, &[("orders.trigger", "received")]).await.unwrap();
    world.until("it goes over", async || world.job(ORDER).await.outcome == Outcome::Transferred).await;
    working.stop().await;
    assert_eq!(world.erp.living(&world.reference(ORDER)).len(), 1);
    world.assert_invariants().await;
}

#[tokio::test(start_paused = true)]
async fn the_start_of_orders_cannot_be_lost() {
    let world = WorldBuilder::default().build().await;
    let updated = update(&world, &[("orders.since", "")]).await.unwrap();
    let begin = begin_of(updated.store.connected_at);
    assert_eq!(stored(&world).await.settings.orders.since, Some(begin));
}

#[tokio::test(start_paused = true)]
async fn somebody_else_who_changes_the_store_meanwhile_is_waited_out() {
    let world = WorldBuilder::default().build().await;
    world.hooks.trouble("state.put_store", 0, 2, Trouble::Fails(FailureKind::Conflict));
    assert_eq!(update(&world, &[("stock.buffer", "2")]).await.unwrap().changed, ["stock.buffer"]);
    world.hooks.trouble("state.put_store", 0, 99, Trouble::Fails(FailureKind::Conflict));
    let problem = update(&world, &[("stock.buffer", "3")]).await.unwrap_err();
    assert!(matches!(problem, Problem::Precondition { reason: "STORE_CHANGED", .. }), "{problem:?}");
    assert_eq!(stored(&world).await.settings.stock.buffer, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_custom_resource_manages_is_not_changed_here() {
    let world = WorldBuilder::default().unconnected().await;
    let owner =
        ManagedBy::Kubernetes { namespace: "shops".to_owned(), name: "acme".to_owned(), uid: "7".to_owned() };
    let request = ConnectRequest { managed_by: owner, ..world.request(WorldBuilder::default().settings) };
    world.connector.connect(request).await.unwrap();
    let problem = update(&world, &[("stock.buffer", "3")]).await.unwrap_err();
    assert!(
        matches!(problem, Problem::Precondition { reason: "STORE_MANAGED_ELSEWHERE", .. }),
        "{problem:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn settings_of_stock_send_every_quantity_anew_once_the_store_takes_stock() {
    let world = WorldBuilder::default().build().await;
    let marked = async || world.raw.heaps.count(&Heap::StoreStock(world.id.clone())).await.unwrap();
    update(&world, &[("stock.buffer", "3")]).await.unwrap();
    assert_eq!(marked().await, 0, "nothing is sent before it was accepted");
    let store = stored(&world).await;
    let accepted = Store { stock_accepted_at: Some(world.ports.now()), ..store };
    world.raw.registry.put_store(&accepted).await.unwrap();
    update(&world, &[("orders.target", "draft")]).await.unwrap();
    assert_eq!(marked().await, 0);
    update(&world, &[("stock.buffer", "4")]).await.unwrap();
    assert!(marked().await > 0);
}

#[tokio::test(start_paused = true)]
async fn rackbeat_is_master_only_where_products_may_be_written() {
    let world = WorldBuilder::default().unconnected().await;
    *world.shop.scopes.lock().unwrap() = SCOPES.iter().map(ToString::to_string).collect();
    let connected = world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
    assert!(
        connected.warnings.iter().any(|warning| warning.contains(WRITE_INVENTORY)),
        "{:?}",
        connected.warnings
    );
    let told = violations(update(&world, &[("products.master", "rackbeat")]).await.unwrap_err());
    assert_eq!(told[0].0, "settings.products.master");
    assert!(told[0].1.contains(WRITE_PRODUCTS), "{told:?}");
    update(&world, &[("products.master", "shopify")]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_event_that_rackbeat_does_not_have_is_told_and_the_store_is_connected() {
    let world = WorldBuilder::default().unconnected().await;
    let refused = FailureKind::Refused(shopbeat_domain::failure::Refusal::Other);
    world.hooks.trouble("erp.subscribe", RACKBEAT_EVENTS.len(), 1, Trouble::Fails(refused));
    let connected = world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
    assert!(
        connected.warnings.iter().any(|warning| warning.contains(STOCK_EVENT)),
        "{:?}",
        connected.warnings
    );
    assert_eq!(world.erp.books.lock().unwrap().subscriptions.len(), RACKBEAT_EVENTS.len());
}
