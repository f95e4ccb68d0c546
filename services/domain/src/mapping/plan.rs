//! All lines of an order, and the proof that they come to Shopify's total.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::block::Block;
use super::line::Charge;
use crate::erp::DraftLine;
use crate::ids::ItemNumber;
use crate::job::ParkCode;
use crate::money::{Currency, Money};
use crate::order::Order;
use crate::settings::OrderSettings;
use crate::transfer::{LineProof, MoneyProof, VatProof};

/// What shall stand in Rackbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Why the lines are what they are; [`Plan::lines`] reads them from here.
    pub proof: MoneyProof,
}

impl Plan {
    /// The lines to send.
    #[must_use]
    pub fn lines(&self) -> Vec<DraftLine> {
        self.proof.lines.iter().map(|proof| proof.line.clone()).collect()
    }
}

/// Maps an order whose lines are the given items, one for each of `order.lines` in their order.
///
/// # Errors
/// A [`Block`] that names what cannot be mapped: no freight item set, or parts that do not add up to the total.
pub fn plan(order: &Order, items: &[ItemNumber], settings: &OrderSettings) -> Result<Plan, Block> {
    let mut lines = Vec::with_capacity(order.lines.len() + order.shipping_lines.len());
    let mut total = Decimal::ZERO;
    for (charge, item) in goods(order).zip(items) {
        total += charge.gross();
        lines.push(charge.line(item, order.currency));
    }
    for charge in freight(order) {
        let Some(item) = &settings.freight_product else {
            if charge.unit_price.is_zero() {
                continue;
            }
            let message = format!("the order has shipping {:?} and no freight product is set", charge.title);
            return Err(Block::new(ParkCode::FreightProductMissing, charge.title, message));
        };
        total += charge.gross();
        lines.push(charge.line(item, order.currency));
    }
    if total != order.totals.current_total {
        let parts = Money::new(total, order.currency);
        let whole = Money::new(order.totals.current_total, order.currency);
        let message = format!("lines and shipping come to {parts}, Shopify's total is {whole}");
        return Err(Block::new(ParkCode::TotalsDisagree, (whole.amount - parts.amount).to_string(), message));
    }
    let rates = rates(&lines, order.currency);
    Ok(Plan {
        proof: MoneyProof {
            currency: order.currency,
            shopify_total: order.totals.current_total,
            shopify_vat: order.totals.current_tax,
            lines,
            rates,
            rackbeat_total: None,
            rackbeat_vat: None,
            rounding: Decimal::ZERO,
        },
    })
}

fn goods(order: &Order) -> impl Iterator<Item = Charge<'_>> {
    order.lines.iter().map(|line| Charge {
        source: format!("line {}", line.id),
        title: &line.title,
        quantity: line.quantity,
        unit_price: line.unit_price,
        discount: line.discount,
        tax: line.tax(),
        rate_percent: line.rate_percent(),
        taxes_included: order.taxes_included,
    })
}

fn freight(order: &Order) -> impl Iterator<Item = Charge<'_>> {
    order.shipping_lines.iter().enumerate().map(|(index, line)| Charge {
        source: format!("shipping {}", index + 1),
        title: &line.title,
        quantity: 1,
        unit_price: line.price,
        discount: line.discount,
        tax: line.tax(),
        rate_percent: line.rate_percent(),
        taxes_included: order.taxes_included,
    })
}

fn rates(lines: &[LineProof], currency: Currency) -> Vec<VatProof> {
    let mut by_rate: BTreeMap<Decimal, (Decimal, Decimal)> = BTreeMap::new();
    for proof in lines {
        let sums = by_rate.entry(proof.line.vat_percent).or_default();
        sums.0 += proof.net;
        sums.1 += proof.vat;
    }
    by_rate
        .into_iter()
        .map(|(rate_percent, (net, shopify))| VatProof {
            rate_percent,
            net,
            shopify,
            computed: currency.round(net * rate_percent / Decimal::ONE_HUNDRED),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::samples::{items, order, settings};

    #[test]
    fn lines_and_shipping_come_to_the_total_and_the_proof_says_from_what() {
        let order = order();
        let plan = plan(&order, &items(&order), &settings()).unwrap();
        let sum: Decimal = plan.proof.lines.iter().map(|line| line.net + line.vat).sum();
        assert_eq!(sum, order.totals.current_total);
        assert_eq!(plan.lines().len(), order.lines.len() + order.shipping_lines.len());
        assert_eq!(
            plan.proof.rates.iter().map(|rate| rate.shopify).sum::<Decimal>(),
            order.totals.current_tax
        );
        assert!(plan.proof.lines.iter().all(|line| !line.amounts.is_empty()));
    }

    #[test]
    fn a_total_that_is_off_by_one_minor_unit_is_refused_with_the_difference() {
        let mut order = order();
        order.totals.current_total += Decimal::new(1, 2);
        let block = plan(&order, &items(&order), &settings()).unwrap_err();
        assert_eq!((block.code, block.culprit.as_str()), (ParkCode::TotalsDisagree, "0.01"));
    }

    #[test]
    fn charged_shipping_needs_a_freight_product_and_free_shipping_does_not() {
        let mut order = order();
        let without = OrderSettings { freight_product: None, ..settings() };
        assert_eq!(plan(&order, &items(&order), &without).unwrap_err().code, ParkCode::FreightProductMissing);
        order.totals.current_total -= order.shipping_lines[0].charged();
        order.shipping_lines[0].price = Decimal::ZERO;
        order.shipping_lines[0].taxes.clear();
        assert_eq!(plan(&order, &items(&order), &without).unwrap().lines().len(), order.lines.len());
    }
}
