//! Stock and drift of products.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, maybe, text};
use crate::cli::{time, words};

/// What a store's quantities would become.
#[must_use]
pub(crate) fn stock_report(report: &v1::PreviewStockResponse) -> Value {
    let v1::PreviewStockResponse {
        digest,
        changes,
        to_zero,
        changed,
        equal,
        not_in_shop,
        hindered,
        accepted_at,
    } = report;
    json!({
        "digest": digest,
        "changes": list(changes, change),
        "to_zero": to_zero,
        "changed": changed,
        "equal": equal,
        "not_in_shop": not_in_shop,
        "hindered": hindered,
        "accepted_at": time::json(accepted_at.as_ref()),
    })
}

fn change(change: &v1::StockChange) -> Value {
    let v1::StockChange { item, location_id, from, to } = change;
    json!({ "item": item, "location_id": location_id, "from": from, "to": to })
}

/// One item's stock.
#[must_use]
pub(crate) fn stock(answer: &v1::GetStockResponse) -> Value {
    let v1::GetStockResponse { stock, reading, stores } = answer;
    json!({ "stock": maybe(stock.as_ref(), item), "reading": reading, "stores": list(stores, store) })
}

fn item(stock: &v1::ItemStock) -> Value {
    let v1::ItemStock { item, keeps_stock, physical, available, places } = stock;
    json!({
        "item": item,
        "keeps_stock": keeps_stock,
        "physical": physical,
        "available": available,
        "places": list(places, |place| {
            let v1::PlaceStock { location, physical, available } = place;
            json!({ "location": location, "physical": physical, "available": available })
        }),
    })
}

fn store(store: &v1::StoreStock) -> Value {
    let v1::StoreStock { store_id, takes_stock, presence, variant_id, levels, reading, held, trouble } =
        store;
    json!({
        "store_id": store_id,
        "takes_stock": takes_stock,
        "presence": words::presence(*presence),
        "variant_id": variant_id,
        "levels": list(levels, |level| {
            let v1::ToldLevel { location_id, quantity, at } = level;
            json!({ "location_id": location_id, "quantity": quantity, "at": time::json(at.as_ref()) })
        }),
        "reading": reading,
        "held": held,
        "trouble": maybe(trouble.as_ref(), stock_trouble),
    })
}

/// Why an item's quantity is not sent.
#[must_use]
pub(crate) fn stock_trouble(trouble: &v1::StockTrouble) -> Value {
    let v1::StockTrouble { item, code, message, remedy, since, times } = trouble;
    json!({
        "item": item,
        "code": code,
        "message": text(message),
        "remedy": remedy,
        "since": time::json(since.as_ref()),
        "times": times,
    })
}

/// Why a product is not carried.
#[must_use]
pub(crate) fn product_trouble(trouble: &v1::ProductTrouble) -> Value {
    let v1::ProductTrouble { subject, code, message, remedy, since, times } = trouble;
    json!({
        "subject": subject,
        "code": code,
        "message": text(message),
        "remedy": remedy,
        "since": time::json(since.as_ref()),
        "times": times,
    })
}

/// A field that drifted.
#[must_use]
pub(crate) fn drift(drift: &v1::Drift) -> Value {
    let v1::Drift { item, field, master, other, since } = drift;
    json!({
        "item": item,
        "field": words::product_field(*field),
        "master": master,
        "other": other,
        "since": time::json(since.as_ref()),
    })
}
