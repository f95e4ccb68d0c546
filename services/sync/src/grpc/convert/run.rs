//! Runs of the initial sync.

use shopbeat_domain::catalog::{SkipReason, SkuDefect};
use shopbeat_domain::run::{Run, RunCounts, RunPhase, RunPlan, Skipped};
use shopbeat_proto::v1;

use super::timestamp;

/// A run as a message.
#[must_use]
pub fn run(run: &Run) -> v1::Run {
    let Run {
        version: _,
        id,
        store,
        plan: RunPlan { products, stock, dry_run },
        phase,
        failure,
        bulk: _,
        cursor: _,
        counts,
        skipped: left_out,
        started_at,
        updated_at,
    } = run;
    v1::Run {
        id: id.clone(),
        store_id: store.to_string(),
        plan: Some(v1::RunPlan { products: *products, stock: *stock, dry_run: *dry_run }),
        phase: match phase {
            RunPhase::Queued => v1::RunPhase::Queued,
            RunPhase::Exporting => v1::RunPhase::Exporting,
            RunPhase::Importing => v1::RunPhase::Importing,
            RunPhase::Finished => v1::RunPhase::Finished,
            RunPhase::Failed => v1::RunPhase::Failed,
        }
        .into(),
        failure: failure.clone().unwrap_or_default(),
        counts: Some(run_counts(*counts)),
        skipped: left_out.iter().map(skipped).collect(),
        started_at: Some(timestamp(*started_at)),
        updated_at: Some(timestamp(*updated_at)),
    }
}

fn run_counts(counts: RunCounts) -> v1::RunCounts {
    let RunCounts { variants, done, products_created, products_present, skipped, stock_written, stock_kept } =
        counts;
    v1::RunCounts { variants, done, products_created, products_present, skipped, stock_written, stock_kept }
}

fn skipped(skipped: &Skipped) -> v1::SkippedVariant {
    let Skipped { variant, name, sku, reason } = skipped;
    v1::SkippedVariant {
        variant_id: variant.0,
        name: name.clone(),
        sku: sku.clone(),
        reason: match reason {
            SkipReason::Sku(SkuDefect::Missing) => v1::SkipReason::SkuMissing,
            SkipReason::Sku(SkuDefect::Duplicate) => v1::SkipReason::SkuDuplicate,
            SkipReason::Sku(SkuDefect::TooLong) => v1::SkipReason::SkuTooLong,
            SkipReason::Refused(_) => v1::SkipReason::Refused,
            SkipReason::StockRefused(_) => v1::SkipReason::StockRefused,
        }
        .into(),
        remedy: reason.remedy(),
    }
}
