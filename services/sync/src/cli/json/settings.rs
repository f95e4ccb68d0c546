//! Settings.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::maybe;
use crate::cli::{time, words};

/// All settings of a store.
pub(super) fn settings(settings: &v1::Settings) -> Value {
    let v1::Settings { orders, customers, products } = settings;
    json!({
        "orders": maybe(orders.as_ref(), orders_of),
        "customers": maybe(customers.as_ref(), customers_of),
        "products": maybe(products.as_ref(), products_of),
    })
}

fn orders_of(settings: &v1::OrderSettings) -> Value {
    let v1::OrderSettings {
        enabled,
        since,
        trigger,
        target,
        test,
        freight_product,
        rounding_product,
        rounding_tolerance,
        layout,
        employee,
    } = settings;
    json!({
        "enabled": enabled,
        "since": time::json(since.as_ref()),
        "trigger": words::trigger(*trigger),
        "target": words::target(*target),
        "test": words::test_orders(*test),
        "freight_product": freight_product,
        "rounding_product": rounding_product,
        "rounding_tolerance": rounding_tolerance,
        "layout": layout,
        "employee": employee,
    })
}

fn customers_of(settings: &v1::CustomerSettings) -> Value {
    let v1::CustomerSettings { vat_zone, group, payment_terms, without_email, default_customer } = settings;
    json!({
        "vat_zone": words::vat_zone(*vat_zone),
        "group": group,
        "payment_terms": payment_terms,
        "without_email": words::without_email(*without_email),
        "default_customer": default_customer,
    })
}

fn products_of(settings: &v1::ProductSettings) -> Value {
    let v1::ProductSettings { group, unit, prices_exclude_vat, stock_location } = settings;
    json!({
        "group": group,
        "unit": unit,
        "prices_exclude_vat": prices_exclude_vat,
        "stock_location": stock_location,
    })
}
