//! Stock from Rackbeat to two shops, whatever way the news of it comes.

use shopbeat_proto::v1;
use shopbeat_sandbox::SandboxConfig;
use shopbeat_sandbox::catalog::generated;
use shopbeat_sandbox::facts::Facts;
use shopbeat_sandbox::rackbeat::HookScript;
use shopbeat_sandbox::shopify::DeliveryOptions;
use shopbeat_tests::{LONG, Plan, SHORT, StateAt, World, until};
use tonic::Code;

use crate::mix::plain;

const SHOPS: [&str; 2] = ["fjeld", "skov"];
const FJELD: &str = "fjeld.myshopify.com";
/// SKUs of the generated catalogue, in its order.
const SKUS: usize = 12;

fn plan(seed: u64) -> Plan {
    Plan { shops: SHOPS.to_vec(), catalog: generated(SKUS, seed), ..Plan::new(seed) }
}

fn skus(world: &World) -> Vec<String> {
    let skus: Vec<String> = world.shelf("fjeld").into_keys().collect();
    assert_eq!(skus.len(), SKUS);
    skus
}

/// Both shops connected and accepted; every item counted as ten.
async fn even_world(plan: Plan) -> (World, Vec<String>) {
    let mut world = World::start(plan).await;
    let skus = skus(&world);
    for sku in &skus {
        world.count(sku, 10);
    }
    for shop in SHOPS {
        let settings = world.stocked(shop);
        world.connect_stocked(shop, settings).await;
    }
    world.even(&SHOPS, SHORT).await;
    (world, skus)
}

/// Waits until it is written down that both shops show so many.
async fn is_known(world: &World, sku: &str, quantity: i64) {
    let whose = Some(v1::get_stock_request::Whose::AgreementId("nordlys".to_owned()));
    let request = v1::GetStockRequest { whose, item: sku.to_owned() };
    let mut api = world.api.clone();
    until(&format!("{sku} is known to stand at {quantity}"), SHORT, async || {
        let told = api.get_stock(request.clone()).await.map_err(|status| status.to_string())?.into_inner();
        let shown: Vec<_> =
            told.stores.iter().map(|store| store.levels.first().map(|level| level.quantity)).collect();
        if shown == [Some(quantity), Some(quantity)] { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_is_told_nothing_before_its_own_report_was_accepted() {
    let mut world = World::start(plan(201)).await;
    let skus = skus(&world);
    world.count(&skus[0], 0);
    for shop in SHOPS {
        let settings = world.stocked(shop);
        world.connect_with(shop, settings).await;
    }
    let report = world.preview("fjeld").await.unwrap();
    assert_eq!((report.to_zero, report.changed), (1, u64::try_from(SKUS).unwrap()), "{report:?}");
    assert_eq!((report.changes[0].item.as_str(), report.changes[0].to), (skus[0].as_str(), 0));
    assert!(report.accepted_at.is_none());
    // A change meanwhile is read by nobody and written nowhere.
    world.count(&skus[1], 41);
    world.refresh("").await;
    let refused = world.accept("fjeld", "another").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    world.count(&skus[2], 0);
    let refused = world.accept("fjeld", &report.digest).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "another item would fall to zero: {refused:?}");
    for shop in SHOPS {
        assert_eq!(world.quantities_written(shop).len(), 0, "{shop}");
    }
    let report = world.preview("fjeld").await.unwrap();
    assert_eq!(report.to_zero, 2);
    let store = world.accept("fjeld", &report.digest).await.unwrap();
    assert!(store.stock_accepted_at.is_some());
    world.even(&["fjeld"], SHORT).await;
    assert_eq!(world.quantities_written("skov").len(), 0, "the other shop's report was not accepted");
    assert_eq!(world.on_shelf("fjeld", &skus[1]).available, 41);
    let again = world.preview("fjeld").await.unwrap();
    assert_eq!((again.changed, again.accepted_at), (0, store.stock_accepted_at));
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_sync_of_stock_is_as_good_as_an_accepted_report() {
    let mut world = World::start(Plan { stocked: false, ..plan(202) }).await;
    let settings = world.stocked("fjeld");
    world.connect_with("fjeld", settings).await;
    let skus = skus(&world);
    let request = v1::RunInitialSyncRequest {
        store_id: "fjeld".to_owned(),
        products: true,
        stock: true,
        ..v1::RunInitialSyncRequest::default()
    };
    let before = world.shelf("fjeld");
    world.api.run_initial_sync(request).await.unwrap();
    until("it is finished", SHORT, async || {
        let store = world.store("fjeld").await;
        let run = store.latest_run.ok_or("there is none")?;
        if run.phase() == v1::RunPhase::Finished
            && store.store.is_some_and(|store| store.stock_accepted_at.is_some())
        {
            return Ok(());
        }
        Err(format!("{run:?}"))
    })
    .await;
    world.count(&skus[0], 77);
    world.show(&["fjeld"], &skus[0], 77, SHORT).await;
    world.even(&["fjeld"], SHORT).await;
    for (sku, row) in before.into_iter().filter(|(sku, _)| *sku != skus[0]) {
        assert_eq!(world.on_shelf("fjeld", &sku).available, row.available, "{sku} was imported, not changed");
    }
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_both_shops_by_webhook_and_without_it_when_asked_and_by_the_sweep() {
    let (mut world, skus) = even_world(Plan { state: StateAt::File, ..plan(203) }).await;
    world.count(&skus[0], 41);
    world.show(&SHOPS, &skus[0], 41, SHORT).await;
    let before = world.quantities_written("skov").get(&skus[1]).copied().unwrap_or_default();
    for quantity in (100..1100).rev() {
        world.count(&skus[1], quantity);
    }
    world.show(&SHOPS, &skus[1], 100, SHORT).await;
    let written = world.quantities_written("skov")[&skus[1]] - before;
    assert!(written <= 100, "a burst of a thousand changes was written {written} times");

    let deaf = HookScript { dropped_ppm: 1_000_000, ..HookScript::default() };
    world.rackbeat().set_hook_script(deaf);
    world.count(&skus[2], 43);
    assert_eq!(world.refresh(&skus[2]).await, 1);
    world.show(&SHOPS, &skus[2], 43, SHORT).await;
    world.count(&skus[3], 44);
    // A worker sweeps when it begins, and every few minutes.
    world.restart().await;
    world.show(&SHOPS, &skus[3], 44, SHORT).await;

    is_known(&world, &skus[3], 44).await;
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_shop_sells_leaves_the_other_before_rackbeat_hears_of_it() {
    let mut world = World::start(plan(204)).await;
    let sku = world.shopify().offers(FJELD).unwrap()[0].sku.clone();
    world.count(&sku, 10);
    for shop in SHOPS {
        let mut settings = world.stocked(shop);
        settings.orders.as_mut().unwrap().trigger = v1::Trigger::Fulfilled.into();
        world.connect_stocked(shop, settings).await;
    }
    world.even(&SHOPS, SHORT).await;
    let buy = |world: &World, shop: &'static str, units: u32| {
        let order = world.buy(shop, &plain(world, shop).quantity(0, units));
        (shop, order)
    };
    let mut orders = vec![buy(&world, "fjeld", 4)];
    world.show(&SHOPS, &sku, 6, SHORT).await;
    let writes = |world: &World, shop: &str| {
        let item = world.on_shelf(shop, &sku).item;
        let all = world.shopify().inventory_writes(&format!("{shop}.myshopify.com")).unwrap();
        all.into_iter().filter(|write| write.item == item).map(|write| write.quantity).collect::<Vec<_>>()
    };
    let sold: Vec<usize> = SHOPS.iter().map(|shop| writes(&world, shop).len()).collect();
    orders.push(buy(&world, "skov", 5));
    orders.push(buy(&world, "fjeld", 1));
    world.show(&SHOPS, &sku, 0, SHORT).await;
    assert_eq!(world.rackbeat().orders(world.account()).len(), 0, "every order waits for its trigger");
    for (shop, order) in orders {
        world.shopify().fulfill(&format!("{shop}.myshopify.com"), order).unwrap();
    }
    for shop in SHOPS {
        let ledger = world.settled(shop, SHORT).await;
        assert_eq!(ledger.pending, 0);
    }
    assert_eq!(world.rackbeat().stock(world.account(), &sku).unwrap().available, 0.into());
    // Released and booked: nothing is sold twice, and nothing comes back.
    world.refresh(&sku).await;
    world.even(&SHOPS, SHORT).await;
    for (shop, before) in SHOPS.into_iter().zip(sold) {
        let since = writes(&world, shop).split_off(before);
        assert!(since.iter().all(|quantity| *quantity <= 6), "{shop} was told {since:?}");
    }
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchants_own_edit_is_set_right_once_and_concerns_no_other_shop() {
    let (mut world, skus) = even_world(plan(205)).await;
    let writes = |shop: &str| world.quantities_written(shop)[&skus[0]];
    let before = SHOPS.map(writes);
    let item = world.on_shelf("fjeld", &skus[0]).item;
    let location = world.location("fjeld");
    for (nth, wrong) in [(1, 99), (2, 99), (3, 3)] {
        // An edit during our own write cannot be told from its echo.
        is_known(&world, &skus[0], 10).await;
        world.shopify().set_quantity(FJELD, item, location, wrong).unwrap();
        until("it is set right", SHORT, async || {
            let now = (world.on_shelf("fjeld", &skus[0]).available, writes("fjeld") - before[0]);
            if now == (10, nth) { Ok(()) } else { Err(format!("{now:?}")) }
        })
        .await;
    }
    assert_eq!(writes("skov"), before[1]);
    // Where the shop's webhook is lost, what it shows is read again when asked.
    let deaf = DeliveryOptions { drop_ppm: 1_000_000, ..DeliveryOptions::default() };
    world.shopify().set_delivery(deaf);
    world.shopify().set_quantity(FJELD, item, location, 55).unwrap();
    world.refresh("").await;
    world.even(&SHOPS, SHORT).await;
    world.shopify().set_delivery(DeliveryOptions::default());
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_is_told_by_name_and_keeps_nothing_back() {
    let mut world = World::start(plan(206)).await;
    let skus = skus(&world);
    let of = |shop: &str, at: usize| world.on_shelf(shop, &skus[at]);
    world.shopify().set_tracked(FJELD, of("fjeld", 0).variant, false).unwrap();
    world.shopify().set_bundle(FJELD, of("fjeld", 1).variant, true).unwrap();
    // One refusal tells which row is the culprit, the other does not.
    let (named, unnamed) = (of("fjeld", 2).item, of("fjeld", 7).item);
    world.shopify().poison_item(FJELD, named, Some("INVALID_INVENTORY_ITEM"), true).unwrap();
    world.shopify().poison_item(FJELD, unnamed, Some("INVALID_INVENTORY_ITEM"), false).unwrap();
    for shop in SHOPS {
        let settings = world.stocked(shop);
        world.connect_stocked(shop, settings).await;
    }
    world.even(&["skov"], SHORT).await;
    let told = |code: &str, at: usize| (skus[at].clone(), code.to_owned());
    let wanted = vec![told("untracked", 0), told("bundle", 1), told("refused", 2), told("refused", 7)];
    let mut asked = world.api.clone();
    until("they are told", SHORT, async || {
        let request = v1::ListStockTroublesRequest { store_id: "fjeld".to_owned(), ..Default::default() };
        let answer = asked.list_stock_troubles(request).await.map_err(|status| status.to_string())?;
        let total = answer.into_inner().total;
        let wrong = world.unequal("fjeld", &std::collections::BTreeMap::new());
        // The two that are refused and nothing else.
        if total == 4 && wrong.len() == 2 { Ok(()) } else { Err(format!("{total} told; {wrong:?}")) }
    })
    .await;
    assert_eq!(world.troubles("fjeld").await, wanted);
    for item in [named, unnamed] {
        world.shopify().poison_item(FJELD, item, None, true).unwrap();
    }
    world.refresh("").await;
    world.even(&SHOPS, SHORT).await;
    until("only what stays is told", SHORT, async || {
        let troubles = world.troubles("fjeld").await;
        if troubles == wanted[..2] { Ok(()) } else { Err(format!("{troubles:?}")) }
    })
    .await;
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buffer_and_kind_can_be_changed_while_the_store_runs_and_count_at_once() {
    let (mut world, skus) = even_world(plan(207)).await;
    let settings = v1::Settings {
        stock: Some(v1::StockSettings { buffer: Some(3), ..v1::StockSettings::default() }),
        ..v1::Settings::default()
    };
    let mask = prost_types::FieldMask { paths: vec!["stock.buffer".to_owned()] };
    let request = v1::UpdateStoreRequest {
        store_id: "fjeld".to_owned(),
        settings: Some(settings),
        update_mask: Some(mask),
        ..v1::UpdateStoreRequest::default()
    };
    let updated = world.api.update_store(request).await.unwrap().into_inner();
    assert_eq!(updated.changed, ["stock.buffer"]);
    for sku in &skus {
        world.show(&["fjeld"], sku, 7, SHORT).await;
        world.show(&["skov"], sku, 10, SHORT).await;
    }
    world.finish(SHORT).await;
}

async fn changes_arrive(facts: Facts, event: &'static str, seed: u64) {
    eprintln!("facts {}", facts.to_json());
    let sandbox = SandboxConfig { seed, facts, limits: false, ..SandboxConfig::default() };
    let args = vec!["--rackbeat-stock-event", event];
    let (world, skus) = even_world(Plan { sandbox, args, ..plan(seed) }).await;
    for (quantity, sku) in (20..).zip(&skus) {
        world.count(sku, quantity);
        world.show(&SHOPS, sku, quantity, SHORT).await;
    }
    world.buy("fjeld", &plain(&world, "fjeld"));
    world.even(&SHOPS, LONG).await;
    world.finish(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_arrives_with_all_facts_flipped() {
    changes_arrive(Facts::flipped(), "inventory.updated", 208).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_arrives_with_a_mix_of_facts() {
    let seed = shopbeat_tests::seed(209);
    let facts = Facts::seeded(seed);
    let shown = facts.to_json();
    let event = match shown["rackbeat.stock-event-name"]["value"].as_str() {
        Some("inventory-updated") => "inventory.updated",
        _ => "inventory.changed",
    };
    changes_arrive(facts, event, seed).await;
}
