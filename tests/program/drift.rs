//! Edits on the side that is not master: told, never carried back, settled when asked.

use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::shopify::ProductEdit;
use shopbeat_tests::{SHORT, World, until};
use tonic::Code;

use crate::mix::amount;
use crate::products::{followed, in_shops, plan, product_of};

const SHOPS: [&str; 2] = ["fjeld", "skov"];
const FJELD: &str = "fjeld.myshopify.com";

async fn drift(world: &World, shop: &str) -> Vec<v1::Drift> {
    let request = v1::ListDriftRequest { store_id: shop.to_owned(), ..v1::ListDriftRequest::default() };
    let told = world.api.clone().list_drift(request).await.unwrap().into_inner();
    assert_eq!(u64::try_from(told.drift.len()).unwrap(), told.total);
    told.drift
}

/// Waits until one field of the item is told, with both values.
async fn told(world: &World, shop: &str, field: v1::ProductField, master: &str, other: &str) {
    until(&format!("{field:?} drifted in {shop}"), SHORT, async || {
        let told = drift(world, shop).await;
        match told.as_slice() {
            [one] if (one.field(), one.master.as_str(), one.other.as_str()) == (field, master, other) => {
                assert_eq!((one.item.as_str(), one.since.is_some()), ("NY-1", true));
                Ok(())
            }
            _ => Err(format!("{told:?}")),
        }
    })
    .await;
}

async fn settle(
    world: &World,
    shop: &str,
    item: &str,
    choice: v1::DriftChoice,
) -> Result<v1::ResolveDriftResponse, tonic::Status> {
    let request = v1::ResolveDriftRequest {
        store_id: shop.to_owned(),
        item: item.to_owned(),
        fields: Vec::new(),
        choice: choice.into(),
    };
    Ok(world.api.clone().resolve_drift(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_a_shop_is_told_there_and_repaired_or_adopted_when_asked() {
    let mut world = World::start(plan(231)).await;
    for shop in SHOPS {
        let settings = followed(&world, shop, v1::Master::Rackbeat);
        world.connect_with(shop, settings).await;
    }
    let (account, rackbeat) = (world.account(), world.rackbeat().clone());
    let tent = json!({ "number": "NY-1", "name": "Nyt telt", "group": 1, "sales_price": 80 });
    assert!(rackbeat.create_product(account, tent));
    in_shops(&world, "NY-1", "is there", |product| product.variants[0].price == amount("100")).await;

    let own = product_of(&world, "fjeld", "NY-1").unwrap();
    world.shopify().set_price(FJELD, own.variants[0].id, amount("111.00")).unwrap();
    told(&world, "fjeld", v1::ProductField::Price, "100", "111").await;
    assert_eq!(drift(&world, "skov").await, []);
    let refused = settle(&world, "skov", "NY-1", v1::DriftChoice::Repair).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    let settled = settle(&world, "fjeld", "NY-1", v1::DriftChoice::Repair).await.unwrap();
    assert_eq!(settled.drift.len(), 1);
    in_shops(&world, "NY-1", "costs what Rackbeat says", |product| {
        product.variants[0].price == amount("100")
    })
    .await;
    assert_eq!(drift(&world, "fjeld").await, []);

    let titled = ProductEdit { title: Some("Telt til to".to_owned()), ..ProductEdit::default() };
    world.shopify().edit_product(FJELD, own.id, titled).unwrap();
    told(&world, "fjeld", v1::ProductField::Name, "Nyt telt", "Telt til to").await;
    assert_eq!(rackbeat.stock(account, "NY-1").unwrap().name, "Nyt telt", "it is not carried back by itself");
    // The master's own change of another field leaves what drifted alone.
    assert!(rackbeat.edit_product(account, "NY-1", json!({ "sales_price": 88 })));
    in_shops(&world, "NY-1", "costs more", |product| product.variants[0].price == amount("110")).await;
    assert_eq!(product_of(&world, "fjeld", "NY-1").unwrap().title, "Telt til to");
    settle(&world, "fjeld", "NY-1", v1::DriftChoice::Adopt).await.unwrap();
    assert_eq!(rackbeat.stock(account, "NY-1").unwrap().name, "Telt til to");
    in_shops(&world, "NY-1", "has the adopted name", |product| product.title == "Telt til to").await;
    assert_eq!(drift(&world, "fjeld").await, []);
    world.finish(SHORT).await;
}
