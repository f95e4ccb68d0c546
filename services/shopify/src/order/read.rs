//! Shopify's answer to the domain's [`Order`]. Pure.

use rust_decimal::Decimal;
use shopbeat_domain::ids::{OrderId, VariantId};
use shopbeat_domain::money::Currency;
use shopbeat_domain::order::{
    Buyer, Financial, Fulfillment, Order, OrderLine, ShippingLine, TaxLine, Totals,
};
use shopbeat_domain::person::{Address, Email, Personal};
use shopbeat_domain::ports::Answer;

use super::OrderById;
use super::wire::{Allocation, LineNode, MailingAddress, OrderNode, ShippingNode, Tax, Transaction, amount};
use crate::orders::Head;
use crate::wire::{Answered, Bag, Operation as _, garbled};

const CALL: &str = OrderById::NAME;
/// The gateway of a payment with a gift card.
const GIFT_CARD: &str = "gift_card";

/// Makes the order; `id` is the one that was asked for.
pub(crate) fn read_order(answered: Answered<OrderNode>, id: OrderId) -> Answer<Order> {
    let Answered { data: node, gaps } = answered;
    let code = node.currency_code.clone();
    let totals = totals(&node, &code)?;
    let buyer = buyer(&node);
    let head =
        Head { id: node.id, name: node.name, created_at: node.created_at, updated_at: node.updated_at }
            .read(CALL)?;
    if head.id != id {
        return Err(garbled(CALL, format!("asked for order {id}, got {}", head.id)));
    }
    let lines = node.line_items.nodes.into_iter().enumerate();
    let lines: Vec<Read> = lines.map(|(i, line)| read_line(line, i, &gaps, &code)).collect::<Answer<_>>()?;
    let lines = mark_tip(lines, totals.tip);
    Ok(Order {
        head,
        processed_at: node.processed_at,
        cancelled_at: node.cancelled_at,
        test: node.test,
        edited: node.edited,
        refunds: node.refunds.len(),
        financial: node.display_financial_status.map(financial),
        fulfillment: fulfillment(node.display_fulfillment_status),
        currency: currency(&code)?,
        presentment_currency: currency(&node.presentment_currency_code)?,
        taxes_included: node.taxes_included,
        buyer,
        billing: node.billing_address.map(address),
        shipping: node.shipping_address.map(address),
        note: personal(node.note.as_deref()),
        lines: lines.into_iter().map(|line| line.line).collect(),
        shipping_lines: node
            .shipping_lines
            .nodes
            .into_iter()
            .map(|line| shipping_line(line, &code))
            .collect::<Answer<_>>()?,
        totals,
        redacted: gaps,
    })
}

fn currency(code: &str) -> Answer<Currency> {
    Currency::parse(code).map_err(|_| garbled(CALL, "a currency's code cannot be read"))
}

fn financial(word: String) -> Financial {
    match word.as_str() {
        "AUTHORIZED" => Financial::Authorized,
        "EXPIRED" => Financial::Expired,
        "PAID" => Financial::Paid,
        "PARTIALLY_PAID" => Financial::PartiallyPaid,
        "PARTIALLY_REFUNDED" => Financial::PartiallyRefunded,
        "PENDING" => Financial::Pending,
        "REFUNDED" => Financial::Refunded,
        "VOIDED" => Financial::Voided,
        _ => Financial::Other(word),
    }
}

fn fulfillment(word: String) -> Fulfillment {
    match word.as_str() {
        "FULFILLED" => Fulfillment::Fulfilled,
        "FULFILLMENT_NOT_REQUIRED" => Fulfillment::NotRequired,
        _ => Fulfillment::Open(word),
    }
}

fn totals(node: &OrderNode, code: &str) -> Answer<Totals> {
    let of = |bag: &Bag| amount(bag, code);
    let maybe = |bag: Option<&Bag>| bag.map_or(Ok(Decimal::ZERO), of);
    let paid: Vec<&Transaction> = node
        .transactions
        .iter()
        .filter(|t| t.status == "SUCCESS" && matches!(t.kind.as_str(), "CAPTURE" | "SALE"))
        .collect();
    let sum = |some: &mut dyn Iterator<Item = &&Transaction>| -> Answer<Decimal> {
        some.map(|t| of(&t.amount_set)).try_fold(Decimal::ZERO, |sum, one| Ok(sum + one?))
    };
    Ok(Totals {
        current_total: of(&node.current_total_price_set)?,
        current_tax: of(&node.current_total_tax_set)?,
        original_total: of(&node.total_price_set)?,
        tip: of(&node.total_tip_received_set)?,
        duties: maybe(node.current_total_duties_set.as_ref())?,
        fees: maybe(node.current_total_additional_fees_set.as_ref())?,
        cash_rounding: of(&node.total_cash_rounding_adjustment.payment_set)?,
        captured: sum(&mut paid.iter())?,
        gift_card_paid: sum(&mut paid.iter().filter(|t| t.gateway.as_deref() == Some(GIFT_CARD)))?,
    })
}

fn personal(text: Option<&str>) -> Personal {
    Personal::new(text.unwrap_or_default())
}

/// The first that is not empty.
fn first<'a>(candidates: impl IntoIterator<Item = Option<&'a str>>) -> Personal {
    candidates.into_iter().flatten().map(Personal::new).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The order's own e-mail and telephone come first: a customer's may have changed since.
fn buyer(node: &OrderNode) -> Buyer {
    let customer = node.customer.as_ref();
    let email = |text: Option<&str>| text.and_then(Email::normalise);
    let customers_email =
        customer.and_then(|c| Some(c.default_email_address.as_ref()?.email_address.as_str()));
    let customers_phone = customer.and_then(|c| Some(c.default_phone_number.as_ref()?.phone_number.as_str()));
    let full_name = customer.map(|c| {
        let parts = [c.first_name.as_deref(), c.last_name.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let (billing, shipping) = (node.billing_address.as_ref(), node.shipping_address.as_ref());
    let entity = node.purchasing_entity.as_ref();
    Buyer {
        email: email(node.email.as_deref()).or_else(|| email(customers_email)),
        phone: first([node.phone.as_deref(), customers_phone, billing.and_then(|a| a.phone.as_deref())]),
        name: first([
            full_name.as_deref(),
            billing.and_then(|a| a.name.as_deref()),
            shipping.and_then(|a| a.name.as_deref()),
        ]),
        company: personal(entity.and_then(|e| Some(e.company.as_ref()?.name.as_str()))),
        vat_number: first([
            entity.and_then(|e| e.location.as_ref()?.tax_settings.tax_registration_id.as_deref()),
            customer.and_then(|c| c.tax_settings.tax_id.as_deref()),
        ]),
        locale: node.customer_locale.clone().or_else(|| Some(customer?.locale.clone())).unwrap_or_default(),
    }
}

fn address(node: MailingAddress) -> Address {
    Address {
        name: personal(node.name.as_deref()),
        company: personal(node.company.as_deref()),
        street: personal(node.address1.as_deref()),
        street2: personal(node.address2.as_deref()),
        city: personal(node.city.as_deref()),
        zip: personal(node.zip.as_deref()),
        country_code: node.country_code_v2.unwrap_or_default(),
        country: node.country.unwrap_or_default(),
        phone: personal(node.phone.as_deref()),
    }
}

fn taxes(taxes: Vec<Tax>, code: &str) -> Answer<Vec<TaxLine>> {
    let read = |tax: Tax| {
        let amount = amount(&tax.price_set, code)?;
        let rate = match tax.rate {
            Some(rate) => rate,
            None if amount.is_zero() => Decimal::ZERO,
            None => return Err(garbled(CALL, "a tax with an amount and no rate")),
        };
        Ok(TaxLine { title: tax.title, rate_percent: (rate * Decimal::ONE_HUNDRED).normalize(), amount })
    };
    taxes.into_iter().map(read).collect()
}

fn discount(allocations: &[Allocation], code: &str) -> Answer<Decimal> {
    allocations.iter().try_fold(Decimal::ZERO, |sum, one| Ok(sum + amount(&one.allocated_amount_set, code)?))
}

/// A line, with what is needed to tell a tip from the rest.
struct Read {
    line: OrderLine,
    may_be_tip: bool,
}

fn read_line(node: LineNode, index: usize, gaps: &[String], code: &str) -> Answer<Read> {
    let id = node.id.strip_prefix("gid://shopify/LineItem/").and_then(|n| n.parse().ok());
    let id = id.ok_or_else(|| garbled(CALL, "a line's id cannot be read"))?;
    let variant = node.variant.as_ref().map(|v| VariantId::parse_gid(&v.id)).transpose();
    let variant = variant.map_err(|_| garbled(CALL, "a line's variant cannot be read"))?;
    let sku = node.sku.filter(|sku| !sku.trim().is_empty());
    // Where a missing scope emptied variant or product, their absence says nothing.
    let place = format!("order.lineItems.nodes.{index}.");
    let hidden = gaps.iter().any(|gap| {
        gap.strip_prefix(&place)
            .is_some_and(|field| field.starts_with("variant") || field.starts_with("product"))
    });
    // A product that was deleted leaves its SKU or vendor on the line; one typed in has neither.
    let no_vendor = node.vendor.is_none_or(|vendor| vendor.trim().is_empty());
    let made_up = variant.is_none() && node.product.is_none() && sku.is_none() && no_vendor && !hidden;
    let duties = node
        .duties
        .iter()
        .try_fold(Decimal::ZERO, |sum, duty| -> Answer<_> { Ok(sum + amount(&duty.price, code)?) })?;
    let line = OrderLine {
        id,
        // `name` is the title with the variant's.
        title: if node.name.trim().is_empty() { node.title } else { node.name },
        sku,
        variant,
        quantity: node.quantity,
        current_quantity: node.current_quantity,
        unit_price: amount(&node.original_unit_price_set, code)?,
        discount: discount(&node.discount_allocations, code)?,
        taxes: taxes(node.tax_lines, code)?,
        is_gift_card: node.is_gift_card,
        is_custom: made_up,
        is_tip: false,
        // Of what is still owed: units refunded unsent count in neither number.
        fulfilled_quantity: node.current_quantity.saturating_sub(node.unfulfilled_quantity),
        duties,
    };
    Ok(Read { line, may_be_tip: made_up && !node.requires_shipping })
}

/// Shopify does not flag tips here. A tip is a line without product that is not shipped, worth exactly the tips
/// the order tells; if no such line is there, or several, nothing is marked and the total still tells.
fn mark_tip(mut lines: Vec<Read>, tip: Decimal) -> Vec<Read> {
    let fits = |read: &&mut Read| read.may_be_tip && read.line.charged() == tip;
    if tip > Decimal::ZERO
        && lines.iter_mut().filter(|read| fits(read)).count() == 1
        && let Some(read) = lines.iter_mut().find(fits)
    {
        read.line.is_tip = true;
        read.line.is_custom = false;
    }
    lines
}

fn shipping_line(node: ShippingNode, code: &str) -> Answer<ShippingLine> {
    Ok(ShippingLine {
        title: node.title,
        price: amount(&node.original_price_set, code)?,
        discount: discount(&node.discount_allocations, code)?,
        taxes: taxes(node.tax_lines, code)?,
        is_removed: node.is_removed,
    })
}
