//! What people and other services ask of replays.

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{JobPhase, Offer, Subject};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Family};
use shopbeat_domain::replay::{Replay, ReplayPhase, parse_replay_id};
use shopbeat_domain::store::{Desired, Store};

use crate::ports::Ports;
use crate::problem::{Problem, Violation};

/// With this scope an app reads orders of any age.
const READ_ALL_ORDERS: &str = "read_all_orders";

/// A replay that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayAsk {
    /// The caller's text for it: asked again with the same one, the same replay is answered.
    pub id: String,
    /// Orders that changed from then on,
    pub from: Timestamp,
    /// and were there by then; `None`, or later than now: now.
    pub to: Option<Timestamp>,
}

/// Begins a replay; one that was begun with this id before is answered, over or not.
///
/// # Errors
/// Unknown store; an id or a span that cannot stand; another replay that is under way.
pub async fn begin(ports: &Ports, id: &StoreId, ask: &ReplayAsk) -> Result<Replay, Problem> {
    let store = connected(ports, id).await?;
    let name = parse_replay_id(&ask.id)
        .map_err(|bad| Problem::BadInput(vec![Violation::new("id", bad.to_string())]))?;
    let replays = &ports.state.replays;
    if let Some(known) = replays.replay(id, name).await? {
        wake(ports, &known).await?;
        return Ok(known);
    }
    let now = ports.now();
    let to = ask.to.map_or(now, |to| to.min(now));
    check(&store, ask, to, now)?;
    let asked = Replay::begin(id.clone(), name, ask.from, to, now);
    let stands = replays.begin_replay(&asked, now).await?;
    if stands.id == name {
        return Ok(stands);
    }
    wake(ports, &stands).await?;
    let phase = match stands.phase {
        ReplayPhase::Queued => "waits for a worker",
        ReplayPhase::Draining | ReplayPhase::Reading | ReplayPhase::Processing => "is under way",
        ReplayPhase::Finished | ReplayPhase::Failed => "has just ended",
    };
    let message = format!("replay {:?} of store {id} {phase}; ask again when it is over", stands.id);
    Err(Problem::precondition("REPLAY_UNDER_WAY", message))
}

/// The replay that was begun last.
///
/// # Errors
/// Unknown store, or one that had none.
pub async fn latest(ports: &Ports, id: &StoreId) -> Result<Replay, Problem> {
    let latest = ports.state.replays.latest_replay(id).await?;
    latest.ok_or_else(|| Problem::Unknown { what: "replay", name: format!("of store {id}") })
}

/// Ends the replay of a store that was disconnected: one that is connected anew does not go on with it.
///
/// # Errors
/// When the state is away.
pub async fn disconnected(ports: &Ports, id: &StoreId) -> Answer<()> {
    let Some(mut replay) = ports.state.replays.latest_replay(id).await? else { return Ok(()) };
    if replay.is_over() {
        return Ok(());
    }
    replay.fail("the store was disconnected", ports.now());
    ports.state.replays.end_replay(&replay).await?;
    ports.state.records.clear(&Family::ReplayNotes(id.clone())).await
}

/// Lets the replay of a store go on that lost its job, when a worker takes the store.
///
/// # Errors
/// When the state is away.
pub(crate) async fn wake_latest(ports: &Ports, id: &StoreId) -> Answer<()> {
    match ports.state.replays.latest_replay(id).await {
        Ok(Some(replay)) => wake(ports, &replay).await,
        Ok(None) => Ok(()),
        // A later program wrote it: that is no reason to leave the store without a worker.
        Err(failure) if failure.kind == FailureKind::Garbled => {
            tracing::warn!(store.id = %id, error = %failure, "the latest replay cannot be read");
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// What a replay that is not over waits for in its store, for people: a pause, a hold.
#[must_use]
pub fn waits_for(replay: &Replay, store: &Store) -> Option<String> {
    if replay.is_over() {
        return None;
    }
    if let Some(hold) = store.hold {
        return Some(format!("it waits: the store is on hold: {hold}"));
    }
    match store.desired {
        Desired::Running => None,
        Desired::Paused => {
            Some("it waits: the store is paused; it goes on when the store is resumed".to_owned())
        }
        Desired::Stopped => {
            Some("it waits: the store is stopped; it goes on when the store runs again".to_owned())
        }
    }
}

async fn connected(ports: &Ports, id: &StoreId) -> Result<Store, Problem> {
    let store = ports.state.registry.store(id).await?.filter(Store::is_connected);
    store.ok_or_else(|| Problem::Unknown { what: "store", name: id.to_string() })
}

fn check(store: &Store, ask: &ReplayAsk, to: Timestamp, now: Timestamp) -> Result<(), Problem> {
    let problem = if ask.from >= now {
        "lies in the future; give a moment before now".to_owned()
    } else if ask.from >= to {
        format!("{} is not before the end of the span, {to}", ask.from)
    } else if is_out_of_reach(store, ask.from, now) {
        format!(
            "{} lies more than {} days back, and without the scope {READ_ALL_ORDERS} Shopify shows no older orders; \
             begin the span later, or grant the scope and connect the store again",
            ask.from,
            limits::ORDER_HORIZON_DAYS
        )
    } else {
        return Ok(());
    };
    Err(Problem::BadInput(vec![Violation::new("from", problem)]))
}

/// Whether Shopify would leave out orders of a span that begins then, without a word.
pub(super) fn is_out_of_reach(store: &Store, from: Timestamp, now: Timestamp) -> bool {
    let horizon = SignedDuration::from_hours(limits::ORDER_HORIZON_DAYS * 24);
    let reach = now.saturating_sub(horizon).unwrap_or(Timestamp::MIN);
    from < reach && !store.scopes.iter().any(|scope| scope == READ_ALL_ORDERS)
}

/// Puts the job of a replay back that lost it: an older program may have set it aside as unreadable.
async fn wake(ports: &Ports, replay: &Replay) -> Answer<()> {
    if replay.is_over() {
        return Ok(());
    }
    let jobs = &ports.state.jobs;
    let job = jobs.job(&replay.store, &Subject::Replay(replay.id.clone())).await?;
    if job.is_none_or(|job| matches!(job.phase, JobPhase::Parked | JobPhase::Idle)) {
        jobs.offer(&replay.store, &[Offer::replay(&replay.id)], None, ports.now()).await?;
    }
    Ok(())
}
