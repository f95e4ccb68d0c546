//! Which orders are transferred: pure rules over an order as it is now.

use crate::job::IgnoreRule;
use crate::order::{Financial, Fulfillment, Order};
use crate::settings::{OrderSettings, TestOrders, Trigger};
use rust_decimal::Decimal;

/// What is to be done with an order that is not in Rackbeat yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligibility {
    /// It goes over.
    Transfer,
    /// Its trigger is not reached; the event that reaches it will bring it up again.
    Wait,
    /// A rule leaves it alone.
    Ignore(IgnoreRule),
}

/// Decides about an order that has no order in Rackbeat yet. `force` (a person asked) passes over the start and the
/// trigger, and over nothing else.
#[must_use]
pub fn decide(order: &Order, settings: &OrderSettings, force: bool) -> Eligibility {
    if !settings.enabled && !force {
        return Eligibility::Ignore(IgnoreRule::OrdersOff);
    }
    if !force && settings.since.is_some_and(|since| order.head.created_at < since) {
        return Eligibility::Ignore(IgnoreRule::BeforeStart);
    }
    if order.test && settings.test == TestOrders::Ignore {
        return Eligibility::Ignore(IgnoreRule::TestOrder);
    }
    // A cancelled order that never came to Rackbeat has no business there, whatever its trigger was.
    if order.cancelled_at.is_some() {
        return Eligibility::Ignore(IgnoreRule::CancelledBefore);
    }
    if order.lines.iter().all(|line| line.current_quantity == 0) {
        return Eligibility::Ignore(IgnoreRule::NothingOwed);
    }
    if force || reached(order, settings.trigger) { Eligibility::Transfer } else { Eligibility::Wait }
}

/// Whether the order has EVER reached the trigger: an order that was paid and partly refunded within a minute was
/// paid.
#[must_use]
pub fn reached(order: &Order, trigger: Trigger) -> bool {
    match trigger {
        Trigger::Received => true,
        Trigger::Paid => {
            let label = matches!(
                order.financial,
                Some(Financial::Paid | Financial::PartiallyRefunded | Financial::Refunded)
            );
            let total = order.totals.original_total;
            label || (total > Decimal::ZERO && order.totals.captured >= total)
        }
        Trigger::Fulfilled => {
            let label = matches!(order.fulfillment, Fulfillment::Fulfilled | Fulfillment::NotRequired);
            let mut owed = order.lines.iter().filter(|line| line.current_quantity > 0).peekable();
            label
                || (owed.peek().is_some()
                    && owed.all(|line| line.fulfilled_quantity >= line.current_quantity))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::samples::order;
    use jiff::Timestamp;

    fn settings(trigger: Trigger) -> OrderSettings {
        OrderSettings { trigger, ..OrderSettings::default() }
    }

    #[test]
    fn an_order_paid_and_then_partly_refunded_was_paid() {
        let mut order = order();
        for (status, paid) in [
            (Some(Financial::Paid), true),
            (Some(Financial::PartiallyRefunded), true),
            (Some(Financial::Refunded), true),
            (Some(Financial::Voided), false),
            (Some(Financial::Expired), false),
            (Some(Financial::Pending), false),
            (Some(Financial::Authorized), false),
            (Some(Financial::PartiallyPaid), false),
            (Some(Financial::Other("NEW".to_owned())), false),
            (None, false),
        ] {
            order.financial = status.clone();
            assert_eq!(reached(&order, Trigger::Paid), paid, "{status:?}");
        }
        order.financial = None;
        order.totals.captured = order.totals.original_total;
        assert!(reached(&order, Trigger::Paid), "captures that cover the total are a payment");
    }

    #[test]
    fn every_owed_line_sent_once_is_fulfilled_whatever_the_label_says() {
        let mut order = order();
        order.fulfillment = Fulfillment::Open("PARTIALLY_FULFILLED".to_owned());
        assert!(!reached(&order, Trigger::Fulfilled));
        for line in &mut order.lines {
            line.fulfilled_quantity = line.current_quantity;
        }
        assert!(reached(&order, Trigger::Fulfilled));
        order.lines.clear();
        assert!(!reached(&order, Trigger::Fulfilled));
        order.fulfillment = Fulfillment::NotRequired;
        assert!(reached(&order, Trigger::Fulfilled));
    }

    #[test]
    fn an_old_order_is_ignored_whatever_happens_to_it_unless_forced() {
        let order = order();
        let mut settings = settings(Trigger::Received);
        settings.since = Some(order.head.created_at);
        assert_eq!(decide(&order, &settings, false), Eligibility::Transfer);
        settings.since = Some(order.head.created_at + jiff::SignedDuration::from_secs(1));
        assert_eq!(decide(&order, &settings, false), Eligibility::Ignore(IgnoreRule::BeforeStart));
        assert_eq!(decide(&order, &settings, true), Eligibility::Transfer);
    }

    #[test]
    fn each_rule_has_its_order() {
        let settings = settings(Trigger::Paid);
        let mut order = order();
        order.financial = Some(Financial::Pending);
        assert_eq!(decide(&order, &settings, false), Eligibility::Wait);
        order.cancelled_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(decide(&order, &settings, false), Eligibility::Ignore(IgnoreRule::CancelledBefore));
        order.cancelled_at = None;
        for line in &mut order.lines {
            line.current_quantity = 0;
        }
        assert_eq!(decide(&order, &settings, true), Eligibility::Ignore(IgnoreRule::NothingOwed));
        order.test = true;
        assert_eq!(decide(&order, &settings, true), Eligibility::Ignore(IgnoreRule::TestOrder));
        let off = OrderSettings { enabled: false, ..settings };
        assert_eq!(decide(&order, &off, false), Eligibility::Ignore(IgnoreRule::OrdersOff));
    }
}
