//! One charged amount as price, discount and VAT.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::erp::DraftLine;
use crate::ids::ItemNumber;
use crate::limits::{DISCOUNT_DECIMALS, PRICE_DECIMALS};
use crate::money::{Currency, Money};
use crate::transfer::LineProof;

/// What Shopify says of one line, all for the whole line.
pub(super) struct Charge<'a> {
    /// `line 123`.
    pub(super) source: String,
    /// The line's text.
    pub(super) title: &'a str,
    /// Units.
    pub(super) quantity: u64,
    /// Price of one before discounts, with tax if `taxes_included`.
    pub(super) unit_price: Decimal,
    /// Discounts.
    pub(super) discount: Decimal,
    /// Tax.
    pub(super) tax: Decimal,
    /// Sum of the tax rates in percent.
    pub(super) rate_percent: Decimal,
    /// Prices hold the tax.
    pub(super) taxes_included: bool,
}

impl Charge<'_> {
    fn before(&self) -> Decimal {
        self.unit_price * Decimal::from(self.quantity)
    }

    fn charged(&self) -> Decimal {
        self.before() - self.discount
    }

    /// What the line comes to without tax.
    fn net(&self) -> Decimal {
        if self.taxes_included { self.charged() - self.tax } else { self.charged() }
    }

    /// The same before it is rounded, where it can be known: a tax-included amount without the tax of its rate. A unit
    /// price made from it keeps its fractions, so that many lines do not add up what rounding took from each. Where
    /// Shopify's own tax is another than the rate's, its amounts count.
    fn net_unrounded(&self, currency: Currency) -> Decimal {
        if !self.taxes_included {
            return self.net();
        }
        let exact = self.charged() / (Decimal::ONE + self.rate_percent / Decimal::ONE_HUNDRED);
        if currency.round(exact) == self.net() { exact } else { self.net() }
    }

    /// The price of one of which `left` is charged. A price's last decimal, times many units, may tip an unrounded
    /// amount over: then Shopify's own amount counts, which a price misses by less than half a minor unit.
    fn net_price(&self, currency: Currency, left: Decimal) -> Decimal {
        let quantity = Decimal::from(self.quantity.max(1));
        let price = round(self.net_unrounded(currency) / quantity / left);
        if currency.round(price * quantity * left) == self.net() {
            price
        } else {
            round(self.net() / quantity / left)
        }
    }

    /// What the line comes to with tax.
    pub(super) fn gross(&self) -> Decimal {
        self.net() + self.tax
    }

    /// The Rackbeat line with its proof. The discount is a percentage of at most two decimals where that gives
    /// Shopify's amount exactly; else the line carries the net price, and its text says the discount.
    pub(super) fn line(&self, item: &ItemNumber, currency: Currency) -> LineProof {
        let (unit_price, discount_percent) = self
            .as_percentage(currency)
            .unwrap_or_else(|| (self.net_price(currency, Decimal::ONE), Decimal::ZERO));
        let name = if discount_percent.is_zero() && !self.discount.is_zero() {
            format!("{} (discount {})", self.title, Money::new(self.discount, currency))
        } else {
            self.title.to_owned()
        };
        LineProof {
            source: self.source.clone(),
            amounts: vec![
                ("unit price".to_owned(), currency.written(self.unit_price)),
                ("quantity".to_owned(), Decimal::from(self.quantity)),
                ("discount allocations".to_owned(), currency.written(self.discount)),
                (
                    if self.taxes_included { "tax included" } else { "tax added" }.to_owned(),
                    currency.written(self.tax),
                ),
            ],
            line: DraftLine {
                item: item.clone(),
                name,
                quantity: Decimal::from(self.quantity),
                unit_price,
                discount_percent,
                vat_percent: self.rate_percent.normalize(),
            },
            net: currency.written(self.net()),
            vat: currency.written(self.tax),
        }
    }

    fn as_percentage(&self, currency: Currency) -> Option<(Decimal, Decimal)> {
        let before = self.before();
        if before.is_zero() || self.quantity == 0 || self.discount < Decimal::ZERO {
            return None;
        }
        let hundred = Decimal::ONE_HUNDRED;
        let percent = (self.discount * hundred / before)
            .round_dp_with_strategy(DISCOUNT_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
        let left = Decimal::ONE - percent / hundred;
        if currency.round(before * left) != self.charged() {
            return None;
        }
        let quantity = Decimal::from(self.quantity);
        let unit_price = if left.is_zero() {
            // Nothing is charged: the price shown is Shopify's, its tax taken out by the rate where it is in it.
            let with_tax =
                if self.taxes_included { Decimal::ONE + self.rate_percent / hundred } else { Decimal::ONE };
            round(self.unit_price / with_tax)
        } else {
            self.net_price(currency, left)
        };
        (currency.round(unit_price * quantity * left) == self.net())
            .then_some((unit_price, percent.normalize()))
    }
}

fn round(price: Decimal) -> Decimal {
    price.round_dp_with_strategy(PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::samples::dkk;
    use proptest::prelude::*;

    fn charge(
        unit_minor: i64,
        quantity: u64,
        discount_minor: i64,
        rate: u32,
        taxes_included: bool,
    ) -> Charge<'static> {
        let unit_price = Decimal::new(unit_minor, 2);
        let discount = Decimal::new(discount_minor, 2);
        let rate_percent = Decimal::from(rate);
        let charged = unit_price * Decimal::from(quantity) - discount;
        let rate = rate_percent / Decimal::ONE_HUNDRED;
        let tax = if taxes_included { charged * rate / (Decimal::ONE + rate) } else { charged * rate };
        Charge {
            source: "line 1".to_owned(),
            title: "Tent",
            quantity,
            unit_price,
            discount,
            tax: dkk().round(tax),
            rate_percent,
            taxes_included,
        }
    }

    fn line(charge: &Charge<'_>) -> LineProof {
        charge.line(&ItemNumber::parse("TENT-2P").unwrap(), dkk())
    }

    #[test]
    fn a_tenth_off_a_tax_included_price_is_ten_percent_off_the_net_price() {
        let proof = line(&charge(119_900, 1, 11_990, 25, true));
        assert_eq!(proof.line.discount_percent, Decimal::TEN);
        assert_eq!(proof.line.unit_price, Decimal::new(95_920, 2).normalize());
        assert_eq!(proof.line.vat_percent, Decimal::from(25));
        assert_eq!(proof.net, Decimal::new(86_328, 2));
    }

    #[test]
    fn a_discount_that_is_no_round_percentage_goes_into_the_price_and_is_said() {
        let proof = line(&charge(9_999, 1_000, 100, 25, false));
        assert_eq!(proof.line.discount_percent, Decimal::ZERO);
        assert_eq!(proof.line.unit_price, Decimal::new(99_989, 3).normalize());
        assert_eq!(proof.line.name, "Tent (discount 1.00 DKK)");
    }

    #[test]
    fn a_gift_is_a_hundred_percent_off() {
        let proof = line(&charge(12_500, 2, 25_000, 25, true));
        assert_eq!(proof.line.discount_percent, Decimal::ONE_HUNDRED);
        assert_eq!(proof.line.unit_price, Decimal::ONE_HUNDRED);
        assert_eq!(proof.net, Decimal::ZERO);
    }

    #[test]
    fn many_tax_included_lines_come_to_the_total_when_rackbeat_rounds_only_the_sum() {
        let proofs: Vec<LineProof> = (0..60).map(|_| line(&charge(9_999, 1, 0, 25, true))).collect();
        let net: Decimal = proofs.iter().map(|proof| proof.line.unit_price * proof.line.quantity).sum();
        let vat = net * Decimal::new(25, 2);
        let total = dkk().round(net) + dkk().round(vat);
        assert!((total - Decimal::new(9_999 * 60, 2)).abs() <= Decimal::new(1, 2), "{total}");
    }

    proptest! {
        #[test]
        fn every_line_comes_to_shopifys_net_amount_to_the_minor_unit(
            unit in 0i64..5_000_000, quantity in 1u64..200, part in 0i64..=1000, rate in prop::sample::select(vec![0u32, 6, 12, 25]),
            included: bool,
        ) {
            let before = unit * i64::try_from(quantity).unwrap();
            let charge = charge(unit, quantity, before * part / 1000, rate, included);
            let proof = line(&charge);
            let left = Decimal::ONE - proof.line.discount_percent / Decimal::ONE_HUNDRED;
            let computed = dkk().round(proof.line.unit_price * proof.line.quantity * left);
            prop_assert_eq!(computed, charge.net());
            prop_assert!(proof.line.unit_price.scale() <= PRICE_DECIMALS);
            prop_assert!(proof.line.discount_percent.scale() <= DISCOUNT_DECIMALS);
            prop_assert_eq!(proof.net + proof.vat, charge.gross());
        }

        #[test]
        fn every_currency_and_odd_rates_come_to_shopifys_net_amount(
            unit in 0i64..5_000_000, quantity in 1u64..200, part in 0i64..=1000,
            rate in prop::sample::select(vec!["8.25", "5.5", "9.975", "7.7"]),
            (code, decimals) in prop::sample::select(vec![("JPY", 0u32), ("KWD", 3)]), included: bool,
        ) {
            let currency = Currency::parse(code).unwrap();
            let before = unit * i64::try_from(quantity).unwrap();
            let rate_percent: Decimal = rate.parse().unwrap();
            let rate = rate_percent / Decimal::ONE_HUNDRED;
            let (unit_price, discount) =
                (Decimal::new(unit, decimals), Decimal::new(before * part / 1000, decimals));
            let charged = unit_price * Decimal::from(quantity) - discount;
            let tax = if included { charged * rate / (Decimal::ONE + rate) } else { charged * rate };
            let charge = Charge {
                unit_price, quantity, discount, rate_percent,
                source: "line 1".to_owned(), title: "Tent", tax: currency.round(tax), taxes_included: included,
            };
            let line = charge.line(&ItemNumber::parse("TENT-2P").unwrap(), currency).line;
            let left = Decimal::ONE - line.discount_percent / Decimal::ONE_HUNDRED;
            prop_assert_eq!(currency.round(line.unit_price * line.quantity * left), charge.net());
        }
    }
}
