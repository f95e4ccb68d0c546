//! An ordinary order for tests of this crate and of the engine (feature `samples`).
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "literals, for tests only")]

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Plan;
use crate::erp::{ErpFlags, ErpLine, ErpOrder};
use crate::ids::{ItemNumber, LineId, OrderId, OrderNumber, VariantId};
use crate::money::Currency;
use crate::order::{
    Buyer, Financial, Fulfillment, Order, OrderHead, OrderLine, ShippingLine, TaxLine, Totals,
};
use crate::person::{Email, Personal};
use crate::settings::OrderSettings;

/// Danish kroner.
#[must_use]
pub fn dkk() -> Currency {
    Currency::parse("DKK").unwrap()
}

/// Settings with freight and rounding products.
#[must_use]
pub fn settings() -> OrderSettings {
    OrderSettings {
        freight_product: Some(ItemNumber::parse("FREIGHT").unwrap()),
        rounding_product: Some(ItemNumber::parse("ROUNDING").unwrap()),
        ..OrderSettings::default()
    }
}

/// One line of `quantity` at a tax-included price in minor units, 25 % VAT.
#[must_use]
pub fn line(id: u64, sku: &str, quantity: u64, unit_minor: i64, discount_minor: i64) -> OrderLine {
    let unit_price = Decimal::new(unit_minor, 2);
    let discount = Decimal::new(discount_minor, 2);
    let charged = unit_price * Decimal::from(quantity) - discount;
    OrderLine {
        id,
        title: format!("Item {sku}"),
        sku: Some(sku.to_owned()),
        variant: Some(VariantId(1000 + id)),
        quantity,
        current_quantity: quantity,
        unit_price,
        discount,
        taxes: vec![vat(charged)],
        is_gift_card: false,
        is_custom: false,
        is_tip: false,
        fulfilled_quantity: 0,
        duties: Decimal::ZERO,
    }
}

fn vat(charged: Decimal) -> TaxLine {
    let amount = dkk().round(charged / Decimal::from(5));
    TaxLine { title: "Moms".to_owned(), rate_percent: Decimal::from(25), amount }
}

/// A paid order of two lines, one discounted, with shipping, prices with tax.
#[must_use]
pub fn order() -> Order {
    numbered(5001)
}

/// The same order under another id; its name is `#<id>`.
#[must_use]
pub fn numbered(id: u64) -> Order {
    let at: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let lines = vec![line(1, "TENT-2P", 1, 119_900, 11_990), line(2, "PEG-10", 3, 4_995, 0)];
    let price = Decimal::new(4_900, 2);
    let shipping_lines = vec![ShippingLine {
        title: "PostNord".to_owned(),
        price,
        discount: Decimal::ZERO,
        taxes: vec![vat(price)],
        is_removed: false,
    }];
    let total = lines.iter().map(OrderLine::charged).sum::<Decimal>() + price;
    let tax = lines.iter().map(OrderLine::tax).sum::<Decimal>() + shipping_lines[0].tax();
    Order {
        head: OrderHead { id: OrderId(id), name: format!("#{id}"), created_at: at, updated_at: at },
        processed_at: at,
        cancelled_at: None,
        test: false,
        edited: false,
        refunds: 0,
        financial: Some(Financial::Paid),
        fulfillment: Fulfillment::Open("UNFULFILLED".to_owned()),
        currency: dkk(),
        presentment_currency: dkk(),
        taxes_included: true,
        buyer: Buyer {
            email: Email::normalise("ida@example.test"),
            name: Personal::new("Ida Holm"),
            ..Buyer::default()
        },
        billing: None,
        shipping: None,
        note: Personal::default(),
        lines,
        shipping_lines,
        totals: Totals {
            current_total: total,
            current_tax: tax,
            original_total: total,
            tip: Decimal::ZERO,
            duties: Decimal::ZERO,
            fees: Decimal::ZERO,
            cash_rounding: Decimal::ZERO,
            captured: Decimal::ZERO,
            gift_card_paid: Decimal::ZERO,
        },
        redacted: Vec::new(),
    }
}

/// The items of an order's lines: their SKUs.
#[must_use]
pub fn items(order: &Order) -> Vec<ItemNumber> {
    order.lines.iter().map(|line| ItemNumber::parse(line.sku.as_deref().unwrap()).unwrap()).collect()
}

/// A draft as Rackbeat would have it, its total as planned.
#[must_use]
pub fn draft_of(plan: &Plan) -> ErpOrder {
    let lines = plan.lines().into_iter().zip(1..).map(|(line, id)| ErpLine {
        id: LineId(id),
        item: Some(line.item),
        quantity: line.quantity,
        unit_price: line.unit_price,
        discount_percent: line.discount_percent,
        vat_percent: Some(line.vat_percent),
    });
    ErpOrder {
        number: OrderNumber(1),
        heading: String::new(),
        note: String::new(),
        created_at: None,
        flags: ErpFlags::default(),
        net: Some(plan.proof.shopify_total - plan.proof.shopify_vat),
        vat: Some(plan.proof.shopify_vat),
        total: Some(plan.proof.shopify_total),
        lines: lines.collect(),
    }
}
