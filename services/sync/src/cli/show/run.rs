//! Runs of the initial sync.

use shopbeat_proto::v1;

use crate::cli::out::{Out, Tone};
use crate::cli::table::Table;
use crate::cli::{time, words};

/// Rows of skipped variants shown to people; JSON has all.
const SHOWN: usize = 30;

/// A run, as it stands.
pub(crate) fn run(out: &mut Out, run: &v1::Run) {
    let phase = words::or_dash(words::phase(run.phase));
    let tone = match v1::RunPhase::try_from(run.phase) {
        Ok(v1::RunPhase::Finished) => Tone::Good,
        Ok(v1::RunPhase::Failed | v1::RunPhase::Cancelled) => Tone::Bad,
        _ => Tone::Warn,
    };
    let dry = run.plan.is_some_and(|plan| plan.dry_run);
    let phase = out.paint(tone, &phase);
    let dry_run = if dry { " (dry run: nothing was written)" } else { "" };
    let started = time::short(run.started_at.as_ref());
    out.line(format!("initial sync {} of {}, {started}: {phase}{dry_run}", run.id, run.store_id));
    if !run.failure.is_empty() {
        let failure = out.paint(Tone::Bad, &run.failure);
        out.line(failure);
    }
    out.line(counts_line(&run.counts.unwrap_or_default(), dry));
    if !run.skipped.is_empty() {
        out.line("");
        out.table(&skipped_table(&run.skipped, SHOWN));
        let all = run.counts.unwrap_or_default().skipped;
        let more = all.saturating_sub(u64::try_from(run.skipped.len().min(SHOWN)).unwrap_or(all));
        if more > 0 {
            out.line(format!("… and {more} more (--output json shows up to 500)"));
        }
    }
}

/// The counts of a run in one line.
#[must_use]
pub(crate) fn counts_line(counts: &v1::RunCounts, dry_run: bool) -> String {
    let v1::RunCounts {
        variants,
        done,
        products_created,
        products_present,
        skipped,
        stock_written,
        stock_kept,
    } = counts;
    let (create, write) =
        if dry_run { ("would be created", "would be written") } else { ("created", "written") };
    format!(
        "{done} of {variants} variants: {products_created} products {create}, {products_present} there already, \
         {skipped} skipped; stock: {stock_written} {write}, {stock_kept} left alone"
    )
}

/// Skipped variants with their remedies, at most `shown`.
#[must_use]
pub(crate) fn skipped_table(skipped: &[v1::SkippedVariant], shown: usize) -> Table {
    let mut table = Table::new(&["SKIPPED VARIANT", "SKU", "WHY", "REMEDY"]);
    for variant in skipped.iter().take(shown) {
        let sku = if variant.sku.is_empty() { "-" } else { &variant.sku };
        let reason = words::or_dash(words::skip_reason(variant.reason));
        table.row([variant.name.as_str().into(), sku.into(), reason.into(), variant.remedy.as_str().into()]);
    }
    table
}
