//! An order as a webhook's body shows it: REST-shaped, numbers for ids.

use serde_json::{Value, json};

use super::docs::gid;
use super::money::Currencies;
use super::order::{Allocation, Application, DiscountValue, Line, Order, Shipping, Tax, TransactionKind};
use super::order_doc::instant;
use super::people::Address;

/// The body of every `orders/*` webhook but `orders/delete` and `orders/edited`.
pub(crate) fn order_body(order: &Order) -> Value {
    let mut body = heads(order);
    let (placed, current) = (order.totals(), order.current());
    let money = &order.currencies;
    let amounts = json!({
        "total_price": money.rest(placed.total.shop),
        "total_price_set": money.rest_set(placed.total),
        "subtotal_price": money.rest(placed.subtotal.shop),
        "subtotal_price_set": money.rest_set(placed.subtotal),
        "total_tax": money.rest(placed.tax.shop),
        "total_tax_set": money.rest_set(placed.tax),
        "total_discounts": money.rest(placed.discounts.shop),
        "total_discounts_set": money.rest_set(placed.discounts),
        "total_shipping_price_set": money.rest_set(placed.shipping),
        "total_tip_received": money.rest(placed.tip.shop),
        "current_total_price": money.rest(current.total.shop),
        "current_total_price_set": money.rest_set(current.total),
        "current_subtotal_price": money.rest(current.subtotal.shop),
        "current_total_tax": money.rest(current.tax.shop),
        "tax_lines": taxes(money, &order.current_taxes()),
        "line_items": order.lines.iter().map(|line| line_body(order, line)).collect::<Value>(),
        "shipping_lines": order.shipping.iter().map(|line| shipping_body(order, line)).collect::<Value>(),
        "discount_applications": order.applications.iter().map(application).collect::<Value>(),
        "discount_codes": order.applications.iter().filter_map(|given| given.code.as_ref())
            .map(|code| json!({ "code": code })).collect::<Value>(),
        "fulfillments": order.fulfillments.iter()
            .map(|(id, at)| json!({ "id": id, "created_at": instant(*at), "status": "success" })).collect::<Value>(),
        "refunds": order.refunds.iter().map(|refund| refund_body(order, refund)).collect::<Value>(),
    });
    if let (Some(body), Value::Object(amounts)) = (body.as_object_mut(), amounts) {
        body.extend(amounts);
    }
    body
}

/// The body of `refunds/create`.
pub(crate) fn refund_body(order: &Order, refund: &super::order::Refund) -> Value {
    let lines = refund.lines.iter().map(
        |(line, quantity)| json!({ "line_item_id": line, "quantity": quantity, "restock_type": "return" }),
    );
    let transactions = order
        .transactions
        .iter()
        .filter(|moved| moved.kind == TransactionKind::Refund && moved.at == refund.at)
        .map(|moved| json!({ "id": moved.id, "kind": "refund", "amount": order.currencies.rest(moved.amount.shop) }));
    json!({
        "id": refund.id,
        "admin_graphql_api_id": gid("Refund", refund.id),
        "order_id": order.id,
        "created_at": instant(refund.at),
        "processed_at": instant(refund.at),
        "refund_line_items": lines.collect::<Value>(),
        "transactions": transactions.collect::<Value>(),
    })
}

/// The body of `orders/edited`: what changed and nothing else.
pub(crate) fn edited_body(order: &Order, removed: &[(u64, u32)]) -> Value {
    let removals = removed.iter().map(|(id, delta)| json!({ "id": id, "delta": delta }));
    json!({
        "order_edit": {
            "id": order.id + 7,
            "app_id": null,
            "created_at": instant(order.updated_at),
            "committed_at": instant(order.updated_at),
            "notify_customer": false,
            "order_id": order.id,
            "staff_note": "",
            "user_id": null,
            "line_items": { "additions": [], "removals": removals.collect::<Value>() },
            "discounts": { "line_item": { "additions": [], "removals": [] } },
            "shipping_lines": { "additions": [], "removals": [] },
        }
    })
}

fn heads(order: &Order) -> Value {
    let personal = |value: Value| if order.protected { Value::Null } else { value };
    let status = order.financial_status().to_lowercase();
    let shipped = match order.fulfillment_status() {
        "FULFILLED" => Some("fulfilled"),
        "PARTIALLY_FULFILLED" => Some("partial"),
        _ => None,
    };
    json!({
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "app_id": 580_111,
        "name": order.name(),
        "number": order.number.saturating_sub(1_000),
        "order_number": order.number,
        "created_at": instant(order.created_at),
        "processed_at": instant(order.created_at),
        "updated_at": instant(order.updated_at),
        "cancelled_at": order.cancelled_at.map(instant),
        "cancel_reason": order.cancelled_at.map(|_| "customer"),
        "closed_at": null,
        "confirmed": true,
        "test": order.test,
        "currency": order.currencies.shop,
        "presentment_currency": order.currencies.presentment,
        "taxes_included": order.taxes_included,
        "financial_status": status,
        "fulfillment_status": shipped,
        "note": order.note,
        "tags": order.tags.join(", "),
        "source_name": order.source,
        "email": personal(json!(order.email)),
        "contact_email": personal(json!(order.email)),
        "phone": null,
        "customer": order.customer.as_ref().map(|customer| json!({
            "id": customer.id,
            "admin_graphql_api_id": gid("Customer", customer.id),
            "email": personal(json!(customer.email)),
            "first_name": personal(json!(customer.first_name)),
            "last_name": personal(json!(customer.last_name)),
        })),
        "billing_address": order.billing.as_ref().map(|address| personal(address_body(address))),
        "shipping_address": order.ship_to.as_ref().map(|address| personal(address_body(address))),
    })
}

fn line_body(order: &Order, line: &Line) -> Value {
    let money = &order.currencies;
    json!({
        "id": line.id,
        "admin_graphql_api_id": gid("LineItem", line.id),
        "variant_id": line.variant.map(|ids| ids.0),
        "product_id": line.variant.map(|ids| ids.1),
        "product_exists": line.variant.is_some(),
        "sku": line.sku,
        "title": line.title,
        "variant_title": line.variant_title,
        "vendor": line.vendor,
        "quantity": line.quantity,
        "current_quantity": line.current_quantity,
        "fulfillable_quantity": line.unfulfilled(),
        "gift_card": line.gift_card,
        "taxable": !line.taxes.is_empty(),
        "requires_shipping": line.requires_shipping,
        "price": money.rest(line.unit_price.shop),
        "price_set": money.rest_set(line.unit_price),
        "total_discount": "0.00",
        "discount_allocations": allocations(money, &line.allocations),
        "tax_lines": taxes(money, &line.taxes),
    })
}

fn shipping_body(order: &Order, line: &Shipping) -> Value {
    let money = &order.currencies;
    json!({
        "id": line.id,
        "title": line.title,
        "code": line.title,
        "price": money.rest(line.price.shop),
        "price_set": money.rest_set(line.price),
        "discounted_price": money.rest(line.total().shop),
        "is_removed": line.removed,
        "discount_allocations": allocations(money, &line.allocations),
        "tax_lines": taxes(money, &line.taxes),
    })
}

fn allocations(money: &Currencies, shares: &[Allocation]) -> Value {
    let body = |share: &Allocation| {
        json!({
            "amount": money.rest(share.amount.shop),
            "amount_set": money.rest_set(share.amount),
            "discount_application_index": share.application,
        })
    };
    shares.iter().map(body).collect()
}

fn taxes(money: &Currencies, taxes: &[Tax]) -> Value {
    use rust_decimal::prelude::ToPrimitive as _;
    let body = |tax: &Tax| {
        json!({
            "title": tax.title,
            "rate": tax.rate.to_f64(),
            "price": money.rest(tax.amount.shop),
            "price_set": money.rest_set(tax.amount),
            "channel_liable": false,
        })
    };
    taxes.iter().map(body).collect()
}

fn application(given: &Application) -> Value {
    let (kind, value) = match given.value {
        DiscountValue::Percentage(percent) => ("percentage", percent),
        DiscountValue::Fixed(amount) => ("fixed_amount", amount),
    };
    json!({
        "type": if given.code.is_some() { "discount_code" } else { "manual" },
        "title": given.title,
        "code": given.code,
        "value": value.to_string(),
        "value_type": kind,
        "allocation_method": if given.on_chosen_lines { "each" } else { "across" },
        "target_type": if given.on_shipping { "shipping_line" } else { "line_item" },
        "target_selection": if given.on_chosen_lines { "explicit" } else { "all" },
    })
}

fn address_body(address: &Address) -> Value {
    json!({
        "first_name": address.first_name,
        "last_name": address.last_name,
        "name": format!("{} {}", address.first_name, address.last_name),
        "company": address.company,
        "address1": address.street,
        "address2": null,
        "zip": address.zip,
        "city": address.city,
        "country": address.country.1,
        "country_code": address.country.0,
        "phone": null,
    })
}
