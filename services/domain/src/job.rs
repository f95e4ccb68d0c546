//! Work to be done for a store: one job per subject, whatever the number of events about it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{BadId, OrderId, OrderNumber, StoreId};

/// What a job is about. One subject has at most one job; an event about a subject whose job is running marks it
/// dirty, and it runs again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Bring this order to its current state.
    Order(OrderId),
    /// Go on with this run of the initial sync.
    InitialSync(String),
    /// Go on with this replay.
    Replay(String),
    /// Send the shop the quantities that changed.
    Stock,
    /// Carry the products that changed, in the master's direction.
    Products,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "order:{id}"),
            Self::InitialSync(run) => write!(f, "initial:{run}"),
            Self::Replay(id) => write!(f, "replay:{id}"),
            Self::Stock => f.write_str("stock:push"),
            Self::Products => f.write_str("products:push"),
        }
    }
}

impl FromStr for Subject {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            what: "subject",
            text: text.to_owned(),
            allowed: "order:<id>, initial:<run>, replay:<id>, stock:push or products:push",
        };
        match text.split_once(':') {
            Some(("order", id)) => id.parse().map(Self::Order).map_err(|_| bad()),
            Some(("initial", run)) if !run.is_empty() => Ok(Self::InitialSync(run.to_owned())),
            Some(("replay", id)) if !id.is_empty() => Ok(Self::Replay(id.to_owned())),
            Some(("stock", "push")) => Ok(Self::Stock),
            Some(("products", "push")) => Ok(Self::Products),
            _ => Err(bad()),
        }
    }
}

impl Subject {
    /// Whether the ledger counts it: orders are, the rest is not.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        matches!(self, Self::Order(_))
    }
}

/// Lanes, most urgent first; a remote's budget and the queue both follow this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lane {
    /// Orders.
    Order,
    /// Stock.
    Stock,
    /// Products.
    Product,
    /// Initial sync, replays, sweeps and audits.
    BackFill,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 4] = [Self::Order, Self::Stock, Self::Product, Self::BackFill];

    /// Short name for keys, metrics and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Stock => "stock",
            Self::Product => "product",
            Self::BackFill => "back-fill",
        }
    }
}

/// Something that asks for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What about.
    pub subject: Subject,
    /// Its lane.
    pub lane: Lane,
    /// Before all others of its lane: somebody waits for the answer.
    pub ahead: bool,
    /// A person asked: transfer even if the trigger is not reached or the order is older than the start, and make
    /// the order anew if a person removed it in Rackbeat. Stays with the job until it is done: what a person does to the
    /// order in Rackbeat after that is not undone.
    pub force: bool,
    /// Put it back even if it is parked (a person asked). A parked job is put back by a webhook, too: something
    /// changed; a sweep does not.
    pub unpark: bool,
    /// The version that asks (`updated_at`): where the job was settled at this version or a later one, the offer
    /// is dropped. `None` always counts.
    pub version: Option<Timestamp>,
}

impl Offer {
    /// An order that an event or a person names.
    #[must_use]
    pub fn order(id: OrderId) -> Self {
        Self {
            subject: Subject::Order(id),
            lane: Lane::Order,
            ahead: false,
            force: false,
            unpark: true,
            version: None,
        }
    }

    /// An order that a sweep found at this version.
    #[must_use]
    pub fn swept(id: OrderId, version: Timestamp) -> Self {
        Self { unpark: false, version: Some(version), ..Self::order(id) }
    }

    /// A run of the initial sync.
    #[must_use]
    pub fn initial_sync(run: &str) -> Self {
        Self::work(Subject::InitialSync(run.to_owned()), Lane::BackFill)
    }

    /// A replay.
    #[must_use]
    pub fn replay(id: &str) -> Self {
        Self::work(Subject::Replay(id.to_owned()), Lane::BackFill)
    }

    /// Quantities wait to be sent.
    #[must_use]
    pub fn stock() -> Self {
        Self::work(Subject::Stock, Lane::Stock)
    }

    /// Products wait to be carried.
    #[must_use]
    pub fn products() -> Self {
        Self::work(Subject::Products, Lane::Product)
    }

    fn work(subject: Subject, lane: Lane) -> Self {
        Self { subject, lane, ahead: false, force: false, unpark: true, version: None }
    }
}

/// A job that this worker holds. The claim is the order's lease: its fence is checked by every write about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub store: StoreId,
    /// What about.
    pub subject: Subject,
    /// Its lane.
    pub lane: Lane,
    /// Rising number of the claim; a later claim of the same job has a higher one.
    pub fence: u64,
    /// Ours until then, unless extended.
    pub until: Timestamp,
    /// Transfer in any case.
    pub force: bool,
    /// How often this job was put off in a row for a reason that counts (garbled, conflict).
    pub strikes: u32,
    /// How often it was parked in a row for a cause that could go away.
    pub parkings: u32,
    /// When the subject was first seen.
    pub first_seen: Timestamp,
}

/// Why an order is left alone: the rules by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IgnoreRule {
    /// Created before the store's start.
    BeforeStart,
    /// Cancelled before its trigger.
    CancelledBefore,
    /// Nothing is owed any more.
    NothingOwed,
    /// A test order.
    TestOrder,
    /// Orders are switched off.
    OrdersOff,
    /// Shopify has no such order (any more).
    GoneInShopify,
}

impl IgnoreRule {
    /// The rule's name in the ledger and in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeStart => "before_start",
            Self::CancelledBefore => "cancelled_before",
            Self::NothingOwed => "nothing_owed",
            Self::TestOrder => "test_order",
            Self::OrdersOff => "orders_off",
            Self::GoneInShopify => "gone_in_shopify",
        }
    }
}

/// What became of an order, as the ledger counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Not decided yet: queued, running, or its trigger is not reached.
    Pending,
    /// In Rackbeat, at its target or waiting for stock on the way.
    Transferred,
    /// Something is wrong with this order.
    Parked,
    /// Left alone by a rule.
    Ignored(IgnoreRule),
    /// Transferred, and removed in Rackbeat by a person.
    RemovedInRackbeat,
}

impl Outcome {
    /// The column's name in the ledger; ignored ones name their rule, `ignored:before_start`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Pending => "pending".to_owned(),
            Self::Transferred => "transferred".to_owned(),
            Self::Parked => "parked".to_owned(),
            Self::Ignored(rule) => format!("ignored:{}", rule.name()),
            Self::RemovedInRackbeat => "removed_in_rackbeat".to_owned(),
        }
    }
}

/// Why an order is parked: the code, what it is about, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Park {
    /// Machine-readable reason.
    pub code: ParkCode,
    /// What causes it: a SKU, a line's title, an amount; no personal data.
    pub culprit: String,
    /// What happened, for a person.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// Looked at again by itself then, if the cause can go away without us.
    pub retry_at: Option<Timestamp>,
    /// The order in Rackbeat, if there is one already.
    pub number: Option<OrderNumber>,
}

macro_rules! park_codes {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $heals:literal, $remedy:literal;)+) => {
        /// The reasons for parking, each with its remedy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ParkCode { $($(#[$doc])* $variant,)+ }

        impl ParkCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code in answers and tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether the cause can be gone without anyone telling us, so that a retry by itself makes sense.
            #[must_use]
            pub fn heals(self) -> bool {
                match self { $(Self::$variant => $heals,)+ }
            }

            /// What a merchant can do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

park_codes! {
    /// A line without SKU.
    LineWithoutSku, "line_without_sku", true, "give the variant a SKU in Shopify, or create the order in Rackbeat by hand";
    /// No such item in Rackbeat.
    UnknownSku, "unknown_sku", true, "create the product in Rackbeat under this number; the order goes on by itself";
    /// The SKU on the order and the variant's item disagree.
    SkuDisagrees, "sku_disagrees", false, "the order's SKU and the variant's product in Rackbeat are different items; correct one of them, then retry";
    /// The item is barred.
    BarredItem, "barred_item", true, "unbar the product in Rackbeat; the order goes on by itself";
    /// A line typed in by staff.
    CustomLine, "custom_line", false, "custom lines are not mapped yet; create the order in Rackbeat by hand";
    /// A gift card was sold.
    GiftCardSold, "gift_card_sold", false, "sold gift cards are not mapped yet; create the order in Rackbeat by hand";
    /// Paid with a gift card.
    GiftCardPaid, "gift_card_paid", false, "payment by gift card is not mapped yet; create the order in Rackbeat by hand";
    /// A tip.
    Tip, "tip", false, "tips are not mapped yet; create the order in Rackbeat by hand";
    /// Buyer's currency is not the shop's, or the shop's is not the agreement's.
    ForeignCurrency, "foreign_currency", false, "foreign currencies are not mapped yet; create the order in Rackbeat by hand";
    /// Duties.
    Duties, "duties", false, "duties are not mapped yet; create the order in Rackbeat by hand";
    /// Additional fees.
    AdditionalFees, "additional_fees", false, "additional fees are not mapped yet; create the order in Rackbeat by hand";
    /// Cash rounding.
    CashRounding, "cash_rounding", false, "cash rounding is not mapped yet; create the order in Rackbeat by hand";
    /// Refunded before it was transferred.
    RefundedBefore, "refunded_before_transfer", false, "orders refunded before their transfer are not mapped yet; create the order in Rackbeat by hand";
    /// Edited before it was transferred.
    EditedBefore, "edited_before_transfer", false, "orders edited before their transfer are not mapped yet; create the order in Rackbeat by hand";
    /// Changed in Shopify while it was on its way.
    ChangedOnTheWay, "changed_on_the_way", false, "the order was changed or cancelled in Shopify after its order in Rackbeat was begun; finish or cancel that one by hand, or delete it and retry with recreate";
    /// Shopify's parts do not add up to its total.
    TotalsDisagree, "totals_disagree", false, "the parts of the order do not add up to Shopify's total; report it with the order's number";
    /// Rackbeat's total differs by more than the tolerance.
    TotalDiffers, "total_differs", false, "Rackbeat computes another total; look at the difference, correct the draft or raise the tolerance, then retry";
    /// A line in Rackbeat is not what was sent.
    LineDiffers, "line_differs", false, "a line in Rackbeat is not what was sent; correct the draft and retry, or delete it and retry with recreate";
    /// No item for freight is set.
    FreightProductMissing, "freight_product_missing", false, "set orders.freight_product to a product of Rackbeat, then retry";
    /// No item for rounding is set.
    RoundingProductMissing, "rounding_product_missing", false, "set orders.rounding_product to a product of Rackbeat, then retry";
    /// The customer's data are hidden by Shopify's data rules.
    CustomerRedacted, "customer_redacted", false, "the app may not read customer data; grant level 2 access to protected customer data, then retry";
    /// The customer is barred or refused.
    CustomerRefused, "customer_refused", false, "Rackbeat refused the customer; read the message, correct the settings, then retry";
    /// Two orders bear the same reference and both are booked.
    TwinBooked, "twin_booked", false, "two booked orders in Rackbeat bear this reference; cancel one by hand, then retry";
    /// Rackbeat refused.
    Refused, "refused", false, "Rackbeat refused; read the message, correct the cause, then retry";
    /// Answers could not be read, several times.
    Garbled, "garbled", true, "the remote answered something unreadable several times; it is tried again later";
    /// Somebody else keeps changing it.
    KeepsChanging, "keeps_changing", true, "the order was changed by somebody else during each try; it is tried again later";
    /// Our own code failed on it.
    Internal, "internal_error", true, "Shopbeat failed on this order; report it with the order's number; it is tried again later";
    /// The run of an initial sync was refused.
    RunFailed, "run_failed", false, "the initial sync cannot go on; read the message, then start it again";
}

/// How a claimed job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Settled: the ledger gets the outcome. An event that came meanwhile, or comes later, runs it again.
    Done {
        /// What became of it.
        outcome: Outcome,
        /// The order's `updated_at` that this is true of.
        version: Option<Timestamp>,
        /// Look again then, without an event (waiting for stock, twin audit).
        again_at: Option<Timestamp>,
    },
    /// Put off: nothing is wrong with this job.
    Later {
        /// Not before.
        at: Timestamp,
        /// Whether it counts against the job (garbled, conflict).
        strike: bool,
    },
    /// Something is wrong with this order.
    Parked(Park),
}

/// What `settle` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The verdict stands.
    Stands,
    /// The verdict stands, and an event that came meanwhile has queued the job again.
    Again,
    /// A later claim owns the job: nothing was written.
    Fenced,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobPhase {
    /// Waiting for a worker.
    Ready,
    /// Waiting for its time.
    Delayed,
    /// A worker holds it.
    Claimed,
    /// Parked.
    Parked,
    /// Nothing to do.
    Idle,
}

/// What the state knows of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// What about.
    pub subject: Subject,
    /// Where it is.
    pub phase: JobPhase,
    /// What became of it so far.
    pub outcome: Outcome,
    /// Why it is parked.
    pub park: Option<Park>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// The version that was last settled.
    pub version: Option<Timestamp>,
    /// How often it was settled: rises with each settle that stands, so that a waiter knows its answer is new.
    pub settled: u64,
    /// When a delayed job falls due.
    pub due: Option<Timestamp>,
    /// How often it was put off in a row for a reason that counts (garbled, conflict).
    pub strikes: u32,
}

/// How many jobs a store has, by phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Waiting for a worker.
    pub ready: u64,
    /// Waiting for their time.
    pub delayed: u64,
    /// Held by a worker.
    pub claimed: u64,
    /// Parked.
    pub parked: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_back_as_it_was_written() {
        for subject in [
            Subject::Order(OrderId(7)),
            Subject::InitialSync("r1".to_owned()),
            Subject::Replay("after: the outage".to_owned()),
            Subject::Stock,
            Subject::Products,
        ] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert!("order:x".parse::<Subject>().is_err());
        assert!("initial:".parse::<Subject>().is_err());
        assert!("replay:".parse::<Subject>().is_err());
    }

    #[test]
    fn every_park_code_has_its_own_name_and_a_remedy() {
        let names: std::collections::BTreeSet<_> = ParkCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ParkCode::ALL.len());
        assert!(ParkCode::ALL.iter().all(|code| code.remedy().len() > 10));
    }
}
