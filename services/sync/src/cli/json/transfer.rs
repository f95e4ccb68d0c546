//! Orders.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, maybe, text};
use crate::cli::{time, words};

/// What transferring an order answered.
#[must_use]
pub(crate) fn progress(answer: &v1::TransferOrderResponse) -> Value {
    let v1::TransferOrderResponse {
        order_id,
        order_name,
        state,
        rackbeat_order_number,
        reached,
        waiting_for_stock,
    } = answer;
    json!({
        "order_id": order_id,
        "order_name": text(order_name),
        "state": words::state(*state),
        "rackbeat_order_number": rackbeat_order_number,
        "reached": words::reached(*reached),
        "waiting_for_stock": waiting_for_stock,
    })
}

/// All that is known of an order.
#[must_use]
pub(crate) fn transfer(transfer: &v1::Transfer) -> Value {
    let v1::Transfer {
        store_id,
        order_id,
        order_name,
        state,
        ignored_by,
        park: parked_for,
        target,
        reached,
        waiting_for_stock,
        rackbeat_order_number,
        rackbeat_customer_number,
        rackbeat_shipment_id,
        rackbeat_invoice_number,
        steps,
        remarks,
        proof: money,
        first_seen_at,
        updated_at,
    } = transfer;
    json!({
        "store_id": store_id,
        "order_id": order_id,
        "order_name": text(order_name),
        "state": words::state(*state),
        "ignored_by": text(ignored_by),
        "park": maybe(parked_for.as_ref(), park),
        "target": words::target(*target),
        "reached": words::reached(*reached),
        "waiting_for_stock": waiting_for_stock,
        "rackbeat_order_number": rackbeat_order_number,
        "rackbeat_customer_number": rackbeat_customer_number,
        "rackbeat_shipment_id": rackbeat_shipment_id,
        "rackbeat_invoice_number": rackbeat_invoice_number,
        "steps": list(steps, |done| {
            let v1::StepDone { step, done_at } = done;
            json!({ "step": words::step(*step), "done_at": time::json(done_at.as_ref()) })
        }),
        "remarks": remarks,
        "proof": maybe(money.as_ref(), proof),
        "first_seen_at": time::json(first_seen_at.as_ref()),
        "updated_at": time::json(updated_at.as_ref()),
    })
}

/// A parked order.
#[must_use]
pub(crate) fn parked(order: &v1::ParkedOrder) -> Value {
    let v1::ParkedOrder { store_id, order_id, order_name, rackbeat_order_number, park: why, shopify_link } =
        order;
    json!({
        "store_id": store_id,
        "order_id": order_id,
        "order_name": text(order_name),
        "rackbeat_order_number": rackbeat_order_number,
        "park": maybe(why.as_ref(), park),
        "shopify_link": shopify_link,
    })
}

fn park(park: &v1::Park) -> Value {
    let v1::Park { code, culprit, message, remedy, since, retry_at, heals } = park;
    json!({
        "code": code,
        "culprit": culprit,
        "message": message,
        "remedy": remedy,
        "since": time::json(since.as_ref()),
        "retry_at": time::json(retry_at.as_ref()),
        "heals": heals,
    })
}

fn proof(proof: &v1::MoneyProof) -> Value {
    let v1::MoneyProof {
        currency,
        shopify_total,
        shopify_vat,
        lines,
        rates,
        rackbeat_total,
        rackbeat_vat,
        rounding,
        totals_equal,
    } = proof;
    json!({
        "currency": currency,
        "shopify_total": shopify_total,
        "shopify_vat": shopify_vat,
        "lines": list(lines, line),
        "rates": list(rates, |rate| {
            let v1::VatProof { rate_percent, net, shopify_vat, computed_vat } = rate;
            json!({ "rate_percent": rate_percent, "net": net, "shopify_vat": shopify_vat, "computed_vat": computed_vat })
        }),
        "rackbeat_total": rackbeat_total,
        "rackbeat_vat": rackbeat_vat,
        "rounding": rounding,
        "totals_equal": totals_equal,
    })
}

fn line(line: &v1::LineProof) -> Value {
    let v1::LineProof {
        source,
        amounts,
        item,
        name,
        quantity,
        unit_price,
        discount_percent,
        vat_percent,
        net,
        vat,
    } = line;
    json!({
        "source": source,
        "amounts": list(amounts, |amount| {
            let v1::NamedAmount { name, amount } = amount;
            json!({ "name": name, "amount": amount })
        }),
        "item": item,
        "name": name,
        "quantity": quantity,
        "unit_price": unit_price,
        "discount_percent": discount_percent,
        "vat_percent": vat_percent,
        "net": net,
        "vat": vat,
    })
}
