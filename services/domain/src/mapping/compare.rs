//! Reading the draft back: does Rackbeat say what was planned?

use rust_decimal::Decimal;

use super::block::Block;
use super::plan::Plan;
use crate::erp::{DraftLine, ErpLine, ErpOrder};
use crate::ids::{ItemNumber, LineId};
use crate::job::ParkCode;
use crate::money::Money;
use crate::settings::OrderSettings;

/// What reading back found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// All as planned, with what already stands on a rounding line.
    Equal {
        /// Amount on the rounding line.
        rounding: Decimal,
    },
    /// Lines whose VAT was not taken over from the create: to be written again.
    VatIgnored(Vec<(LineId, DraftLine)>),
    /// The total is off by this and may be put right by a rounding line.
    Residue(Decimal),
    /// It must not go on.
    Blocked(Block),
}

/// Compares a draft with its plan.
#[must_use]
pub fn compare(plan: &Plan, draft: &ErpOrder, settings: &OrderSettings) -> Finding {
    let mut left: Vec<&ErpLine> = draft.lines.iter().collect();
    let mut vat_ignored = Vec::new();
    for wanted in plan.proof.lines.iter().map(|proof| &proof.line) {
        let Some(at) = left.iter().position(|line| same_but_vat(wanted, line)) else {
            return Finding::Blocked(differs(wanted, draft));
        };
        let line = left.remove(at);
        if line.vat_percent.is_some_and(|vat| vat != wanted.vat_percent) {
            vat_ignored.push((line.id, wanted.clone()));
        }
    }
    let mut rounding = Decimal::ZERO;
    for line in left {
        if !is_rounding(line, settings) {
            let item = line.item.as_ref().map_or("?", ItemNumber::as_str);
            let message = format!("the draft has a line with item {item} that was not sent");
            return Finding::Blocked(Block::new(ParkCode::LineDiffers, item, message));
        }
        rounding += line.unit_price * line.quantity;
    }
    if vat_ignored.is_empty() {
        totals(plan, draft, settings, rounding)
    } else {
        Finding::VatIgnored(vat_ignored)
    }
}

fn totals(plan: &Plan, draft: &ErpOrder, settings: &OrderSettings, rounding: Decimal) -> Finding {
    let proof = &plan.proof;
    let money = |amount| Money::new(amount, proof.currency);
    let Some(total) = draft.total.or_else(|| Some(draft.net? + draft.vat?)) else {
        let message = "Rackbeat told no total of the draft";
        return Finding::Blocked(Block::new(ParkCode::TotalDiffers, "total", message));
    };
    let residue = proof.shopify_total - total;
    if residue.is_zero() {
        return Finding::Equal { rounding };
    }
    let message = format!("Shopify's total is {}, Rackbeat's {}", money(proof.shopify_total), money(total));
    if residue.abs() > settings.rounding_tolerance || !rounding.is_zero() {
        return Finding::Blocked(Block::new(ParkCode::TotalDiffers, money(residue).to_string(), message));
    }
    if settings.rounding_product.is_none() {
        let culprit = money(residue).to_string();
        return Finding::Blocked(Block::new(ParkCode::RoundingProductMissing, culprit, message));
    }
    Finding::Residue(residue)
}

/// The line that puts a residue right.
#[must_use]
pub fn rounding_line(item: &ItemNumber, residue: Decimal) -> DraftLine {
    DraftLine {
        item: item.clone(),
        name: "Rounding".to_owned(),
        quantity: Decimal::ONE,
        unit_price: residue.normalize(),
        discount_percent: Decimal::ZERO,
        vat_percent: Decimal::ZERO,
    }
}

fn same_but_vat(wanted: &DraftLine, line: &ErpLine) -> bool {
    line.item.as_ref() == Some(&wanted.item)
        && line.quantity == wanted.quantity
        && line.unit_price == wanted.unit_price
        && line.discount_percent == wanted.discount_percent
}

fn is_rounding(line: &ErpLine, settings: &OrderSettings) -> bool {
    settings.rounding_product.is_some()
        && line.item == settings.rounding_product
        && line.vat_percent.is_none_or(|vat| vat.is_zero())
        && line.discount_percent.is_zero()
        && (line.unit_price * line.quantity).abs() <= settings.rounding_tolerance
}

fn differs(wanted: &DraftLine, draft: &ErpOrder) -> Block {
    let there = draft.lines.iter().find(|line| line.item.as_ref() == Some(&wanted.item));
    let found = there.map_or_else(
        || "no such line".to_owned(),
        |line| format!("{} x {} less {} %", line.quantity, line.unit_price, line.discount_percent),
    );
    let message = format!(
        "sent {} x {} less {} % of item {}, Rackbeat has {found}",
        wanted.quantity, wanted.unit_price, wanted.discount_percent, wanted.item
    );
    Block::new(ParkCode::LineDiffers, wanted.item.as_str(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::plan;
    use crate::mapping::samples::{draft_of, items, order, settings};

    fn planned() -> Plan {
        let order = order();
        plan(&order, &items(&order), &settings()).unwrap()
    }

    #[test]
    fn a_draft_that_says_what_was_planned_is_equal() {
        let plan = planned();
        let found = compare(&plan, &draft_of(&plan), &settings());
        assert_eq!(found, Finding::Equal { rounding: Decimal::ZERO });
    }

    #[test]
    fn a_residue_within_the_tolerance_goes_on_one_line_and_not_on_two() {
        let plan = planned();
        let mut draft = draft_of(&plan);
        draft.total = Some(plan.proof.shopify_total - Decimal::new(2, 2));
        assert_eq!(compare(&plan, &draft, &settings()), Finding::Residue(Decimal::new(2, 2)));

        let line = rounding_line(settings().rounding_product.as_ref().unwrap(), Decimal::new(2, 2));
        draft.lines.push(ErpLine {
            id: LineId(99),
            item: Some(line.item),
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount_percent: line.discount_percent,
            vat_percent: Some(line.vat_percent),
        });
        let still_off = compare(&plan, &draft, &settings());
        assert!(matches!(still_off, Finding::Blocked(block) if block.code == ParkCode::TotalDiffers));
        draft.total = Some(plan.proof.shopify_total);
        assert_eq!(compare(&plan, &draft, &settings()), Finding::Equal { rounding: Decimal::new(2, 2) });
    }

    #[test]
    fn a_residue_beyond_the_tolerance_or_without_a_rounding_product_blocks() {
        let plan = planned();
        let mut draft = draft_of(&plan);
        draft.total = Some(plan.proof.shopify_total - Decimal::new(6, 2));
        let code = |found| match found {
            Finding::Blocked(block) => block.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(compare(&plan, &draft, &settings())), ParkCode::TotalDiffers);
        draft.total = Some(plan.proof.shopify_total - Decimal::new(1, 2));
        let without = OrderSettings { rounding_product: None, ..settings() };
        assert_eq!(code(compare(&plan, &draft, &without)), ParkCode::RoundingProductMissing);
        draft.total = None;
        draft.net = None;
        assert_eq!(code(compare(&plan, &draft, &settings())), ParkCode::TotalDiffers);
    }

    #[test]
    fn a_changed_missing_or_foreign_line_blocks_and_ignored_vat_is_told_by_line() {
        let plan = planned();
        let mut draft = draft_of(&plan);
        draft.lines[0].vat_percent = Some(Decimal::from(7));
        let found = compare(&plan, &draft, &settings());
        assert!(
            matches!(found, Finding::VatIgnored(lines) if lines.len() == 1 && lines[0].0 == draft.lines[0].id)
        );

        for change in [
            (|draft: &mut ErpOrder| draft.lines[0].unit_price += Decimal::ONE) as fn(&mut ErpOrder),
            |draft| draft.lines[0].discount_percent += Decimal::ONE,
            |draft| drop(draft.lines.remove(0)),
            |draft| draft.lines.push(draft.lines[0].clone()),
        ] {
            let mut draft = draft_of(&plan);
            change(&mut draft);
            let found = compare(&plan, &draft, &settings());
            assert!(matches!(found, Finding::Blocked(block) if block.code == ParkCode::LineDiffers));
        }
    }
}
