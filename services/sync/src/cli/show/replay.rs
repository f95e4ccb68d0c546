//! Replays.

use shopbeat_proto::v1;

use crate::cli::out::{Out, Tone};
use crate::cli::table::Table;
use crate::cli::{time, words};

/// A replay, as it stands.
pub(crate) fn replay(out: &mut Out, store: &str, replay: &v1::Replay) {
    let tone = match v1::ReplayPhase::try_from(replay.phase) {
        Ok(v1::ReplayPhase::Finished) => Tone::Good,
        Ok(v1::ReplayPhase::Failed) => Tone::Bad,
        _ => Tone::Warn,
    };
    let phase = out.paint(tone, &words::or_dash(words::replay_phase(replay.phase)));
    let (from, to) = (time::short(replay.from.as_ref()), time::short(replay.to.as_ref()));
    out.line(format!("replay {} of {store}, orders of {from} to {to}: {phase}", replay.id));
    if !replay.failure.is_empty() {
        let failure = out.paint(Tone::Bad, &replay.failure);
        out.line(failure);
    }
    for remark in &replay.remarks {
        out.line(remark);
    }
    let v1::Replay { orders, done, unknown, changed, .. } = replay;
    out.line(format!(
        "{done} of {orders} orders through: {unknown} never seen before, {changed} stand otherwise than before"
    ));
    if replay.differences.is_empty() {
        return;
    }
    let mut table = Table::new(&["ORDER", "BEFORE", "NOW"]);
    for difference in &replay.differences {
        let id = difference.order_id.to_string();
        table.row([id.as_str().into(), difference.before.as_str().into(), difference.after.as_str().into()]);
    }
    out.line("");
    out.table(&table);
    let more = changed.saturating_sub(u64::try_from(replay.differences.len()).unwrap_or(u64::MAX));
    if more > 0 {
        out.line(format!("… and {more} more"));
    }
}
