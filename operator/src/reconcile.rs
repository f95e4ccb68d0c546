//! One look at one store: dereference → validate → build and apply → tell, in these steps. Each is safe to repeat, and
//! none waits for another look.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use shopbeat_proto::v1::{Settings, StoreStatus};
use tokio::time::Instant;

use crate::carry::{Carried, Carrier, Outcome as CarryOutcome, ours};
use crate::context::{AWAY, Context};
use crate::listed::Listed;
use crate::memory::{Memory, SecretVersions};
use crate::metrics::Outcome;
use crate::release::FINALIZER;
use crate::resource::{ShopifyStore, ShopifyStoreStatus, State};
use crate::settings::settings;
use crate::status::{Reason, ServiceSight, Trouble, WorkerSight};
use crate::tell::{Seen, first_word, tell};
use crate::validate::{gives_way_to, store_id, told};
use crate::worker::{Applied, bring};
use crate::{finalize, secrets};

/// While a job waits, the lag grows without anybody telling.
const LAG: Duration = Duration::from_secs(30);
/// A connect that takes longer is told before it is through: whoever made the resource wants to see that it is seen.
const SLOW: Duration = Duration::from_secs(2);
/// The service's calls take a minute and a half at most, all together; the API server's have no end of their own.
const LOOK_AT_MOST: Duration = Duration::from_secs(180);
/// A cache that is behind our own write has caught up after this.
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// What a look at a store failed with; it is made again, with backoff.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server.
    #[error("the API server: {0}")]
    Api(#[from] kube::Error),
    /// An answer that never came: a connection of which nobody said that it is dead.
    #[error("the look at the store did not end in time")]
    Stuck,
    /// The look broke off: a defect, told with its place in the log.
    #[error("the look at the store broke off")]
    Panicked,
}

impl Error {
    /// As metrics name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Api(kube::Error::Api(status)) if status.is_conflict() => "conflict",
            Self::Api(kube::Error::Api(status)) if status.code >= 500 || status.code == 429 => {
                "api_server_busy"
            }
            Self::Api(kube::Error::Api(_)) => "api_server_refused",
            Self::Api(_) => "api_server_away",
            Self::Stuck => "stuck",
            Self::Panicked => "panic",
        }
    }
}

/// Looks at a store, counts what it came to and what it took.
///
/// # Errors
/// What the API server said no to; the caller waits and looks again.
pub async fn reconcile(resource: Arc<Listed>, ctx: Arc<Context>) -> Result<Action, Error> {
    let begun = Instant::now();
    let uid = resource.uid().unwrap_or_default();
    let known = ctx.memories.take(&uid);
    let is_fresh = resource.status.as_ref().is_none_or(|status| status.conditions.is_empty());
    let mut memory = known.unwrap_or_else(|| Memory::new(is_fresh));
    let looking = Box::pin(look(&ctx, &resource, &mut memory));
    let result = tokio::time::timeout(LOOK_AT_MOST, looking).await.unwrap_or(Err(Error::Stuck));
    let outcome = match &result {
        Ok(look) => {
            ctx.memories.succeeded(&uid);
            look.as_ref().map_or(Outcome::Settled, |look| look.outcome)
        }
        Err(error) => {
            ctx.metrics.failed(error.kind());
            Outcome::Failed
        }
    };
    // `None`: the resource is gone, and all that was remembered with it.
    if !matches!(result, Ok(None)) {
        ctx.memories.keep(&uid, memory);
    }
    // Deleted while it was looked at: whoever was told of that has forgotten it already.
    if !ctx.is_there(&resource) {
        ctx.forget(&uid);
    }
    ctx.metrics.reconciled(outcome, begun.elapsed());
    result.map(|look| look.and_then(|look| look.again).map_or_else(Action::await_change, requeue))
}

fn requeue(at: Instant) -> Action {
    Action::requeue(at.saturating_duration_since(Instant::now()).max(Duration::from_millis(100)))
}

/// What a look came to.
#[derive(Debug)]
pub struct Look {
    /// For the metrics.
    pub outcome: Outcome,
    /// To be looked at again then; `None`: when something changes.
    pub again: Option<Instant>,
}

async fn look(ctx: &Context, resource: &Listed, memory: &mut Memory) -> Result<Option<Look>, Error> {
    let status = latest_status(resource, memory);
    if resource.meta().deletion_timestamp.is_some() {
        return finalize::let_go(ctx, resource, memory, &status).await;
    }
    if !resource.unreadable().is_empty() {
        let trouble = Trouble::new(Reason::SpecInvalid, told(resource.unreadable()));
        return refused(ctx, resource, memory, &status, trouble).await;
    }
    let all = ctx.all();
    if let Some(elder) = gives_way_to(resource, all.iter().map(|other| &***other)) {
        let message = format!(
            "ShopifyStore {:?} names {} too, and is older.",
            elder.name_any(),
            elder.spec.shop_domain
        );
        let trouble = Trouble::new(Reason::ShopClaimedByOther, message);
        return refused(ctx, resource, memory, &status, trouble).await;
    }
    let settings = match settings(&resource.spec) {
        Ok(settings) => settings,
        Err(invalid) => {
            let trouble = Trouble::new(Reason::SpecInvalid, told(&invalid));
            return refused(ctx, resource, memory, &status, trouble).await;
        }
    };
    if !resource.finalizers().iter().any(|name| name == FINALIZER) {
        add_finalizer(ctx, resource).await?;
    }
    work(ctx, resource, memory, &status, &settings).await.map(Some)
}

/// The status as we wrote it last, which our cache may not show yet.
fn latest_status(resource: &ShopifyStore, memory: &Memory) -> ShopifyStoreStatus {
    match &memory.written {
        Some((status, _)) => status.clone(),
        None => resource.status.clone().unwrap_or_default(),
    }
}

/// The resource cannot stand as it is: that is told, and a change is waited for.
async fn refused(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    status: &ShopifyStoreStatus,
    trouble: Trouble,
) -> Result<Option<Look>, Error> {
    let told = ctx.shelf.get(store_id(&resource.spec));
    let carried = memory.carried.clone().unwrap_or_else(|| Carried::of(status));
    let worker = worker_as_it_is(ctx, resource);
    let again = tell(
        ctx,
        resource,
        memory,
        status,
        &Seen {
            told: ours(told.as_deref(), resource),
            service: service_sight(ctx),
            trouble: Some(&trouble),
            refusals: &[],
            worker: &worker.sight,
            deployment: worker.deployment.as_deref(),
            carried: &carried,
            deeds: Vec::new(),
        },
    )
    .await?;
    Ok(Some(Look { outcome: Outcome::Refused, again }))
}

/// The worker of a resource that is not acted upon: as it stands, untouched.
fn worker_as_it_is(ctx: &Context, resource: &ShopifyStore) -> Applied {
    let name = crate::build::worker_name(store_id(&resource.spec));
    let found = kube::runtime::reflector::ObjectRef::new(&name).within(&ctx.namespace);
    let uid = resource.uid().unwrap_or_default();
    let live = ctx.caches.deployments.get(&found);
    let live = live.filter(|live| live.owner_references().iter().any(|owner| owner.uid == uid));
    Applied {
        sight: crate::apply::sight(live.as_deref()),
        deployment: live.map(|live| live.name_any()),
        deeds: Vec::new(),
        again: None,
        invalid: None,
        error: None,
    }
}

async fn work(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    status: &ShopifyStoreStatus,
    settings: &Settings,
) -> Result<Look, Error> {
    let digest = credentials_digest(ctx, resource, memory).await?;
    let service = service_sight(ctx);
    let carried = memory.carried.clone().unwrap_or_else(|| Carried::of(status));
    let mut carry = CarryOutcome { carried, ..CarryOutcome::default() };
    let mut early = None;
    if ctx.shelf.is_complete() {
        let digest = digest.as_ref().map(String::as_str);
        let carrier = Carrier { ctx, resource, settings, digest, status };
        let mut carrying = std::pin::pin!(carrier.carry(memory));
        carry = tokio::select! {
            carried = &mut carrying => carried?,
            () = tokio::time::sleep(SLOW), if status.conditions.is_empty() => {
                early = first_word(ctx, resource, status).await;
                carrying.await?
            }
        };
    } else if let Err(trouble) = &digest {
        carry.trouble = Some(trouble.clone());
    }
    let status = early.as_ref().unwrap_or(status);
    let told = ctx.shelf.get(store_id(&resource.spec));
    let told = ours(told.as_deref(), resource);
    let is_connected =
        told.is_some_and(|told| told.store.as_ref().is_some_and(|s| s.disconnected_at.is_none()));
    let applied = bring(ctx, resource, memory, is_connected).await;
    let mut deeds = carry.deeds;
    deeds.extend(applied.deeds);
    let trouble = carry.trouble.as_ref().or(applied.invalid.as_ref());
    let seen = Seen {
        told,
        service,
        trouble,
        refusals: &carry.refusals,
        worker: &applied.sight,
        deployment: applied.deployment.as_deref(),
        carried: &carry.carried,
        deeds,
    };
    let later = tell(ctx, resource, memory, status, &seen).await?;
    if let Some(error) = applied.error {
        return Err(error.into());
    }
    let lag = lag_look(told, resource).map(|wait| Instant::now() + wait);
    let again = [later, carry.again, applied.again, lag].into_iter().flatten().min();
    let outcome = if trouble.is_some_and(|trouble| trouble.reason == Reason::SpecInvalid) {
        Outcome::Refused
    } else if trouble.is_some() || !carry.refusals.is_empty() {
        Outcome::Failed
    } else if service == ServiceSight::Good && !is_waiting(&applied.sight, resource) {
        Outcome::Settled
    } else {
        Outcome::Waiting
    };
    Ok(Look { outcome, again })
}

fn is_waiting(worker: &WorkerSight, resource: &ShopifyStore) -> bool {
    match worker {
        WorkerSight::Ready => false,
        WorkerSight::None => resource.spec.state != State::Stopped,
        WorkerSight::Starting(_) | WorkerSight::Failing(_) | WorkerSight::Refused(_) => true,
    }
}

fn lag_look(told: Option<&StoreStatus>, resource: &ShopifyStore) -> Option<Duration> {
    let waits = told.is_some_and(|told| told.waiting_since.is_some());
    (waits && resource.spec.state == State::Running).then_some(LAG)
}

fn service_sight(ctx: &Context) -> ServiceSight {
    match ctx.shelf.broken_since() {
        None => ServiceSight::Good,
        Some(since) if since.elapsed() < AWAY => ServiceSight::Waiting,
        Some(_) => ServiceSight::Away,
    }
}

/// The digest of a store's credentials. The Secrets are read only when a version is new.
async fn credentials_digest(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
) -> Result<Result<String, Trouble>, Error> {
    let versions: SecretVersions = secrets::versions(resource, &ctx.namespace, &ctx.caches.secrets);
    let reconnect = resource.annotations().get(secrets::RECONNECT).cloned();
    if let Some((seen, text, result)) = &memory.secrets
        && *seen == versions
        && *text == reconnect
    {
        return Ok(result.clone());
    }
    let read = secrets::read(&ctx.secrets(), &resource.spec).await?;
    let result = read.map(|credentials| secrets::digest(&credentials, resource));
    memory.secrets = Some((versions, reconnect, result.clone()));
    Ok(result)
}

async fn add_finalizer(ctx: &Context, resource: &ShopifyStore) -> Result<(), Error> {
    let mut all = resource.finalizers().to_vec();
    all.push(FINALIZER.to_owned());
    // Bound to the version that was read: nobody else's finalizer is lost.
    let version = &resource.metadata.resource_version;
    let patch = json!({ "metadata": { "finalizers": all, "resourceVersion": version } });
    ctx.metrics.wrote("finalizer");
    let name = resource.name_any();
    ctx.stores().patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// When a failed look is made again.
#[must_use]
pub fn after_failure(resource: &ShopifyStore, error: &Error, ctx: &Context) -> Action {
    let uid = resource.uid().unwrap_or_default();
    if !ctx.is_there(resource) {
        return Action::await_change();
    }
    let failures = ctx.memories.failed(&uid);
    let name = resource.name_any();
    match error {
        // Somebody else wrote meanwhile, or our cache was behind: nothing is wrong.
        Error::Api(kube::Error::Api(status)) if status.is_conflict() && failures < 5 => {
            tracing::debug!(store.resource = name, %error, "looked at again");
            Action::requeue(CAUGHT_UP)
        }
        _ => {
            let wait = crate::backoff::wait(&uid, failures);
            tracing::warn!(store.resource = name, failures, ?wait, %error, "a look at a store failed");
            Action::requeue(wait)
        }
    }
}

#[cfg(test)]
mod tests;
