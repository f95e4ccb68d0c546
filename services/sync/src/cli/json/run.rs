//! Runs of the initial sync.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, maybe, text};
use crate::cli::{time, words};

/// A run.
#[must_use]
pub(crate) fn run(run: &v1::Run) -> Value {
    let v1::Run { id, store_id, plan, phase, failure, counts, skipped, started_at, updated_at } = run;
    json!({
        "id": id,
        "store_id": store_id,
        "plan": maybe(plan.as_ref(), |plan| {
            let v1::RunPlan { products, stock, dry_run } = plan;
            json!({ "products": products, "stock": stock, "dry_run": dry_run })
        }),
        "phase": words::phase(*phase),
        "failure": text(failure),
        "counts": maybe(counts.as_ref(), counts_of),
        "skipped": list(skipped, skipped_variant),
        "started_at": time::json(started_at.as_ref()),
        "updated_at": time::json(updated_at.as_ref()),
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
