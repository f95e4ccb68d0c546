//! Every number that decides something, in one table, each with its reason.

use std::time::Duration;

use rust_decimal::Decimal;

/// A residue up to this may go on the rounding line: three rounding models differ by a few minor units on an
/// ordinary order; more than that is a mistake to be looked at.
pub const ROUNDING_TOLERANCE: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
/// No setting may lift the tolerance above one unit of the currency.
pub const LARGEST_ROUNDING_TOLERANCE: Decimal = Decimal::ONE;
/// Rackbeat takes prices with up to six decimals.
pub const PRICE_DECIMALS: u32 = 6;
/// A discount is written as a percentage only if it has at most this many decimals.
pub const DISCOUNT_DECIMALS: u32 = 2;
/// Rackbeat's longest item number, as its help desk says (perhaps dated).
pub const ITEM_NUMBER_LENGTH: usize = 25;
/// Longest heading of a Rackbeat order seen to be accepted.
pub const HEADING_LENGTH: usize = 255;
/// Longest note of a Rackbeat order seen to be accepted.
pub const NOTE_LENGTH: usize = 800;

/// A worker that has not renewed its lease for this long is taken for dead.
pub const WORKER_LEASE: Duration = Duration::from_secs(45);

/// A lease is renewed three times within its time, so that two lost renewals do no harm.
#[must_use]
pub fn lease_renewal(lease: Duration) -> Duration {
    lease / 3
}

/// Deadline of one remote call: under a third of the lease, so that a call that was sent with that much left has
/// ended before another worker may begin.
#[must_use]
pub fn remote_deadline(lease: Duration) -> Duration {
    lease * 3 / 10
}
/// A waiter for somebody else's lock on a customer looks this often ...
pub const CUSTOMER_LOCK_POLL: Duration = Duration::from_millis(200);
/// ... and gives up after so many looks: the job comes again later.
pub const CUSTOMER_LOCK_TRIES: u32 = 50;
/// Deliveries are remembered this long: Shopify sends again for four hours, and has been a day late.
pub const DELIVERY_MEMORY: Duration = Duration::from_secs(72 * 3600);
/// Journals, job records and ledger rows are kept this long.
pub const RECORD_MEMORY: Duration = Duration::from_secs(90 * 24 * 3600);

/// The sweep runs this often ...
pub const SWEEP_EVERY: Duration = Duration::from_secs(300);
/// ... and reads this far behind its watermark, since `updated_at` becomes visible late and out of order.
pub const SWEEP_OVERLAP: Duration = Duration::from_secs(600);
/// So far two machines' clocks may be apart.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// An order that was changed less than this ago may change again under the same `updated_at`, which has whole seconds
/// and comes by another clock.
pub const VERSION_QUIET: Duration = Duration::from_secs(60);
/// What may have made a gap (the state was lost or restarted, the store was connected anew) is looked for this often.
pub const GAP_LOOK: Duration = Duration::from_secs(15);
/// Orders a sweep reads per page.
pub const SWEEP_PAGE: u32 = 100;

/// Rackbeat allows 480 requests a minute per token, counted in a sliding minute.
pub const RACKBEAT_PER_MINUTE: u32 = 480;
/// So many may go at once; the rate is lowered by it, so that no minute ever sees more than the limit.
pub const RACKBEAT_BURST: u32 = 16;

/// First wait after a failure of a remote; doubles, with jitter.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait between two probes of a remote that fails.
pub const BACKOFF_MAX: Duration = Duration::from_secs(300);
/// A remote's own `Retry-After` is believed up to this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// After so many answers that cannot be read for the same order, the order is parked.
pub const GARBLED_TRIES: u32 = 3;
/// After so many conflicts in a row the order is parked.
pub const CONFLICT_TRIES: u32 = 5;
/// A parked order whose cause can go away by itself is looked at again after this; doubles up to a day.
pub const PARKED_RETRY: Duration = Duration::from_secs(15 * 60);
/// An order that waits for stock is looked at again this often.
pub const STOCK_RETRY: Duration = Duration::from_secs(15 * 60);
/// Recent orders are audited for twins this long after they were made.
pub const TWIN_AUDIT: Duration = Duration::from_secs(15 * 60);
/// Orders one worker transfers at once: two hide the round trips of each other; the rate limit does the rest.
pub const ORDERS_AT_ONCE: usize = 4;
/// Webhook subscriptions are checked and repaired this often: Shopify deletes them after eight failures.
pub const SUBSCRIPTION_CHECK: Duration = Duration::from_secs(3600);
/// A worker without a job looks at its store this often, even if nothing wakes it.
pub const IDLE_LOOK: Duration = Duration::from_secs(5);
/// A draining worker gives its jobs this long to end.
pub const DRAIN: Duration = Duration::from_secs(20);
/// A bulk export is looked at this often.
pub const EXPORT_POLL: Duration = Duration::from_secs(1);
/// The import's cursor and counts are saved after so many variants: so much work a kill repeats.
pub const IMPORT_SAVE_EVERY: u64 = 25;
/// Variants that needed no call are cheap to repeat: with those, so many are saved at once ...
pub const IMPORT_ROWS: usize = 500;
/// ... and what waits to be saved is saved after this in any case, so that progress is seen.
pub const IMPORT_SAVE_AFTER: Duration = Duration::from_secs(5);
/// Whether a run may go on (not cancelled, its store not paused or on hold) is looked at this often.
pub const RUN_LOOK: Duration = Duration::from_secs(1);
/// An import is at most so many variants ahead of the oldest that is not through: one slow answer holds up nothing, and
/// a kill repeats no more than these.
pub const IMPORT_WINDOW: u64 = 128;
/// A variant whose call failed for a passing reason is tried again so often on the spot; then the whole run waits with
/// its lane, and reads its lists anew.
pub const IMPORT_TRIES: u32 = 5;
/// So many of the latest orders preflight looks at for ways of selling that are not mapped.
pub const PREFLIGHT_ORDERS: u32 = 50;
/// After so many refusals of the credentials in a row the store is put on hold.
pub const UNAUTHORIZED_TRIES: u32 = 3;
/// After a rotation Shopify may sign with the old secret for an hour, and sends again for four hours what it signed.
pub const OLD_SECRET_COUNTS: Duration = Duration::from_secs(6 * 3600);
/// The webhook secret of a disconnected store is kept for the privacy topics.
pub const PRIVACY_DAYS: i64 = 60;
/// Shopify looks at orders older than this only with `read_all_orders`.
pub const ORDER_HORIZON_DAYS: i64 = 60;

/// While somebody watches the stores, all of them are looked at this often.
pub const STATUS_LOOK: Duration = Duration::from_secs(2);
/// A watch tells at most so many stores in one answer: a few hundred kilobytes.
pub const STATUS_CHUNK: usize = 200;
/// So many looks may fail in a row before those who watch are told: they ask again with all stores anew.
pub const STATUS_FAILURES: u32 = 3;
/// So many records of runs and replays are read at once.
pub const STATUS_READS: usize = 32;
/// Taking leave of a remote waits at most this long: a store must not stay connected because a shop is away.
pub const LEAVE_PATIENCE: Duration = Duration::from_secs(10);
/// The longest text by which a caller may name a run, in characters.
pub const RUN_TOKEN_LENGTH: usize = 100;

/// A replay looks this often at what it waits for.
pub const REPLAY_LOOK: Duration = Duration::from_secs(2);
/// A replay waits at most this long for what was under way before: a busy store is never quite still.
pub const REPLAY_DRAIN: Duration = Duration::from_secs(120);
/// So many orders of a replay wait in the queue at once: a new order has no more than these before it.
pub const REPLAY_AT_ONCE: u32 = 20;

/// Shopify takes at most so many quantities in one call (and list entries anywhere).
pub const QUANTITIES_PER_CALL: usize = 250;
/// Shopify's bound of a quantity.
pub const LARGEST_QUANTITY: i64 = 1_000_000_000;
/// No buffer above this: more is a mistake of a key.
pub const LARGEST_BUFFER: u32 = 1_000_000;
/// A quantity that somebody else keeps changing is tried so often, each time from what stands there, then told.
pub const STALE_TRIES: u32 = 5;
/// A quarantined or ever changing item is tried again after this.
pub const STOCK_TROUBLE_RETRY: Duration = Duration::from_secs(15 * 60);
/// All of Rackbeat's quantities are read again this often, whatever the webhooks said ...
pub const STOCK_SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// ... and all of its products.
pub const PRODUCT_SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Products a shop has changed are looked for this often.
pub const SHOP_PRODUCT_SWEEP_EVERY: Duration = Duration::from_secs(15 * 60);
/// From so many changed items on, lists are read instead of single items: a page of the list holds a thousand.
pub const LIST_FROM_ITEMS: usize = 24;
/// Items that one round of the agreement's reader takes at most.
pub const ITEMS_PER_ROUND: u32 = 1000;
/// Items read from Rackbeat at once.
pub const ITEMS_AT_ONCE: usize = 6;
/// What a shop does not have is looked for again after this, unless a product of it changes.
pub const SHELF_MEMORY: Duration = Duration::from_secs(24 * 3600);
/// Variants of an import on their way at once: enough to hide the round trips behind the rate limit.
pub const IMPORTS_AT_ONCE: usize = 6;
/// A quantity that somebody else changed in the shop is looked at after this: the order that did it may be a few
/// seconds behind.
pub const DOUBT_WAIT: Duration = Duration::from_secs(10);
/// A draft that holds units is looked at this often: a person may have booked it.
pub const DRAFT_LOOK: Duration = Duration::from_secs(6 * 3600);
/// ... for so long; an older draft holds nothing any more.
pub const DRAFT_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);
/// A shop's active locations are asked for again after this.
pub const LOCATION_MEMORY: Duration = Duration::from_secs(300);
/// A reader that waits for marks looks this often even if nothing wakes it.
pub const HEAP_LOOK: Duration = Duration::from_secs(60);
/// Every quantity that a shop shows is read again this often: nobody tells of an edit whose webhook was lost.
pub const LEVEL_SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);
