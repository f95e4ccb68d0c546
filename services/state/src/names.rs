//! What heaps, families and boards are called in keys, for both engines. Ids of stores and agreements are slugs, so
//! names of one kind cannot meet.

use shopbeat_domain::ids::StoreId;
use shopbeat_domain::ports::{Family, Heap, Topic};

/// Whose heap it is, and its name there.
pub(crate) fn heap(heap: &Heap) -> (&str, &'static str) {
    match heap {
        Heap::AgreementStock(agreement) => (agreement.as_str(), "agreement-stock"),
        Heap::AgreementProducts(agreement) => (agreement.as_str(), "agreement-products"),
        Heap::StoreStock(store) => (store.as_str(), "store-stock"),
        Heap::StoreProducts(store) => (store.as_str(), "store-products"),
        Heap::ShopProducts(store) => (store.as_str(), "shop-products"),
    }
}

/// A topic's name.
pub(crate) fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Stock => "stock",
        Topic::Product => "product",
    }
}

/// Whose family it is, and its name there.
pub(crate) fn family(family: &Family) -> (&StoreId, &'static str) {
    match family {
        Family::Shelf(store) => (store, "shelf"),
        Family::InventoryItem(store) => (store, "inventory-item"),
        Family::ProductItems(store) => (store, "product-items"),
        Family::Told(store) => (store, "told"),
        Family::Carried(store) => (store, "carried"),
        Family::Drift(store) => (store, "drift"),
        Family::StockTrouble(store) => (store, "stock-trouble"),
        Family::ProductTrouble(store) => (store, "product-trouble"),
        Family::RunReport(store) => (store, "run-report"),
        Family::ReplayNotes(store) => (store, "replay-notes"),
        Family::Status(store) => (store, "status"),
    }
}
