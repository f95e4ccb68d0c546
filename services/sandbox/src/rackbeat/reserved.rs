//! What orders hold of the items: the quantity in order, which is not available.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::account::Account;
use super::call::Call;
use super::orders::Order;
use super::product::ANYWHERE;
use crate::facts::StockEventScope;

impl Account {
    /// Takes an order's outstanding goods out of the products' quantity in order.
    pub(super) fn release(&mut self, order: &mut Order) {
        if std::mem::take(&mut order.reserved) {
            for line in &order.lines {
                if let Some(product) = self.products.get_mut(&line.item) {
                    product.in_order.add(line.location.unwrap_or(ANYWHERE), line.shipped - line.quantity);
                }
            }
        }
    }

    /// Puts them back if the order counts as it is now.
    pub(super) fn reserve(&mut self, order: &mut Order, drafts_too: bool) {
        if order.cancelled || !(order.booked() || drafts_too) || order.reserved {
            return;
        }
        order.reserved = true;
        for line in &order.lines {
            if let Some(product) = self.products.get_mut(&line.item) {
                product.in_order.add(line.location.unwrap_or(ANYWHERE), line.quantity - line.shipped);
            }
        }
    }
}

/// What an order takes from the items' available quantity.
pub(super) fn owed(order: &Order) -> BTreeMap<String, Decimal> {
    let mut owed: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in order.lines.iter().filter(|_| order.reserved) {
        *owed.entry(line.item.clone()).or_default() += line.quantity - line.shipped;
    }
    owed
}

/// Tells that items' quantity in order changed, if the stock event has that scope.
pub(super) fn tell_reserved(
    account: &mut Account,
    call: &Call<'_>,
    before: &BTreeMap<String, Decimal>,
    after: &BTreeMap<String, Decimal>,
) {
    if call.facts.stock_event_scope() == StockEventScope::Physical {
        return;
    }
    let items: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for item in items.into_iter().filter(|item| before.get(*item) != after.get(*item)) {
        if account.products.get(item).is_some_and(|product| product.inventory) {
            account.tell_stock(call, item);
        }
    }
}
