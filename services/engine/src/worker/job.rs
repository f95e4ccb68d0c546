//! One claimed job from start to verdict.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use shopbeat_domain::failure::Failure;
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::job::{Claim, Lane, Outcome, Park, ParkCode, Settled, Subject, Verdict};
use shopbeat_domain::limits;
use shopbeat_domain::mapping::Block;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::store::{Hold, Store};
use shopbeat_domain::transfer::Transfer;

use super::held::{Held, LeaseClock};
use super::report::Reporter;
use crate::ports::Ports;
use crate::retry::{self, Decision};
use crate::transfer::{self, Context, Ended, Stop, later};
use crate::{agreement, goods, initial, replay, stock};

/// What a job's end means for its lane.
#[derive(Debug)]
pub(super) enum JobEnd {
    /// It got through, whatever the verdict.
    Through,
    /// A remote was in trouble; the job waits in the queue. `further`: after it had got further.
    Trouble { failure: Failure, asked: Option<std::time::Duration>, hold: Option<Hold>, further: bool },
    /// The state was in trouble, or a later claim owns the job: nothing was written.
    Dropped,
}

/// Runs a job and settles it. Never panics and never fails: what it could not settle is claimed again later.
pub(super) async fn run(
    ports: Ports,
    store: Store,
    claim: Claim,
    lease: LeaseClock,
    reporter: Arc<Reporter>,
) -> JobEnd {
    let started = ports.now();
    let held = Held::new(lease, &claim);
    let work = AssertUnwindSafe(work(&ports, &store, &claim, &held)).catch_unwind();
    let outcome = tokio::select! {
        ended = work => ended.unwrap_or_else(|_| Err(panicked())),
        stop = heartbeat(&ports, &claim, &held) => Err(stop),
    };
    let (ended, mut end) = match outcome {
        Ok(ended) => (ended, JobEnd::Through),
        Err(stop) => match stopped(&ports, &claim, stop) {
            Some(ended) => ended,
            None => return JobEnd::Dropped,
        },
    };
    if let JobEnd::Trouble { further, .. } = &mut end {
        *further = held.is_further();
    }
    match settle(&ports, &store, &claim, &ended).await {
        Ok(Settled::Fenced) => {
            tracing::warn!(store.id = %store.id, subject = %claim.subject, "a later claim owns the job; nothing written");
            JobEnd::Dropped
        }
        Ok(Settled::Stands | Settled::Again) => {
            let took = ports.now().duration_since(started).unsigned_abs();
            tell(&store.id, &claim, &ended.verdict);
            if let (Verdict::Done { outcome: Outcome::Transferred, .. }, Some(journal)) =
                (&ended.verdict, &ended.journal)
            {
                reporter.order_over(journal);
            }
            ports.observer.job_settled(&store.id, claim.lane, &ended.verdict, took);
            end
        }
        Err(failure) => {
            ports.observer.call_failed(&store.id, &failure);
            JobEnd::Dropped
        }
    }
}

/// Settles a job. Units that are not held any more are said to the agreement's reader afterwards: Rackbeat counts them
/// from now on.
async fn settle(ports: &Ports, store: &Store, claim: &Claim, ended: &Ended) -> Answer<Settled> {
    let released = match &claim.subject {
        Subject::Order(order) if ended.release => stock::release_marks(ports, &store.id, *order).await?,
        _ => Vec::new(),
    };
    let (journal, now) = (ended.journal.as_ref(), ports.now());
    let settled = ports.state.jobs.settle(claim, &ended.verdict, journal, ended.release, now).await?;
    if settled != Settled::Fenced
        && let Err(failure) = agreement::stock_changed(ports, &store.agreement, &released).await
    {
        // The sweep finds that the units held are not those that were posted.
        ports.observer.call_failed(&store.id, &failure);
    }
    Ok(settled)
}

async fn work(ports: &Ports, store: &Store, claim: &Claim, held: &Held) -> Result<Ended, Stop> {
    match &claim.subject {
        Subject::Order(order) => {
            let shop = ports.remotes.shop(store).await?;
            let erp = ports.remotes.erp(&store.agreement, Lane::Order).await?;
            let currency = agreement_currency(ports, store).await?;
            let context = Context { ports, store, currency, shop: shop.as_ref(), erp: erp.as_ref(), held };
            transfer::transfer(&context, claim, *order).await
        }
        Subject::InitialSync(run) => {
            let verdict = initial::go_on(ports, store, claim, held, run).await?;
            Ok(Ended::of(verdict))
        }
        Subject::Replay(id) => Ok(Ended::of(replay::go_on(ports, store, claim, held, id).await?)),
        Subject::Stock => {
            let shop = ports.remotes.shop(store).await?;
            let context = stock::Context { ports, store, claim, held, shop: shop.as_ref() };
            Ok(Ended::of(stock::run(&context).await?))
        }
        Subject::Products => {
            let shop = ports.remotes.shop(store).await?;
            let erp = ports.remotes.erp(&store.agreement, Lane::Product).await?;
            let agreement_currency = agreement_currency(ports, store).await?;
            let (shop, erp) = (shop.as_ref(), erp.as_ref());
            let context = goods::Context { ports, store, agreement_currency, claim, held, shop, erp };
            Ok(Ended::of(goods::run(&context).await?))
        }
    }
}

async fn agreement_currency(ports: &Ports, store: &Store) -> Answer<shopbeat_domain::money::Currency> {
    let agreement = ports.state.registry.agreement(&store.agreement).await?;
    Ok(agreement.map_or(store.currency, |agreement| agreement.currency))
}

/// Keeps the claim alive; comes back only when it cannot.
async fn heartbeat(ports: &Ports, claim: &Claim, held: &Held) -> Stop {
    loop {
        ports.clock.sleep(ports.timing.renewal()).await;
        match held.extend(ports, claim).await {
            Ok(()) => {}
            Err(Stop::Fenced) => return Stop::Fenced,
            // The state is away: the next beat tries again, and `still_ours` stops the writes in time.
            Err(Stop::Failed(_) | Stop::Parked { .. }) => {}
        }
    }
}

fn panicked() -> Stop {
    Stop::Parked {
        block: Block::new(ParkCode::Internal, "panic", "Shopbeat failed while working on this order"),
        journal: None,
    }
}

/// What becomes of a job that stopped; `None` = nothing may be written.
fn stopped(ports: &Ports, claim: &Claim, stop: Stop) -> Option<(Ended, JobEnd)> {
    match stop {
        Stop::Fenced => None,
        Stop::Parked { block, journal } => Some((park(ports, claim, block, journal), JobEnd::Through)),
        Stop::Failed(failure) => Some(failed(ports, claim, failure)),
    }
}

fn failed(ports: &Ports, claim: &Claim, failure: Failure) -> (Ended, JobEnd) {
    ports.observer.call_failed(&claim.store, &failure);
    match retry::decide(&failure) {
        Decision::LaneWaits { asked, hold } => {
            // Ready again at once: it is the lane that waits, and this job may be its probe.
            let verdict = Verdict::Later { at: ports.now(), strike: false };
            (Ended::of(verdict), JobEnd::Trouble { failure, asked, hold, further: false })
        }
        Decision::Strike { then, tries } if claim.strikes + 1 >= tries => {
            (park(ports, claim, Block::new(then, &failure.call, failure.to_string()), None), JobEnd::Through)
        }
        Decision::Strike { .. } => {
            let at = later(ports.now(), retry::backoff(claim.strikes, ports.random.as_ref()));
            (Ended::of(Verdict::Later { at, strike: true }), JobEnd::Through)
        }
        Decision::Park(code) => {
            (park(ports, claim, Block::new(code, &failure.call, failure.to_string()), None), JobEnd::Through)
        }
    }
}

fn park(ports: &Ports, claim: &Claim, block: Block, journal: Option<Box<Transfer>>) -> Ended {
    let now = ports.now();
    let wait = retry::parked_wait(claim.parkings, ports.random.as_ref());
    let park = Park {
        code: block.code,
        culprit: block.culprit,
        message: block.message,
        since: now,
        retry_at: block.code.heals().then(|| later(now, wait)),
        number: journal.as_ref().and_then(|journal| journal.number),
    };
    Ended { verdict: Verdict::Parked(park), journal: journal.map(|journal| *journal), release: false }
}

fn tell(store: &StoreId, claim: &Claim, verdict: &Verdict) {
    match verdict {
        Verdict::Done { outcome, .. } => {
            tracing::info!(store.id = %store, subject = %claim.subject, outcome = outcome.name(), "job done");
        }
        Verdict::Later { at, strike } => {
            tracing::info!(store.id = %store, subject = %claim.subject, %at, strike, "job put off");
        }
        Verdict::Parked(park) => {
            let code = park.code.name();
            tracing::warn!(store.id = %store, subject = %claim.subject, code, culprit = park.culprit, "job parked");
        }
    }
}

/// After so many refusals of the credentials in a row the store is put on hold.
pub(super) fn puts_on_hold(failures: u32) -> bool {
    failures >= limits::UNAUTHORIZED_TRIES
}
