//! Lets the listed orders through once more, a few at a time, and compares how each stands with how it stood.

use jiff::Timestamp;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{JobPhase, JobRecord, Offer, Subject};
use shopbeat_domain::limits;
use shopbeat_domain::replay::{Replay, ReplayNote, ReplayPhase, standing};

use super::read::text;
use super::{Context, Turn};
use crate::transfer::Stop;

/// An order that was listed.
struct Listed {
    order: OrderId,
    note: ReplayNote,
}

/// Takes the orders that are through, asks for the next ones, and looks again later; until there are none.
pub(super) async fn process(context: &Context<'_>, replay: &mut Replay) -> Result<Turn, Stop> {
    if !context.may_go_on().await? {
        return Ok(Turn::Held);
    }
    if take_through(context, replay).await? {
        context.save(replay).await?;
    }
    let window = window(context, replay).await?;
    let Some(last) = window.last() else {
        finish(context, replay).await?;
        return Ok(Turn::Next);
    };
    let last = last.order;
    if ask_for(context, replay, window).await? {
        replay.offered = Some(last);
        context.save(replay).await?;
    }
    Ok(Turn::Wait)
}

/// The next orders that are not through.
async fn window(context: &Context<'_>, replay: &Replay) -> Result<Vec<Listed>, Stop> {
    let after = replay.through.map(ReplayNote::key);
    let records = &context.ports.state.records;
    let page = records.page(&context.notes(), after.as_deref(), limits::REPLAY_AT_ONCE).await?;
    let listed = page.into_iter().filter_map(|(key, json)| {
        let order = key.parse().ok()?;
        // What cannot be read is noted anew: nothing but the comparison is lost.
        let note = serde_json::from_str(&json).unwrap_or_else(|_| ReplayNote::blank());
        Some(Listed { order, note })
    });
    Ok(listed.collect())
}

/// Counts the orders that are through, up to the first that is not; whether anything moved.
async fn take_through(context: &Context<'_>, replay: &mut Replay) -> Result<bool, Stop> {
    let (state, id) = (&context.ports.state, &context.store.id);
    let before = replay.through;
    for Listed { order, note } in window(context, replay).await? {
        let Some(words) = &note.before else { break };
        if replay.offered < Some(order) {
            break;
        }
        let Some(job) = state.jobs.job(id, &Subject::Order(order)).await? else {
            // The state has lost what it was asked: it is asked again.
            replay.offered = replay.through;
            break;
        };
        if !is_through(&job, context.ports.now()) {
            break;
        }
        let transfer = state.journal.transfer(id, order).await?;
        replay.count(order, words, &standing(Some(&job), transfer.as_ref()));
    }
    Ok(replay.through != before)
}

/// Whether an order that was asked for is through, and not about to go once more. To ask makes its job ready, or has one
/// that is worked on go again: whatever else it is found as, it was settled since. How often it was settled says
/// nothing: a job that was lost or could not be read begins to count anew.
pub(super) fn is_through(job: &JobRecord, now: Timestamp) -> bool {
    match job.phase {
        JobPhase::Ready | JobPhase::Claimed => false,
        // One that was put off has a strike or falls due at once; one that waits for stock or an audit has neither.
        JobPhase::Delayed => job.strikes == 0 && job.due.is_none_or(|due| due > now),
        JobPhase::Parked | JobPhase::Idle => true,
    }
}

/// Notes how orders stand and asks that they go through; those that were asked for before are left alone. A note is
/// written before its order is asked for and never written over, so that what is cut off and done again compares with
/// how things stood at first.
async fn ask_for(context: &Context<'_>, replay: &Replay, window: Vec<Listed>) -> Result<bool, Stop> {
    let (state, id) = (&context.ports.state, &context.store.id);
    let (mut notes, mut offers) = (Vec::new(), Vec::new());
    for Listed { order, note } in window {
        if note.before.is_some() && replay.offered >= Some(order) {
            continue;
        }
        if note.before.is_none() {
            let job = state.jobs.job(id, &Subject::Order(order)).await?;
            let transfer = state.journal.transfer(id, order).await?;
            let note = ReplayNote::of(job.as_ref(), transfer.as_ref());
            notes.push((ReplayNote::key(order), text(&note)?));
        }
        offers.push(Offer::order(order));
    }
    if offers.is_empty() {
        return Ok(false);
    }
    state.records.put(&context.notes(), &notes).await?;
    state.jobs.offer(id, &offers, None, context.ports.now()).await?;
    Ok(true)
}

async fn finish(context: &Context<'_>, replay: &mut Replay) -> Result<(), Stop> {
    context.ports.state.records.clear(&context.notes()).await?;
    replay.phase = ReplayPhase::Finished;
    replay.ended_at = Some(context.ports.now());
    context.save(replay).await?;
    let Replay { id, done, unknown, changed, .. } = &*replay;
    tracing::info!(store.id = %context.store.id, replay.id = id, done, unknown, changed, "the replay is through");
    Ok(())
}
