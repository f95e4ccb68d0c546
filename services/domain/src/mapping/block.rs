//! What this version does not map. Nothing is ever transferred wrong: an order with any of it is parked with a
//! reason that names it.

use rust_decimal::Decimal;

use crate::job::ParkCode;
use crate::money::{Currency, Money};
use crate::order::{Order, OrderLine};

/// Why an order cannot be mapped: becomes a parked job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The reason.
    pub code: ParkCode,
    /// What causes it; no personal data.
    pub culprit: String,
    /// What happened, for a person.
    pub message: String,
}

impl Block {
    /// A reason with its culprit.
    #[must_use]
    pub fn new(code: ParkCode, culprit: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, culprit: culprit.into(), message: message.into() }
    }
}

/// The first thing about the order that is not mapped. `agreement` is the currency of the Rackbeat account.
#[must_use]
pub fn blocked(order: &Order, agreement: Currency) -> Option<Block> {
    history(order).or_else(|| currencies(order, agreement)).or_else(|| amounts(order)).or_else(|| {
        let owed = order.lines.iter().filter(|line| line.quantity > 0);
        owed.filter_map(unmapped_line).next()
    })
}

fn history(order: &Order) -> Option<Block> {
    if order.refunds > 0 {
        let message = format!("{} refunds before the transfer", order.refunds);
        return Some(Block::new(ParkCode::RefundedBefore, "refunds", message));
    }
    let changed = order.lines.iter().find(|line| line.current_quantity != line.quantity);
    if order.edited || changed.is_some() {
        let culprit = changed.map_or_else(|| "order".to_owned(), |line| line.title.clone());
        return Some(Block::new(ParkCode::EditedBefore, culprit, "the order was edited before the transfer"));
    }
    let removed = order.shipping_lines.iter().find(|line| line.is_removed);
    removed.map(|line| {
        Block::new(
            ParkCode::EditedBefore,
            line.title.clone(),
            "a shipping line was removed before the transfer",
        )
    })
}

fn currencies(order: &Order, agreement: Currency) -> Option<Block> {
    let foreign = |other: Currency, what: &str| {
        let message = format!("{what} is {other}, the order's shop currency is {}", order.currency);
        Some(Block::new(ParkCode::ForeignCurrency, other.to_string(), message))
    };
    if order.presentment_currency != order.currency {
        return foreign(order.presentment_currency, "the buyer's currency");
    }
    if agreement != order.currency {
        return foreign(agreement, "the Rackbeat account's currency");
    }
    None
}

fn amounts(order: &Order) -> Option<Block> {
    let totals = &order.totals;
    let duties = totals.duties + order.lines.iter().map(|line| line.duties).sum::<Decimal>();
    let found = [
        (ParkCode::Tip, "tip", totals.tip),
        (ParkCode::Duties, "duties", duties),
        (ParkCode::AdditionalFees, "additional fees", totals.fees),
        (ParkCode::CashRounding, "cash rounding", totals.cash_rounding),
        (ParkCode::GiftCardPaid, "payment by gift card", totals.gift_card_paid),
    ];
    found.into_iter().find(|(_, _, amount)| !amount.is_zero()).map(|(code, what, amount)| {
        let money = Money::new(amount, order.currency);
        Block::new(code, money.to_string(), format!("the order has {what} of {money}"))
    })
}

fn unmapped_line(line: &OrderLine) -> Option<Block> {
    let block = |code, what: &str| Some(Block::new(code, line.title.clone(), format!("a line {what}")));
    if line.is_gift_card {
        block(ParkCode::GiftCardSold, "sells a gift card")
    } else if line.is_tip {
        block(ParkCode::Tip, "is a tip")
    } else if line.is_custom {
        block(ParkCode::CustomLine, "was typed in by staff and has no product")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::samples::{dkk, order};

    #[test]
    fn an_ordinary_order_is_not_blocked() {
        assert_eq!(blocked(&order(), dkk()), None);
    }

    #[test]
    fn everything_that_is_not_mapped_is_named() {
        type Change = fn(&mut Order);
        let cases: [(ParkCode, Change); 13] = [
            (ParkCode::RefundedBefore, |o| o.refunds = 1),
            (ParkCode::EditedBefore, |o| o.edited = true),
            (ParkCode::EditedBefore, |o| o.lines[0].current_quantity -= 1),
            (ParkCode::EditedBefore, |o| o.shipping_lines[0].is_removed = true),
            (ParkCode::ForeignCurrency, |o| o.presentment_currency = Currency::parse("SEK").unwrap()),
            (ParkCode::Tip, |o| o.totals.tip = Decimal::ONE),
            (ParkCode::Tip, |o| o.lines[0].is_tip = true),
            (ParkCode::Duties, |o| o.totals.duties = Decimal::ONE),
            (ParkCode::AdditionalFees, |o| o.totals.fees = Decimal::ONE),
            (ParkCode::CashRounding, |o| o.totals.cash_rounding = Decimal::NEGATIVE_ONE),
            (ParkCode::GiftCardPaid, |o| o.totals.gift_card_paid = Decimal::ONE),
            (ParkCode::GiftCardSold, |o| o.lines[0].is_gift_card = true),
            (ParkCode::CustomLine, |o| o.lines[0].is_custom = true),
        ];
        for (code, change) in cases {
            let mut order = order();
            change(&mut order);
            assert_eq!(blocked(&order, dkk()).map(|block| block.code), Some(code));
        }
        let euro = Currency::parse("EUR").unwrap();
        assert_eq!(blocked(&order(), euro).map(|block| block.code), Some(ParkCode::ForeignCurrency));
    }
}
