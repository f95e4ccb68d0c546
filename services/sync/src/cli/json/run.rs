//! Runs of the initial sync.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, maybe, text};
use crate::cli::{time, words};

/// A run.
#[must_use]
pub(crate) fn run(run: &v1::Run) -> Value {
    let v1::Run {
        id,
        store_id,
        plan,
        phase,
        failure,
        counts,
        skipped,
        started_at,
        updated_at,
        estimate: expected,
        seconds_left,
        token,
    } = run;
    json!({
        "id": id,
        "store_id": store_id,
        "plan": maybe(plan.as_ref(), plan_of),
        "phase": words::phase(*phase),
        "failure": text(failure),
        "counts": maybe(counts.as_ref(), counts_of),
        "skipped": list(skipped, skipped_variant),
        "started_at": time::json(started_at.as_ref()),
        "updated_at": time::json(updated_at.as_ref()),
        "estimate": maybe(expected.as_ref(), estimate),
        "token": text(token),
        "seconds_left": seconds_left,
    })
}

fn plan_of(plan: &v1::RunPlan) -> Value {
    let v1::RunPlan { products, stock, dry_run, policy, count, location } = plan;
    json!({
        "products": products,
        "stock": stock,
        "dry_run": dry_run,
        "policy": words::stock_policy(*policy),
        "count": words::stock_count(*count),
        "location": location,
    })
}

/// What a run will take.
pub(super) fn estimate(estimate: &v1::Estimate) -> Value {
    let v1::Estimate { calls, minutes } = estimate;
    json!({ "calls": calls, "minutes": minutes })
}

/// A line of a run's report.
#[must_use]
pub(crate) fn row(row: &v1::RunRow) -> Value {
    let v1::RunRow {
        variant_id,
        product_id,
        name,
        sku,
        product,
        skip_reason,
        remedy,
        stock,
        stock_from,
        stock_to,
        stock_refusal,
    } = row;
    json!({
        "variant_id": variant_id,
        "product_id": product_id,
        "name": name,
        "sku": sku,
        "product": words::row_product(*product),
        "skip_reason": words::skip_reason(*skip_reason),
        "remedy": text(remedy),
        "stock": words::row_stock(*stock),
        "stock_from": stock_from,
        "stock_to": stock_to,
        "stock_refusal": text(stock_refusal),
    })
}

fn counts_of(counts: &v1::RunCounts) -> Value {
    let v1::RunCounts {
        variants,
        done,
        products_created,
        products_present,
        skipped,
        stock_written,
        stock_kept,
    } = counts;
    json!({
        "variants": variants,
        "done": done,
        "products_created": products_created,
        "products_present": products_present,
        "skipped": skipped,
        "stock_written": stock_written,
        "stock_kept": stock_kept,
    })
}

fn skipped_variant(skipped: &v1::SkippedVariant) -> Value {
    let v1::SkippedVariant { variant_id, name, sku, reason, remedy } = skipped;
    json!({
        "variant_id": variant_id,
        "name": name,
        "sku": sku,
        "reason": words::skip_reason(*reason),
        "remedy": remedy,
    })
}
