//! Random ordinary orders: what a shop sells every day, nothing the sync has to park.

use rust_decimal::Decimal;

use super::money::Currencies;
use super::order::{DiscountValue, LineKind};
use super::order_spec::{DiscountSpec, DiscountTarget, LineSpec, OrderSpec, ShippingSpec, TaxRate};
use super::people;
use crate::seed::Seeded;

/// A variant that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Variant and product ids.
    pub variant: (u64, u64),
    /// SKU; ordinary orders only take variants that have one.
    pub sku: String,
    /// Product title.
    pub title: String,
    /// Variant title.
    pub variant_title: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// Price in the shop's currency.
    pub price: Decimal,
}

/// What the generator knows of a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// Seed of the customer pool.
    pub seed: u64,
    /// ISO code.
    pub currency: String,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// How many customers there are.
    pub customers: u64,
}

/// One ordinary order over `offers`. Without offers it has no lines.
#[must_use]
pub fn ordinary(draw: &mut Seeded, offers: &[Offer], market: &Market) -> OrderSpec {
    let regime = regime(draw);
    let count = if offers.is_empty() { 0 } else { 1 + draw.index(5) };
    let lines: Vec<LineSpec> = (0..count)
        .map(|_| {
            let taxes = if draw.chance(100_000) { other_rate(draw) } else { regime.clone() };
            line(&offers[draw.index(offers.len())], quantity(draw), taxes)
        })
        .collect();
    let shipping = shipping(draw, &regime);
    let discounts = discounts(draw, lines.len(), !shipping.is_empty());
    // Every fourth order is of one of the four newest customers: the same new buyer twice at once.
    let newest = market.customers.saturating_sub(4);
    let nth = if draw.chance(250_000) { newest + draw.below(4) } else { draw.below(market.customers) };
    let customer = people::customer(market.seed, nth);
    OrderSpec {
        currencies: Currencies::single(&market.currency),
        taxes_included: market.taxes_included,
        lines,
        discounts,
        shipping,
        fees: Vec::new(),
        cash_rounding: Decimal::ZERO,
        email: customer.email.clone(),
        customer: Some(customer),
        company: None,
        protected: false,
        test: false,
        by_gift_card: false,
        note: draw.chance(150_000).then(|| "Må gerne stilles i carporten".to_owned()),
        source: "web".to_owned(),
        age_seconds: 0,
    }
}

/// A line of `quantity` of an offer.
#[must_use]
pub fn line(offer: &Offer, quantity: u32, taxes: Vec<TaxRate>) -> LineSpec {
    LineSpec {
        kind: LineKind::Product,
        variant: Some(offer.variant),
        sku: Some(offer.sku.clone()),
        title: offer.title.clone(),
        variant_title: offer.variant_title.clone(),
        vendor: offer.vendor.clone(),
        quantity,
        unit_price: offer.price,
        taxes,
        gift_card: false,
        requires_shipping: true,
        duty: None,
    }
}

fn quantity(draw: &mut Seeded) -> u32 {
    const QUANTITIES: [u32; 10] = [1, 1, 1, 1, 1, 2, 2, 3, 4, 12];
    QUANTITIES[draw.index(QUANTITIES.len())]
}

/// Danish VAT as a rule.
#[must_use]
pub fn danish_vat() -> Vec<TaxRate> {
    vec![TaxRate::percent("Moms", Decimal::from(25))]
}

fn regime(draw: &mut Seeded) -> Vec<TaxRate> {
    match draw.below(10) {
        0 => vec![TaxRate::percent("VAT", Decimal::from(12))],
        1 => Vec::new(),
        2 => vec![TaxRate::percent("GST", Decimal::from(5)), TaxRate::percent("QST", Decimal::new(9975, 3))],
        _ => danish_vat(),
    }
}

fn other_rate(draw: &mut Seeded) -> Vec<TaxRate> {
    match draw.below(3) {
        0 => vec![TaxRate::percent("Moms", Decimal::ZERO)],
        1 => vec![TaxRate::percent("VAT", Decimal::from(12))],
        _ => vec![TaxRate::percent("VAT", Decimal::from(7))],
    }
}

fn shipping(draw: &mut Seeded, taxes: &[TaxRate]) -> Vec<ShippingSpec> {
    let (title, cents) = match draw.below(10) {
        0 => return Vec::new(),
        1 | 2 => ("Gratis fragt", 0),
        3..=5 => ("GLS Pakkeshop", 3_900),
        6..=8 => ("PostNord Hjemmelevering", 4_995),
        _ => ("Bring Express", 12_950),
    };
    vec![ShippingSpec { title: title.to_owned(), price: Decimal::new(cents, 2), taxes: taxes.to_vec() }]
}

fn discounts(draw: &mut Seeded, lines: usize, shipped: bool) -> Vec<DiscountSpec> {
    let mut given = Vec::new();
    if lines == 0 {
        return given;
    }
    if draw.chance(200_000) {
        let percent = [5, 10, 15, 20, 33, 50][draw.index(6)];
        given.push(DiscountSpec {
            value: DiscountValue::Percentage(Decimal::from(percent)),
            target: DiscountTarget::Lines(vec![draw.index(lines)]),
            code: None,
            title: "Ugens tilbud".to_owned(),
        });
    }
    if draw.chance(250_000) {
        let fixed = draw.chance(500_000);
        let amount = Decimal::from(5 + draw.below(26));
        given.push(DiscountSpec {
            value: if fixed { DiscountValue::Fixed(amount) } else { DiscountValue::Percentage(amount) },
            target: DiscountTarget::AllLines,
            code: Some("VELKOMMEN".to_owned()),
            title: "VELKOMMEN".to_owned(),
        });
    } else if draw.chance(20_000) {
        given.push(free("Reklamation", DiscountTarget::AllLines));
        given.push(free("Fragtfri", DiscountTarget::Shipping));
    }
    if shipped && given.len() < 2 && draw.chance(100_000) {
        given.push(DiscountSpec {
            value: DiscountValue::Percentage(Decimal::from([50, 100][draw.index(2)])),
            target: DiscountTarget::Shipping,
            code: Some("FRAGT".to_owned()),
            title: "FRAGT".to_owned(),
        });
    }
    given
}

fn free(title: &str, target: DiscountTarget) -> DiscountSpec {
    DiscountSpec {
        value: DiscountValue::Percentage(Decimal::ONE_HUNDRED),
        target,
        code: None,
        title: title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rust_decimal::Decimal;

    use super::{Market, Offer, ordinary};
    use crate::seed::Seeded;
    use crate::shopify::money::Bag;
    use crate::shopify::order::Order;
    use crate::shopify::order_build::{Ids, build};

    fn offers() -> Vec<Offer> {
        [(1, "19.95"), (2, "149.00"), (3, "0.05"), (4, "1299.95"), (5, "33.33")]
            .iter()
            .map(|(id, price)| Offer {
                variant: (*id, *id + 100),
                sku: format!("SKU-{id}"),
                title: format!("Ting {id}"),
                variant_title: None,
                vendor: None,
                price: price.parse().unwrap(),
            })
            .collect()
    }

    fn orders(count: u32, taxes_included: bool) -> Vec<Order> {
        let market = Market { seed: 5, currency: "DKK".to_owned(), taxes_included, customers: 50 };
        let mut draw = Seeded::labelled(5, "orders");
        let mut ids = Ids::after(6_000_000_000_000);
        (0..count)
            .map(|number| {
                let spec = ordinary(&mut draw, &offers(), &market);
                build(&spec, 1001 + number, Timestamp::UNIX_EPOCH, &mut ids)
            })
            .collect()
    }

    /// Adds up the parts one by one, without [`Order::totals`].
    fn paid_by_parts(order: &Order) -> Bag {
        let mut sum = Bag::default();
        for line in &order.lines {
            sum += line.unit_price.map(|price| price * Decimal::from(line.quantity));
            for share in &line.allocations {
                sum = sum - share.amount;
            }
            if !order.taxes_included {
                sum += line.taxes.iter().map(|tax| tax.amount).sum();
            }
        }
        for shipping in &order.shipping {
            sum += shipping.total();
            if !order.taxes_included {
                sum += shipping.taxes.iter().map(|tax| tax.amount).sum();
            }
        }
        sum
    }

    #[test]
    fn two_thousand_orders_are_the_sums_of_their_parts() {
        for included in [true, false] {
            let orders = orders(1_000, included);
            for order in &orders {
                let totals = order.totals();
                assert_eq!(paid_by_parts(order), totals.total, "{}", order.name());
                assert_eq!(totals, order.current());
                let taxes: Bag = order.current_taxes().iter().map(|tax| tax.amount).sum();
                assert_eq!(taxes, totals.tax);
                for amount in [totals.total, totals.tax, totals.subtotal, totals.discounts] {
                    assert!(amount.shop >= Decimal::ZERO && amount.shop.scale() <= 2);
                }
                for line in &order.lines {
                    assert!(line.total().shop >= Decimal::ZERO);
                }
            }
            let with = |test: &dyn Fn(&Order) -> bool| orders.iter().filter(|order| test(order)).count();
            assert!(with(&|order| order.totals().total.shop.is_zero()) > 0);
            assert!(with(&|order| order.lines.iter().any(|line| line.taxes.len() == 2)) > 20);
            assert!(with(&|order| order.applications.len() >= 2) > 20);
            assert!(with(&|order| order.applications.iter().any(|given| given.on_shipping)) > 20);
        }
    }

    #[test]
    fn a_discount_is_allocated_to_the_last_minor_unit() {
        for order in orders(1_000, true) {
            for (index, given) in order.applications.iter().enumerate() {
                let shares: Decimal = order
                    .lines
                    .iter()
                    .flat_map(|line| &line.allocations)
                    .chain(order.shipping.iter().flat_map(|line| &line.allocations))
                    .filter(|share| share.application == index)
                    .map(|share| share.amount.shop)
                    .sum();
                if let crate::shopify::order::DiscountValue::Fixed(amount) = given.value {
                    assert!(shares == amount || order.totals().subtotal.shop.is_zero());
                }
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_orders() {
        assert_eq!(orders(50, true), orders(50, true));
    }
}
