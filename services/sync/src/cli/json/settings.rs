//! Settings.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, maybe};
use crate::cli::{time, words};

/// All settings of a store.
pub(super) fn settings(settings: &v1::Settings) -> Value {
    let v1::Settings { orders, customers, products, prices, stock } = settings;
    json!({
        "orders": maybe(orders.as_ref(), orders_of),
        "customers": maybe(customers.as_ref(), customers_of),
        "products": maybe(products.as_ref(), products_of),
        "prices": maybe(prices.as_ref(), prices_of),
        "stock": maybe(stock.as_ref(), stock_of),
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
    let v1::ProductSettings {
        group,
        unit,
        stock_location,
        master,
        products,
        boms,
        fields,
        publish,
        filter,
        on_delete,
    } = settings;
    json!({
        "group": group,
        "unit": unit,
        "stock_location": stock_location,
        "master": words::master(*master),
        "products": products,
        "boms": boms,
        "fields": list(fields, |field| words::product_field(*field).into()),
        "publish": words::publish(*publish),
        "filter": maybe(filter.as_ref(), filter_of),
        "on_delete": words::on_delete(*on_delete),
    })
}

fn filter_of(filter: &v1::ProductFilter) -> Value {
    use v1::product_filter::By;
    match &filter.by {
        Some(By::Field(v1::CustomFieldFilter { slug, value })) => {
            json!({ "field": { "slug": slug, "value": value }, "groups": null })
        }
        Some(By::Groups(v1::GroupFilter { groups })) => {
            json!({ "field": null, "groups": { "groups": groups } })
        }
        None => json!({ "field": null, "groups": null }),
    }
}

/// A product group's rate.
pub(super) fn group_vat(rate: &v1::GroupVat) -> Value {
    let v1::GroupVat { group, percent } = rate;
    json!({ "group": group, "percent": percent })
}

fn prices_of(settings: &v1::PriceSettings) -> Value {
    let v1::PriceSettings { rackbeat_excludes_vat, vat_zone, vat_table, rate } = settings;
    json!({
        "rackbeat_excludes_vat": rackbeat_excludes_vat,
        "vat_zone": words::vat_zone(*vat_zone),
        "vat_table": list(vat_table, group_vat),
        "rate": rate,
    })
}

fn stock_of(settings: &v1::StockSettings) -> Value {
    let v1::StockSettings { enabled, quantity, locations, buffer, negative } = settings;
    json!({
        "enabled": enabled,
        "quantity": words::stock_kind(*quantity),
        "locations": list(locations, |route| {
            let v1::StockRoute { from, to } = route;
            json!({ "from": from, "to": to })
        }),
        "buffer": buffer,
        "negative": words::negative(*negative),
    })
}
