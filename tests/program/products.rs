//! Products, carried from the master to the other side and never back.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::catalog::{Catalog, CatalogProduct, generated};
use shopbeat_sandbox::rackbeat::{HookScript, ProductRow};
use shopbeat_sandbox::shopify::order_gen::{danish_vat, line};
use shopbeat_sandbox::shopify::{ProductEdit, ProductTruth};
use shopbeat_tests::{LONG, Plan, SHORT, World, until};

use crate::mix::{amount, plain};

const SHOPS: [&str; 2] = ["fjeld", "skov"];
const FJELD: &str = "fjeld.myshopify.com";

pub(crate) fn plan(seed: u64) -> Plan {
    Plan { shops: SHOPS.to_vec(), catalog: generated(6, seed), stocked: false, ..Plan::new(seed) }
}

/// The usual settings with products followed; from Rackbeat only goods of the groups 1 and 3.
pub(crate) fn followed(world: &World, shop: &str, master: v1::Master) -> v1::Settings {
    let groups = v1::product_filter::By::Groups(v1::GroupFilter { groups: vec![1, 3] });
    let filter = (master == v1::Master::Rackbeat).then_some(v1::ProductFilter { by: Some(groups) });
    let products = v1::ProductSettings {
        master: master.into(),
        filter,
        on_delete: v1::OnDelete::Bar.into(),
        ..v1::ProductSettings::default()
    };
    v1::Settings { products: Some(products), ..world.stocked(shop) }
}

/// The product of a shop that has a variant with this SKU.
pub(crate) fn product_of(world: &World, shop: &str, sku: &str) -> Option<ProductTruth> {
    let products = world.shopify().products(&format!("{shop}.myshopify.com")).unwrap();
    products
        .into_iter()
        .find(|product| product.variants.iter().any(|variant| variant.sku.as_deref() == Some(sku)))
}

/// Waits until every shop has the product, as wanted.
pub(crate) async fn in_shops(world: &World, sku: &str, wanted: &str, is_it: impl Fn(&ProductTruth) -> bool) {
    until(&format!("{sku} {wanted} in both shops"), SHORT, async || {
        for shop in SHOPS {
            let product = product_of(world, shop, sku);
            if !product.as_ref().is_some_and(&is_it) {
                return Err(format!("{shop}: {product:?}"));
            }
        }
        Ok(())
    })
    .await;
}

/// Waits until Rackbeat has the product, as wanted.
async fn in_rackbeat(
    world: &World,
    sku: &str,
    wanted: &str,
    is_it: impl Fn(&ProductRow) -> bool,
) -> ProductRow {
    until(&format!("{sku} {wanted} in Rackbeat"), SHORT, async || {
        match world.rackbeat().stock(world.account(), sku) {
            Some(row) if is_it(&row) => Ok(row),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

fn costs(product: &ProductTruth, price: &str) -> bool {
    product.variants.len() == 1 && product.variants[0].price == amount(price)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_edited_and_barred_in_rackbeat_reaches_both_shops_and_touches_nothing_else() {
    let mut world = World::start(plan(221)).await;
    for shop in SHOPS {
        let settings = followed(&world, shop, v1::Master::Rackbeat);
        world.connect_with(shop, settings).await;
    }
    let (account, rackbeat) = (world.account(), world.rackbeat().clone());
    rackbeat.set_hook_script(HookScript { duplicates_ppm: 500_000, ..HookScript::default() });
    let tent = json!({
        "number": "NY-1", "name": "Nyt telt", "group": 1, "sales_price": 80, "barcode": "5712345678901",
        "description": "Let & tæt",
    });
    assert!(rackbeat.create_product(account, tent));
    assert!(rackbeat.create_product(
        account,
        json!({ "number": "KOP-1", "name": "Kop", "group": 3, "sales_price": 100 })
    ));
    assert!(rackbeat.create_product(
        account,
        json!({ "number": "INTERN-1", "name": "Intern", "group": 2, "sales_price": 1 })
    ));
    let parts = json!([{ "product_id": "NY-1", "quantity": 1 }]);
    let set = json!({ "number": "SET-1", "name": "Sæt", "group": 1, "sales_price": 200, "lines": parts });
    assert!(rackbeat.create_lot(account, set));
    in_shops(&world, "NY-1", "is a draft at 100.00", |product| {
        let variant = &product.variants[0];
        costs(product, "100.00")
            && product.status == "DRAFT"
            && product.title == "Nyt telt"
            && product.product_type == "Goods 25%"
            && product.body_html.contains("Let &amp; tæt")
            && variant.barcode.as_deref() == Some("5712345678901")
            && variant.tracked
    })
    .await;
    in_shops(&world, "KOP-1", "has 12 % VAT", |product| costs(product, "112.00")).await;
    in_shops(&world, "SET-1", "is there", |product| costs(product, "250.00")).await;

    // What a merchant adds stays, whatever comes from Rackbeat afterwards.
    let own = product_of(&world, "fjeld", "NY-1").unwrap();
    let added = ProductEdit {
        tags: Some(vec!["sommer".to_owned(), "nyhed".to_owned()]),
        vendor: Some("Skovhuset".to_owned()),
        status: Some("ACTIVE".to_owned()),
        ..ProductEdit::default()
    };
    world.shopify().edit_product(FJELD, own.id, added).unwrap();
    assert!(rackbeat.edit_product(account, "NY-1", json!({ "sales_price": 96, "name": "Nyt telt II" })));
    in_shops(&world, "NY-1", "costs 120.00", |product| {
        costs(product, "120.00") && product.title == "Nyt telt II"
    })
    .await;
    let edited = product_of(&world, "fjeld", "NY-1").unwrap();
    assert_eq!((edited.id, edited.tags.len(), edited.vendor.as_str()), (own.id, 2, "Skovhuset"));
    assert_eq!(
        (edited.status.as_str(), product_of(&world, "skov", "NY-1").unwrap().status.as_str()),
        ("ACTIVE", "DRAFT")
    );

    assert!(rackbeat.edit_product(account, "NY-1", json!({ "is_barred": true })));
    let mut api = world.api.clone();
    until("both stores tell that it is barred", SHORT, async || {
        for shop in SHOPS {
            let request = v1::ListProductTroublesRequest { store_id: shop.to_owned(), ..Default::default() };
            let told =
                api.list_product_troubles(request).await.map_err(|status| status.to_string())?.into_inner();
            let codes: Vec<_> =
                told.troubles.iter().map(|told| (told.subject.as_str(), told.code.as_str())).collect();
            if codes != [("NY-1", "barred")] {
                return Err(format!("{shop}: {told:?}"));
            }
        }
        Ok(())
    })
    .await;
    for shop in SHOPS {
        assert_eq!(product_of(&world, shop, "INTERN-1"), None, "it is of no chosen group");
        let products = world.shopify().products(&format!("{shop}.myshopify.com")).unwrap();
        assert_eq!(products.len(), 3 + generated(6, 221).products.len(), "each was made once");
        let writes = world.shopify().product_writes(&format!("{shop}.myshopify.com")).unwrap();
        assert!(writes.iter().all(|write| write.changed), "{writes:?}");
    }
    world.finish(SHORT).await;
}

/// A product of one option with this many values; SKUs are `<handle>-<nth>`.
fn product(handle: &str, variants: usize, price: &str) -> CatalogProduct {
    let mut product = generated(1, 1).products.remove(0);
    let own = product.variants.remove(0);
    product.handle = handle.to_owned();
    product.title = format!("Vare {handle}");
    product.options = vec!["Farve".to_owned()];
    product.variants = (1..=variants)
        .map(|nth| {
            let mut variant = own.clone();
            variant.values = vec![format!("Farve {nth}")];
            variant.sku = Some(format!("{handle}-{nth}"));
            variant.price = amount(price);
            variant.grams = 1_500;
            variant
        })
        .collect();
    product
}

fn writes(world: &World) -> usize {
    ["POST", "PUT"].iter().map(|method| world.rackbeat().calls_to(method, "/products")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_edited_renamed_and_deleted_in_shopify_reaches_rackbeat() {
    let mut world =
        World::start(Plan { shops: vec!["fjeld"], catalog: Catalog::default(), ..plan(222) }).await;
    let settings = followed(&world, "fjeld", v1::Master::Shopify);
    world.connect_with("fjeld", settings).await;
    let id = world.shopify().add_product(FJELD, &product("lygte", 2, "250.00")).unwrap();
    let made = in_rackbeat(&world, "lygte-2", "is there", |_| true).await;
    assert_eq!((made.name.as_str(), made.price, made.group), ("Vare lygte / Farve 2", amount("200"), 1));
    assert_eq!(made.weight, Some((amount("1.5"), "kg".to_owned())));
    assert!(made.cost.is_some() && made.barcode.is_none(), "{made:?}");
    in_rackbeat(&world, "lygte-1", "is there", |_| true).await;

    // More variants than a webhook tells of.
    world.shopify().add_product(FJELD, &product("snor", 120, "10.00")).unwrap();
    until("all variants are there", SHORT, async || {
        let products = world.rackbeat().products(world.account());
        let there = products.iter().filter(|row| row.number.starts_with("snor-")).count();
        if there == 120 { Ok(()) } else { Err(format!("{there} are")) }
    })
    .await;

    let titled = ProductEdit { title: Some("Lygte".to_owned()), ..ProductEdit::default() };
    world.shopify().edit_product(FJELD, id, titled).unwrap();
    let truth = world.shopify().product(FJELD, id).unwrap();
    world.shopify().set_price(FJELD, truth.variants[0].id, amount("125.00")).unwrap();
    in_rackbeat(&world, "lygte-1", "is edited", |row| {
        row.name == "Lygte / Farve 1" && row.price == amount("100")
    })
    .await;
    in_rackbeat(&world, "lygte-2", "is edited", |row| {
        row.name == "Lygte / Farve 2" && row.price == amount("200")
    })
    .await;

    world.count("lygte-1", 7);
    world.shopify().set_sku(FJELD, truth.variants[0].id, Some("LYGTE-NY")).unwrap();
    in_rackbeat(&world, "LYGTE-NY", "has the old one's stock", |row| row.stock == Decimal::from(7)).await;
    assert_eq!(world.rackbeat().stock(world.account(), "lygte-1"), None, "it has a new number");

    world.shopify().delete_product(FJELD, id).unwrap();
    for sku in ["LYGTE-NY", "lygte-2"] {
        in_rackbeat(&world, sku, "is barred", |row| row.barred).await;
    }
    let numbers: BTreeSet<String> =
        world.rackbeat().products(world.account()).into_iter().map(|row| row.number).collect();
    assert_eq!(numbers.len(), 2 + 120 + 2, "and freight and rounding: {numbers:?}");
    world.finish(SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_purchases_tells_of_products_and_writes_none() {
    let mut world =
        World::start(Plan { shops: vec!["fjeld"], catalog: Catalog::default(), ..plan(223) }).await;
    let settings = followed(&world, "fjeld", v1::Master::Shopify);
    world.connect_with("fjeld", settings).await;
    for handle in ["a", "b", "c"] {
        world.shopify().add_product(FJELD, &product(handle, 2, "125.00")).unwrap();
        in_rackbeat(&world, &format!("{handle}-1"), "is there", |_| true).await;
        in_rackbeat(&world, &format!("{handle}-2"), "is there", |_| true).await;
    }
    world.settled("fjeld", SHORT).await;
    let reads = |world: &World| -> u64 {
        let calls = world.shopify().calls();
        calls.iter().filter(|((_, call), _)| call == "ProductById").map(|(_, count)| count).sum()
    };
    let (written, read) = (writes(&world), reads(&world));
    let offers = world.shopify().offers(FJELD).unwrap();
    for _ in 0..20 {
        let mut spec = plain(&world, "fjeld");
        spec.lines = offers.iter().map(|offer| line(offer, 1, danish_vat())).collect();
        world.buy("fjeld", &spec);
    }
    world.shopify().settled().await;
    world.settled("fjeld", LONG).await;
    until("the products were looked at", SHORT, async || {
        let looked = reads(&world) - read;
        if looked >= 3 { Ok(()) } else { Err(format!("{looked} times")) }
    })
    .await;
    world.settled("fjeld", SHORT).await;
    assert_eq!(writes(&world), written, "nothing changed, and nothing was written");
    world.finish(SHORT).await;
}
