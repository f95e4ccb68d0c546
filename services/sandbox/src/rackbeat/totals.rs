//! Order totals under the three rounding models nobody could tell apart.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::facts::Rounding;

/// What a line contributes: quantity, net unit price, discount in per cent, VAT in per cent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced {
    pub(super) quantity: Decimal,
    pub(super) price: Decimal,
    pub(super) discount: Decimal,
    pub(super) vat: Decimal,
}

impl Priced {
    /// Net of the line, unrounded.
    pub(super) fn net(&self) -> Decimal {
        self.quantity * self.price * (Decimal::ONE_HUNDRED - self.discount) / Decimal::ONE_HUNDRED
    }
}

/// An order's three totals, two decimals each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Without VAT.
    pub subtotal: Decimal,
    /// VAT.
    pub vat: Decimal,
    /// With VAT.
    pub total: Decimal,
}

/// Rounds to two decimals, halves away from zero, as PHP does.
pub(super) fn cents(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Sums lines under one model.
pub(super) fn totals(lines: impl IntoIterator<Item = Priced>, model: Rounding) -> Totals {
    let mut subtotal = Decimal::ZERO;
    let mut vat = Decimal::ZERO;
    let mut rates: Vec<(Decimal, Decimal)> = Vec::new();
    for line in lines {
        let net = line.net();
        match model {
            Rounding::SumThenOnce => {
                subtotal += net;
                vat += net * line.vat / Decimal::ONE_HUNDRED;
            }
            Rounding::PerLine => {
                subtotal += cents(net);
                vat += cents(net * line.vat / Decimal::ONE_HUNDRED);
            }
            Rounding::NetPerLineVatPerRate => {
                let net = cents(net);
                subtotal += net;
                match rates.iter_mut().find(|(rate, _)| *rate == line.vat) {
                    Some((_, base)) => *base += net,
                    None => rates.push((line.vat, net)),
                }
            }
        }
    }
    for (rate, base) in rates {
        vat += cents(base * rate / Decimal::ONE_HUNDRED);
    }
    let (mut subtotal, mut vat) = (cents(subtotal), cents(vat));
    // Shown with two decimals, whole amounts too.
    subtotal.rescale(2);
    vat.rescale(2);
    Totals { subtotal, vat, total: subtotal + vat }
}

#[cfg(test)]
mod tests {
    use super::{Priced, Totals, totals};
    use crate::facts::Rounding;
    use rust_decimal::Decimal;

    fn line(quantity: &str, price: &str, discount: &str, vat: &str) -> Priced {
        let parse = |text: &str| text.parse::<Decimal>().unwrap();
        Priced { quantity: parse(quantity), price: parse(price), discount: parse(discount), vat: parse(vat) }
    }

    fn told(subtotal: &str, vat: &str, total: &str) -> Totals {
        Totals {
            subtotal: subtotal.parse().unwrap(),
            vat: vat.parse().unwrap(),
            total: total.parse().unwrap(),
        }
    }

    #[test]
    fn the_three_models_differ_on_known_orders() {
        // Two lines of 0.333 and 10.014 net at 25 %: exact net 10.347, exact VAT 2.58675.
        let order = [line("1", "0.333", "0", "25"), line("1", "10.014", "0", "25")];
        assert_eq!(totals(order, Rounding::SumThenOnce), told("10.35", "2.59", "12.94"));
        assert_eq!(totals(order, Rounding::PerLine), told("10.34", "2.58", "12.92"));
        assert_eq!(totals(order, Rounding::NetPerLineVatPerRate), told("10.34", "2.59", "12.93"));
    }

    #[test]
    fn discount_and_several_rates_are_counted() {
        let order =
            [line("2", "959.36", "10", "25"), line("1", "100", "0", "12"), line("1", "-5", "100", "25")];
        let expected = told("1826.85", "443.71", "2270.56");
        for model in [Rounding::SumThenOnce, Rounding::PerLine, Rounding::NetPerLineVatPerRate] {
            assert_eq!(totals(order, model), expected, "{model:?}");
        }
    }
}
