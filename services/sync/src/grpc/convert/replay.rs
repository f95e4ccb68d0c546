//! Replays.

use shopbeat_domain::replay::{Replay, ReplayDifference, ReplayPhase};
use shopbeat_domain::store::Store;
use shopbeat_engine::replay::waits_for;
use shopbeat_proto::v1;

use super::timestamp;

/// A replay as a message; its store tells what it waits for.
#[must_use]
pub fn replay(replay: &Replay, store: &Store) -> v1::Replay {
    let Replay {
        version: _,
        id,
        store: _,
        from,
        to,
        phase,
        drained_by: _,
        read_to: _,
        offered: _,
        through: _,
        orders,
        done,
        unknown,
        changed,
        differences,
        failure,
        remarks,
        begun_at,
        ended_at,
    } = replay;
    v1::Replay {
        id: id.clone(),
        from: Some(timestamp(*from)),
        to: Some(timestamp(*to)),
        phase: match phase {
            ReplayPhase::Queued => v1::ReplayPhase::Queued,
            ReplayPhase::Draining => v1::ReplayPhase::Draining,
            ReplayPhase::Reading => v1::ReplayPhase::Reading,
            ReplayPhase::Processing => v1::ReplayPhase::Processing,
            ReplayPhase::Finished => v1::ReplayPhase::Finished,
            ReplayPhase::Failed => v1::ReplayPhase::Failed,
        }
        .into(),
        orders: *orders,
        done: *done,
        unknown: *unknown,
        changed: *changed,
        differences: differences.iter().map(difference).collect(),
        failure: failure.clone().unwrap_or_default(),
        begun_at: Some(timestamp(*begun_at)),
        ended_at: ended_at.map(timestamp),
        remarks: waits_for(replay, store).into_iter().chain(remarks.iter().cloned()).collect(),
    }
}

fn difference(difference: &ReplayDifference) -> v1::ReplayDifference {
    let ReplayDifference { order, before, after } = difference;
    v1::ReplayDifference { order_id: order.0, before: before.clone(), after: after.clone() }
}
