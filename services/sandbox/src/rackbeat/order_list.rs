//! The order list: search, filters, flags and sorting, each as far as the facts' switches say it works.

use super::account::Account;
use super::call::{Answer, Call};
use super::item_list::not_filterable;
use super::list::page;
use super::orders::Order;
use crate::facts::{FieldFilter, HeadingSearch, OrderFlags, OrderSort};

const FLAGS: [&str; 5] = ["is_booked", "booked", "is_shipped", "is_cancelled", "is_ready_for_shipping"];

fn flag(account: &Account, order: &Order, name: &str) -> bool {
    match name {
        "is_booked" | "booked" => order.booked(),
        "is_shipped" => order.shipped(account).0,
        "is_cancelled" => order.cancelled,
        _ => order.ready,
    }
}

fn found(account: &Account, order: &Order, text: &str, in_heading: bool) -> bool {
    let name = account.customers.get(&order.customer).map(|customer| customer.name.to_lowercase());
    order.number.to_string().contains(text)
        || name.is_some_and(|name| name.contains(text))
        || (in_heading && order.heading.to_lowercase().contains(text))
}

pub(super) fn list(account: &Account, call: &Call<'_>) -> Answer {
    let mut rows: Vec<&Order> = account.orders.values().collect();
    if let Some(text) = call.param("search").map(str::to_lowercase) {
        let in_heading = call.facts.heading_search() == HeadingSearch::Covered;
        rows.retain(|order| found(account, order, &text, in_heading));
    }
    if let Some(customer) = call.param("customer_number") {
        rows.retain(|order| order.customer.to_string() == customer);
    }
    for name in FLAGS {
        let Some(wanted) = call.flag(name) else {
            continue;
        };
        match call.facts.order_flags() {
            OrderFlags::Honoured => rows.retain(|order| flag(account, order, name) == wanted),
            OrderFlags::Ignored => {}
            // Live-observed on this list.
            OrderFlags::Refused => return Err(not_filterable(name)),
        }
    }
    for (property, value) in call.bracketed("simple_filter") {
        match property {
            "number" => rows.retain(|order| order.number.to_string() == value),
            "created_at" => rows.retain(|order| order.created.to_string().starts_with(value)),
            "updated_at" => rows.retain(|order| order.updated.to_string().starts_with(value)),
            _ => return Err(not_filterable(property)),
        }
    }
    for (id, value) in call.bracketed("field_eq") {
        if call.facts.field_filter() == FieldFilter::Works {
            let id = id.parse::<i64>().unwrap_or_default();
            rows.retain(|order| order.fields.get(&id).is_some_and(|own| own == value));
        }
    }
    sort(call, &mut rows);
    page(call, "orders", &rows, |order| order.shown(account, call))
}

fn sort(call: &Call<'_>, rows: &mut [&Order]) {
    let by = match call.facts.order_sort() {
        OrderSort::OrderBy => call.param("order_by").or(call.param("sort")),
        OrderSort::SortOnly => call.param("sort"),
        OrderSort::Ignored => None,
    };
    match by {
        Some("created_at") => rows.sort_by_key(|order| (order.created, order.number)),
        Some("updated_at") => rows.sort_by_key(|order| (order.updated, order.number)),
        Some("number") => {}
        _ => return,
    }
    // The SDK's default direction is DESC.
    if call.param("order_direction").is_none_or(|way| !way.eq_ignore_ascii_case("ASC")) {
        rows.reverse();
    }
}
