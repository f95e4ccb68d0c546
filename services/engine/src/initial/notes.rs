//! What became of variants, kept until a batch of them is saved: the report, the counts and the cursor, and what the
//! running sync wants to know of each item. Saved in an order in which a row of the report means that everything about
//! its variant is saved, and the cursor that all rows before it are.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shopbeat_domain::catalog::SkipReason;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{ProductId, VariantId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Family, Heap, IdMap};
use shopbeat_domain::run::{RowProduct, RowStock, Run, RunCounts, RunRow, SKIPPED_SHOWN, Skipped};
use shopbeat_domain::stock::Shelf;
use shopbeat_domain::store::RECORD_VERSION;

use super::Context;
use super::bring::{Brought, Importer, ItemOf};
use crate::transfer::Stop;

/// The key of a variant's row: keys sort as ids do.
pub(super) fn row_key(variant: VariantId) -> String {
    format!("{:020}", variant.0)
}

type Texts = Vec<(String, String)>;

/// What waits to be saved.
#[derive(Default)]
pub(super) struct Notes {
    report: Texts,
    known: Texts,
    variants: Texts,
    imports: Texts,
    shelves: Texts,
    inventory: Texts,
    carried: Texts,
    products: BTreeMap<ProductId, BTreeSet<String>>,
    /// How many of the rows took calls.
    costly: u64,
    waiting_since: Option<jiff::Timestamp>,
}

impl Notes {
    /// Notes what became of a variant; the run's counts and cursor are moved apart from this, in order.
    pub(super) fn take(&mut self, importer: &Importer<'_>, brought: &Brought) -> Answer<()> {
        let now = importer.context.ports.now();
        self.report.push((row_key(brought.row.variant), text(&brought.row)?));
        self.costly += u64::from(!brought.was_free);
        self.waiting_since.get_or_insert(now);
        let Some(ItemOf { number, variant, carried }) = &brought.item else { return Ok(()) };
        let item = number.as_str().to_owned();
        self.known.push((item.clone(), "1".to_owned()));
        self.variants.push((variant.id.to_string(), item.clone()));
        self.imports.extend(importer.imported(&brought.row, number));
        let (spot, number) = (Some(variant.spot()), number.clone());
        let shelf = Shelf { version: RECORD_VERSION, item: number, spot, looked_at: now };
        self.shelves.push((item.clone(), text(&shelf)?));
        self.inventory.push((variant.inventory_item.to_string(), item.clone()));
        if !carried.image.is_empty() {
            self.carried.push((item.clone(), text(carried)?));
        }
        self.products.entry(variant.product).or_default().insert(item);
        Ok(())
    }

    /// Whether enough waits: what took calls is saved soon, what costs nothing to do again in large batches.
    pub(super) fn are_due(&self, now: jiff::Timestamp) -> bool {
        let waited = self.waiting_since.map_or(std::time::Duration::ZERO, |since| {
            now.duration_since(since).max(jiff::SignedDuration::ZERO).unsigned_abs()
        });
        self.costly >= limits::IMPORT_SAVE_EVERY
            || self.report.len() >= limits::IMPORT_ROWS
            || waited >= limits::IMPORT_SAVE_AFTER
    }

    /// Saves what waits, and the run; done again whole after a failure.
    pub(super) async fn save(&self, context: &Context<'_>, run: &mut Run) -> Result<(), Stop> {
        let Self { report, known, variants, imports, shelves, inventory, carried, products, .. } = self;
        let (state, store) = (&context.ports.state, context.store);
        for (map, entries) in [
            (IdMap::StockImport(store.agreement.clone()), imports),
            (IdMap::KnownItem(store.agreement.clone()), known),
            (IdMap::VariantItem(store.id.clone()), variants),
        ] {
            if !entries.is_empty() {
                state.ids.put(&map, entries).await?;
            }
        }
        let products = with_known(context, products).await?;
        for (family, records) in [
            (Family::Shelf(store.id.clone()), shelves),
            (Family::InventoryItem(store.id.clone()), inventory),
            (Family::ProductItems(store.id.clone()), &products),
            (Family::Carried(store.id.clone()), carried),
        ] {
            if !records.is_empty() {
                state.records.put(&family, records).await?;
            }
        }
        if run.plan.stock && !known.is_empty() {
            // Hours lie between export and end, with sales on one side and changes on the other: every item is
            // compared once quantities are sent. That costs one read per fifty items, and a write only where the shop
            // shows something else.
            let items: Vec<String> = known.iter().map(|(item, _)| item.clone()).collect();
            let heap = Heap::StoreStock(store.id.clone());
            state.heaps.mark(&heap, &items, false, context.ports.now()).await?;
        }
        if !report.is_empty() {
            state.records.put(&Family::RunReport(store.id.clone()), report).await?;
        }
        context.save(run).await
    }
}

/// Items of products, with those that are written down already: a number that no variant bears any more is how the
/// running sync finds a renamed SKU.
async fn with_known(
    context: &Context<'_>,
    products: &BTreeMap<ProductId, BTreeSet<String>>,
) -> Result<Texts, Stop> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let family = Family::ProductItems(context.store.id.clone());
    let keys: Vec<String> = products.keys().map(ToString::to_string).collect();
    let known = context.ports.state.records.get(&family, &keys).await?;
    let mut texts = Vec::with_capacity(keys.len());
    for ((key, items), known) in keys.into_iter().zip(products.values()).zip(known) {
        let mut items = items.clone();
        let known: Option<Vec<String>> = known.and_then(|known| serde_json::from_str(&known).ok());
        items.extend(known.into_iter().flatten());
        texts.push((key, text(&items)?));
    }
    Ok(texts)
}

fn text<T: Serialize>(record: &T) -> Answer<String> {
    serde_json::to_string(record)
        .map_err(|error| Failure::new(Remote::State, FailureKind::Garbled, "put records", error.to_string()))
}

/// Counts a row, names what was skipped, and moves the cursor over it.
pub(super) fn count(run: &mut Run, row: RunRow) {
    tally(&mut run.counts, &row);
    run.cursor = Some(row.variant);
    let reason = match (row.did, row.stock) {
        (RowProduct::Skipped(reason), _) => reason,
        (_, RowStock::Refused(words)) => SkipReason::StockRefused(words),
        _ => return,
    };
    if run.skipped.len() < SKIPPED_SHOWN {
        run.skipped.push(Skipped { variant: row.variant, name: row.name, sku: row.sku, reason });
    }
}

fn tally(counts: &mut RunCounts, row: &RunRow) {
    counts.done += 1;
    match &row.did {
        RowProduct::Created => counts.products_created += 1,
        RowProduct::Present => counts.products_present += 1,
        RowProduct::Absent => {}
        RowProduct::Skipped(_) => counts.skipped += 1,
    }
    match &row.stock {
        RowStock::None => {}
        RowStock::Set { .. } => counts.stock_written += 1,
        RowStock::Kept(_) | RowStock::Refused(_) => counts.stock_kept += 1,
    }
}
