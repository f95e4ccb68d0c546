//! A resource that is being deleted: its worker goes, its store is disconnected, then the resource is let go. Nothing of
//! it needs the Secrets, or a shop that still knows us.

use kube::api::{Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use shopbeat_proto::v1::DisconnectStoreRequest;

use crate::apply::remove;
use crate::build::worker_name;
use crate::carry::{Carried, kind_name, ours, owner};
use crate::context::Context;
use crate::events::{Deed, Note};
use crate::memory::{Gated, Memory};
use crate::metrics::Outcome;
use crate::reconcile::{Error, Look};
use crate::registration::quick;
use crate::release::FINALIZER;
use crate::resource::{ShopifyStore, ShopifyStoreStatus};
use crate::service::{CallError, CallErrorKind};
use crate::status::{Reason, ServiceSight, Trouble, WorkerSight};
use crate::tell::{Seen, tell};
use crate::validate::store_id;

/// `"true"` lets a resource go at once, without its store being disconnected.
pub const RELEASE: &str = "shopbeat.dev/release";
/// After so many tries in a row that met no service it is told as an event, once.
const TOLD_AFTER: u32 = 3;

/// Ends what a resource stands for. `None`: it was let go.
///
/// # Errors
/// The API server's.
pub async fn let_go(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    status: &ShopifyStoreStatus,
) -> Result<Option<Look>, Error> {
    if !resource.finalizers().iter().any(|name| name == FINALIZER) {
        // Somebody else's finalizer holds it; nothing is ours to do.
        gone(ctx, resource);
        return Ok(None);
    }
    let about = resource.object_ref(&());
    if resource.annotations().get(RELEASE).is_some_and(|text| text == "true") {
        take_finalizer_off(ctx, resource).await?;
        ctx.teller
            .tell(&about, Note::deed(Deed::LetGo, "as its annotation asks; the store was not disconnected"))
            .await;
        return Ok(None);
    }
    remove_worker(ctx, resource).await?;
    let (trouble, was_tried) = match disconnect(ctx, resource, memory, status).await {
        Disconnect::Done(text) => {
            take_finalizer_off(ctx, resource).await?;
            ctx.teller.tell(&about, Note::deed(Deed::Disconnected, text)).await;
            return Ok(None);
        }
        Disconnect::NotOurs => {
            take_finalizer_off(ctx, resource).await?;
            return Ok(None);
        }
        Disconnect::Later(trouble) => (trouble, false),
        Disconnect::Failed(trouble) => (trouble, true),
    };
    let deeds = Vec::new();
    let carried = memory.carried.clone().unwrap_or_else(|| Carried::of(status));
    let again = memory.shut_until(Gated::Disconnect, gate(ctx)).map(|(at, _)| at);
    let told = ctx.shelf.get(store_id(&resource.spec));
    let seen = Seen {
        told: ours(told.as_deref(), resource),
        service: ServiceSight::Good,
        trouble: Some(&trouble),
        refusals: &[],
        worker: &WorkerSight::None,
        deployment: None,
        carried: &carried,
        deeds,
    };
    let later = tell(ctx, resource, memory, status, &seen).await?;
    if was_tried && memory.failures_of(Gated::Disconnect) == TOLD_AFTER {
        ctx.teller.tell(&about, Note::deed(Deed::DisconnectFailed, &trouble.message)).await;
    }
    Ok(Some(Look { outcome: Outcome::Failed, again: again.into_iter().chain(later).min() }))
}

/// How disconnecting went.
enum Disconnect {
    /// It is disconnected; what is to be told of it.
    Done(String),
    /// The store never was this resource's.
    NotOurs,
    /// It is not time to try again.
    Later(Trouble),
    /// It was tried now, in vain.
    Failed(Trouble),
}

/// A service that is back is asked at once, however long it was away.
fn gate(ctx: &Context) -> u64 {
    quick(ctx.shelf.is_complete())
}

async fn disconnect(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    status: &ShopifyStoreStatus,
) -> Disconnect {
    let id = store_id(&resource.spec);
    let told = ctx.shelf.get(id);
    let is_ours = ours(told.as_deref(), resource).is_some();
    let was_carried = memory.carried.as_ref().is_some_and(|carried| carried.credentials_digest.is_some());
    let was_ours = status.store_id.is_some() || status.credentials_digest.is_some() || was_carried;
    if ctx.shelf.is_complete() && !is_ours && (told.is_some() || !was_ours) {
        // Another resource's, or nobody's: this one never connected it.
        return Disconnect::NotOurs;
    }
    let inputs = gate(ctx);
    if let Some((_, trouble)) = memory.shut_until(Gated::Disconnect, inputs) {
        return Disconnect::Later(trouble);
    }
    let request = DisconnectStoreRequest { store_id: id.to_owned(), managed_by: Some(owner(resource)) };
    match ctx.service.disconnect_store(request).await {
        Ok(answer) => {
            ctx.shelf.remove(id);
            let left = answer.left_behind.join(" ");
            Disconnect::Done(format!("store {id}. {left}").trim().to_owned())
        }
        Err(error) if error.kind == CallErrorKind::Missing => {
            Disconnect::Done(format!("store {id}: the service did not know it any more"))
        }
        // It belongs to somebody else by now.
        Err(error) if error.kind == CallErrorKind::Refused && is_anothers(&error) => Disconnect::NotOurs,
        Err(error) => {
            ctx.metrics.failed(kind_name(&error));
            let trouble = Trouble::new(Reason::Disconnecting, explained(&error));
            let uid = resource.uid().unwrap_or_default();
            memory.shut(Gated::Disconnect, &uid, inputs, trouble.clone(), error.retry_after);
            Disconnect::Failed(trouble)
        }
    }
}

fn is_anothers(error: &CallError) -> bool {
    error.reason == "STORE_MANAGED_ELSEWHERE"
}

fn explained(error: &CallError) -> String {
    let name = RELEASE;
    format!(
        "The store cannot be disconnected yet: {}. It is tried again. To let the resource go without that, set its \
         annotation {name} to \"true\".",
        error.message.trim_end_matches('.')
    )
}

async fn remove_worker(ctx: &Context, resource: &ShopifyStore) -> Result<(), kube::Error> {
    let name = worker_name(store_id(&resource.spec));
    let uid = resource.uid().unwrap_or_default();
    let place = ObjectRef::new(&name).within(&ctx.namespace);
    let Some(live) = ctx.caches.deployments.get(&place) else { return Ok(()) };
    let is_its = live.owner_references().iter().any(|owner| owner.uid == uid);
    if is_its && live.metadata.deletion_timestamp.is_none() {
        ctx.metrics.wrote("deployment");
        remove(&ctx.deployments(), live.as_ref()).await?;
    }
    Ok(())
}

async fn take_finalizer_off(ctx: &Context, resource: &ShopifyStore) -> Result<(), kube::Error> {
    let rest: Vec<&String> = resource.finalizers().iter().filter(|name| *name != FINALIZER).collect();
    // Bound to the version that was read: nobody else's finalizer is lost.
    let version = &resource.metadata.resource_version;
    let patch = json!({ "metadata": { "finalizers": rest, "resourceVersion": version } });
    ctx.metrics.wrote("finalizer");
    let name = resource.name_any();
    match ctx.stores().patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => return Err(error),
    }
    gone(ctx, resource);
    Ok(())
}

fn gone(ctx: &Context, resource: &ShopifyStore) {
    ctx.metrics.stands(&resource.uid().unwrap_or_default(), None);
}
