//! What people buy, and what should become of each order.

use rust_decimal::Decimal;
use shopbeat_proto::v1;
use shopbeat_sandbox::shopify::{OrderSpec, ShopifySim, special};

use super::remotes::{DemoStore, Remotes};

/// What should become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stands in Rackbeat, once.
    Transferred,
    /// It is parked for this reason.
    Parked(&'static str),
    /// This rule leaves it alone.
    Ignored(&'static str),
    /// It waits for its trigger.
    Pending,
}

/// What kind of order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    Unpaid,
    UnknownSku,
    Tip,
    Test,
    GiftCard,
    CustomLine,
    ForeignCurrency,
    RefundedBefore,
    Duties,
    CashRounding,
}

/// Orders that are not ordinary, as they come: first those of the first store, then those of the second.
const SPECIAL: [(Kind, usize); 16] = [
    (Kind::Unpaid, 0),
    (Kind::UnknownSku, 0),
    (Kind::Test, 0),
    (Kind::Tip, 1),
    (Kind::GiftCard, 0),
    (Kind::RefundedBefore, 0),
    (Kind::ForeignCurrency, 0),
    (Kind::Unpaid, 0),
    (Kind::CustomLine, 1),
    (Kind::Test, 1),
    (Kind::Tip, 0),
    (Kind::UnknownSku, 1),
    (Kind::Duties, 1),
    (Kind::CashRounding, 1),
    (Kind::CustomLine, 0),
    (Kind::ForeignCurrency, 1),
];

/// One in so many orders is special.
const ONE_IN: u32 = 4;
/// Draws before an order with a defective SKU is taken as it comes.
const DRAWS: u32 = 60;

/// The kinds of orders of both stores, in the order of placing.
pub(super) struct Plan {
    pub(super) first: Vec<Kind>,
    pub(super) second: Vec<Kind>,
}

/// A placed order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) store: DemoStore,
    pub(super) id: u64,
    pub(super) fate: Fate,
}

/// Half of the orders for each store; the special ones spread among the ordinary.
pub(super) fn plan(orders: u32) -> Plan {
    let count = |orders: u32| usize::try_from(orders).unwrap_or(usize::MAX);
    let specials = &SPECIAL[..SPECIAL.len().min(count(orders / ONE_IN))];
    let mix = |store: usize, orders: usize| {
        let mut own: Vec<Kind> =
            specials.iter().filter(|(_, at)| *at == store).map(|(kind, _)| *kind).collect();
        own.reverse();
        let step = orders / (own.len() + 1);
        let special_at = |at: usize| step > 0 && at % step == step - 1;
        (0..orders)
            .map(|at| if special_at(at) { own.pop() } else { None }.unwrap_or(Kind::Ordinary))
            .collect()
    };
    let first = orders.div_ceil(2);
    Plan { first: mix(0, count(first)), second: mix(1, count(orders - first)) }
}

/// Places orders of these kinds, pays and ships them as the store's customers and staff would.
pub(super) fn place(remotes: &Remotes, store: &DemoStore, kinds: &[Kind]) -> anyhow::Result<Vec<Placed>> {
    let shopify = remotes.sandbox.shopify();
    let domain = store.domain();
    let mut placed = Vec::with_capacity(kinds.len());
    for (at, kind) in kinds.iter().enumerate() {
        let (ordinary, defective) = draw(remotes, &domain)?;
        let spec = make(*kind, ordinary);
        let id = shopify.place_order(&domain, &spec)?;
        live(shopify, store, &domain, id, *kind, at)?;
        let fate = match fate(*kind) {
            // The dry run has told of these SKUs.
            Fate::Transferred if defective => Fate::Parked("unknown_sku"),
            fate => fate,
        };
        placed.push(Placed { store: *store, id, fate });
    }
    Ok(placed)
}

/// The next ordinary order, if possible one whose SKUs are all right.
fn draw(remotes: &Remotes, domain: &str) -> anyhow::Result<(OrderSpec, bool)> {
    let mut draws = 0;
    loop {
        draws += 1;
        let spec = remotes.sandbox.shopify().ordinary_order(domain)?;
        let skus = spec.lines.iter().filter_map(|line| line.sku.as_ref());
        let defective = skus.into_iter().any(|sku| remotes.defective.contains(sku));
        if !defective || draws == DRAWS {
            return Ok((spec, defective));
        }
    }
}

fn make(kind: Kind, spec: OrderSpec) -> OrderSpec {
    let cents = |cents| Decimal::new(cents, 2);
    match kind {
        Kind::Ordinary | Kind::Unpaid => spec,
        Kind::UnknownSku => special::unknown_sku(spec, "FINDES-IKKE"),
        Kind::Tip => special::tip(spec, cents(2_500)),
        Kind::Test => special::test_order(spec),
        Kind::GiftCard => special::gift_card(spec, cents(50_000)),
        Kind::CustomLine => special::custom_line(spec, "Reparation", cents(19_900)),
        Kind::ForeignCurrency => special::foreign_buyer(spec, "EUR", Decimal::new(134, 3)),
        // One of the two comes back, the other one is still owed.
        Kind::RefundedBefore => spec.quantity(0, 2),
        Kind::Duties => special::duties(spec, cents(4_200)),
        Kind::CashRounding => special::cash_rounding(spec, cents(25)),
    }
}

/// What happens to an order after it was placed. In the store that transfers what is paid, all but the unpaid are
/// paid; in the other one some are paid and shipped in Shopify too, which brings more webhooks for orders that are
/// over already.
fn live(
    shopify: &ShopifySim,
    store: &DemoStore,
    domain: &str,
    id: u64,
    kind: Kind,
    at: usize,
) -> anyhow::Result<()> {
    if kind == Kind::RefundedBefore {
        shopify.refund(domain, id, 0, 1)?;
    }
    if store.trigger == v1::Trigger::Paid {
        if kind != Kind::Unpaid {
            shopify.pay(domain, id)?;
        }
    } else if at.is_multiple_of(3) {
        shopify.pay(domain, id)?;
        if at.is_multiple_of(2) {
            shopify.fulfill(domain, id)?;
        }
    }
    Ok(())
}

fn fate(kind: Kind) -> Fate {
    match kind {
        Kind::Ordinary => Fate::Transferred,
        Kind::Unpaid => Fate::Pending,
        Kind::UnknownSku => Fate::Parked("unknown_sku"),
        Kind::Tip => Fate::Parked("tip"),
        Kind::Test => Fate::Ignored("test_order"),
        Kind::GiftCard => Fate::Parked("gift_card_sold"),
        Kind::CustomLine => Fate::Parked("custom_line"),
        Kind::ForeignCurrency => Fate::Parked("foreign_currency"),
        Kind::RefundedBefore => Fate::Parked("refunded_before_transfer"),
        Kind::Duties => Fate::Parked("duties"),
        Kind::CashRounding => Fate::Parked("cash_rounding"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_as_many_orders_as_asked_for_and_every_fourth_is_special_while_there_are_any() {
        for orders in [8, 9, 16, 60, 61, 500] {
            let Plan { first, second } = plan(orders);
            assert_eq!(first.len() + second.len(), usize::try_from(orders).unwrap());
            let specials = first.iter().chain(&second).filter(|kind| **kind != Kind::Ordinary).count();
            assert_eq!(specials, SPECIAL.len().min(usize::try_from(orders / ONE_IN).unwrap()), "{orders}");
        }
    }

    #[test]
    fn unpaid_orders_are_only_in_the_store_that_waits_for_payment() {
        assert!(!plan(500).second.contains(&Kind::Unpaid));
        assert!(plan(500).first.contains(&Kind::Unpaid));
    }
}
