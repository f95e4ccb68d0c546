//! One round: at most a call's worth of items, from the heap into the shop.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use shopbeat_domain::ids::{ItemNumber, LocationId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Family, Marked, Topic};
use shopbeat_domain::settings::StockRoute;
use shopbeat_domain::stock::{Shelf, Spot, StockCode, StockNotice, Told, ToldLevel};
use shopbeat_domain::store::RECORD_VERSION;

use super::fresh;
use super::routes::routes;
use super::write::{self, Entry, Sent};
use super::{Context, shelf, told};
use crate::transfer::{Stop, later};

/// An item on its way to the shop.
pub(super) struct Wanted {
    pub(super) marked: Marked,
    pub(super) item: ItemNumber,
    pub(super) spot: Spot,
    /// The notice's number.
    pub(super) seq: u64,
    /// Units that the notice takes for held in this store.
    pub(super) held: Decimal,
    /// What each location is to show.
    pub(super) targets: BTreeMap<LocationId, i64>,
    /// What each location shows, as far as it is known.
    pub(super) known: BTreeMap<LocationId, i64>,
}

impl Wanted {
    /// What is to be written: where the shop shows something else.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.targets.iter().filter(|(location, target)| self.known.get(location) != Some(target)).map(
            |(location, target)| Entry {
                item: self.item.clone(),
                inventory_item: self.spot.inventory_item,
                location: *location,
                quantity: *target,
                from: self.known.get(location).copied(),
                seq: self.seq,
                mark: self.marked.mark,
            },
        )
    }

    pub(super) fn is_known(&self) -> bool {
        self.targets.keys().all(|location| self.known.contains_key(location))
    }
}

pub(super) async fn round(context: &Context<'_>, due: Vec<Marked>) -> Result<(), Stop> {
    let ports = context.ports;
    let routes = routes(ports, context.store, context.shop).await?;
    if routes.is_empty() {
        return no_location(context, &due).await;
    }
    let due = fresh::wait_for_orders(context, due).await?;
    if due.iter().any(|marked| marked.doubt) {
        // A changed quantity may be a sale that we have not heard of: take that in first, or it is sold twice.
        fresh::take_in_orders(context).await?;
    }
    let wanted = gather(context, due, &routes).await?;
    let mut wanted = without_new_sales(context, wanted).await?;
    let mut tries = 0;
    while !wanted.is_empty() {
        fresh::read_unknown(context, &mut wanted).await?;
        let entries: Vec<Entry> = wanted.iter().flat_map(Wanted::entries).collect();
        let sent = write::send(context, &entries).await?;
        let stale = settle(context, wanted, sent).await?;
        if stale.is_empty() {
            break;
        }
        tries += 1;
        if tries == limits::STALE_TRIES {
            return give_up(context, stale).await;
        }
        ports.observer.stock_stale(&context.store.id, stale.len());
        fresh::take_in_orders(context).await?;
        wanted = without_new_sales(context, stale).await?;
    }
    Ok(())
}

/// Looks up what is to be sent of each item; what needs nothing leaves the heap here.
async fn gather(context: &Context<'_>, due: Vec<Marked>, routes: &[StockRoute]) -> Result<Vec<Wanted>, Stop> {
    let (ports, store) = (context.ports, context.store);
    let items: Vec<ItemNumber> =
        due.iter().filter_map(|marked| ItemNumber::parse(&marked.key).ok()).collect();
    let notices = ports.state.board.notices(&store.agreement, Topic::Stock, &items).await?;
    let told: Vec<Option<Told>> = told::read(ports, &Family::Told(store.id.clone()), &items).await?;
    let shelves = shelf::shelves(ports, store, context.shop, &items).await?;
    let mut marks: HashMap<String, Marked> =
        due.iter().map(|marked| (marked.key.clone(), marked.clone())).collect();
    let (mut wanted, mut over, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for ((item, notice), told) in items.into_iter().zip(notices).zip(told) {
        let Some(marked) = marks.remove(item.as_str()) else { continue };
        let parsed = notice
            .and_then(|notice| Some((notice.seq, serde_json::from_str::<StockNotice>(&notice.text).ok()?)));
        let Some((seq, notice)) = parsed else {
            // Never read yet: the agreement's reader reads it and marks it here again.
            unread.push(item);
            over.push(marked);
            continue;
        };
        let shelf = shelves.get(&item).cloned();
        let Some(spot) = spot(context, &item, shelf).await?.filter(|_| notice.stock.keeps_stock) else {
            over.push(marked);
            continue;
        };
        let targets = notice.quantities(&store.id, &store.settings.stock, routes).into_iter().collect();
        let held =
            notice.held.iter().filter(|(holder, _)| *holder == store.id).map(|(_, units)| *units).sum();
        // Of a quantity that somebody else changed we know nothing.
        let levels = told.filter(|_| !marked.doubt).unwrap_or_default().levels;
        let known = levels.into_iter().map(|level| (level.location, level.quantity)).collect();
        wanted.push(Wanted { marked, item, spot, seq, held, targets, known });
    }
    crate::agreement::stock_changed(ports, &store.agreement, &unread).await?;
    // Keys that are no item number.
    over.extend(marks.into_values());
    ports.state.heaps.done(&context.heap(), &over).await?;
    Ok(wanted)
}

/// Where the item's stock can be set; what hinders it is told by name.
async fn spot(
    context: &Context<'_>,
    item: &ItemNumber,
    shelf: Option<Option<Shelf>>,
) -> Result<Option<Spot>, Stop> {
    let hindered = |code: StockCode, message: &str| {
        told::trouble(context.ports, &context.store.id, item, code, message.to_owned())
    };
    match shelf.flatten().map(|shelf| shelf.spot) {
        None => {
            hindered(StockCode::DuplicateSku, "several variants bear this SKU; none of them is set").await?;
            Ok(None)
        }
        Some(None) => Ok(None),
        Some(Some(spot)) if spot.bundle => {
            hindered(StockCode::Bundle, "the variant is a bundle; Shopify does not let its stock be set")
                .await?;
            Ok(None)
        }
        Some(Some(spot)) if !spot.tracked => {
            hindered(StockCode::Untracked, "Shopify does not track this variant's quantity").await?;
            Ok(None)
        }
        Some(spot) => Ok(spot),
    }
}

/// Leaves out items of which this store has sold more than the notice knows of: the agreement's reader is about to
/// post another, and marks them here again. Until then they stay on the heap.
async fn without_new_sales(context: &Context<'_>, wanted: Vec<Wanted>) -> Result<Vec<Wanted>, Stop> {
    let ports = context.ports;
    let items: Vec<ItemNumber> = wanted.iter().map(|wanted| wanted.item.clone()).collect();
    let held = ports.state.holds.held(&context.store.id, &items).await?;
    let (mut kept, mut left) = (Vec::new(), Vec::new());
    for (wanted, held) in wanted.into_iter().zip(held) {
        if Decimal::from(held) > wanted.held { left.push(wanted) } else { kept.push(wanted) }
    }
    if !left.is_empty() {
        // Whoever held these units may have died before it could say so.
        let items: Vec<ItemNumber> = left.iter().map(|wanted| wanted.item.clone()).collect();
        crate::agreement::stock_changed(ports, &context.store.agreement, &items).await?;
        let left: Vec<Marked> = left.into_iter().map(|wanted| wanted.marked).collect();
        let until = later(ports.now(), limits::BACKOFF_FIRST);
        ports.state.heaps.put_off(&context.heap(), &left, until).await?;
    }
    Ok(kept)
}

/// Writes down what became of each item; answers those whose quantity was not what we thought.
async fn settle(context: &Context<'_>, wanted: Vec<Wanted>, sent: Sent) -> Result<Vec<Wanted>, Stop> {
    let (ports, store) = (context.ports, context.store);
    let now = ports.now();
    let (mut stale, mut records, mut through, mut put_off) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for mut wanted in wanted {
        if let Some(message) = sent.refused.get(&wanted.item) {
            told::trouble(ports, &store.id, &wanted.item, StockCode::Refused, message.clone()).await?;
            put_off.push(wanted.marked);
            continue;
        }
        if sent.stale.contains(&wanted.item) {
            wanted.known.clear();
            stale.push(wanted);
            continue;
        }
        let written = wanted.entries().next().is_some();
        let levels = wanted.targets.iter().map(|(location, quantity)| ToldLevel {
            location: *location,
            quantity: *quantity,
            at: now,
        });
        let record = Told { version: RECORD_VERSION, seq: wanted.seq, levels: levels.collect() };
        records.push((wanted.item.clone(), record));
        if written {
            let took = now.duration_since(wanted.marked.since).unsigned_abs();
            ports.observer.stock_told(&store.id, took);
        }
        through.push(wanted);
    }
    told::write(ports, &Family::Told(store.id.clone()), &records).await?;
    let items: Vec<ItemNumber> = through.iter().map(|wanted| wanted.item.clone()).collect();
    told::cleared(ports, &store.id, &items).await?;
    let done: Vec<Marked> = through.into_iter().map(|wanted| wanted.marked).collect();
    ports.state.heaps.done(&context.heap(), &done).await?;
    let until = later(now, limits::STOCK_TROUBLE_RETRY);
    ports.state.heaps.put_off(&context.heap(), &put_off, until).await?;
    Ok(stale)
}

async fn give_up(context: &Context<'_>, stale: Vec<Wanted>) -> Result<(), Stop> {
    let (ports, store) = (context.ports, context.store);
    for wanted in &stale {
        let message = format!("it was changed during each of {} tries", limits::STALE_TRIES);
        told::trouble(ports, &store.id, &wanted.item, StockCode::KeepsChanging, message).await?;
    }
    let keys: Vec<String> = stale.iter().map(|wanted| wanted.item.to_string()).collect();
    ports.state.records.forget(&Family::Told(store.id.clone()), &keys).await?;
    let marked: Vec<Marked> = stale.into_iter().map(|wanted| wanted.marked).collect();
    let until = later(ports.now(), limits::STOCK_TROUBLE_RETRY);
    Ok(ports.state.heaps.put_off(&context.heap(), &marked, until).await?)
}

async fn no_location(context: &Context<'_>, due: &[Marked]) -> Result<(), Stop> {
    let ports = context.ports;
    for item in due.iter().filter_map(|marked| ItemNumber::parse(&marked.key).ok()) {
        let message = "the shop has not exactly one active location, and none is set".to_owned();
        told::trouble(ports, &context.store.id, &item, StockCode::NoLocation, message).await?;
    }
    let until = later(ports.now(), limits::STOCK_TROUBLE_RETRY);
    Ok(ports.state.heaps.put_off(&context.heap(), due, until).await?)
}
