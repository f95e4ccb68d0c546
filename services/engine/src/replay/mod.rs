//! Replays: the orders of a span of time go through once more, each as if its webhook had just come, and what stands
//! otherwise than before is told. A replay is a job of the back-fill lane that does a little and comes back: it can be
//! cut off anywhere, holds nothing in memory, and never has more than [`limits::REPLAY_AT_ONCE`] orders in the queue,
//! so that a new order waits behind no crowd.
//!
//! What is under way is finished first; `read` lists the span's orders in the state, `process` lets them through, in
//! the order of their ids, and compares; `ask` is what people and other services want of it. Nothing is made twice,
//! since each order goes the way that every order goes: found by its reference before it is made.

mod ask;
mod process;
mod read;
#[cfg(test)]
mod tests;

use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::job::{Claim, Outcome, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::ports::Family;
use shopbeat_domain::replay::{Replay, ReplayPhase};
use shopbeat_domain::store::Store;

use crate::ports::Ports;
use crate::retry::{self, Decision};
use crate::transfer::{Stop, later};
use crate::worker::Held;

pub(crate) use ask::wake_latest;
pub use ask::{ReplayAsk, begin, disconnected, latest, waits_for};

/// What a replay works with.
struct Context<'a> {
    ports: &'a Ports,
    store: &'a Store,
    claim: &'a Claim,
    held: &'a Held,
}

/// How a turn of a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The phase is through; the next one begins.
    Next,
    /// It waits for others; it looks again in a while.
    Wait,
    /// Its store may not be written for: it goes on when that may be again.
    Held,
}

impl Context<'_> {
    fn notes(&self) -> Family {
        Family::ReplayNotes(self.store.id.clone())
    }

    async fn save(&self, replay: &Replay) -> Result<(), Stop> {
        Ok(self.ports.state.replays.save_replay(self.claim, replay).await?)
    }

    /// Whether it may go on: the claim is still ours, and the store was neither paused nor put on hold meanwhile.
    async fn may_go_on(&self) -> Result<bool, Stop> {
        self.held.still_ours(self.ports, self.claim).await?;
        let store = self.ports.state.registry.store(&self.store.id).await?;
        Ok(store.is_some_and(|store| store.may_write()))
    }
}

/// Goes on with a replay for a while.
///
/// # Errors
/// A remote in trouble, or the state: the replay stays where it is and goes on later. What it cannot get over is
/// written in the replay, and is no error of the job.
pub(crate) async fn go_on(
    ports: &Ports,
    store: &Store,
    claim: &Claim,
    held: &Held,
    id: &str,
) -> Result<Verdict, Stop> {
    // The replay's own record says what became of it; the ledger counts orders only.
    let settled = Verdict::Done { outcome: Outcome::Transferred, version: None, again_at: None };
    let Some(mut replay) = ports.state.replays.replay(&store.id, id).await? else { return Ok(settled) };
    if replay.is_over() {
        return Ok(settled);
    }
    let context = Context { ports, store, claim, held };
    match advance(&context, &mut replay).await {
        Ok(Turn::Next) => Ok(settled),
        Ok(Turn::Wait) => Ok(Verdict::Later { at: later(ports.now(), limits::REPLAY_LOOK), strike: false }),
        // Nobody claims it before the store may be written for again.
        Ok(Turn::Held) => Ok(Verdict::Later { at: ports.now(), strike: false }),
        Err(Stop::Failed(failure)) if ends_it(&failure, claim) => {
            tracing::warn!(store.id = %store.id, replay.id = id, error = %failure, "the replay cannot go on");
            replay.fail(failure.to_string(), ports.now());
            context.save(&replay).await?;
            ports.state.records.clear(&context.notes()).await?;
            Ok(settled)
        }
        Err(stop) => Err(stop),
    }
}

/// Trouble that passes does not end a replay. Credentials that are refused do not either: they put the store on hold,
/// and the replay goes on once that is over.
fn ends_it(failure: &Failure, claim: &Claim) -> bool {
    if failure.remote == Remote::State || matches!(failure.kind, FailureKind::Unauthorized(_)) {
        return false;
    }
    match retry::decide(failure) {
        Decision::LaneWaits { .. } => false,
        Decision::Strike { tries, .. } => claim.strikes + 1 >= tries,
        Decision::Park(_) => true,
    }
}

async fn advance(context: &Context<'_>, replay: &mut Replay) -> Result<Turn, Stop> {
    loop {
        let turn = match replay.phase {
            ReplayPhase::Queued => start(context, replay).await?,
            ReplayPhase::Draining => drain(context, replay).await?,
            ReplayPhase::Reading => read::read(context, replay).await?,
            ReplayPhase::Processing => process::process(context, replay).await?,
            ReplayPhase::Finished | ReplayPhase::Failed => return Ok(Turn::Next),
        };
        if turn != Turn::Next {
            return Ok(turn);
        }
    }
}

/// Begins with no notes of another replay that was cut off.
async fn start(context: &Context<'_>, replay: &mut Replay) -> Result<Turn, Stop> {
    if !context.may_go_on().await? {
        return Ok(Turn::Held);
    }
    context.ports.state.records.clear(&context.notes()).await?;
    replay.phase = ReplayPhase::Draining;
    replay.drained_by = Some(later(context.ports.now(), limits::REPLAY_DRAIN));
    context.save(replay).await?;
    tracing::info!(store.id = %context.store.id, replay.id, from = %replay.from, to = %replay.to, "a replay begins");
    Ok(Turn::Next)
}

/// Waits until no worker holds another job of the store: what is half done would be told as a difference.
async fn drain(context: &Context<'_>, replay: &mut Replay) -> Result<Turn, Stop> {
    let counts = context.ports.state.jobs.counts(&context.store.id).await?;
    // One of them is this replay.
    if counts.claimed > 1 {
        if replay.drained_by.is_some_and(|until| context.ports.now() < until) {
            return Ok(Turn::Wait);
        }
        tracing::warn!(store.id = %context.store.id, replay.id, claimed = counts.claimed, "the store is never still");
        replay.remarks.push(format!(
            "the store was not still within {} s; orders that were under way may be told as differences",
            limits::REPLAY_DRAIN.as_secs()
        ));
    }
    replay.phase = ReplayPhase::Reading;
    context.save(replay).await?;
    Ok(Turn::Next)
}
