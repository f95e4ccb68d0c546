//! The ports: what the engine needs from the two remotes and from the state, in domain words only. The one file
//! of this crate that is async.
//!
//! Adapters make ONE attempt per call and answer a [`Failure`] whose kind says what is known. Ports of the state
//! are atomic per call: what one call says it does is done whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use url::Url;

use crate::catalog::Variant;
use crate::erp::{
    Account, Draft, DraftLine, ErpCustomer, ErpOrder, Invoice, Item, Location, NewCustomer, NewProduct,
    ProductGroup, Shipment,
};
use crate::failure::Failure;
use crate::ids::{
    AgreementId, BulkId, CustomerNumber, DeliveryId, InvoiceNumber, ItemNumber, LineId, OrderId, OrderNumber,
    Reference, ShipmentId, ShopDomain, StockLocation, StoreId,
};
use crate::job::{Claim, JobCounts, JobRecord, Lane, Offer, Settled, Subject, Verdict};
use crate::money::Currency;
use crate::order::{Order, OrderHead};
use crate::person::Email;
use crate::run::Run;
use crate::store::{Agreement, ShopCredentials, Store};
use crate::transfer::Transfer;

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

/// Why a webhook subscription is as it is after `subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Topics that had to be made or moved.
    pub made: Vec<String>,
    /// Topics that stood already.
    pub kept: Vec<String>,
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
    /// Makes the webhook subscriptions for our topics point to this address; others are left alone.
    async fn subscribe(&self, address: &Url) -> Answer<Subscribed>;
    /// Removes the subscriptions that point to this address.
    async fn unsubscribe(&self, address: &Url) -> Answer<()>;
    /// Asks for an export of the whole catalogue.
    async fn start_export(&self) -> Answer<BulkId>;
    /// Looks how far an export is.
    async fn export(&self, id: BulkId) -> Answer<Export>;
    /// Reads an export. All variants with their products, children joined. Ends with an error if the file has
    /// another number of rows than `objects` or is cut: never a short success.
    async fn read_export(&self, url: &Url, objects: u64) -> Answer<BoxStream<'static, Answer<Variant>>>;
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
}

// ------------------------------------------------------------------------------------------------ state

/// Whose secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretOwner {
    /// An agreement: its Rackbeat token, webhook token.
    Agreement(AgreementId),
    /// A store of an agreement (the key is derived per agreement).
    Store(AgreementId, StoreId),
}

/// Stores, agreements and their sealed credentials.
#[async_trait]
pub trait Registry: Send + Sync {
    /// One store.
    async fn store(&self, id: &StoreId) -> Answer<Option<Store>>;
    /// All stores, by id; disconnected ones too.
    async fn stores(&self) -> Answer<Vec<Store>>;
    /// Writes a store if the stored revision is `store.revision` (0 = not there); answers it with the new revision.
    /// `Conflict` otherwise.
    async fn put_store(&self, store: &Store) -> Answer<Store>;
    /// One agreement.
    async fn agreement(&self, id: &AgreementId) -> Answer<Option<Agreement>>;
    /// All agreements, by id.
    async fn agreements(&self) -> Answer<Vec<Agreement>>;
    /// Binds an agreement to its account, for good: `Conflict` if this name is bound to another account or this
    /// account to another name. Repeating it renews company and currency.
    async fn bind_agreement(&self, agreement: &Agreement) -> Answer<()>;
    /// Seals and keeps a secret under a field's name.
    async fn put_secret(&self, owner: &SecretOwner, field: &str, secret: &SecretString) -> Answer<()>;
    /// Opens a secret. `None` if there is none; `Garbled` if it does not open.
    async fn secret(&self, owner: &SecretOwner, field: &str) -> Answer<Option<SecretString>>;
    /// Forgets a secret.
    async fn forget_secret(&self, owner: &SecretOwner, field: &str) -> Answer<()>;
    /// Since when this state remembers: renewed when it is found empty (or, on Redis, run by another server than
    /// before, since the last second may be lost). What was created in Shopify before this moment may have been
    /// transferred by a state that is gone.
    async fn epoch(&self, now: Timestamp) -> Answer<Timestamp>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// New, and durably queued.
    Queued,
    /// Seen before: nothing was done.
    Repeat,
}

/// What comes in.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// One atomic step: if the delivery is new, remember it for [`crate::limits::DELIVERY_MEMORY`] and take the
    /// offer as [`Jobs::offer`] does; durable before it answers.
    async fn receive(
        &self,
        store: &StoreId,
        delivery: &DeliveryId,
        offer: &Offer,
        now: Timestamp,
    ) -> Answer<Received>;
}

/// The queue of each store. One job per subject.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Takes offers and moves a watermark, in one atomic step. For each: no job yet → a new one, ready, counted by
    /// the ledger as seen and pending in the hour of `now`; idle or delayed → ready; claimed → marked dirty, runs
    /// again when settled; parked → ready only if `unpark`; settled at this `version` or later → dropped. A ready
    /// job that is offered `ahead` moves ahead. `force` is kept if any offer had it. Answers how many now wait.
    async fn offer(
        &self,
        store: &StoreId,
        offers: &[Offer],
        mark: Option<(&str, Timestamp)>,
        now: Timestamp,
    ) -> Answer<u64>;
    /// Claims the next job: due parked and delayed ones first become ready, claims past their time are taken back;
    /// then by lane, ahead first, oldest first. The claim lasts `hold`.
    async fn claim(&self, store: &StoreId, hold: Duration, now: Timestamp) -> Answer<Option<Claim>>;
    /// Keeps a claim for `hold` from now on; false if a later claim owns the job.
    async fn extend(&self, claim: &Claim, hold: Duration, now: Timestamp) -> Answer<bool>;
    /// Ends a claim: verdict, journal (if given) and ledger in one step, refused whole if a later claim owns it.
    async fn settle(
        &self,
        claim: &Claim,
        verdict: &Verdict,
        journal: Option<&Transfer>,
        now: Timestamp,
    ) -> Answer<Settled>;
    /// What is known of one subject.
    async fn job(&self, store: &StoreId, subject: &Subject) -> Answer<Option<JobRecord>>;
    /// Parked jobs by subject, after a subject's text.
    async fn parked(&self, store: &StoreId, after: Option<&str>, limit: u32) -> Answer<Vec<JobRecord>>;
    /// Counts by phase.
    async fn counts(&self, store: &StoreId) -> Answer<JobCounts>;
    /// Until when a worker that found nothing may sleep: the next time anything falls due. `None` = nothing waits.
    async fn next_due(&self, store: &StoreId) -> Answer<Option<Timestamp>>;
    /// Waits until an offer came since this worker last looked, or `at_most`. May return early for no reason.
    async fn wait(&self, store: &StoreId, at_most: Duration) -> Answer<()>;
}

/// Journals of transfers.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The journal of an order.
    async fn transfer(&self, store: &StoreId, order: OrderId) -> Answer<Option<Transfer>>;
    /// Writes it under a claim: `Conflict` if a later claim owns the job.
    async fn save(&self, claim: &Claim, transfer: &Transfer) -> Answer<()>;
    /// Journals of a store in order of order ids, after one, for listings.
    async fn transfers(&self, store: &StoreId, after: Option<OrderId>, limit: u32) -> Answer<Vec<Transfer>>;
}

/// A lease that this process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased: `worker/<store>`, `customer/<agreement>/<key>` ...
    pub name: String,
    /// Who holds it; a text of its own per holder.
    pub owner: String,
    /// Rises with every new holder of this name.
    pub fence: u64,
}

/// Leases with an owner and a fencing number.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease if it is free (or already this owner's: then it is renewed, same fence).
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Answer<Option<Lease>>;
    /// Renews it; false if it is somebody else's by now.
    async fn renew(&self, lease: &Lease, time: Duration) -> Answer<bool>;
    /// Gives it back if it is still ours.
    async fn free(&self, lease: &Lease) -> Answer<()>;
    /// Who holds it.
    async fn holder(&self, name: &str) -> Answer<Option<String>>;
}

/// Which map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdMap {
    /// Shopify variant → item number, per store.
    VariantItem(StoreId),
    /// Keyed hash of an e-mail address → customer number, per agreement.
    Customer(AgreementId),
    /// Item numbers known to exist → `1`, per agreement.
    KnownItem(AgreementId),
    /// Item number → how its stock was imported, per agreement.
    StockImport(AgreementId),
}

/// Shopify id ↔ Rackbeat number. Rebuilt from the remotes if lost.
#[async_trait]
pub trait Ids: Send + Sync {
    /// Looks up several keys at once, in their order.
    async fn look_up(&self, map: &IdMap, keys: &[String]) -> Answer<Vec<Option<String>>>;
    /// Writes a key if it is not there; answers the value that stands.
    async fn put_if_absent(&self, map: &IdMap, key: &str, value: &str) -> Answer<String>;
    /// Writes several keys, replacing what is there.
    async fn put(&self, map: &IdMap, entries: &[(String, String)]) -> Answer<()>;
    /// Forgets a key.
    async fn forget(&self, map: &IdMap, key: &str) -> Answer<()>;
}

/// Cursors of sweeps; they are moved by [`Jobs::offer`].
#[async_trait]
pub trait Watermarks: Send + Sync {
    /// A watermark.
    async fn watermark(&self, store: &StoreId, name: &str) -> Answer<Option<Timestamp>>;
}

/// Rackbeat's budget per token, shared by all processes.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Takes one call from a budget: `None` = go; else wait this long and ask again. Less urgent lanes must leave
    /// room for more urgent ones.
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>>;
}

/// One hour of a store in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The hour in which these orders were first seen.
    pub hour: Timestamp,
    /// How many were first seen; counted on its own, never a sum of the rest.
    pub seen: u64,
    /// Outcomes by [`crate::job::Outcome::name`].
    pub outcomes: Vec<(String, u64)>,
}

impl LedgerRow {
    /// Whether seen equals the sum of the outcomes.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.seen == self.outcomes.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// Counts per store, hour and outcome.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The rows of a store whose hour lies in `from ..= to`, oldest first.
    async fn rows(&self, store: &StoreId, from: Timestamp, to: Timestamp) -> Answer<Vec<LedgerRow>>;
}

/// Runs of the initial sync.
#[async_trait]
pub trait Runs: Send + Sync {
    /// One run.
    async fn run(&self, store: &StoreId, id: &str) -> Answer<Option<Run>>;
    /// The run that was begun last.
    async fn latest_run(&self, store: &StoreId) -> Answer<Option<Run>>;
    /// Begins a run unless another is under way; answers the one that stands. In one step with its job.
    async fn begin_run(&self, run: &Run, now: Timestamp) -> Answer<Run>;
    /// Writes how far it is, under its claim: `Conflict` if a later claim owns the job.
    async fn save_run(&self, claim: &Claim, run: &Run) -> Answer<()>;
}

/// Whether the state is there, and how it is set up.
#[async_trait]
pub trait StateHealth: Send + Sync {
    /// A round trip to the state.
    async fn ping(&self) -> Answer<()>;
    /// What an operator should know about the set-up (no append-only file ...), for people.
    async fn warnings(&self) -> Answer<Vec<String>>;
}

/// All ports of one state engine.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port of its type")]
pub struct State {
    pub registry: Arc<dyn Registry>,
    pub inbox: Arc<dyn Inbox>,
    pub jobs: Arc<dyn Jobs>,
    pub journal: Arc<dyn Journal>,
    pub leases: Arc<dyn Leases>,
    pub ids: Arc<dyn Ids>,
    pub watermarks: Arc<dyn Watermarks>,
    pub pace: Arc<dyn Pace>,
    pub ledger: Arc<dyn Ledger>,
    pub runs: Arc<dyn Runs>,
    pub health: Arc<dyn StateHealth>,
}
