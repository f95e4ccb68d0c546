//! Replays.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::{list, text};
use crate::cli::{time, words};

/// A replay.
#[must_use]
pub(crate) fn replay(replay: &v1::Replay) -> Value {
    let v1::Replay {
        id,
        from,
        to,
        phase,
        orders,
        done,
        unknown,
        changed,
        differences,
        failure,
        begun_at,
        ended_at,
        remarks,
    } = replay;
    json!({
        "id": id,
        "from": time::json(from.as_ref()),
        "to": time::json(to.as_ref()),
        "phase": words::replay_phase(*phase),
        "orders": orders,
        "done": done,
        "unknown": unknown,
        "changed": changed,
        "differences": list(differences, difference),
        "failure": text(failure),
        "begun_at": time::json(begun_at.as_ref()),
        "ended_at": time::json(ended_at.as_ref()),
        "remarks": remarks,
    })
}

fn difference(difference: &v1::ReplayDifference) -> Value {
    let v1::ReplayDifference { order_id, before, after } = difference;
    json!({ "order_id": order_id, "before": before, "after": after })
}
