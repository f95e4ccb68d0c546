//! A store is never set to zero by connecting it: without an initial sync of its stock, the first quantities are sent
//! only after a person accepted a report of what they would change.

use std::collections::HashMap;
use std::fmt::Write as _;

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{InventoryItemId, ItemNumber, LocationId, StoreId};
use shopbeat_domain::job::{Lane, Offer};
use shopbeat_domain::limits;
use shopbeat_domain::ports::Shop;
use shopbeat_domain::settings::StockRoute;
use shopbeat_domain::stock::{ItemStock, Shelf, ShopStock, Spot, StockNotice};
use shopbeat_domain::store::{RECORD_VERSION, Store};
use uuid::Uuid;

use super::routes::routes;
use super::{connected, mark_all, shelf};
use crate::ports::Ports;
use crate::problem::Problem;

/// One quantity that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The item.
    pub item: ItemNumber,
    /// Where in the shop.
    pub location: LocationId,
    /// What the shop shows.
    pub from: i64,
    /// What it would show.
    pub to: i64,
}

/// What the first push would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StockReport {
    /// Items that would fall to zero (or below) first, then by item and location.
    pub changes: Vec<Change>,
    /// How many would fall to zero.
    pub to_zero: u64,
    /// Quantities that are the same on both sides.
    pub equal: u64,
    /// Items of Rackbeat's that the shop does not have.
    pub not_in_shop: u64,
    /// Items that cannot be set: bundles, not counted, several variants under one SKU.
    pub hindered: u64,
    /// Names this report: what is accepted is this and nothing else.
    pub digest: String,
}

const ITEMS_PER_READ: usize = 50;

/// Compares both sides and writes nothing.
///
/// # Errors
/// No location is chosen; a remote or the state is away.
pub async fn preview(ports: &Ports, store: &Store) -> Result<StockReport, Problem> {
    let shop = ports.remotes.shop(store).await?;
    let erp = ports.remotes.erp(&store.agreement, Lane::Stock).await?;
    let routes = routes(ports, store, shop.as_ref()).await?;
    if routes.is_empty() {
        return Err(Problem::precondition(
            "NO_LOCATION",
            "the shop has not exactly one active location; set stock.locations first",
        ));
    }
    let mut report = StockReport::default();
    let by_location = routes.iter().any(|route| route.from.is_some());
    let mut page = 1;
    loop {
        let answer = erp.stock_list(page).await?;
        let mut rows: Vec<ItemStock> = answer.rows.into_iter().filter(|row| row.keeps_stock).collect();
        if by_location {
            for row in &mut rows {
                *row = erp.stock(&row.item, true).await?;
            }
        }
        for rows in rows.chunks(ITEMS_PER_READ) {
            compare(ports, store, shop.as_ref(), &routes, rows, &mut report).await?;
        }
        if answer.next.is_none() {
            break;
        }
        page += 1;
    }
    report.changes.sort_by(|a, b| {
        (a.to > 0)
            .cmp(&(b.to > 0))
            .then_with(|| a.item.cmp(&b.item))
            .then_with(|| a.location.cmp(&b.location))
    });
    report.digest = digest(&report);
    Ok(report)
}

async fn compare(
    ports: &Ports,
    store: &Store,
    shop: &dyn Shop,
    routes: &[StockRoute],
    rows: &[ItemStock],
    report: &mut StockReport,
) -> Result<(), Problem> {
    let items: Vec<ItemNumber> = rows.iter().map(|row| row.item.clone()).collect();
    let shelves = shelf::shelves(ports, store, shop, &items).await?;
    let held = held(ports, store, &items).await?;
    let spots: Vec<Option<&Spot>> = items.iter().map(|item| settable(shelves.get(item), report)).collect();
    let ids: Vec<InventoryItemId> = spots.iter().flatten().map(|spot| spot.inventory_item).collect();
    let read = if ids.is_empty() { Vec::new() } else { shop.stock_of(&ids).await? };
    let stocks: HashMap<InventoryItemId, ShopStock> =
        read.into_iter().map(|stock| (stock.inventory_item, stock)).collect();
    for ((row, spot), held) in rows.iter().zip(spots).zip(held) {
        let Some(stock) = spot.and_then(|spot| stocks.get(&spot.inventory_item)) else { continue };
        let notice = StockNotice { version: RECORD_VERSION, stock: row.clone(), held };
        for (location, to) in notice.quantities(&store.id, &store.settings.stock, routes) {
            let level = stock.levels.iter().find(|level| level.location == location);
            let from = level.map_or(0, |level| level.of(store.settings.stock.quantity));
            if from == to {
                report.equal += 1;
                continue;
            }
            report.to_zero += u64::from(to <= 0);
            report.changes.push(Change { item: row.item.clone(), location, from, to });
        }
    }
    Ok(())
}

fn settable<'a>(shelf: Option<&'a Option<Shelf>>, report: &mut StockReport) -> Option<&'a Spot> {
    match shelf {
        Some(Some(Shelf { spot: Some(spot), .. })) if spot.tracked && !spot.bundle => Some(spot),
        Some(Some(Shelf { spot: None, .. })) | None => {
            report.not_in_shop += 1;
            None
        }
        Some(_) => {
            report.hindered += 1;
            None
        }
    }
}

type Held = Vec<(StoreId, rust_decimal::Decimal)>;

async fn held(ports: &Ports, store: &Store, items: &[ItemNumber]) -> Result<Vec<Held>, Problem> {
    let mut all: Vec<Held> = vec![Vec::new(); items.len()];
    for other in crate::agreement::stores_of(ports, &store.agreement).await? {
        let units = ports.state.holds.held(&other.id, items).await?;
        for (held, units) in all.iter_mut().zip(units).filter(|(_, units)| *units > 0) {
            held.push((other.id.clone(), units.into()));
        }
    }
    Ok(all)
}

/// Over the items that would fall to zero: that is what a person has to have seen. What else changes between report
/// and acceptance is everyday life.
fn digest(report: &StockReport) -> String {
    let mut text = String::new();
    for change in report.changes.iter().filter(|change| change.to <= 0) {
        let _ = writeln!(text, "{}|{}", change.item, change.location);
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
}

/// Accepts a report: from now on quantities are sent, beginning with all of them.
///
/// # Errors
/// Another report than the one that stands now: other items would fall to zero. Unknown store; a remote or the state
/// is away.
pub async fn accept(ports: &Ports, id: &StoreId, digest: &str) -> Result<Store, Problem> {
    let store = connected(ports, id).await?;
    if store.stock_accepted_at.is_some() {
        return Ok(store);
    }
    let report = preview(ports, &store).await?;
    if report.digest != digest {
        return Err(Problem::precondition(
            "STOCK_REPORT_CHANGED",
            format!(
                "the report has changed: {} quantities would fall to zero now; read it again and accept that one",
                report.to_zero
            ),
        ));
    }
    // Marked first: whoever dies in between has a heap that waits, not a store that was forgotten.
    mark_all(ports, &store).await?;
    let store = begin(ports, id).await?;
    ports.state.jobs.offer(id, &[Offer::stock()], None, ports.now()).await?;
    Ok(store)
}

/// Lets quantities be sent to a store from now on.
pub(crate) async fn begin(ports: &Ports, id: &StoreId) -> Result<Store, Problem> {
    for _ in 0..limits::CONFLICT_TRIES {
        let store = connected(ports, id).await?;
        if store.stock_accepted_at.is_some() {
            return Ok(store);
        }
        let accepted = Store { stock_accepted_at: Some(ports.now()), ..store };
        match ports.state.registry.put_store(&accepted).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => {}
            other => return Ok(other?),
        }
    }
    Err(Problem::precondition("STORE_CHANGED", format!("store {id} is being changed by others; try again")))
}
