//! What no webhook told: all quantities and all products are compared with what is posted, on a timer, and what
//! differs is marked like a change.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::erp::{ErpProduct, ItemKind};
use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Heap, Notice, Topic};
use shopbeat_domain::stock::{ItemStock, PlaceStock, StockNotice};
use shopbeat_domain::store::Store;
use tokio_util::sync::CancellationToken;

use super::stock::{Depth, depth, held};
use super::{Reader, mark, products};
use crate::retry;
use crate::transfer::later;
use crate::worker::{Meets, pause, tell};

/// One of the two sweeps.
struct Timer {
    every: Duration,
    due: Timestamp,
    failures: u32,
}

impl Timer {
    fn new(every: Duration, now: Timestamp) -> Self {
        Self { every, due: now, failures: 0 }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.due <= now
    }

    fn ended(&mut self, reader: &Reader<'_>, swept: Answer<u64>, what: &'static str) {
        let ports = reader.ports;
        let wait = match swept {
            Ok(changed) => {
                self.failures = 0;
                // Only this: it may have had nothing to ask Rackbeat for.
                reader.reporter.fine(Meets::ReaderSweep);
                tracing::debug!(agreement = %reader.agreement(), changed, "{what} swept");
                self.every
            }
            Err(failure) => {
                tell(ports, reader.store, "a sweep of Rackbeat has to wait", &failure);
                self.failures += 1;
                reader.reporter.met(Meets::ReaderSweep, &failure, self.failures);
                retry::backoff(self.failures, ports.random.as_ref())
            }
        };
        self.due = later(ports.now(), wait);
    }
}

/// Sweeps at once and then on timers, until `over`.
pub(super) async fn keep_swept(reader: &Reader<'_>, over: &CancellationToken) {
    let now = reader.ports.now();
    let mut stock = Timer::new(limits::STOCK_SWEEP_EVERY, now);
    let mut product = Timer::new(limits::PRODUCT_SWEEP_EVERY, now);
    // Not at once: every start of a worker would read every level of every shop.
    let mut level = Timer::new(limits::LEVEL_SWEEP_EVERY, later(now, limits::PRODUCT_SWEEP_EVERY));
    while !over.is_cancelled() {
        let now = reader.ports.now();
        if stock.is_due(now) {
            stock.ended(reader, sweep_stock(reader).await, "stock");
        }
        if product.is_due(now) {
            product.ended(reader, sweep_products(reader).await, "products");
        }
        if level.is_due(now) {
            level.ended(reader, sweep_levels(reader).await, "levels");
        }
        let wait = stock
            .due
            .min(product.due)
            .min(level.due)
            .duration_since(reader.ports.now())
            .max(SignedDuration::from_millis(1));
        pause(reader.ports, wait.unsigned_abs(), over).await;
    }
}

/// Compares all quantities with the board. Only what was posted once is compared: a store that begins to take stock
/// has its items marked itself. Available quantities per location are told item by item only, so a change there is
/// seen here if it changes a sum.
async fn sweep_stock(reader: &Reader<'_>) -> Answer<u64> {
    let mut stores = reader.stores().await?;
    stores.retain(Store::takes_stock);
    if stores.is_empty() {
        return Ok(0);
    }
    let depth = depth(&stores);
    let erp = reader.ports.remotes.erp(reader.agreement(), Lane::BackFill).await?;
    let (mut page, mut changed) = (1, 0);
    loop {
        let answer = erp.stock_list(page).await?;
        changed += compare_stock(reader, &answer.rows, false).await?;
        if answer.next.is_none() {
            break;
        }
        page += 1;
    }
    if depth == Depth::Sums {
        return Ok(changed);
    }
    page = 1;
    loop {
        let answer = erp.stock_report(page).await?;
        changed += compare_stock(reader, &answer.rows, true).await?;
        if answer.next.is_none() {
            break;
        }
        page += 1;
    }
    Ok(changed)
}

async fn sweep_levels(reader: &Reader<'_>) -> Answer<u64> {
    let erp = reader.ports.remotes.erp(reader.agreement(), Lane::BackFill).await?;
    crate::stock::doubt_all(reader.ports, reader.agreement(), erp.as_ref()).await
}

async fn compare_stock(reader: &Reader<'_>, rows: &[ItemStock], places: bool) -> Answer<u64> {
    let items: Vec<ItemNumber> = rows.iter().map(|row| row.item.clone()).collect();
    let held = held(reader, &items).await?;
    let notices = reader.ports.state.board.notices(reader.agreement(), Topic::Stock, &items).await?;
    let differs = |row: &ItemStock, notice: Option<Notice>| {
        let Some(posted) = notice.and_then(|notice| serde_json::from_str::<StockNotice>(&notice.text).ok())
        else {
            return row.keeps_stock;
        };
        let held = held.get(&row.item).cloned().unwrap_or_default();
        let same = if places {
            same_places(row.places.as_deref(), posted.stock.places.as_deref())
        } else {
            row.physical == posted.stock.physical && row.available == posted.stock.available
        };
        !same || held != posted.held
    };
    let changed: Vec<ItemNumber> = rows
        .iter()
        .zip(notices)
        .filter_map(|(row, notice)| differs(row, notice).then(|| row.item.clone()))
        .collect();
    mark(reader.ports, &Heap::AgreementStock(reader.agreement().clone()), &changed).await?;
    Ok(u64::try_from(changed.len()).unwrap_or_default())
}

/// Whether the same lies at the same places; one that is left out holds nothing.
fn same_places(now: Option<&[PlaceStock]>, posted: Option<&[PlaceStock]>) -> bool {
    let physical = |places: Option<&[PlaceStock]>| -> HashMap<_, _> {
        let places = places.unwrap_or_default().iter();
        places
            .filter(|place| !place.physical.is_zero())
            .map(|place| (place.location, place.physical.normalize()))
            .collect()
    };
    physical(now) == physical(posted)
}

/// Compares all products with the board, for stores that follow products.
async fn sweep_products(reader: &Reader<'_>) -> Answer<u64> {
    if products::following(reader).await?.is_empty() {
        return Ok(0);
    }
    let erp = reader.ports.remotes.erp(reader.agreement(), Lane::BackFill).await?;
    let mut changed = 0;
    for kind in [ItemKind::Product, ItemKind::Lot] {
        let mut page = 1;
        loop {
            let answer = erp.products(kind, page).await?;
            changed += compare_products(reader, &answer.rows).await?;
            if answer.next.is_none() {
                break;
            }
            page += 1;
        }
    }
    Ok(changed)
}

async fn compare_products(reader: &Reader<'_>, rows: &[ErpProduct]) -> Answer<u64> {
    let items: Vec<ItemNumber> = rows.iter().map(|row| row.number.clone()).collect();
    let notices = reader.ports.state.board.notices(reader.agreement(), Topic::Product, &items).await?;
    let mut changed = Vec::new();
    for (row, notice) in rows.iter().zip(notices) {
        if notice.is_none_or(|notice| products::notice(row).is_ok_and(|text| text != notice.text)) {
            changed.push(row.number.clone());
        }
    }
    mark(reader.ports, &Heap::AgreementProducts(reader.agreement().clone()), &changed).await?;
    Ok(u64::try_from(changed.len()).unwrap_or_default())
}
