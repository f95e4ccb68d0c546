//! Whose quantity stands: kept, added once per store, or replaced; and two stores at the same item at the same time.

use std::time::Duration;

use shopbeat_domain::ids::{StockLocation, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::run::{KeptStock, RowStock};

use super::report::{assert_told, rows};
use super::*;
use crate::testing::Mishap;

const SUM: RunPlan = RunPlan { policy: StockPolicy::Sum, ..ALL };
const OVERWRITE: RunPlan = RunPlan { policy: StockPolicy::Overwrite, ..ALL };

/// A second store of the agreement that sells the same items.
async fn second(world: &World, catalog: Vec<Variant>) -> StoreId {
    let shop = world.add_shop("beta.myshopify.com");
    *shop.catalog.lock().unwrap() = catalog;
    let mut settings = WorldBuilder::default().settings;
    settings.orders.since = None;
    let mut request = world.request(settings);
    request.shop = shop.domain.clone();
    world.connector.connect(request).await.unwrap().store.id
}

async fn run_of(world: &World, store: &StoreId, plan: RunPlan) -> Run {
    let begun = world.desk().begin_run(store, plan).await.unwrap();
    end(world, &begun).await
}

#[tokio::test(start_paused = true)]
async fn added_quantities_are_added_once_per_store_however_often_it_runs() {
    let world = world_with(vec![variant(1, "PEG-10", 70), variant(2, "CUP", 5)]).await;
    let beta = second(&world, vec![variant(91, "PEG-10", 7), variant(92, "CUP", 2)]).await;
    world.erp.put_stock("PEG-10", 3);
    let dry = run(&world, RunPlan { dry_run: true, ..SUM }).await;
    assert_eq!(dry.counts.stock_written, 2);
    assert_eq!(stock(&world), units(&[("PEG-10", 3)]));
    let first = run(&world, SUM).await;
    assert_told(&world, &first, "first").await;
    assert_eq!(stock(&world), units(&[("CUP", 5), ("PEG-10", 73)]));
    let again = run(&world, SUM).await;
    assert_eq!((again.counts.stock_written, again.counts.stock_kept), (0, 2));
    let theirs = run_of(&world, &beta, SUM).await;
    assert_eq!(theirs.counts.stock_written, 2);
    assert_eq!(stock(&world), units(&[("CUP", 7), ("PEG-10", 80)]));
    let row = &rows(&world, &beta).await[0];
    assert_eq!(row.stock, RowStock::Set { from: Decimal::from(73), to: Decimal::from(80) });
    run_of(&world, &beta, SUM).await;
    run(&world, ALL).await;
    assert_eq!(stock(&world), units(&[("CUP", 7), ("PEG-10", 80)]));
}

#[tokio::test(start_paused = true)]
async fn a_replaced_quantity_is_the_shops_zero_too() {
    let world =
        world_with(vec![variant(1, "PEG-10", 0), variant(2, "CUP", 5), variant(3, "TENT-2P", 6)]).await;
    world.erp.put_stock("PEG-10", 3);
    world.erp.put_stock("TENT-2P", 6);
    let run = run(&world, OVERWRITE).await;
    assert_told(&world, &run, "overwrite").await;
    assert_eq!(stock(&world), units(&[("CUP", 5), ("TENT-2P", 6)]));
    let told: Vec<RowStock> = rows(&world, &world.id).await.into_iter().map(|row| row.stock).collect();
    assert_eq!(told[0], RowStock::Set { from: Decimal::from(3), to: Decimal::ZERO });
    assert_eq!(told[2], RowStock::Kept(KeptStock::HasQuantity), "it is that already");
}

#[tokio::test(start_paused = true)]
async fn a_run_may_put_stock_on_another_location_and_count_what_lies_there() {
    let world = world_with(vec![variant(1, "CUP", 5)]).await;
    let plan = RunPlan { location: Some(StockLocation(1)), count: StockCount::OnHand, ..ALL };
    run(&world, plan).await;
    let at = async |location| {
        let agreement = AgreementId::parse("nordlys").unwrap();
        let erp = world.ports.remotes.erp(&agreement, Lane::BackFill).await.unwrap();
        erp.stock_at(&ItemNumber::parse("CUP").unwrap(), StockLocation(location)).await.unwrap()
    };
    assert_eq!((at(1).await, at(2).await), (Decimal::from(7), Decimal::ZERO));
}

/// Both runs at the same time, in two workers.
async fn together(world: &World, beta: &StoreId, plan: RunPlan, theirs: RunPlan) -> (Run, Run) {
    let first = world.desk().begin_run(&world.id, plan).await.unwrap();
    let second = world.desk().begin_run(beta, theirs).await.unwrap();
    tokio::join!(end(world, &first), end(world, &second))
}

#[tokio::test(start_paused = true)]
async fn two_stores_that_import_the_same_items_at_the_same_time_do_not_overwrite_each_other() {
    let catalog =
        |units: i64| (1..=80).map(|id| variant(id, &format!("ITEM-{id}"), units)).collect::<Vec<_>>();
    for (plan, theirs, allowed) in [
        (ALL, ALL, vec![5, 7]),
        (SUM, SUM, vec![12]),
        (OVERWRITE, OVERWRITE, vec![5, 7]),
        (ALL, SUM, vec![7, 12]),
        (SUM, OVERWRITE, vec![5, 7, 12]),
    ] {
        let world = world_with(catalog(5)).await;
        let beta = second(&world, catalog(7)).await;
        let (mine, other) = together(&world, &beta, plan, theirs).await;
        let what = format!("{:?} and {:?}", plan.policy, theirs.policy);
        assert_eq!((mine.phase, other.phase), (RunPhase::Finished, RunPhase::Finished), "{what}");
        assert_told(&world, &mine, &what).await;
        assert_told(&world, &other, &what).await;
        assert_eq!(made(&world).len(), 80, "{what}");
        assert_eq!(mine.counts.products_created + other.counts.products_created, 80, "{what}");
        let stands = stock(&world);
        assert_eq!(stands.len(), 80, "{what}");
        for (item, units) in &stands {
            assert!(
                allowed.iter().any(|allowed| Decimal::from(*allowed) == *units),
                "{what}: {item} {units}"
            );
        }
        // What the reports say was set is what was set.
        let set = mine.counts.stock_written + other.counts.stock_written;
        let adjusted = u64::try_from(world.erp.books.lock().unwrap().adjustments.len()).unwrap();
        assert_eq!(set, adjusted, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sum_that_was_cut_off_anywhere_is_added_once() {
    let with_stock = || async {
        let world = world_with(vec![variant(1, "PEG-10", 70), variant(2, "CUP", 5)]).await;
        world.erp.put_stock("PEG-10", 3);
        world
    };
    let clean = with_stock().await;
    let first = clean.hooks.calls().len();
    run(&clean, SUM).await;
    let calls = clean.hooks.calls().len();
    for mishap in Mishap::ALL {
        for at in first + 1..calls {
            let world = with_stock().await;
            world.hooks.plan(at, mishap);
            let run = run(&world, SUM).await;
            let what = format!("{mishap:?} at {:?}", world.hooks.calls().get(at));
            assert_eq!((run.phase, &run.failure), (RunPhase::Finished, &None), "{what}");
            assert_eq!(stock(&world), units(&[("CUP", 5), ("PEG-10", 73)]), "{what}");
            assert_eq!(run.counts.stock_written, 2, "{what}");
            assert_told(&world, &run, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_changed_while_its_write_was_cut_off_is_told_and_left_alone() {
    for plan in [ALL, SUM] {
        let world = world_with(vec![variant(1, "PEG-10", 70)]).await;
        let begun = world.desk().begin_run(&world.id, plan).await.unwrap();
        world.hooks.trouble("erp.set_stock", 0, 1, Trouble::Slow(Duration::from_secs(10)));
        let working = world.work();
        world.until("it is being set", async || world.hooks.count("erp.set_stock") == 1).await;
        working.kill().await;
        // Whether that write came through or not: somebody sold nine since.
        world.erp.put_stock("PEG-10", 61);
        let run = end(&world, &begun).await;
        assert_eq!((run.phase, run.counts.stock_written), (RunPhase::Finished, 0));
        assert_eq!(stock(&world), units(&[("PEG-10", 61)]), "{plan:?}");
        let [skipped] = run.skipped.as_slice() else { panic!("{:?}", run.skipped) };
        assert!(matches!(&skipped.reason, SkipReason::StockRefused(words) if words.contains("61")));
    }
}
