//! The numbers of a status.

use shopbeat_proto::v1::{ReplayPhase, RunPhase};

use super::Reason;
use super::view::View;
use crate::resource::{BillingStatus, InitialSyncStatus, ReplayStatus};

/// Seconds that a lag is told in. Between two of them nothing is written: a lag that grows by the second is no news by
/// the second.
const STEPS: [i64; 14] = [0, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];

/// Seconds that the job that is due longest has waited.
pub(super) fn lag_seconds(view: &View<'_>) -> i64 {
    let since = view.told.and_then(|told| told.waiting_since);
    since.map_or(0, |since| (view.now.as_second() - since.seconds).max(0))
}

/// The lag as a column has it: rounded down to a step, in the unit that reads best.
pub(super) fn lag(view: &View<'_>) -> String {
    told(lag_seconds(view))
}

fn told(seconds: i64) -> String {
    let step = match STEPS.iter().rev().find(|step| **step <= seconds) {
        Some(step) if *step < 7200 => *step,
        _ => seconds.max(0) / 3600 * 3600,
    };
    match step {
        0..60 => format!("{step}s"),
        60..3600 => format!("{}m", step / 60),
        _ => format!("{}h", step / 3600),
    }
}

/// A count as Kubernetes has it.
pub(super) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is told of a run whose end nobody saw.
const SUPERSEDED: &str = "A later run took its place; how this one ended was not seen. shopbeat sync report tells of the later one.";

/// The initial sync that was asked for last.
pub(super) fn initial_sync(view: &View<'_>) -> Option<InitialSyncStatus> {
    let run = view.run?;
    let before = view.previous.initial_sync.as_ref().filter(|before| before.run == run);
    let latest = view.told.and_then(|told| told.latest_run.as_ref());
    let Some(latest) = latest.filter(|latest| latest.token == run) else {
        // Begun, and not told of yet.
        let mut known = before.cloned().unwrap_or_else(|| InitialSyncStatus {
            run: run.to_owned(),
            phase: "Queued".to_owned(),
            ..InitialSyncStatus::default()
        });
        let is_over = ["Finished", "Failed", "Cancelled"].contains(&known.phase.as_str());
        if latest.is_some() && !is_over {
            // The service begins no run while another is under way.
            "Cancelled".clone_into(&mut known.phase);
            known.message = Some(SUPERSEDED.to_owned());
        }
        return Some(known);
    };
    let counts = latest.counts.unwrap_or_default();
    let skipped = (counts.skipped > 0).then(|| format!("{} variants skipped", counts.skipped));
    Some(InitialSyncStatus {
        run: run.to_owned(),
        phase: run_phase(latest.phase()).to_owned(),
        done: count(counts.done),
        total: count(counts.variants),
        message: Some(latest.failure.clone()).filter(|failure| !failure.is_empty()).or(skipped),
    })
}

fn run_phase(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Unspecified | RunPhase::Queued => "Queued",
        RunPhase::Exporting => "Exporting",
        RunPhase::Importing => "Importing",
        RunPhase::Finished => "Finished",
        RunPhase::Failed => "Failed",
        RunPhase::Cancelled => "Cancelled",
    }
}

/// The phase of a replay that the service does not begin; it is none of the service's.
pub const REFUSED: &str = "Refused";

/// The replay that was asked for last.
pub(super) fn replay(view: &View<'_>) -> Option<ReplayStatus> {
    let asked = view.resource.spec.replay.as_ref().map(|replay| replay.id.as_str());
    let refusal = view.refusals.iter().find(|refusal| refusal.reason == Reason::ReplayRefused);
    if let (Some(asked), Some(refusal)) = (asked, refusal) {
        return Some(ReplayStatus {
            id: asked.to_owned(),
            phase: REFUSED.to_owned(),
            message: Some(format!("{} {}", refusal.message, refusal.reason.remedy())),
            ..ReplayStatus::default()
        });
    }
    let id = view.replay?;
    let before = view.previous.replay.as_ref().filter(|before| before.id == id);
    let latest = view.told.and_then(|told| told.latest_replay.as_ref()).filter(|latest| latest.id == id);
    let Some(latest) = latest else {
        return Some(before.cloned().unwrap_or_else(|| ReplayStatus {
            id: id.to_owned(),
            phase: "Queued".to_owned(),
            ..ReplayStatus::default()
        }));
    };
    let phase = match latest.phase() {
        ReplayPhase::Unspecified | ReplayPhase::Queued => "Queued",
        ReplayPhase::Draining => "Draining",
        ReplayPhase::Reading => "Reading",
        ReplayPhase::Processing => "Processing",
        ReplayPhase::Finished => "Finished",
        ReplayPhase::Failed => "Failed",
    };
    let mut message = latest.failure.clone();
    for difference in latest.differences.iter().take(DIFFERENCES) {
        let join = if message.is_empty() { "" } else { "; " };
        message = format!(
            "{message}{join}order {}: {} → {}",
            difference.order_id, difference.before, difference.after
        );
    }
    let further = latest.changed.saturating_sub(count_of(latest.differences.len().min(DIFFERENCES)));
    if further > 0 && !message.is_empty() {
        message = format!("{message}; and {further} more");
    }
    Some(ReplayStatus {
        id: id.to_owned(),
        phase: phase.to_owned(),
        orders: count(latest.orders),
        changed: count(latest.changed),
        message: Some(message).filter(|message| !message.is_empty()),
    })
}

/// The differences that a status shows; `shopbeat sync replay` shows the rest.
const DIFFERENCES: usize = 5;

fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The store's place in the bill.
pub(super) fn billing(view: &View<'_>) -> Option<BillingStatus> {
    let told = view.told.filter(|told| told.billing_position > 0)?;
    Some(BillingStatus { position: told.billing_position.into(), free: told.billing_free })
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_lag_is_told_in_steps() {
        let cases = [
            (0, "0s"),
            (4, "2s"),
            (59, "30s"),
            (119, "1m"),
            (299, "2m"),
            (3599, "30m"),
            (3600, "1h"),
            (10_799, "2h"),
            (90_000, "25h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(told(seconds), text, "{seconds}");
        }
    }
}
