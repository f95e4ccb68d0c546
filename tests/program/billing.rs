//! What an agreement owes for a month.

use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_tests::{Plan, SHORT, StateAt, World};

use crate::settings::cli;

const SHOPS: [&str; 3] = ["fjeld", "skov", "strand"];

async fn bill(world: &World) -> v1::GetBillingResponse {
    let request =
        v1::GetBillingRequest { agreement_id: "nordlys".to_owned(), ..v1::GetBillingRequest::default() };
    world.api.clone().get_billing(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_store_is_free_the_others_are_billed_and_the_journal_outlives_a_restart() {
    let args = vec!["--billing-rule", "whole-months", "--billing-price", "100"];
    let plan = Plan { shops: SHOPS.to_vec(), args, state: StateAt::File, ..Plan::new(261) };
    let mut world = World::start(plan).await;
    for shop in SHOPS {
        world.connect(shop).await;
    }
    let pause = v1::PauseStoreRequest { store_id: "skov".to_owned() };
    world.api.pause_store(pause).await.unwrap();
    let told = bill(&world).await;
    let owed: Vec<(&str, &str)> =
        told.stores.iter().map(|store| (store.store_id.as_str(), store.amount.as_str())).collect();
    let amounts: Vec<Decimal> = owed.iter().map(|(_, amount)| amount.parse().unwrap()).collect();
    assert_eq!(owed.iter().map(|(store, _)| *store).collect::<Vec<_>>(), SHOPS, "by their connection");
    assert_eq!(amounts, [0, 100, 100].map(Decimal::from), "paused is billed");
    assert_eq!(told.total.parse::<Decimal>().unwrap(), Decimal::from(200));
    assert_eq!((told.currency.as_str(), told.free_stores, told.closed), ("DKK", 1, false));
    assert!(told.journal_flaw.is_empty() && !told.journal_head.is_empty(), "{told:?}");
    assert_eq!((told.stores[1].days, told.stores[1].days_paused), (1, 1));

    world.restart().await;
    let again = bill(&world).await;
    assert_eq!(
        (again.stores, again.total, again.journal_head),
        (told.stores, told.total.clone(), told.journal_head)
    );
    let csv = cli(&world, &["billing", "nordlys", "--month", &told.month, "--format", "csv"], Some(0)).await;
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 4, "{csv}");
    let column = |name: &str| lines[0].iter().position(|cell| *cell == name).unwrap();
    let (store, amount) = (column("store"), column("amount"));
    let sum: Decimal = lines[1..].iter().map(|line| line[amount].parse::<Decimal>().unwrap()).sum();
    assert_eq!(lines[1..].iter().map(|line| line[store]).collect::<Vec<_>>(), SHOPS);
    assert_eq!(sum, Decimal::from(200));
    let table = cli(&world, &["billing", "nordlys"], Some(0)).await;
    assert!(table.contains(&format!("owes {} DKK for {}", told.total, told.month)), "{table}");
    let later =
        v1::GetBillingRequest { agreement_id: "nordlys".to_owned(), month: "2026-13".to_owned(), csv: false };
    assert_eq!(world.api.get_billing(later).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    let unknown = v1::GetBillingRequest { agreement_id: "nobody".to_owned(), ..Default::default() };
    assert_eq!(world.api.get_billing(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    world.api.resume_store(v1::ResumeStoreRequest { store_id: "skov".to_owned() }).await.unwrap();
    world.finish(SHORT).await;
}
