//! What a run tells: a row for every variant, counts that add up, the estimate; and what it leaves for the running
//! sync.

use shopbeat_domain::ids::{InventoryItemId, ProductId, VariantId};
use shopbeat_domain::ports::{Family, Heap};
use shopbeat_domain::product::{Carried, ProductField};
use shopbeat_domain::run::{Estimate, KeptStock, RowProduct, RowStock, RunRow};
use shopbeat_domain::settings::{Master, StockRoute};
use shopbeat_domain::stock::Shelf;

use super::*;

/// All rows of the report, in order.
pub(super) async fn rows(world: &World, store: &shopbeat_domain::ids::StoreId) -> Vec<RunRow> {
    let family = Family::RunReport(store.clone());
    let page = world.raw.records.page(&family, None, 100_000).await.unwrap();
    page.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
}

/// Every variant has one row, and the counts are those of the rows.
pub(super) async fn assert_told(world: &World, run: &Run, what: &str) {
    let rows = rows(world, &run.store).await;
    let ids: Vec<u64> = rows.iter().map(|row| row.variant.0).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {ids:?}");
    let counts = run.counts;
    assert_eq!(u64::try_from(rows.len()).unwrap(), counts.variants, "{what}: a row for every variant");
    let count =
        |of: &dyn Fn(&RunRow) -> bool| u64::try_from(rows.iter().filter(|row| of(row)).count()).unwrap();
    let absent = count(&|row| row.did == RowProduct::Absent);
    let sum = counts.products_created + counts.products_present + counts.skipped + absent;
    assert_eq!((sum, counts.done), (counts.variants, counts.variants), "{what}: {counts:?}");
    assert_eq!(count(&|row| row.did == RowProduct::Created), counts.products_created, "{what}");
    assert_eq!(count(&|row| row.did == RowProduct::Present), counts.products_present, "{what}");
    assert_eq!(count(&|row| matches!(row.stock, RowStock::Set { .. })), counts.stock_written, "{what}");
    let kept = |row: &RunRow| matches!(row.stock, RowStock::Kept(_) | RowStock::Refused(_));
    assert_eq!(count(&kept), counts.stock_kept, "{what}");
}

fn set(from: i64, to: i64) -> RowStock {
    RowStock::Set { from: Decimal::from(from), to: Decimal::from(to) }
}

#[tokio::test(start_paused = true)]
async fn every_variant_has_a_row_that_says_what_became_of_it_in_a_dry_run_too() {
    let mut bundle = variant(6, "SET", 3);
    bundle.bundle = true;
    let mut card = variant(7, "CARD", 3);
    card.gift_card = true;
    let world = world_with([catalog(), vec![bundle, card, variant(8, "", 1)]].concat()).await;
    world.erp.put_stock("PEG-10", 3);
    let created = |stock: RowStock| (RowProduct::Created, stock);
    let skipped = |reason, why| (RowProduct::Skipped(reason), RowStock::Kept(why));
    let expected = [
        created(set(0, 11)),
        created(RowStock::Kept(KeptStock::Nothing)),
        created(RowStock::Kept(KeptStock::NotCounted)),
        created(set(0, 4)),
        (RowProduct::Present, RowStock::Kept(KeptStock::HasQuantity)),
        skipped(SkipReason::Bundle, KeptStock::NotCounted),
        skipped(SkipReason::GiftCard, KeptStock::NotCounted),
        skipped(SkipReason::Sku(SkuDefect::Missing), KeptStock::NoItem),
    ];
    for plan in [DRY, ALL] {
        let run = run(&world, plan).await;
        assert_eq!(run.phase, RunPhase::Finished);
        assert_told(&world, &run, &format!("{plan:?}")).await;
        let told = rows(&world, &world.id).await;
        let did: Vec<_> = told.iter().map(|row| (row.did.clone(), row.stock.clone())).collect();
        assert_eq!(did, expected, "{plan:?}");
        assert_eq!(told[0].name, "Thing 1 / Red / M");
        assert_eq!((run.counts.skipped, run.skipped.len()), (3, 3));
    }
    let again = run(&world, ALL).await;
    assert_told(&world, &again, "again").await;
    let row = &rows(&world, &world.id).await[0];
    assert_eq!(
        (&row.did, &row.stock),
        (&RowProduct::Present, &RowStock::Kept(KeptStock::ImportedBefore)),
        "the report of the run before is gone"
    );
    let other = world_with(catalog()).await;
    let absent = run(&other, RunPlan { products: false, ..ALL }).await;
    assert_told(&other, &absent, "absent").await;
    assert_eq!((absent.counts.done, absent.counts.products_created), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_told_before_the_first_write_and_the_time_left_while_it_goes_on() {
    let variants: Vec<Variant> = (1..=930).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("400 are there", async || made(&world).len() >= 400).await;
    let at = saved(&world, &begun).await;
    assert_eq!(at.estimate, Some(Estimate { calls: 3 * 930, minutes: 6 }));
    let left = at.seconds_left(world.ports.now()).unwrap();
    assert!((1..60).contains(&left), "{left}");
    working.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_leaves_what_the_running_sync_wants_to_know_and_quantities_are_sent_from_its_end_on() {
    let route = StockRoute { from: None, to: LocationId(1) };
    let world = WorldBuilder::default()
        .settings(|all| {
            (all.orders.since, all.products.master) = (None, Master::Shopify);
            all.stock.locations = vec![route];
        })
        .build()
        .await;
    *world.shop.catalog.lock().unwrap() = catalog();
    let without = run(&world, RunPlan { stock: false, ..ALL }).await;
    assert_eq!(without.phase, RunPhase::Finished);
    let store = || async { world.raw.registry.store(&world.id).await.unwrap().unwrap() };
    assert_eq!(store().await.stock_accepted_at, None, "products alone say nothing of stock");
    let writes = || world.shop.quantities_written().len();
    let dry = run(&world, DRY).await;
    assert_eq!((dry.phase, store().await.stock_accepted_at, writes()), (RunPhase::Finished, None, 0));

    let records = &world.raw.records;
    let one = async |family: Family, key: &str| {
        records.get(&family, &[key.to_owned()]).await.unwrap().pop().flatten()
    };
    let shelf: Shelf =
        serde_json::from_str(&one(Family::Shelf(world.id.clone()), "CUP").await.unwrap()).unwrap();
    let spot = shelf.spot.unwrap();
    assert_eq!(
        (spot.product, spot.variant, spot.inventory_item, spot.tracked),
        (ProductId(0), VariantId(1), InventoryItemId(5001), true)
    );
    assert_eq!(one(Family::InventoryItem(world.id.clone()), "5001").await.as_deref(), Some("CUP"));
    let items = one(Family::ProductItems(world.id.clone()), "0").await.unwrap();
    let items: Vec<String> = serde_json::from_str(&items).unwrap();
    assert_eq!(items, ["BOWL", "CUP", "GLUE", "PEG-10", "TENT-4P"]);
    let carried: Carried =
        serde_json::from_str(&one(Family::Carried(world.id.clone()), "CUP").await.unwrap()).unwrap();
    assert_eq!(carried.image[&ProductField::Name], "Thing 1 / Red / M");
    assert_eq!(carried.image[&ProductField::Price], "80");
    assert!(carried.digest.starts_with("to-rackbeat"), "{}", carried.digest);
    assert_eq!(one(Family::Carried(world.id.clone()), "PEG-10").await, None, "what was there may differ");

    // Sold in the shop while the run went on, told to nobody yet: found when all is compared at the end.
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("the run is over", async || saved(&world, &begun).await.is_over()).await;
    assert!(store().await.stock_accepted_at.is_some());
    let heap = Heap::StoreStock(world.id.clone());
    let marked = async || world.raw.heaps.count(&heap).await.unwrap();
    world.until("all is compared", async || marked().await == 0).await;
    working.stop().await;
    assert_eq!(writes(), 0, "what is the same on both sides is not written");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_ends_within_moments_and_keeps_what_it_brought() {
    let variants: Vec<Variant> = (1..=900).map(|id| variant(id, &format!("ITEM-{id}"), 4)).collect();
    let world = world_with(variants).await;
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("50 are there", async || made(&world).len() >= 50).await;
    let asked = world.ports.now();
    world.desk().cancel_run(&world.id, None).await.unwrap();
    world.until("it is over", async || saved(&world, &begun).await.is_over()).await;
    assert!(world.ports.now().duration_since(asked).as_secs() <= 3);
    let run = saved(&world, &begun).await;
    let brought = u64::try_from(made(&world).len()).unwrap();
    assert_eq!((run.phase, run.counts.done), (RunPhase::Cancelled, brought));
    assert!(brought < 900);
    let accepted = world.raw.registry.store(&world.id).await.unwrap().unwrap().stock_accepted_at;
    assert_eq!(accepted, None, "half of an import says nothing of the rest");
    working.stop().await;
    let next = super::run(&world, ALL).await;
    assert_eq!((next.phase, next.counts.products_present), (RunPhase::Finished, brought));
    assert_eq!(next.counts.products_created, 900 - brought);
    assert_eq!(world.erp.books.lock().unwrap().adjustments.len(), 900);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_cancelled_while_shopify_writes_the_file_as_well() {
    let world = world_with(catalog()).await;
    let waits = std::iter::repeat_n(shopbeat_domain::ports::Export::Running(3), 600);
    world.shop.export_answers.lock().unwrap().extend(waits);
    let begun = world.desk().begin_run(&world.id, ALL).await.unwrap();
    let working = world.work();
    world.until("it waits", async || saved(&world, &begun).await.phase == RunPhase::Exporting).await;
    world.desk().cancel_run(&world.id, Some(&begun.id)).await.unwrap();
    world.until("it is over", async || saved(&world, &begun).await.is_over()).await;
    assert_eq!(saved(&world, &begun).await.phase, RunPhase::Cancelled);
    assert_eq!(made(&world), [""; 0]);
    working.stop().await;
}
