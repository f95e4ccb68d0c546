//! Stock: reports, single items, troubles.

use shopbeat_domain::ids::ItemNumber;
use shopbeat_domain::stock::{ItemStock, PlaceStock, Shelf, StockTrouble, Told, ToldLevel};
use shopbeat_domain::store::Store;
use shopbeat_engine::stock::{Change, StockReport, StockView, StoreView};
use shopbeat_proto::v1;

use super::{Violations, decimal, timestamp};

/// So many changes are shown; the counts tell of more.
const CHANGES_SHOWN: usize = 1000;

/// A report of what a store would be told, as a message.
#[must_use]
pub fn stock_report(store: &Store, report: &StockReport) -> v1::PreviewStockResponse {
    let StockReport { changes, to_zero, equal, not_in_shop, hindered, digest } = report;
    v1::PreviewStockResponse {
        digest: digest.clone(),
        changes: changes.iter().take(CHANGES_SHOWN).map(change).collect(),
        to_zero: *to_zero,
        changed: u64::try_from(changes.len()).unwrap_or(u64::MAX),
        equal: *equal,
        not_in_shop: *not_in_shop,
        hindered: *hindered,
        accepted_at: store.stock_accepted_at.map(timestamp),
    }
}

fn change(change: &Change) -> v1::StockChange {
    let Change { item, location, from, to } = change;
    v1::StockChange { item: item.to_string(), location_id: location.0, from: *from, to: *to }
}

/// One item's stock as a message.
#[must_use]
pub fn stock_view(view: &StockView) -> v1::GetStockResponse {
    let StockView { item: _, notice, stores } = view;
    v1::GetStockResponse {
        stock: notice.as_ref().map(|(_, notice)| item_stock(&notice.stock)),
        reading: notice.as_ref().map(|(reading, _)| *reading).unwrap_or_default(),
        stores: stores.iter().map(store_stock).collect(),
    }
}

fn item_stock(stock: &ItemStock) -> v1::ItemStock {
    let ItemStock { item, keeps_stock, physical, available, places } = stock;
    v1::ItemStock {
        item: item.to_string(),
        keeps_stock: *keeps_stock,
        physical: decimal(*physical),
        available: available.map(decimal),
        places: places
            .iter()
            .flatten()
            .map(|PlaceStock { location, physical, available }| v1::PlaceStock {
                location: location.0,
                physical: decimal(*physical),
                available: available.map(decimal),
            })
            .collect(),
    }
}

fn store_stock(view: &StoreView) -> v1::StoreStock {
    let StoreView { store, takes_stock, shelf, told, held, trouble: hindrance } = view;
    let spot = shelf.as_ref().and_then(|shelf| shelf.spot.as_ref());
    let presence = match shelf {
        None => v1::Presence::Unspecified,
        Some(Shelf { spot: Some(_), .. }) => v1::Presence::Found,
        Some(Shelf { spot: None, .. }) => v1::Presence::Missing,
    };
    let Told { version: _, seq, levels } = told.clone().unwrap_or_default();
    v1::StoreStock {
        store_id: store.to_string(),
        takes_stock: *takes_stock,
        presence: presence.into(),
        variant_id: spot.map(|spot| spot.variant.0).unwrap_or_default(),
        levels: levels
            .into_iter()
            .map(|ToldLevel { location, quantity, at }| v1::ToldLevel {
                location_id: location.0,
                quantity,
                at: Some(timestamp(at)),
            })
            .collect(),
        reading: seq,
        held: *held,
        trouble: hindrance.as_ref().map(trouble),
    }
}

/// Why an item's quantity is not sent, as a message.
#[must_use]
pub fn trouble(trouble: &StockTrouble) -> v1::StockTrouble {
    let StockTrouble { version: _, item, code, message, since, times } = trouble;
    v1::StockTrouble {
        item: item.to_string(),
        code: code.name().to_owned(),
        message: message.clone(),
        remedy: code.remedy().to_owned(),
        since: Some(timestamp(*since)),
        times: *times,
    }
}

/// The number of an item that a request names.
pub fn read_item(violations: &mut Violations, text: &str) -> Option<ItemNumber> {
    let text = violations.needed("item", text)?;
    violations.take("item", ItemNumber::parse(text))
}
