//! One run of the initial sync: what was asked, how far it is, what it found.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::catalog::SkipReason;
use crate::ids::{BulkId, ProductId, StockLocation, StoreId, VariantId};

/// What becomes of an item that has a quantity in Rackbeat already, or an earlier import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum StockPolicy {
    /// It is left alone and told.
    #[default]
    Keep,
    /// The shop's quantity is added to it, once per store.
    Sum,
    /// The shop's quantity replaces it.
    Overwrite,
}

/// Which of Shopify's quantities is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum StockCount {
    /// What can be sold.
    #[default]
    Available,
    /// What lies there: right when open orders are transferred too.
    OnHand,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunPlan {
    /// Bring products.
    pub products: bool,
    /// Bring stock.
    pub stock: bool,
    /// Only report what would happen.
    pub dry_run: bool,
    /// Items that have a quantity already.
    #[serde(default)]
    pub policy: StockPolicy,
    /// Which quantity is imported.
    #[serde(default)]
    pub count: StockCount,
    /// The Rackbeat location it is put on; `None`: as `products.stock_location` says.
    #[serde(default)]
    pub location: Option<StockLocation>,
}

/// What a run will take, told before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// Calls to Rackbeat.
    pub calls: u64,
    /// Minutes at Rackbeat's rate, if nothing else uses it.
    pub minutes: u64,
}

/// One line of a run's full report: what became (or would become) of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The variant.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// What a person would call it.
    pub name: String,
    /// The SKU as typed.
    pub sku: String,
    /// What became of the product.
    pub did: RowProduct,
    /// What became of its stock.
    pub stock: RowStock,
}

/// What became of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowProduct {
    /// Made (in a dry run: would be).
    Created,
    /// It was there already.
    Present,
    /// Not asked for, and not there.
    Absent,
    /// Skipped, and why.
    Skipped(SkipReason),
}

/// What became of an item's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowStock {
    /// Not asked for.
    None,
    /// Set from one quantity to another (in a dry run: would be).
    Set {
        /// What Rackbeat had.
        from: Decimal,
        /// What it has now.
        to: Decimal,
    },
    /// Left alone, and why.
    Kept(KeptStock),
    /// Refused, in Rackbeat's words.
    Refused(String),
}

/// Why stock is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeptStock {
    /// Rackbeat has a quantity already.
    HasQuantity,
    /// It was imported before.
    ImportedBefore,
    /// The shop has none.
    Nothing,
    /// Shopify does not count it, or it is a bundle.
    NotCounted,
    /// Rackbeat keeps no stock for it.
    KeepsNone,
    /// There is no such item.
    NoItem,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RunPhase {
    /// Waiting for a worker.
    Queued,
    /// Shopify is writing the export.
    Exporting,
    /// Rows are being brought over.
    Importing,
    /// All rows are through.
    Finished,
    /// It cannot go on.
    Failed,
    /// A person ended it; what was brought over stays.
    Cancelled,
}

/// Counts of a run. Every variant that was read is in exactly one of the product counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunCounts {
    /// Variants in the export; zero until it is read.
    pub variants: u64,
    /// Variants looked at so far.
    pub done: u64,
    /// Products made (in a dry run: that would be made).
    pub products_created: u64,
    /// Products that were there already.
    pub products_present: u64,
    /// Variants skipped: their SKU is no item number, or Rackbeat refused the product.
    pub skipped: u64,
    /// Stock quantities written (in a dry run: that would be written).
    pub stock_written: u64,
    /// Stock left alone: there was a quantity or an earlier import, or it is zero or not counted.
    pub stock_kept: u64,
}

/// A variant that was skipped whole or in part, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The variant.
    pub variant: VariantId,
    /// What a person would call it.
    pub name: String,
    /// The SKU as typed.
    pub sku: String,
    /// Why.
    pub reason: SkipReason,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Layout of this record.
    pub version: u32,
    /// Its id.
    pub id: String,
    /// Whose.
    pub store: StoreId,
    /// The caller's text for it; empty: none.
    #[serde(default)]
    pub token: String,
    /// What it does.
    pub plan: RunPlan,
    /// Where it is.
    pub phase: RunPhase,
    /// Why it failed.
    pub failure: Option<String>,
    /// Shopify's bulk operation.
    pub bulk: Option<BulkId>,
    /// Everything up to and with this variant (in rising order of ids) is done.
    pub cursor: Option<VariantId>,
    /// The counts.
    pub counts: RunCounts,
    /// What it will take; `None` until the export is read.
    #[serde(default)]
    pub estimate: Option<Estimate>,
    /// When rows began to be brought over, and how many were through then: from these the time left is told.
    #[serde(default)]
    pub importing_since: Option<(Timestamp, u64)>,
    /// What was skipped, at most [`SKIPPED_SHOWN`].
    pub skipped: Vec<Skipped>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// So many skipped variants are named; the count tells of more.
pub const SKIPPED_SHOWN: usize = 500;

impl Run {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, RunPhase::Finished | RunPhase::Failed | RunPhase::Cancelled)
    }

    /// Seconds until it is through, at the pace of its rows so far; `None` while that cannot be said.
    #[must_use]
    pub fn seconds_left(&self, now: Timestamp) -> Option<u64> {
        let (since, before) = self.importing_since?;
        let rows = self.counts.done.checked_sub(before).filter(|rows| *rows > 0)?;
        let elapsed = u64::try_from(now.duration_since(since).as_secs()).ok()?;
        let left = self.counts.variants.saturating_sub(self.counts.done);
        Some(elapsed.saturating_mul(left) / rows)
    }
}
