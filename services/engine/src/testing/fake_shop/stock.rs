//! The shop's stock.

use std::collections::{BTreeMap, BTreeSet};

use shopbeat_domain::catalog::{Level, Variant};
use shopbeat_domain::ids::{InventoryItemId, LocationId};
use shopbeat_domain::limits;
use shopbeat_domain::order::Order;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::settings::StockKind;
use shopbeat_domain::stock::{SetQuantity, ShopLevel, ShopStock, StockProblem, StockRefusal, StockWrite};

use super::{FakeShop, ShopWrite, missing};

impl FakeShop {
    /// What the shop shows as available of a SKU at a location; `None` where there is no level.
    pub(crate) fn available(&self, sku: &str, location: u64) -> Option<i64> {
        let bearers = self.bearers(sku);
        let levels = bearers.iter().flat_map(|variant| variant.levels.iter());
        levels.filter(|level| level.location.0 == location).map(|level| level.available).next()
    }

    /// The merchant sets a quantity by hand.
    pub(crate) fn set_by_hand(&self, sku: &str, location: u64, available: i64) {
        let mut catalog = self.catalog.lock().unwrap();
        let variant = catalog.iter_mut().find(|variant| variant.sku.trim() == sku).unwrap();
        let level = level(variant, LocationId(location));
        level.on_hand += available - level.available;
        level.available = available;
    }

    /// The merchant stops stocking a SKU at a location; its quantities stay.
    pub(crate) fn deactivate(&self, sku: &str, location: u64) {
        let item = self.bearers(sku)[0].inventory_item;
        self.inactive.lock().unwrap().insert((item, LocationId(location)));
    }

    /// The quantities that were set, one by one, in order.
    pub(crate) fn quantities_written(&self) -> Vec<SetQuantity> {
        let writes = self.writes.lock().unwrap().clone().into_iter();
        writes
            .flat_map(|write| match write {
                ShopWrite::Quantities(write) => write.quantities,
                _ => Vec::new(),
            })
            .collect()
    }

    pub(super) fn stocks(&self, items: &[InventoryItemId]) -> Vec<ShopStock> {
        let catalog = self.catalog.lock().unwrap();
        let inactive = self.inactive.lock().unwrap();
        let found = catalog.iter().filter(|variant| items.contains(&variant.inventory_item));
        found
            .map(|variant| {
                let levels = variant.levels.iter().map(|level| ShopLevel {
                    location: level.location,
                    active: !inactive.contains(&(variant.inventory_item, level.location)),
                    available: level.available,
                    on_hand: level.on_hand,
                });
                ShopStock {
                    inventory_item: variant.inventory_item,
                    tracked: variant.tracked,
                    levels: levels.collect(),
                }
            })
            .collect()
    }

    pub(super) fn set(&self, write: &StockWrite) -> Result<(), Vec<StockRefusal>> {
        check_form(write);
        let before = self.keys.lock().unwrap().get(&write.key).cloned();
        match before {
            Some((known, true)) if known == *write => return Ok(()),
            Some(_) => return Err(vec![refusal(None, StockProblem::KeySpent)]),
            None => {}
        }
        let mut catalog = self.catalog.lock().unwrap();
        let mut refusals: Vec<StockRefusal> = Vec::new();
        for (index, set) in write.quantities.iter().enumerate() {
            if let Some(problem) = self.problem(&catalog, write.kind, set) {
                refusals.push(refusal(Some(index), problem));
            }
        }
        let accepted = refusals.is_empty();
        self.keys.lock().unwrap().insert(write.key.clone(), (write.clone(), accepted));
        if !accepted {
            if *self.names_no_culprit.lock().unwrap() {
                return Err(vec![refusal(None, StockProblem::Other)]);
            }
            return Err(refusals);
        }
        let inactive = self.inactive.lock().unwrap();
        for set in &write.quantities {
            let variant =
                catalog.iter_mut().find(|variant| variant.inventory_item == set.inventory_item).unwrap();
            let stocked = variant.levels.iter().any(|level| level.location == set.location);
            // Where the item is not stocked, the write succeeds and does nothing.
            if stocked && !inactive.contains(&(set.inventory_item, set.location)) {
                apply(level(variant, set.location), write.kind, set.quantity);
            }
        }
        drop((catalog, inactive));
        self.writes.lock().unwrap().push(ShopWrite::Quantities(write.clone()));
        Ok(())
    }

    fn problem(&self, catalog: &[Variant], kind: StockKind, set: &SetQuantity) -> Option<StockProblem> {
        let Some(variant) = catalog.iter().find(|variant| variant.inventory_item == set.inventory_item)
        else {
            return Some(StockProblem::Item);
        };
        let known_place = self.places.lock().unwrap().iter().any(|place| place.id == set.location);
        if variant.bundle || !known_place || self.poisoned.lock().unwrap().contains(&set.inventory_item) {
            return Some(StockProblem::Item);
        }
        let level = variant.levels.iter().find(|level| level.location == set.location);
        let stands = level.map_or(0, |level| match kind {
            StockKind::Available => level.available,
            StockKind::Physical => level.on_hand,
        });
        set.from.is_some_and(|from| from != stands).then_some(StockProblem::Stale)
    }

    pub(super) fn begin_to_stock(&self, item: InventoryItemId, location: LocationId) -> Answer<()> {
        let mut catalog = self.catalog.lock().unwrap();
        let variant = catalog.iter_mut().find(|variant| variant.inventory_item == item);
        level(variant.ok_or_else(|| missing("inventoryActivate"))?, location);
        self.inactive.lock().unwrap().remove(&(item, location));
        self.writes.lock().unwrap().push(ShopWrite::Activated(item, location));
        Ok(())
    }

    /// Units that are owed cannot be sold any more, those that are sent lie there no more. All of them are taken from
    /// the first level.
    pub(super) fn take_from_stock(&self, before: Option<&Order>, now: &Order) {
        let mut catalog = self.catalog.lock().unwrap();
        let (before, now) = (before.map(taken).unwrap_or_default(), taken(now));
        let skus: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        for sku in skus {
            let of = |taken: &BTreeMap<String, (i64, i64)>| taken.get(sku).copied().unwrap_or_default();
            let (was, is) = (of(&before), of(&now));
            let variant = catalog.iter_mut().find(|variant| variant.tracked && variant.sku.trim() == sku);
            if let Some(level) = variant.and_then(|variant| variant.levels.first_mut()) {
                level.available -= is.0 - was.0;
                level.on_hand -= is.1 - was.1;
            }
        }
    }
}

/// What an order takes of each SKU: from what can be sold, and from what lies there.
fn taken(order: &Order) -> BTreeMap<String, (i64, i64)> {
    let mut taken: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in &order.lines {
        let Some(sku) = &line.sku else { continue };
        let sent = i64::try_from(line.fulfilled_quantity).unwrap();
        let owed = i64::try_from(line.current_quantity).unwrap();
        let owed = if order.cancelled_at.is_some() { sent } else { owed.max(sent) };
        let sums = taken.entry(sku.trim().to_owned()).or_default();
        *sums = (sums.0 + owed, sums.1 + sent);
    }
    taken
}

/// The level of a variant at a location; made if it is not there.
fn level(variant: &mut Variant, location: LocationId) -> &mut Level {
    let at = variant.levels.iter().position(|level| level.location == location);
    let at = at.unwrap_or_else(|| {
        variant.levels.push(Level { location, available: 0, on_hand: 0 });
        variant.levels.len() - 1
    });
    &mut variant.levels[at]
}

/// What lies there less what can be sold is sold and not sent: that stays.
fn apply(level: &mut Level, kind: StockKind, quantity: i64) {
    let committed = level.on_hand - level.available;
    (level.available, level.on_hand) = match kind {
        StockKind::Available => (quantity, quantity + committed),
        StockKind::Physical => (quantity - committed, quantity),
    };
}

fn check_form(write: &StockWrite) {
    let count = write.quantities.len();
    assert!((1..=limits::QUANTITIES_PER_CALL).contains(&count), "{count} quantities in one call");
    assert!(!write.key.trim().is_empty(), "a write without a key");
    assert!(write.reference.starts_with("gid://shopbeat/"), "{}", write.reference);
    let pairs: BTreeSet<_> = write.quantities.iter().map(|set| (set.inventory_item, set.location)).collect();
    assert_eq!(pairs.len(), count, "an item and location stands twice");
    let most = limits::LARGEST_QUANTITY;
    assert!(write.quantities.iter().all(|set| (-most..=most).contains(&set.quantity)), "out of bounds");
}

fn refusal(index: Option<usize>, problem: StockProblem) -> StockRefusal {
    StockRefusal { index, problem, message: format!("{problem:?}") }
}
