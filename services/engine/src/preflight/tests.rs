//! Each check finds what it is for, nothing is written, and no finding hides another.

use rust_decimal::Decimal;
use shopbeat_domain::catalog::{ShopLocation, Variant};
use shopbeat_domain::failure::Refusal;
use shopbeat_domain::ids::{ItemNumber, LocationId, StockLocation};
use shopbeat_domain::preflight::{OrderTraits, Severity};
use shopbeat_domain::run::Estimate;
use shopbeat_domain::settings::{Master, StockRoute};
use shopbeat_domain::store::Hold;

use super::*;
use crate::connect::{SCOPES, WRITE_INVENTORY, WRITE_PRODUCTS};
use crate::testing::{Trouble, World, WorldBuilder, variant};

/// A world in which nothing is wrong.
async fn well() -> World {
    let world = WorldBuilder::default().unconnected().await;
    let more = ["read_all_orders", WRITE_INVENTORY, WRITE_PRODUCTS];
    *world.shop.scopes.lock().unwrap() = SCOPES.iter().chain(&more).map(ToString::to_string).collect();
    *world.shop.catalog.lock().unwrap() = vec![variant(1, "TENT-2P", 5), variant(2, "CUP", 3)];
    world
}

fn request(world: &World, change: impl FnOnce(&mut Settings)) -> Request {
    let asked = world.request(WorldBuilder::default().settings);
    let mut settings = asked.settings;
    change(&mut settings);
    Request {
        shop: asked.shop,
        agreement: asked.agreement,
        agreement_currency: asked.agreement_currency,
        credentials: asked.credentials,
        rackbeat_token: asked.rackbeat_token,
        settings,
    }
}

async fn report(world: &World, change: impl FnOnce(&mut Settings)) -> Report {
    preflight(&world.ports, &request(world, change)).await.unwrap()
}

fn found(report: &Report) -> Vec<(Check, &str)> {
    report.findings.iter().map(|finding| (finding.check, finding.subject.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_with_which_nothing_is_wrong_has_no_findings_and_nothing_was_written() {
    let world = well().await;
    let report = report(&world, |_| {}).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.worst(), report.variants), (None, 2));
    assert_eq!(report.rates, [(1, Decimal::from(25))]);
    // The tent is there and gets stock, the cup is made and gets stock.
    assert_eq!(report.estimate, Some(Estimate { calls: 2 + 3, minutes: 1 }));
    assert_eq!(world.hooks.writes(), [""; 0]);
    assert!(
        world.hooks.calls().iter().all(|call| !call.starts_with("state.put")),
        "{:?}",
        world.hooks.calls()
    );
    assert_eq!(world.raw.registry.stores().await.unwrap(), []);
    assert_eq!(world.raw.registry.agreements().await.unwrap(), []);
    assert!(world.shop.writes.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_told_and_the_other_side_is_still_looked_at() {
    let refused = Trouble::Fails(FailureKind::Unauthorized(Some(Hold::TokenDead)));
    let world = well().await;
    world.hooks.trouble("shop.identity", 0, 1, refused.clone());
    let told = report(&world, |all| all.products.group = 77).await;
    assert_eq!(
        found(&told),
        [(Check::ShopRefused, "acme.myshopify.com"), (Check::Setting, "products.group")]
    );
    assert_eq!((told.worst(), told.estimate), (Some(Severity::Error), None));

    let world = well().await;
    world.hooks.trouble("erp.account", 0, 1, refused);
    world.shop.catalog.lock().unwrap()[0].sku = String::new();
    let told = report(&world, |_| {}).await;
    let checks: Vec<Check> = told.findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [Check::RackbeatRefused, Check::SkuMissing]);

    let world = well().await;
    *world.shop.says_it_is.lock().unwrap() = Some(ShopDomain::parse("other.myshopify.com").unwrap());
    assert_eq!(found(&report(&world, |_| {}).await), [(Check::ShopRefused, "acme.myshopify.com")]);
}

#[tokio::test(start_paused = true)]
async fn missing_scopes_are_named_each_those_of_the_settings_too() {
    let world = well().await;
    *world.shop.scopes.lock().unwrap() = vec!["read_orders".to_owned(), "write_products".to_owned()];
    let told = report(&world, |all| all.products.master = Master::Rackbeat).await;
    let expected = [
        (Check::MissingScope, "read_customers"),
        (Check::MissingScope, "read_inventory"),
        (Check::MissingScope, "read_locations"),
        (Check::MissingScope, "write_inventory"),
        (Check::OrderHorizon, "read_all_orders"),
    ];
    assert_eq!(found(&told), expected, "who may write may read");
    assert_eq!(told.estimate, None, "the catalogue cannot be read");
}

#[tokio::test(start_paused = true)]
async fn ways_of_selling_that_are_not_mapped_and_hidden_customers_are_told() {
    let world = well().await;
    let plain = OrderTraits::default();
    let odd = OrderTraits {
        gift_card_sold: true,
        gift_card_paid: true,
        tip: true,
        foreign_currency: true,
        hidden: true,
    };
    *world.shop.traits.lock().unwrap() = vec![plain, odd, odd];
    let told = report(&world, |_| {}).await;
    let checks: Vec<Check> = told.findings.iter().map(|finding| finding.check).collect();
    let expected =
        [Check::DataLevel, Check::GiftCardProduct, Check::GiftCardPaid, Check::Tips, Check::Currency];
    assert_eq!(checks, expected);
    assert!(told.findings[0].message.starts_with("2 of the latest 3 orders"), "{:?}", told.findings[0]);

    let world = well().await;
    let forbidden = Trouble::Fails(FailureKind::Refused(Refusal::Forbidden));
    world.hooks.trouble("shop.latest_orders", 0, 1, forbidden);
    assert_eq!(found(&report(&world, |_| {}).await), [(Check::DataLevel, "shop.latest_orders")]);
}

#[tokio::test(start_paused = true)]
async fn defects_of_skus_are_told_with_the_products_name_and_its_place_in_the_admin() {
    let world = well().await;
    let long = "L".repeat(26);
    let mut bundle = variant(16, "SET", 3);
    bundle.bundle = true;
    let mut card = variant(17, "CARD", 3);
    card.gift_card = true;
    let mut loose = variant(18, "GLUE", 3);
    loose.tracked = false;
    let skus = ["", "TWICE", "TWICE ", long.as_str(), "RED/Å"];
    let bad = skus.iter().zip(11..).map(|(sku, id)| variant(id, sku, 5));
    world.shop.catalog.lock().unwrap().extend(bad.chain([bundle, card, loose]));
    let told = report(&world, |_| {}).await;
    let expected = [
        (Check::SkuMissing, "Thing 11 / Red / M"),
        (Check::SkuDuplicate, "TWICE"),
        (Check::SkuDuplicate, "TWICE"),
        (Check::SkuTooLong, long.as_str()),
        (Check::SkuOddCharacters, "RED/Å"),
        (Check::GiftCardProduct, "CARD"),
        (Check::Bundle, "SET"),
        (Check::Untracked, "GLUE"),
    ];
    assert_eq!(found(&told), expected);
    assert!(told.findings.iter().all(|finding| finding.message.contains("Thing 1")), "{:?}", told.findings);
    assert_eq!(
        told.findings[0].link.as_deref(),
        Some("https://admin.shopify.com/store/acme/products/1/variants/11")
    );
    assert!(told.findings[4].message.contains("'/', 'Å'"), "{}", told.findings[4].message);
    // As before, and the one with odd characters and the one that is not counted are made.
    assert_eq!(told.estimate, Some(Estimate { calls: 5 + 3 + 1, minutes: 1 }));
}

#[tokio::test(start_paused = true)]
async fn many_findings_of_one_check_are_counted_and_the_first_are_named() {
    let world = well().await;
    *world.shop.catalog.lock().unwrap() = (1..=900).map(|id| variant(id, "", 1)).collect::<Vec<Variant>>();
    let told = report(&world, |_| {}).await;
    assert_eq!(told.counts, [(Check::SkuMissing, 900)]);
    assert_eq!(told.findings.len(), shopbeat_domain::preflight::FINDINGS_SHOWN);
}

#[tokio::test(start_paused = true)]
async fn locations_that_are_unmapped_or_unknown_are_told() {
    let world = well().await;
    let place = |id, active| ShopLocation { id: LocationId(id), name: format!("Place {id}"), active };
    *world.shop.places.lock().unwrap() = vec![place(1, true), place(2, true), place(3, false)];
    assert_eq!(found(&report(&world, |_| {}).await), [(Check::LocationUnmapped, "stock.locations")]);
    assert_eq!(found(&report(&world, |all| all.stock.enabled = false).await), []);
    let route = |from, to| StockRoute { from: Some(StockLocation(from)), to: LocationId(to) };
    let told = report(&world, |all| {
        all.stock.locations = vec![route(1, 1), route(77, 3)];
        all.products.stock_location = Some(StockLocation(78));
    })
    .await;
    let expected = [
        (Check::LocationUnknown, "3"),
        (Check::LocationUnknown, "77"),
        (Check::Setting, "products.stock_location"),
        (Check::LocationUnmapped, "2"),
    ];
    assert_eq!(found(&told), expected);
}

#[tokio::test(start_paused = true)]
async fn a_group_in_use_without_a_rate_is_told_where_prices_need_one() {
    let world = well().await;
    let mut books = world.erp.groups.lock().unwrap()[0].clone();
    (books.number, books.name, books.vat_domestic) = (3, "Books".to_owned(), Decimal::ZERO);
    world.erp.groups.lock().unwrap().push(books);
    assert_eq!(found(&report(&world, |_| {}).await), [], "no item of the shop is of that group");
    world.erp.change_product("TENT-2P", |product| product.group = 3);
    let told = report(&world, |_| {}).await;
    assert_eq!(found(&told), [(Check::VatRate, "3")]);
    assert!(told.findings[0].message.contains("Books"), "{}", told.findings[0].message);
    assert_eq!(told.rates, [(1, Decimal::from(25)), (3, Decimal::ZERO)]);
    let said = report(&world, |all| {
        all.prices.vat_table.insert(3, Decimal::ZERO);
    });
    assert_eq!(found(&said.await), [], "0 % by choice");
    let same = report(&world, |all| all.prices.rackbeat_excludes_vat = false).await;
    assert_eq!(found(&same), [], "prices go over as they are");
    *world.shop.taxes_included.lock().unwrap() = false;
    assert_eq!(found(&report(&world, |_| {}).await), []);
}

#[tokio::test(start_paused = true)]
async fn another_currency_and_what_the_settings_name_in_vain_are_told() {
    let world = well().await;
    world.erp.books.lock().unwrap().items.get_mut("ROUNDING").unwrap().barred = true;
    let mut asked = request(&world, |all| {
        all.orders.freight_product = Some(ItemNumber::parse("GONE").unwrap());
        all.orders.rounding_product = Some(ItemNumber::parse("ROUNDING").unwrap());
        all.orders.rounding_tolerance = Decimal::from(9);
        all.prices.vat_table.insert(9, Decimal::ONE);
    });
    asked.agreement_currency = Some(Currency::parse("EUR").unwrap());
    let told = preflight(&world.ports, &asked).await.unwrap();
    let expected = [
        (Check::Setting, "orders.freight_product"),
        (Check::Setting, "orders.rounding_product"),
        (Check::Setting, "orders.rounding_tolerance"),
        (Check::Setting, "prices.vat_table"),
        (Check::Currency, "DKK"),
    ];
    assert_eq!(found(&told), expected);
    assert!(told.findings[4].message.contains("EUR"), "{}", told.findings[4].message);
}

#[tokio::test(start_paused = true)]
async fn a_barred_product_that_the_shop_sells_is_told_a_draft_of_one_is_not() {
    let world = well().await;
    world.erp.books.lock().unwrap().items.get_mut("TENT-2P").unwrap().barred = true;
    assert_eq!(found(&report(&world, |_| {}).await), [(Check::BarredProduct, "TENT-2P")]);
    world.shop.catalog.lock().unwrap()[0].active = false;
    assert_eq!(found(&report(&world, |_| {}).await), []);
}

#[tokio::test(start_paused = true)]
async fn the_quick_look_reads_no_catalogue_and_a_connected_store_is_looked_at_with_what_it_has() {
    let world = well().await;
    world.shop.catalog.lock().unwrap()[0].sku = String::new();
    let told = quick(&world.ports, &request(&world, |all| all.products.group = 9)).await.unwrap();
    assert_eq!(found(&told), [(Check::Setting, "products.group")]);
    assert_eq!(world.hooks.count("shop.start_export") + world.hooks.count("erp.items"), 0);
    assert!(of_store(&world.ports, &world.id).await.is_err(), "it is not connected");
    world.connector.connect(world.request(WorldBuilder::default().settings)).await.unwrap();
    let told = of_store(&world.ports, &world.id).await.unwrap();
    assert_eq!(found(&told), [(Check::SkuMissing, "Thing 1 / Red / M")]);
}

#[tokio::test(start_paused = true)]
async fn a_remote_in_trouble_is_no_finding() {
    for call in ["shop.identity", "erp.account", "shop.read_export", "erp.products"] {
        let world = well().await;
        world.hooks.trouble(call, 0, 1, Trouble::Fails(FailureKind::Unreachable));
        let answer = preflight(&world.ports, &request(&world, |_| {})).await;
        assert!(matches!(answer, Err(Problem::Failed { .. })), "{call}: {answer:?}");
    }
}
