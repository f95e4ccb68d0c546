//! The ports: what the engine needs from the two remotes and from the state (`state.rs`), in domain words only. The
//! only part of this crate that is async.
//!
//! Adapters make ONE attempt per call and answer a [`Failure`] whose kind says what is known. Ports of the state
//! are atomic per call: what one call says it does is done whole or not at all.

mod state;
mod state_goods;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use url::Url;

use crate::catalog::{ProductHead, ShopLocation, SkuCheck, Variant};
use crate::erp::{
    Account, Draft, DraftLine, ErpCustomer, ErpOrder, ErpProduct, Invoice, Item, ItemKind, Location,
    NewCustomer, NewProduct, ProductGroup, Shipment,
};
use crate::failure::Failure;
use crate::ids::{
    AgreementId, BulkId, CustomerNumber, InventoryItemId, InvoiceNumber, ItemNumber, LineId, LocationId,
    OrderId, OrderNumber, ProductId, Reference, ShipmentId, ShopDomain, StockLocation, VariantId,
};
use crate::job::Lane;
use crate::money::Currency;
use crate::order::{Order, OrderHead};
use crate::person::Email;
use crate::preflight::OrderTraits;
use crate::product::{ErpEdit, NewShopProduct, ShopEdit};
use crate::stock::{ItemStock, ShopStock, StockRefusal, StockWrite};
use crate::store::{ShopCredentials, Store};

pub use state::{
    BillingJournal, IdMap, Ids, Inbox, Jobs, Journal, Lease, Leases, Ledger, LedgerRow, Pace, Pulse, Pulses,
    Received, Registry, Replays, Runs, SecretOwner, State, StateHealth, Watermarks,
};
pub use state_goods::{Board, Family, Heap, Heaps, Holds, Marked, Notice, Records, Topic};

/// Answer of a port.
pub type Answer<T> = Result<T, Failure>;

/// Time. `now` and `sleep` are one thing, so that virtual time is complete.
#[async_trait]
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, time: Duration);
}

/// Chance, from a seed in tests.
pub trait Random: Send + Sync {
    /// The next number.
    fn next_u64(&self) -> u64;
}

// ---------------------------------------------------------------------------------------------- Shopify

/// What a shop says of itself and of our app in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopIdentity {
    /// The permanent domain; must be the one that was asked.
    pub domain: ShopDomain,
    /// The shop's name.
    pub name: String,
    /// Its currency.
    pub currency: Currency,
    /// Its prices hold the tax.
    pub taxes_included: bool,
    /// IANA time zone.
    pub timezone: String,
    /// Its country, ISO code, where it tells one.
    pub country: Option<String>,
    /// Scopes granted to our app.
    pub scopes: Vec<String>,
}

/// One page of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Where a bulk export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// Shopify is at it; objects so far.
    Running(u64),
    /// It is written.
    Ready {
        /// Where the file lies; `None` for no rows at all.
        url: Option<Url>,
        /// How many rows the file must have.
        objects: u64,
    },
    /// It ended without a file; Shopify's code.
    Failed(String),
}

/// An export that was read once through: it is whole.
pub struct ExportedCatalog {
    /// How many variants it has, those before the cursor too.
    pub variants: u64,
    /// The check of all its SKUs.
    pub skus: SkuCheck,
    /// The variants after the cursor, in rising order of their ids.
    pub rows: BoxStream<'static, Answer<Variant>>,
}

/// How the webhook subscriptions are after `subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Topics that had to be made or moved.
    pub made: Vec<String>,
    /// Topics that stood already.
    pub kept: Vec<String>,
    /// Topics that Shopify refuses, each with its words.
    pub refused: Vec<(String, String)>,
}

/// One Shopify shop.
#[async_trait]
pub trait Shop: Send + Sync {
    /// Who the shop is and what we may do there.
    async fn identity(&self) -> Answer<ShopIdentity>;
    /// An order as it is now, with all pages of its lines.
    async fn order(&self, id: OrderId) -> Answer<Order>;
    /// Orders that bear exactly this name (`#1001`); the `#` may be left out.
    async fn orders_named(&self, name: &str) -> Answer<Vec<OrderHead>>;
    /// Orders changed at or after a moment, oldest change first. `page` is the `next` of the page before.
    async fn orders_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<OrderHead>>;
    /// Makes the webhook subscriptions for our topics point to this address; others are left alone. A topic that is
    /// refused keeps no other from being made.
    async fn subscribe(&self, address: &Url) -> Answer<Subscribed>;
    /// Removes the subscriptions that point to this address.
    async fn unsubscribe(&self, address: &Url) -> Answer<()>;
    /// Asks for an export of the whole catalogue.
    async fn start_export(&self) -> Answer<BulkId>;
    /// Looks how far an export is.
    async fn export(&self, id: BulkId) -> Answer<Export>;
    /// Reads an export: all variants after `after` with their products, children joined. Fails if the file has
    /// another number of rows than `objects` or is cut: never a short success. Takes memory for ids and places in
    /// the file only, whatever the catalogue's size.
    async fn read_export(&self, url: &Url, objects: u64, after: Option<VariantId>)
    -> Answer<ExportedCatalog>;

    /// Products changed at or after a moment, oldest change first. `page` is the `next` of the page before.
    async fn products_updated(
        &self,
        since: Timestamp,
        page: Option<&str>,
        size: u32,
    ) -> Answer<Page<ProductHead>>;
    /// All variants of a product, however many pages; their levels are left out. `Missing` if it is gone.
    async fn product(&self, id: ProductId) -> Answer<Vec<Variant>>;
    /// The product with this handle.
    async fn product_with_handle(&self, handle: &str) -> Answer<Option<ProductId>>;
    /// Variants that bear one of these SKUs, exactly; several of one SKU are all answered. Their levels are left
    /// out. Shopify's search may lag behind its writes.
    async fn variants_with_skus(&self, skus: &[ItemNumber]) -> Answer<Vec<Variant>>;
    /// Makes a product with one variant. Under a handle that is taken the product that has it is overwritten, so
    /// that a lost answer does no harm: look before.
    async fn create_product(&self, product: &NewShopProduct) -> Answer<Variant>;
    /// Changes a product and its variant; what is `None` stays. Two calls, if both change: done again whole after a
    /// failure.
    async fn edit_product(&self, product: ProductId, variant: VariantId, edit: &ShopEdit) -> Answer<()>;
    /// The shop's locations.
    async fn locations(&self) -> Answer<Vec<ShopLocation>>;
    /// The stock of inventory items, in no certain order; those that are gone are left out.
    async fn stock_of(&self, items: &[InventoryItemId]) -> Answer<Vec<ShopStock>>;
    /// Sets quantities, all of them or none. The outer answer is the call's, the inner one Shopify's.
    async fn set_quantities(&self, write: &StockWrite) -> Answer<Result<(), Vec<StockRefusal>>>;
    /// Begins to stock an item at a location; its quantities there stay as they were.
    async fn activate(&self, item: InventoryItemId, location: LocationId, key: &str) -> Answer<()>;
    /// What the latest orders show of the ways this shop sells.
    async fn latest_orders(&self, count: u32) -> Answer<Vec<OrderTraits>>;
}

// --------------------------------------------------------------------------------------------- Rackbeat

/// One Rackbeat account, in one lane of its budget.
#[async_trait]
pub trait Erp: Send + Sync {
    /// Whose token this is.
    async fn account(&self) -> Answer<Account>;

    /// All orders that bear this reference, lowest number first. Complete: by a search that is proven to cover
    /// headings, else by paging back to `not_before` (the order's creation in Shopify).
    async fn find_orders(&self, reference: &Reference, not_before: Timestamp) -> Answer<Vec<ErpOrder>>;
    /// One order with its lines.
    async fn order(&self, number: OrderNumber) -> Answer<ErpOrder>;
    /// Makes a draft.
    async fn create_draft(&self, draft: &Draft) -> Answer<ErpOrder>;
    /// Adds a line to a draft.
    async fn add_line(&self, number: OrderNumber, line: &DraftLine) -> Answer<()>;
    /// Writes price, discount, VAT and quantity of a draft's line again.
    async fn update_line(&self, number: OrderNumber, id: LineId, line: &DraftLine) -> Answer<()>;
    /// Deletes a draft.
    async fn delete_draft(&self, number: OrderNumber) -> Answer<()>;
    /// Gives an order another heading.
    async fn rename(&self, number: OrderNumber, heading: &str) -> Answer<()>;
    /// Books a draft, without mail.
    async fn book(&self, number: OrderNumber) -> Answer<ErpOrder>;
    /// Flags an order ready for shipping.
    async fn mark_ready(&self, number: OrderNumber) -> Answer<()>;
    /// The shipments of an order, lowest id first.
    async fn shipments(&self, number: OrderNumber) -> Answer<Vec<Shipment>>;
    /// Makes a shipment of all that can be shipped now; refuses with `NothingToShip`.
    async fn create_shipment(&self, number: OrderNumber) -> Answer<ShipmentId>;
    /// Marks a shipment picked.
    async fn pick(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()>;
    /// Marks a shipment picked and shipped.
    async fn ship(&self, order: OrderNumber, shipment: ShipmentId) -> Answer<()>;
    /// The invoices made from an order, lowest number first, credit notes left out.
    async fn invoices(&self, number: OrderNumber) -> Answer<Vec<Invoice>>;
    /// Makes an unbooked invoice from an order.
    async fn create_invoice(&self, number: OrderNumber) -> Answer<InvoiceNumber>;
    /// Books an invoice, without mail.
    async fn book_invoice(&self, number: InvoiceNumber) -> Answer<()>;
    /// Deletes an unbooked invoice.
    async fn delete_invoice(&self, number: InvoiceNumber) -> Answer<()>;

    /// Every customer with this e-mail address, lowest number first.
    async fn customers(&self, email: &Email) -> Answer<Vec<ErpCustomer>>;
    /// Makes a customer under the next free number.
    async fn create_customer(&self, customer: &NewCustomer) -> Answer<CustomerNumber>;

    /// One item.
    async fn item(&self, number: &ItemNumber) -> Answer<Item>;
    /// Items (products and lots), a page at a time, ordered by number.
    async fn items(&self, page: u32) -> Answer<Page<Item>>;
    /// Makes a product.
    async fn create_product(&self, product: &NewProduct) -> Answer<()>;
    /// One product or bill of materials, whole.
    async fn product(&self, number: &ItemNumber) -> Answer<ErpProduct>;
    /// Products or bills of materials, whole, a page at a time, ordered by number.
    async fn products(&self, kind: ItemKind, page: u32) -> Answer<Page<ErpProduct>>;
    /// Changes a product or bill of materials; what is `None` stays.
    async fn edit_product(&self, number: &ItemNumber, kind: ItemKind, edit: &ErpEdit) -> Answer<()>;
    /// The stock of one item, if asked for by location too.
    async fn stock(&self, item: &ItemNumber, by_location: bool) -> Answer<ItemStock>;
    /// The stock of all items over all locations, products and bills of materials, a page at a time.
    async fn stock_list(&self, page: u32) -> Answer<Page<ItemStock>>;
    /// What lies at each location, of all items, a page at a time; does not tell what is available.
    async fn stock_report(&self, page: u32) -> Answer<Page<ItemStock>>;
    /// The product groups.
    async fn product_groups(&self) -> Answer<Vec<ProductGroup>>;
    /// The stock locations.
    async fn locations(&self) -> Answer<Vec<Location>>;
    /// Units of one item at one location.
    async fn stock_at(&self, item: &ItemNumber, location: StockLocation) -> Answer<Decimal>;
    /// Makes a webhook for an event point to this address, and answers the token that its deliveries bear. Rackbeat
    /// tells the token only when a webhook is made, so one that stands already is made anew.
    async fn subscribe(&self, event: &str, address: &Url) -> Answer<SecretString>;
    /// Removes the webhooks that point to this address.
    async fn unsubscribe(&self, address: &Url) -> Answer<()>;
    /// Sets the units of an item at a location (an adjustment, made and booked). Refuses with `NoChange` if it is
    /// that already.
    async fn set_stock(
        &self,
        item: &ItemNumber,
        location: StockLocation,
        quantity: Decimal,
        reason: &str,
    ) -> Answer<()>;
}

/// Opens the remotes: of connected stores with the credentials that the registry keeps, or with credentials that
/// are still to be tried.
#[async_trait]
pub trait Remotes: Send + Sync {
    /// The shop of a store.
    async fn shop(&self, store: &Store) -> Answer<Arc<dyn Shop>>;
    /// The account of an agreement, in a lane of its budget.
    async fn erp(&self, agreement: &AgreementId, lane: Lane) -> Answer<Arc<dyn Erp>>;
    /// A shop, with credentials that are not kept yet.
    fn shop_with(&self, shop: &ShopDomain, credentials: &ShopCredentials) -> Answer<Arc<dyn Shop>>;
    /// An account, with a token that is not kept yet. Its calls count against the agreement's budget.
    fn erp_with(&self, agreement: &AgreementId, token: &SecretString) -> Answer<Arc<dyn Erp>>;
}

/// A keyed hash, with a key per agreement: personal data become keys of maps only through it.
pub trait Blind: Send + Sync {
    /// The hash as text, fit for a key; the same for the same agreement and text.
    fn blind(&self, agreement: &AgreementId, text: &str) -> String;
    /// Whether a hash is the one of this text, be it under a key that was the current one before: seals outlive a
    /// change of keys.
    fn is_blind_of(&self, agreement: &AgreementId, text: &str, hash: &str) -> bool {
        self.blind(agreement, text) == hash
    }
}
