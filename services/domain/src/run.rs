//! One run of the initial sync: what was asked, how far it is, what it found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::SkipReason;
use crate::ids::{BulkId, StoreId, VariantId};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Bring products.
    pub products: bool,
    /// Bring stock.
    pub stock: bool,
    /// Only report what would happen.
    pub dry_run: bool,
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
        matches!(self.phase, RunPhase::Finished | RunPhase::Failed)
    }
}
