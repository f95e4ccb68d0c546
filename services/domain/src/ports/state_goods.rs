//! What the engine needs from the state for products and stock: what changed and waits, what was read for all stores of
//! an agreement, what was sold, and records that can be made again.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Answer;
use crate::ids::{AgreementId, ItemNumber, OrderId, StoreId};

/// A heap of things that changed and have not been dealt with: a thing is in it once, however often it changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Heap {
    /// Items whose stock has to be read from Rackbeat, for all stores of the agreement.
    AgreementStock(AgreementId),
    /// Items whose product has to be read from Rackbeat, for all stores of the agreement.
    AgreementProducts(AgreementId),
    /// Items whose quantities have to be sent to a shop.
    StoreStock(StoreId),
    /// Items whose product has to be carried to a shop.
    StoreProducts(StoreId),
    /// Products (Shopify's ids) that have to be looked at in a shop.
    ShopProducts(StoreId),
}

/// A thing on a heap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// What: an item's number or a product's id, as text.
    pub key: String,
    /// Rises with each change; what was dealt with under an older one stays on the heap.
    pub mark: u64,
    /// When the oldest change that is not dealt with happened (or was found).
    pub since: Timestamp,
    /// How often it was put off in a row.
    pub tries: u32,
    /// Somebody else changed it on the other side: what we know of that side is not to be believed.
    pub doubt: bool,
}

/// Heaps. They survive; a thing leaves only when it was dealt with as it was when it was looked at.
#[async_trait]
pub trait Heaps: Send + Sync {
    /// Puts things on a heap, due at once, or raises their marks. `since` is kept from the first of several marks,
    /// `doubt` from any.
    async fn mark(&self, heap: &Heap, keys: &[String], doubt: bool, since: Timestamp) -> Answer<()>;
    /// What is due, that which has been due longest first.
    async fn due(&self, heap: &Heap, limit: u32, now: Timestamp) -> Answer<Vec<Marked>>;
    /// When the next thing falls due; `None` on an empty heap.
    async fn next_due(&self, heap: &Heap) -> Answer<Option<Timestamp>>;
    /// Takes off what was dealt with, where its mark is still the same.
    async fn done(&self, heap: &Heap, dealt: &[Marked]) -> Answer<()>;
    /// Puts things off, and counts it, where their mark is still the same.
    async fn put_off(&self, heap: &Heap, things: &[Marked], until: Timestamp) -> Answer<()>;
    /// How many things are on it.
    async fn count(&self, heap: &Heap) -> Answer<u64>;
    /// Waits until something is marked, or `at_most`. May return early for no reason.
    async fn wait(&self, heap: &Heap, at_most: Duration) -> Answer<()>;
}

/// What is posted on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// [`crate::stock::StockNotice`]s.
    Stock,
    /// [`crate::erp::ErpProduct`]s.
    Product,
}

/// A notice on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Rises with each posting of this item that changed its text.
    pub seq: u64,
    /// The text: JSON.
    pub text: String,
}

/// The agreement's board: what its lease holder read from Rackbeat, for all of its stores.
#[async_trait]
pub trait Board: Send + Sync {
    /// Posts texts. A text that stands already keeps its number. `Conflict`, and nothing posted, if a later holder
    /// of the agreement's lease (a higher `fence`) has posted. Answers the numbers, and whether each is new.
    async fn post(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        fence: u64,
        texts: &[(ItemNumber, String)],
    ) -> Answer<Vec<(u64, bool)>>;
    /// The notices of some items, in their order.
    async fn notices(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        items: &[ItemNumber],
    ) -> Answer<Vec<Option<Notice>>>;
}

/// Units sold in a store and not yet booked in Rackbeat.
#[async_trait]
pub trait Holds: Send + Sync {
    /// Sets what an order holds, replacing what it held. Answers the items whose sum changed.
    async fn hold(
        &self,
        store: &StoreId,
        order: OrderId,
        units: &[(ItemNumber, u64)],
    ) -> Answer<Vec<ItemNumber>>;
    /// What an order holds.
    async fn held_by(&self, store: &StoreId, order: OrderId) -> Answer<Vec<(ItemNumber, u64)>>;
    /// What all orders of a store hold of some items, in their order.
    async fn held(&self, store: &StoreId, items: &[ItemNumber]) -> Answer<Vec<u64>>;
}

/// A family of records by key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Family {
    /// Item → [`crate::stock::Shelf`].
    Shelf(StoreId),
    /// Inventory item (Shopify's id) → item number.
    InventoryItem(StoreId),
    /// Product (Shopify's id) → its item numbers, a JSON list.
    ProductItems(StoreId),
    /// Item → [`crate::stock::Told`].
    Told(StoreId),
    /// Item → [`crate::product::Carried`].
    Carried(StoreId),
    /// [`crate::product::Drift::key`] → [`crate::product::Drift`].
    Drift(StoreId),
    /// Item → [`crate::stock::StockTrouble`].
    StockTrouble(StoreId),
    /// Item, or `variant/<product>/<variant>` where a variant has no good SKU → [`crate::product::ProductTrouble`].
    ProductTrouble(StoreId),
    /// Variant, 20 digits → [`crate::run::RunRow`] of the latest run.
    RunReport(StoreId),
    /// Order, 20 digits → [`crate::replay::ReplayNote`] of the replay under way.
    ReplayNotes(StoreId),
    /// [`crate::report::REPORT`] → [`crate::report::WorkerReport`], [`crate::report::LAST_ORDER`] →
    /// [`crate::report::LastOrder`].
    Status(StoreId),
}

/// Records that can be made again from the remotes; JSON, each on its own.
#[async_trait]
pub trait Records: Send + Sync {
    /// Several records, in the order of the keys.
    async fn get(&self, family: &Family, keys: &[String]) -> Answer<Vec<Option<String>>>;
    /// Writes records, replacing what is there.
    async fn put(&self, family: &Family, records: &[(String, String)]) -> Answer<()>;
    /// Forgets records.
    async fn forget(&self, family: &Family, keys: &[String]) -> Answer<()>;
    /// Records in the order of their keys' bytes, after a key.
    async fn page(&self, family: &Family, after: Option<&str>, limit: u32) -> Answer<Vec<(String, String)>>;
    /// How many there are.
    async fn count(&self, family: &Family) -> Answer<u64>;
    /// Forgets the whole family.
    async fn clear(&self, family: &Family) -> Answer<()>;
}
