//! What happens to orders, and which webhooks tell of it.

use rust_decimal::Decimal;
use serde_json::Value;

use super::money::Bag;
use super::order::{LineKind, Order, Refund, Transaction, TransactionKind};
use super::order_build::build;
use super::order_rest::{edited_body, order_body, refund_body};
use super::order_spec::OrderSpec;
use super::shop::Shop;
use super::stock::Move;
use super::webhook::Event;

/// Something that cannot be done to an order.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LifeError {
    /// No shop of this domain.
    #[error("no shop {0}")]
    NoShop(String),
    /// No order of this id.
    #[error("no order {0}")]
    NoOrder(u64),
    /// The order has no such line.
    #[error("order {0} has no line {1}")]
    NoLine(u64, usize),
    /// No product, variant, item or location of this id.
    #[error("no {0} {1}")]
    NoGoods(&'static str, u64),
    /// Its state forbids it.
    #[error("order {0}: {1}")]
    Forbidden(u64, &'static str),
}

impl Shop {
    fn tell(&mut self, topic: &'static str, body: Value, order: &Order, action: u64) {
        self.outbox.push(Event { topic, body, at: order.updated_at, action });
    }

    /// Stores the changed order and tells `topic` and, unless it is new, `orders/updated`.
    fn changed(&mut self, order: Order, topic: &'static str) {
        let action = self.ids.take();
        self.tell(topic, order_body(&order), &order, action);
        if topic != "ORDERS_CREATE" {
            self.tell("ORDERS_UPDATED", order_body(&order), &order, action);
        }
        self.keep(order);
    }

    fn take_order(&mut self, id: u64) -> Result<Order, LifeError> {
        let mut order = self.orders.get(&id).cloned().ok_or(LifeError::NoOrder(id))?;
        order.updated_at = self.stamp();
        Ok(order)
    }

    /// Places an order: available stock becomes committed.
    pub(crate) fn place(&mut self, spec: &OrderSpec) -> u64 {
        let now = self.stamp();
        let order = build(spec, self.next_number, now, &mut self.ids);
        self.next_number += 1;
        for line in &order.lines {
            let units = i64::from(line.quantity);
            self.move_for_order(line.variant, Move { available: -units, on_hand: 0, committed: units });
        }
        self.tell_ordered(order.lines.iter().map(|line| line.variant));
        let (id, free) = (order.id, order.totals().total.is_zero());
        if free {
            // Nothing to pay is paid at once.
            let action = self.ids.take();
            self.tell("ORDERS_PAID", order_body(&order), &order, action);
        }
        self.changed(order, "ORDERS_CREATE");
        id
    }

    /// Pays what is open.
    pub(crate) fn pay(&mut self, id: u64) -> Result<(), LifeError> {
        let mut order = self.take_order(id)?;
        if order.cancelled_at.is_some() {
            return Err(LifeError::Forbidden(id, "is cancelled"));
        }
        let open = order.current().total - order.moved(TransactionKind::Sale);
        if open.shop > Decimal::ZERO {
            let (id, at) = (self.ids.take(), order.updated_at);
            order.transactions.push(Transaction { id, kind: TransactionKind::Sale, amount: open, at });
        }
        self.changed(order, "ORDERS_PAID");
        Ok(())
    }

    /// Ships everything owed.
    pub(crate) fn fulfill(&mut self, id: u64) -> Result<(), LifeError> {
        self.ship(id, u32::MAX)
    }

    /// Ships up to `units` of each line.
    pub(crate) fn ship(&mut self, id: u64, units: u32) -> Result<(), LifeError> {
        let mut order = self.take_order(id)?;
        if order.cancelled_at.is_some() {
            return Err(LifeError::Forbidden(id, "is cancelled"));
        }
        let fulfillment = self.ids.take();
        for line in order.lines.iter_mut().filter(|line| line.kind != LineKind::Tip) {
            let now = line.unfulfilled().min(units);
            line.fulfilled += now;
            let moved = i64::from(now);
            self.move_for_order(line.variant, Move { available: 0, on_hand: -moved, committed: -moved });
        }
        order.fulfillments.push((fulfillment, order.updated_at));
        let whole = order.fulfillment_status() == "FULFILLED";
        self.changed(order, if whole { "ORDERS_FULFILLED" } else { "ORDERS_PARTIALLY_FULFILLED" });
        Ok(())
    }

    /// Cancels: nothing is owed any more, what was paid goes back.
    pub(crate) fn cancel(&mut self, id: u64) -> Result<(), LifeError> {
        let mut order = self.take_order(id)?;
        if order.cancelled_at.is_some() || !order.fulfillments.is_empty() {
            return Err(LifeError::Forbidden(id, "is cancelled or shipped"));
        }
        order.cancelled_at = Some(order.updated_at);
        for line in &mut order.lines {
            let units = i64::from(line.current_quantity);
            line.current_quantity = 0;
            self.move_for_order(line.variant, Move { available: units, on_hand: 0, committed: -units });
        }
        for shipping in &mut order.shipping {
            shipping.removed = true;
        }
        order.fees.clear();
        let paid = order.moved(TransactionKind::Sale) - order.moved(TransactionKind::Refund);
        if paid.shop > Decimal::ZERO {
            self.pay_back(&mut order, paid, Vec::new());
        }
        self.changed(order, "ORDERS_CANCELLED");
        Ok(())
    }

    fn pay_back(&mut self, order: &mut Order, amount: Bag, lines: Vec<(u64, u32)>) {
        let (id, at) = (self.ids.take(), order.updated_at);
        if amount.shop > Decimal::ZERO {
            let moved = Transaction { id: id + 1, kind: TransactionKind::Refund, amount, at };
            order.transactions.push(moved);
        }
        let refund = Refund { id, at, amount, lines };
        let action = self.ids.take();
        self.tell("REFUNDS_CREATE", refund_body(order, &refund), order, action);
        order.refunds.push(refund);
    }

    /// Takes back `quantity` of the line at `index` and pays back what it cost, tax included.
    pub(crate) fn refund(&mut self, id: u64, index: usize, quantity: u32) -> Result<(), LifeError> {
        let mut order = self.take_order(id)?;
        let before = order.current().total;
        let line = order.lines.get_mut(index).ok_or(LifeError::NoLine(id, index))?;
        let quantity = quantity.min(line.current_quantity);
        line.current_quantity -= quantity;
        let (line_id, variant) = (line.id, line.variant);
        let amount = before - order.current().total;
        let paid = order.moved(TransactionKind::Sale) - order.moved(TransactionKind::Refund);
        let amount =
            Bag { shop: amount.shop.min(paid.shop), presentment: amount.presentment.min(paid.presentment) };
        self.pay_back(&mut order, amount, vec![(line_id, quantity)]);
        let units = i64::from(quantity);
        self.move_for_order(variant, Move { available: units, on_hand: units, committed: 0 });
        let action = self.ids.take();
        self.tell("ORDERS_UPDATED", order_body(&order), &order, action);
        self.keep(order);
        Ok(())
    }

    /// Lowers the line at `index` to `quantity` by an order edit.
    pub(crate) fn edit(&mut self, id: u64, index: usize, quantity: u32) -> Result<(), LifeError> {
        let mut order = self.take_order(id)?;
        let line = order.lines.get_mut(index).ok_or(LifeError::NoLine(id, index))?;
        if quantity > line.current_quantity {
            return Err(LifeError::Forbidden(id, "an edit here only lowers"));
        }
        let less = line.current_quantity - quantity;
        line.current_quantity = quantity;
        let (line_id, variant) = (line.id, line.variant);
        order.edited = true;
        let units = i64::from(less);
        self.move_for_order(variant, Move { available: units, on_hand: 0, committed: -units });
        let action = self.ids.take();
        self.tell("ORDERS_EDITED", edited_body(&order, &[(line_id, less)]), &order, action);
        self.tell("ORDERS_UPDATED", order_body(&order), &order, action);
        self.keep(order);
        Ok(())
    }
}
