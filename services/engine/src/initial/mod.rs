//! The initial sync: Shopify's catalogue and stock into Rackbeat, once, by choice. A run is a job: it can be cut off
//! anywhere and goes on at its cursor, and it can be run again without doubling.

mod export;
mod import;
mod stock;
#[cfg(test)]
mod tests;

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::job::{Claim, Lane, Outcome, Verdict};
use shopbeat_domain::ports::{Erp, Shop};
use shopbeat_domain::run::{Run, RunPhase};
use shopbeat_domain::store::Store;

use crate::ports::Ports;
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

impl Context<'_> {
    async fn save(&self, run: &mut Run) -> Result<(), Stop> {
        run.updated_at = self.ports.now();
        Ok(self.ports.state.runs.save_run(self.claim, run).await?)
    }

    /// Whether the store may still be written for: a run is long, and it may be paused or put on hold meanwhile.
    async fn may_go_on(&self) -> Result<bool, Stop> {
        let store = self.ports.state.registry.store(&self.store.id).await?;
        Ok(store.is_some_and(|store| store.may_write()))
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
        Ok(Advanced::Over) => Ok(settled),
        // Nobody claims it before the store may be written for again.
        Ok(Advanced::Paused) => Ok(Verdict::Later { at: ports.now(), strike: false }),
        Err(Stop::Failed(failure)) if ends_the_run(&failure, claim) => {
            tracing::warn!(store.id = %store.id, run.id = run.id, error = %failure, "the initial sync cannot go on");
            run.phase = RunPhase::Failed;
            run.failure = Some(failure.to_string());
            context.save(&mut run).await?;
            Ok(settled)
        }
        Err(Stop::Parked { block, .. }) => {
            run.phase = RunPhase::Failed;
            run.failure = Some(block.message);
            context.save(&mut run).await?;
            Ok(settled)
        }
        Err(stop) => Err(stop),
    }
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

/// How far a run got.
enum Advanced {
    /// To its end.
    Over,
    /// To where the store was paused or put on hold; the run is saved there.
    Paused,
}

async fn advance(context: &Context<'_>, run: &mut Run) -> Result<Advanced, Stop> {
    let Some(ready) = export::ensure(context, run).await? else { return Ok(Advanced::Paused) };
    let catalog = export::read(context, &ready).await?;
    run.phase = RunPhase::Importing;
    run.counts.variants = u64::try_from(catalog.variants.len()).unwrap_or(u64::MAX);
    context.save(run).await?;
    if !import::import(context, run, &catalog).await? {
        context.save(run).await?;
        return Ok(Advanced::Paused);
    }
    run.phase = RunPhase::Finished;
    context.save(run).await?;
    Ok(Advanced::Over)
}
