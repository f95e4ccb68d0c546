//! The initial sync: Shopify's catalogue and stock into Rackbeat, once, by choice. A run is a job: it can be cut off
//! anywhere and goes on at its cursor, and it can be run again without doubling.
//!
//! `export` has the shop write its catalogue; `present` knows what Rackbeat has; `import` keeps several variants
//! on their way, `bring` and `stock` are the way of one; `notes` saves what became of them, in batches.

mod bring;
mod claims;
pub(crate) mod cost;
pub(crate) mod export;
mod import;
mod notes;
pub(crate) mod present;
pub(crate) mod stock;
#[cfg(test)]
mod tests;

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::job::{Claim, Lane, Offer, Outcome, Verdict};
use shopbeat_domain::ports::{Erp, Shop};
use shopbeat_domain::run::{Run, RunPhase};
use shopbeat_domain::store::Store;

use crate::ports::Ports;
use crate::problem::Problem;
use crate::retry::{self, Decision};
use crate::transfer::Stop;
use crate::worker::Held;

/// What one run works with.
pub(crate) struct Context<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) store: &'a Store,
    pub(crate) claim: &'a Claim,
    pub(crate) held: &'a Held,
    pub(crate) shop: &'a dyn Shop,
    /// The account, in the back-fill lane.
    pub(crate) erp: &'a dyn Erp,
}

/// Whether a run may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    /// It may.
    On,
    /// Its store was paused or put on hold, or is gone: it goes on when the store does.
    Paused,
    /// A person ended it.
    Cancelled,
}

impl Context<'_> {
    async fn save(&self, run: &mut Run) -> Result<(), Stop> {
        run.updated_at = self.ports.now();
        Ok(self.ports.state.runs.save_run(self.claim, run).await?)
    }

    /// A run is long: it may be cancelled, and its store paused or put on hold meanwhile.
    async fn look(&self, run: &str) -> Result<Going, Stop> {
        let state = &self.ports.state;
        if state.runs.is_cancelled(&self.store.id, run).await? {
            return Ok(Going::Cancelled);
        }
        let store = state.registry.store(&self.store.id).await?;
        Ok(if store.is_some_and(|store| store.may_write()) { Going::On } else { Going::Paused })
    }
}

/// Goes on with a run until it is over.
///
/// # Errors
/// A remote in trouble: the run stays where it is and goes on later. What the run itself cannot get over is written
/// in the run, and is no error of the job.
pub(crate) async fn go_on(
    ports: &Ports,
    store: &Store,
    claim: &Claim,
    held: &Held,
    run: &str,
) -> Result<Verdict, Stop> {
    // The run's own record says what became of it; the ledger counts orders only.
    let settled = Verdict::Done { outcome: Outcome::Transferred, version: None, again_at: None };
    let Some(mut run) = ports.state.runs.run(&store.id, run).await? else { return Ok(settled) };
    if run.is_over() {
        return Ok(settled);
    }
    let shop = ports.remotes.shop(store).await?;
    let erp = ports.remotes.erp(&store.agreement, Lane::BackFill).await?;
    let context = Context { ports, store, claim, held, shop: shop.as_ref(), erp: erp.as_ref() };
    match advance(&context, &mut run).await {
        Ok(Going::On) => Ok(settled),
        // Nobody claims it before the store may be written for again.
        Ok(Going::Paused) => Ok(Verdict::Later { at: ports.now(), strike: false }),
        Ok(Going::Cancelled) => {
            tracing::info!(store.id = %store.id, run.id, done = run.counts.done, "the initial sync was ended");
            run.phase = RunPhase::Cancelled;
            context.save(&mut run).await?;
            Ok(settled)
        }
        Err(Stop::Failed(failure)) if ends_the_run(&failure, claim) => {
            tracing::warn!(store.id = %store.id, run.id = run.id, error = %failure, "the initial sync cannot go on");
            fail(&context, &mut run, failure.to_string()).await?;
            Ok(settled)
        }
        Err(Stop::Parked { block, .. }) => {
            fail(&context, &mut run, block.message).await?;
            Ok(settled)
        }
        Err(stop) => Err(stop),
    }
}

async fn fail(context: &Context<'_>, run: &mut Run, reason: String) -> Result<(), Stop> {
    run.phase = RunPhase::Failed;
    run.failure = Some(reason);
    context.save(run).await
}

/// A revoked token must end a run in a told failure, never in silence; a remote that is merely away does not end it.
fn ends_the_run(failure: &Failure, claim: &Claim) -> bool {
    if matches!(failure.kind, FailureKind::Unauthorized(Some(_))) {
        return true;
    }
    match retry::decide(failure) {
        Decision::LaneWaits { .. } => false,
        Decision::Strike { tries, .. } => claim.strikes + 1 >= tries,
        Decision::Park(_) => true,
    }
}

/// Goes on to the end, or to where the run is paused or cancelled; it is saved there.
async fn advance(context: &Context<'_>, run: &mut Run) -> Result<Going, Stop> {
    let ready = match export::ensure(context, run).await? {
        Ok(ready) => ready,
        Err(going) => return Ok(going),
    };
    let catalog = export::read(context, run, &ready).await?;
    match import::import(context, run, catalog).await? {
        Going::On => {}
        going => return Ok(going),
    }
    if run.plan.stock && !run.plan.dry_run {
        send_stock(context).await?;
    }
    run.phase = RunPhase::Finished;
    context.save(run).await?;
    tracing::info!(store.id = %context.store.id, run.id, done = run.counts.done, "the initial sync is through");
    Ok(Going::On)
}

/// From now on the shop's quantities follow Rackbeat's. Every item of the run is marked by now (see [`notes`]).
async fn send_stock(context: &Context<'_>) -> Result<(), Stop> {
    let (ports, store) = (context.ports, context.store);
    match crate::stock::begin(ports, &store.id).await {
        Ok(_) => {}
        Err(Problem::Failed { failure, .. }) => return Err(Stop::Failed(failure)),
        Err(problem) => {
            // Disconnected meanwhile, or somebody keeps changing it: a person may still accept a report.
            tracing::warn!(store.id = %store.id, %problem, "quantities are not sent yet");
            return Ok(());
        }
    }
    ports.state.jobs.offer(&store.id, &[Offer::stock()], None, ports.now()).await?;
    Ok(())
}
