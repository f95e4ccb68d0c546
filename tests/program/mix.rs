//! Orders that several suites place.

use rust_decimal::Decimal;
use shopbeat_sandbox::shopify::order_gen::{danish_vat, line};
use shopbeat_sandbox::shopify::order_spec::ShippingSpec;
use shopbeat_sandbox::shopify::{OrderSpec, special};
use shopbeat_tests::{Expect, World};

pub(crate) fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Two of one item with Danish VAT, and freight.
pub(crate) fn plain(world: &World, handle: &str) -> OrderSpec {
    let offers = world.shopify().offers(&format!("{handle}.myshopify.com")).unwrap();
    let mut spec = world.spec(handle);
    spec.lines = vec![line(&offers[0], 2, danish_vat())];
    spec.discounts.clear();
    let title = "GLS Pakkeshop".to_owned();
    spec.shipping = vec![ShippingSpec { title, price: amount("39.00"), taxes: danish_vat() }];
    spec
}

/// Sixty lines, which come in pages. At 125.00 with 25 % VAT in it no line leaves a residue that would add up.
fn many_lines(world: &World, handle: &str) -> OrderSpec {
    let mut spec = plain(world, handle);
    spec.lines[0].unit_price = amount("125.00");
    special::many_lines(spec, 60)
}

type Special = (&'static str, fn(OrderSpec) -> OrderSpec);

/// What this version does not map, each with the reason under which it is parked.
pub(crate) const PARKED: [Special; 10] = [
    ("tip", |spec| special::tip(spec, amount("20"))),
    ("gift_card_sold", |spec| special::gift_card(spec, amount("500"))),
    ("custom_line", |spec| special::custom_line(spec, "Gravering", amount("75"))),
    ("unknown_sku", |spec| special::unknown_sku(spec, "NOBODY-HAS-IT")),
    ("foreign_currency", |spec| special::foreign_buyer(spec, "SEK", amount("1.54"))),
    ("duties", |spec| special::duties(spec, amount("31.25"))),
    ("additional_fees", |spec| special::additional_fee(spec, "Pant", amount("3"))),
    ("cash_rounding", |spec| special::cash_rounding(spec, amount("0.25"))),
    ("customer_redacted", special::protected),
    ("line_without_sku", |mut spec| {
        spec.lines[0].sku = None;
        spec.lines[0].variant = None;
        spec
    }),
];

/// Buys `count` ordinary orders, every order that is not mapped, and some that are unusual and mapped all the same;
/// says what is expected of each.
pub(crate) fn buy_mix(world: &mut World, handle: &str, count: usize) -> Vec<u64> {
    let mut orders = world.buy_many(handle, count);
    for (code, make) in PARKED {
        let order = world.buy(handle, &make(plain(world, handle)));
        world.expect(handle, order, Expect::Parked(code));
        orders.push(order);
    }
    let test = world.buy(handle, &special::test_order(plain(world, handle)));
    world.expect(handle, test, Expect::Ignored("test_order"));
    let old = world.buy(handle, &special::old(plain(world, handle), 20));
    world.expect(handle, old, Expect::Ignored("before_start"));
    let unpaid = world.place(handle, &plain(world, handle));
    world.expect(handle, unpaid, Expect::Pending);
    orders.extend([test, old, unpaid]);
    for spec in [
        special::guest(plain(world, handle)),
        special::business(plain(world, handle), "Fjeldgruppen A/S", Some("DK12345678")),
        many_lines(world, handle),
    ] {
        orders.push(world.buy(handle, &spec));
    }
    orders
}
