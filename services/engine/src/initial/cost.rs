//! What a run takes of Rackbeat's budget. A product is made by one call, a quantity is set by two (an adjustment, and
//! its booking); what stands there is read first only where it cannot be known.

use shopbeat_domain::limits;
use shopbeat_domain::run::{Estimate, RunPlan, StockPolicy};

use super::present::Known;

/// Calls that an adjustment takes.
const ADJUSTMENT: u64 = 2;

/// Calls for one item of which the shop has some; `made_takes_stock`: whether products that the run makes keep stock.
pub(crate) fn calls(plan: &RunPlan, known: Option<Known>, made_takes_stock: bool) -> u64 {
    let made = u64::from(known.is_none() && plan.products);
    let there = known.is_some() || plan.products;
    let takes_stock = known.map_or(made_takes_stock, |known| known.takes_stock);
    if !plan.stock || !there || !takes_stock {
        return made;
    }
    let is_empty = known.is_none_or(|known| known.stock.is_zero());
    made + match plan.policy {
        StockPolicy::Keep if is_empty => ADJUSTMENT,
        StockPolicy::Keep => 0,
        StockPolicy::Sum | StockPolicy::Overwrite => ADJUSTMENT + u64::from(known.is_some()),
    }
}

/// So many calls, at the rate that a steady flow has.
pub(crate) fn estimate(calls: u64) -> Estimate {
    Estimate { calls, minutes: calls.div_ceil(u64::from(limits::RACKBEAT_PER_MINUTE)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    fn what_needs_no_call_costs_none_and_what_is_read_first_costs_one_more() {
        let all = RunPlan { products: true, stock: true, ..RunPlan::default() };
        let known = |units| Some(Known { stock: Decimal::from(units), takes_stock: true, barred: false });
        let no_stock = Some(Known { takes_stock: false, ..known(0).unwrap() });
        assert_eq!(calls(&all, None, true), 3);
        assert_eq!(calls(&all, None, false), 1);
        assert_eq!(calls(&all, known(0), true), 2);
        assert_eq!(calls(&all, known(5), true), 0);
        assert_eq!(calls(&all, no_stock, true), 0);
        assert_eq!(calls(&RunPlan { policy: StockPolicy::Sum, ..all }, known(5), true), 3);
        assert_eq!(calls(&RunPlan { products: false, ..all }, None, true), 0);
        assert_eq!(calls(&RunPlan { stock: false, ..all }, None, true), 1);
        assert_eq!(estimate(481), Estimate { calls: 481, minutes: 2 });
    }
}
