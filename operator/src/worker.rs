//! The step "apply": a store's worker in the cluster.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use kube::runtime::reflector::ObjectRef;
use serde_json::Value;
use tokio::time::Instant;

use crate::apply::{Need, apply, need, refusal, remove, selects_others, sight};
use crate::build::{build, worker_name};
use crate::context::Context;
use crate::events::Deed;
use crate::memory::{Gated, Memory};
use crate::metrics::Drifted;
use crate::registration::quick;
use crate::resource::ShopifyStore;
use crate::status::{Reason, Trouble, WorkerSight};
use crate::validate::store_id;

/// What applying came to.
#[derive(Debug)]
pub struct Applied {
    /// How the worker stands.
    pub sight: WorkerSight,
    /// Its Deployment, if there is one.
    pub deployment: Option<String>,
    /// What was done.
    pub deeds: Vec<(Deed, String)>,
    /// To be looked at again then.
    pub again: Option<Instant>,
    /// What of `spec.worker` the API server does not take.
    pub invalid: Option<Trouble>,
    /// What failed, and may succeed later.
    pub error: Option<kube::Error>,
}

impl Applied {
    fn refused(&mut self, trouble: Trouble, until: Instant) {
        if trouble.reason == Reason::SpecInvalid {
            // Only a change helps, and wakes us.
            self.invalid = Some(trouble);
        } else {
            self.sight = WorkerSight::Refused(trouble.message);
            self.again = Some(until);
        }
    }
}

/// A change that waits for its turn in a rollout is looked at again after this.
const TURN: std::time::Duration = std::time::Duration::from_secs(5);

/// Brings a store's worker to what is wanted. `may_create`: the service knows the store, so that a worker has something
/// to do.
pub async fn bring(ctx: &Context, resource: &ShopifyStore, memory: &mut Memory, may_create: bool) -> Applied {
    let name = worker_name(store_id(&resource.spec));
    let live = ctx.caches.deployments.get(&ObjectRef::new(&name).within(&ctx.namespace));
    let mut applied = Applied {
        sight: WorkerSight::None,
        deployment: None,
        deeds: Vec::new(),
        again: None,
        invalid: None,
        error: None,
    };
    let environment = ctx.environment.borrow().clone();
    let Some(environment) = environment else {
        applied.sight = sight(live.as_deref());
        applied.deployment = live.map(|live| live.name_any());
        return applied;
    };
    let built = build(resource, &ctx.worker, &environment);
    let text = |object: &Option<Value>| object.as_ref().map(Value::to_string);
    let inputs = quick((text(&built.deployment), text(&built.network_policy)));
    let done = match built.deployment {
        Some(wanted) if live.is_some() || may_create => {
            deployment(ctx, resource, memory, Wanted { object: &wanted, inputs }, live, &mut applied).await
        }
        Some(_) => Ok(()),
        None => no_deployment(ctx, live, &name, &mut applied).await,
    };
    let policy = built.network_policy.filter(|_| applied.deployment.is_some());
    let done = match done {
        Ok(()) => network_policy(ctx, memory, &name, policy, inputs, &mut applied).await,
        Err(error) => Err(error),
    };
    let Err(error) = done else { return applied };
    match refusal(&error, resource.spec.worker.as_ref()) {
        Some(trouble) => {
            let uid = resource.uid().unwrap_or_default();
            let until = memory.shut(Gated::Worker, &uid, inputs, trouble.clone(), None);
            applied.refused(trouble, until);
            ctx.metrics.failed("worker_refused");
        }
        None => applied.error = Some(error),
    }
    applied
}

/// An object as it is wanted, and what its refusal would be one of.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    object: &'a Value,
    inputs: u64,
}

async fn deployment(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    Wanted { object: wanted, inputs }: Wanted<'_>,
    live: Option<Arc<Deployment>>,
    applied: &mut Applied,
) -> Result<(), kube::Error> {
    applied.sight = sight(live.as_deref());
    applied.deployment = live.as_ref().map(|live| live.name_any());
    if let Some(live) = &live {
        if live.metadata.deletion_timestamp.is_some() {
            // Its end wakes us.
            return Ok(());
        }
        if !is_owned(live, resource) {
            // Of a resource of the same name that is gone: its worker goes, then comes ours.
            remove(&ctx.deployments(), live.as_ref()).await?;
            ctx.metrics.wrote("deployment");
            return Ok(());
        }
    }
    let needed = need(wanted, live.as_deref(), memory.settled_objects.get("deployment").copied());
    if needed != Need::Nothing
        && let Some((until, trouble)) = memory.shut_until(Gated::Worker, inputs)
    {
        applied.refused(trouble, until);
        return Ok(());
    }
    match needed {
        Need::Nothing => return Ok(()),
        Need::Update => {
            let all = ctx.caches.deployments.state();
            if live.as_ref().is_some_and(|live| !ctx.rollout.may_change(wanted, live, &all)) {
                applied.again = Some(Instant::now() + TURN);
                return Ok(());
            }
            if let Some(live) = live.as_ref().filter(|live| selects_others(wanted, live)) {
                // Of another version of ours. It goes, then comes the new one.
                ctx.metrics.wrote("deployment");
                remove(&ctx.deployments(), live.as_ref()).await?;
                return Ok(());
            }
        }
        Need::Repair | Need::Create => {}
    }
    ctx.metrics.wrote("deployment");
    let made = match apply(&ctx.deployments(), wanted).await {
        Ok(made) => made,
        Err(error) => {
            if let Some(live) = &live {
                ctx.rollout.give_back(&live.name_any());
            }
            return Err(error);
        }
    };
    memory.open(Gated::Worker);
    memory.settled_objects.insert("deployment", made.metadata.generation.unwrap_or(0));
    let name = made.name_any();
    match needed {
        Need::Create => applied.deeds.push((Deed::WorkerCreated, format!("made Deployment {name}"))),
        Need::Update => applied.deeds.push((Deed::WorkerUpdated, format!("changed Deployment {name}"))),
        // Else it was so already, in the API server's own words.
        Need::Repair if made.metadata.generation != live.and_then(|live| live.metadata.generation) => {
            ctx.metrics.drifted(Drifted::Deployment);
            applied
                .deeds
                .push((Deed::WorkerUpdated, format!("put back what was changed in Deployment {name}")));
        }
        Need::Repair | Need::Nothing => {}
    }
    applied.sight = sight(Some(&made));
    applied.deployment = Some(name);
    Ok(())
}

async fn no_deployment(
    ctx: &Context,
    live: Option<Arc<Deployment>>,
    name: &str,
    applied: &mut Applied,
) -> Result<(), kube::Error> {
    let Some(live) = live.filter(|live| live.metadata.deletion_timestamp.is_none()) else { return Ok(()) };
    ctx.metrics.wrote("deployment");
    if remove(&ctx.deployments(), live.as_ref()).await? {
        applied.deeds.push((Deed::WorkerRemoved, format!("removed Deployment {name}")));
    }
    Ok(())
}

async fn network_policy(
    ctx: &Context,
    memory: &mut Memory,
    name: &str,
    wanted: Option<Value>,
    inputs: u64,
    applied: &mut Applied,
) -> Result<(), kube::Error> {
    let live = ctx.caches.policies.get(&ObjectRef::new(name).within(&ctx.namespace));
    let Some(wanted) = wanted else {
        if let Some(live) = live {
            ctx.metrics.wrote("network_policy");
            remove(&ctx.policies(), live.as_ref()).await?;
        }
        return Ok(());
    };
    let needed = need(&wanted, live.as_deref(), memory.settled_objects.get("network_policy").copied());
    if needed == Need::Nothing || applied.invalid.is_some() {
        return Ok(());
    }
    if let Some((until, trouble)) = memory.shut_until(Gated::Worker, inputs) {
        applied.refused(trouble, until);
        return Ok(());
    }
    ctx.metrics.wrote("network_policy");
    let made = apply(&ctx.policies(), &wanted).await?;
    if needed == Need::Repair && made.metadata.generation != live.and_then(|live| live.metadata.generation) {
        ctx.metrics.drifted(Drifted::NetworkPolicy);
    }
    memory.settled_objects.insert("network_policy", made.metadata.generation.unwrap_or(0));
    Ok(())
}

fn is_owned(live: &Deployment, resource: &ShopifyStore) -> bool {
    let uid = resource.uid().unwrap_or_default();
    live.owner_references().iter().any(|owner| owner.uid == uid)
}

/// Removes Deployments of ours that no resource stands behind. Those with an owner that is gone are removed by
/// Kubernetes itself; this is for the ones that lost their owner's name.
///
/// # Errors
/// The API server's.
pub async fn remove_orphans(ctx: &Context) -> Result<(), kube::Error> {
    let owners: std::collections::HashSet<String> =
        ctx.all().iter().filter_map(|store| store.uid()).collect();
    for live in ctx.caches.deployments.state() {
        let owned = live.owner_references().iter().any(|owner| owners.contains(&owner.uid));
        if owned || live.metadata.deletion_timestamp.is_some() {
            continue;
        }
        tracing::warn!(deployment = live.name_any(), "no ShopifyStore stands behind it: it is removed");
        ctx.metrics.wrote("deployment");
        remove(&ctx.deployments(), live.as_ref()).await?;
    }
    for live in ctx.caches.policies.state() {
        let owned = live.owner_references().iter().any(|owner| owners.contains(&owner.uid));
        if owned || live.metadata.deletion_timestamp.is_some() {
            continue;
        }
        ctx.metrics.wrote("network_policy");
        remove(&ctx.policies(), live.as_ref()).await?;
    }
    Ok(())
}
