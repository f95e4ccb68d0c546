//! Units that an order sold and that Rackbeat does not know of yet: held from the first sight of the order, whatever
//! its trigger, until it is booked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shopbeat_domain::eligibility::{self, Eligibility};
use shopbeat_domain::ids::{ItemNumber, OrderId, StoreId};
use shopbeat_domain::limits;
use shopbeat_domain::order::Order;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::store::Store;
use shopbeat_domain::transfer::{Step, Transfer};

use crate::agreement;
use crate::ports::Ports;
use crate::transfer::later;

/// Whether an order's units are still to be held: it goes or will go over, and is not booked.
fn owes_units(store: &Store, order: &Order, journal: Option<&Transfer>, now: Timestamp) -> bool {
    if let Some(journal) = journal {
        if journal.did(Step::Booked) {
            return false;
        }
        if journal.number.is_some() {
            return order.cancelled_at.is_none() && !is_forgotten_draft(journal, now);
        }
    }
    !matches!(eligibility::decide(order, &store.settings.orders, false), Eligibility::Ignore(_))
}

/// Whether a draft has waited for a person for so long that nobody will book it any more.
pub(crate) fn is_forgotten_draft(journal: &Transfer, now: Timestamp) -> bool {
    let last = journal.steps.iter().map(|(_, at)| *at).max();
    !journal.did(Step::Booked) && last.is_some_and(|last| later(last, limits::DRAFT_MEMORY) <= now)
}

/// Holds what an order owes, or nothing any more; the items whose sum changed are read and sent anew.
///
/// # Errors
/// When the state is away.
pub(crate) async fn hold_order(
    ports: &Ports,
    store: &Store,
    order: &Order,
    journal: Option<&Transfer>,
) -> Answer<Vec<ItemNumber>> {
    let units = if owes_units(store, order, journal, ports.now()) { units(order) } else { Vec::new() };
    let changed = ports.state.holds.hold(&store.id, order.head.id, &units).await?;
    agreement::stock_changed(ports, &store.agreement, &changed).await?;
    Ok(changed)
}

fn units(order: &Order) -> Vec<(ItemNumber, u64)> {
    let mut units: BTreeMap<ItemNumber, u64> = BTreeMap::new();
    for line in &order.lines {
        let Some(item) = line.sku.as_deref().and_then(|sku| ItemNumber::parse(sku).ok()) else { continue };
        *units.entry(item).or_default() += line.current_quantity;
    }
    units.into_iter().filter(|(_, units)| *units > 0).collect()
}

/// The items of an order whose units are about to be released: they are read and sent anew once that is done.
///
/// # Errors
/// When the state is away.
pub(crate) async fn release_marks(ports: &Ports, store: &StoreId, order: OrderId) -> Answer<Vec<ItemNumber>> {
    let held = ports.state.holds.held_by(store, order).await?;
    Ok(held.into_iter().map(|(item, _)| item).collect())
}
