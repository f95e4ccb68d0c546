//! The step "status": what is known of a store is written when it has to be, and its transitions are told as events.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use shopbeat_proto::v1::StoreStatus;
use tokio::time::Instant;

use crate::carry::Carried;
use crate::clock;
use crate::context::Context;
use crate::events::{Deed, Note, transitions};
use crate::memory::Memory;
use crate::metrics::Standing;
use crate::resource::{ShopifyStore, ShopifyStoreStatus, State};
use crate::status::{
    READY, Reason, ServiceSight, Trouble, Urgency, View, WorkerSight, condition, draw, urgency,
};

/// The manager of the status.
pub const MANAGER: &str = "shopbeat-operator-status";
/// Numbers of a store are written this often at most.
const EVERY: Duration = Duration::from_secs(30);

/// What a look saw and did.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What the service told, if it is this resource's.
    pub told: Option<&'a StoreStatus>,
    /// How the service's stream stands.
    pub service: ServiceSight,
    /// What keeps the store from being connected as wanted.
    pub trouble: Option<&'a Trouble>,
    /// What keeps a run from beginning.
    pub refusals: &'a [Trouble],
    /// The worker.
    pub worker: &'a WorkerSight,
    /// Its Deployment.
    pub deployment: Option<&'a str>,
    /// What the service has.
    pub carried: &'a Carried,
    /// What was done.
    pub deeds: Vec<(Deed, String)>,
}

/// Writes the status if it has to be, and tells what changed. Answers when numbers that are not written yet are due.
///
/// # Errors
/// The API server's.
pub async fn tell(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    before: &ShopifyStoreStatus,
    seen: &Seen<'_>,
) -> Result<Option<Instant>, kube::Error> {
    let about = resource.object_ref(&());
    for (deed, text) in &seen.deeds {
        ctx.teller.tell(&about, Note::deed(*deed, text.trim())).await;
    }
    let now = drawn(resource, before, seen);
    stand(ctx, resource, memory, before, &now);
    match urgency(before, &now) {
        Urgency::Same => return Ok(None),
        Urgency::Later => {
            let due = memory.written.as_ref().map(|(_, at)| *at + EVERY);
            if let Some(due) = due.filter(|due| *due > Instant::now()) {
                return Ok(Some(due));
            }
        }
        Urgency::Now => {}
    }
    write(ctx, resource, &now).await?;
    let notes = transitions(before, &now);
    memory.written = Some((now, Instant::now()));
    for note in notes {
        ctx.teller.tell(&about, note).await;
    }
    Ok(None)
}

/// Tells that a store is being connected, of which nothing was told yet. What cannot be told now is told after.
pub async fn first_word(
    ctx: &Context,
    resource: &ShopifyStore,
    before: &ShopifyStoreStatus,
) -> Option<ShopifyStoreStatus> {
    let carried = Carried::default();
    let seen = Seen {
        told: None,
        service: ServiceSight::Good,
        trouble: None,
        refusals: &[],
        worker: &WorkerSight::None,
        deployment: None,
        carried: &carried,
        deeds: Vec::new(),
    };
    let status = drawn(resource, before, &seen);
    write(ctx, resource, &status).await.ok().map(|()| status)
}

fn drawn(resource: &ShopifyStore, before: &ShopifyStoreStatus, seen: &Seen<'_>) -> ShopifyStoreStatus {
    draw(&View {
        resource,
        previous: before,
        told: seen.told,
        service: seen.service,
        trouble: seen.trouble,
        refusals: seen.refusals,
        worker: seen.worker,
        deployment: seen.deployment,
        credentials_digest: seen.carried.credentials_digest.as_deref(),
        carried: seen.carried.settings.as_ref(),
        run: seen.carried.run.as_deref(),
        replay: seen.carried.replay.as_deref(),
        now: clock::now(),
    })
}

async fn write(
    ctx: &Context,
    resource: &ShopifyStore,
    status: &ShopifyStoreStatus,
) -> Result<(), kube::Error> {
    let name = resource.name_any();
    let body = json!({
        "apiVersion": ShopifyStore::api_version(&()),
        "kind": ShopifyStore::kind(&()),
        // With its uid: a resource of the same name that was made since is not written to.
        "metadata": { "name": name, "uid": resource.uid() },
        "status": status,
    });
    ctx.metrics.wrote("status");
    ctx.stores().patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(body)).await?;
    Ok(())
}

fn stand(
    ctx: &Context,
    resource: &ShopifyStore,
    memory: &mut Memory,
    before: &ShopifyStoreStatus,
    now: &ShopifyStoreStatus,
) {
    let Some(ready) = condition(now, READY) else { return };
    let state = match resource.spec.state {
        State::Running => "Running",
        State::Paused => "Paused",
        State::Stopped => "Stopped",
    };
    let status = match ready.status.as_str() {
        "True" => "True",
        "False" => "False",
        _ => "Unknown",
    };
    let reason = Reason::named(&ready.reason).map_or("", Reason::name);
    let uid = resource.uid().unwrap_or_default();
    ctx.metrics.stands(&uid, Some(Standing { state, ready: status, reason }));
    let was_ready = condition(before, READY).is_some_and(|ready| ready.status == "True");
    if memory.fresh && status == "True" && !was_ready {
        memory.fresh = false;
        let made = resource.metadata.creation_timestamp.as_ref().map_or(clock::now(), |made| made.0);
        let took = clock::now().duration_since(made);
        ctx.metrics.first_ready(Duration::try_from(took).unwrap_or_default());
    }
}
