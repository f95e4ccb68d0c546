//! Runs of the initial sync and their reports.

use jiff::Timestamp;
use shopbeat_domain::catalog::{SkipReason, SkuDefect};
use shopbeat_domain::run::{
    Estimate, KeptStock, RowProduct, RowStock, Run, RunCounts, RunPhase, RunPlan, RunRow, Skipped,
};
use shopbeat_proto::v1;

use super::choice::Choice as _;
use super::{Violations, decimal, timestamp};

/// A run as a message; `now` tells how long it still takes.
#[must_use]
pub fn run(run: &Run, now: Timestamp) -> v1::Run {
    let Run {
        version: _,
        id,
        store,
        token,
        plan,
        phase,
        failure,
        bulk: _,
        cursor: _,
        counts,
        estimate: expected,
        importing_since: _,
        skipped: left_out,
        started_at,
        updated_at,
    } = run;
    v1::Run {
        id: id.clone(),
        store_id: store.to_string(),
        token: token.clone(),
        plan: Some(run_plan(*plan)),
        phase: match phase {
            RunPhase::Queued => v1::RunPhase::Queued,
            RunPhase::Exporting => v1::RunPhase::Exporting,
            RunPhase::Importing => v1::RunPhase::Importing,
            RunPhase::Finished => v1::RunPhase::Finished,
            RunPhase::Failed => v1::RunPhase::Failed,
            RunPhase::Cancelled => v1::RunPhase::Cancelled,
        }
        .into(),
        failure: failure.clone().unwrap_or_default(),
        counts: Some(run_counts(*counts)),
        skipped: left_out.iter().map(skipped).collect(),
        started_at: Some(timestamp(*started_at)),
        updated_at: Some(timestamp(*updated_at)),
        estimate: expected.map(estimate),
        seconds_left: if run.is_over() { None } else { run.seconds_left(now) },
    }
}

fn run_plan(plan: RunPlan) -> v1::RunPlan {
    let RunPlan { products, stock, dry_run, policy, count, location } = plan;
    v1::RunPlan {
        products,
        stock,
        dry_run,
        policy: policy.number(),
        count: count.number(),
        location: location.map(|location| location.0),
    }
}

/// What a run will take, as a message.
#[must_use]
pub fn estimate(estimate: Estimate) -> v1::Estimate {
    let Estimate { calls, minutes } = estimate;
    v1::Estimate { calls, minutes }
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
        reason: skip_reason(reason).into(),
        remedy: reason.remedy(),
    }
}

fn skip_reason(reason: &SkipReason) -> v1::SkipReason {
    match reason {
        SkipReason::Sku(SkuDefect::Missing) => v1::SkipReason::SkuMissing,
        SkipReason::Sku(SkuDefect::Duplicate) => v1::SkipReason::SkuDuplicate,
        SkipReason::Sku(SkuDefect::TooLong) => v1::SkipReason::SkuTooLong,
        SkipReason::Bundle => v1::SkipReason::Bundle,
        SkipReason::GiftCard => v1::SkipReason::GiftCard,
        SkipReason::Refused(_) => v1::SkipReason::Refused,
        SkipReason::StockRefused(_) => v1::SkipReason::StockRefused,
    }
}

/// A line of a run's report as a message.
#[must_use]
pub fn row(row: &RunRow) -> v1::RunRow {
    let RunRow { variant, product, name, sku, did, stock } = row;
    let (product_word, skipped) = match did {
        RowProduct::Created => (v1::RowProduct::Created, None),
        RowProduct::Present => (v1::RowProduct::Present, None),
        RowProduct::Absent => (v1::RowProduct::Absent, None),
        RowProduct::Skipped(reason) => (v1::RowProduct::Skipped, Some(reason)),
    };
    let message = v1::RunRow {
        variant_id: variant.0,
        product_id: product.0,
        name: name.clone(),
        sku: sku.clone(),
        product: product_word.into(),
        skip_reason: skipped.map_or(v1::SkipReason::Unspecified, skip_reason).into(),
        remedy: skipped.map(SkipReason::remedy).unwrap_or_default(),
        stock: row_stock(stock).into(),
        ..v1::RunRow::default()
    };
    match stock {
        RowStock::Set { from, to } => {
            v1::RunRow { stock_from: Some(decimal(*from)), stock_to: Some(decimal(*to)), ..message }
        }
        RowStock::Refused(words) => v1::RunRow { stock_refusal: words.clone(), ..message },
        RowStock::None | RowStock::Kept(_) => message,
    }
}

fn row_stock(stock: &RowStock) -> v1::RowStock {
    match stock {
        RowStock::None => v1::RowStock::Unspecified,
        RowStock::Set { .. } => v1::RowStock::Set,
        RowStock::Kept(KeptStock::HasQuantity) => v1::RowStock::HasQuantity,
        RowStock::Kept(KeptStock::ImportedBefore) => v1::RowStock::ImportedBefore,
        RowStock::Kept(KeptStock::Nothing) => v1::RowStock::Nothing,
        RowStock::Kept(KeptStock::NotCounted) => v1::RowStock::NotCounted,
        RowStock::Kept(KeptStock::KeepsNone) => v1::RowStock::KeepsNone,
        RowStock::Kept(KeptStock::NoItem) => v1::RowStock::NoItem,
        RowStock::Refused(_) => v1::RowStock::Refused,
    }
}

/// A run's id from a request; empty: the run that was begun last.
pub fn read_run_id<'a>(violations: &mut Violations, run_id: &'a str) -> Option<&'a str> {
    if run_id.len() > 64 || !run_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        violations.add("run_id", "is no id of a run; leave it out for the run that was begun last");
    }
    (!run_id.is_empty()).then_some(run_id)
}
