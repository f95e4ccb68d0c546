//! The conditions, one function each.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use shopbeat_proto::v1::{Desired, RunPhase, WorkerReport};

use super::columns::{self, lag_seconds};
use super::view::{ServiceSight, Trouble, View, WorkerSight};
use super::{READY, Reason, condition};

/// The types of all conditions, in order.
pub const CONDITIONS: [&str; 7] = [
    READY,
    "CredentialsValid",
    "ScopesSufficient",
    "WebhooksHealthy",
    "RackbeatReachable",
    "InitialSynced",
    "InSync",
];

/// A lag above which a store counts as behind, and the one below which it does not any more.
const BEHIND: i64 = 60;
const NOT_BEHIND: i64 = 30;
/// Kubernetes takes 32768 letters; nobody reads so many.
const LONGEST_MESSAGE: usize = 1000;

/// What a condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Says {
    status: &'static str,
    reason: Reason,
    /// What is special about it; empty: the reason's own text.
    message: String,
}

fn says(status: &'static str, reason: Reason) -> Says {
    Says { status, reason, message: String::new() }
}

fn yes(reason: Reason) -> Says {
    says("True", reason)
}

fn no(reason: Reason) -> Says {
    says("False", reason)
}

fn unknown(reason: Reason) -> Says {
    says("Unknown", reason)
}

impl Says {
    fn with(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    fn text(&self) -> String {
        let mut text =
            if self.message.is_empty() { self.reason.text().to_owned() } else { self.message.clone() };
        if self.reason.is_trouble() {
            if !text.ends_with('.') {
                text.push('.');
            }
            text = format!("{text} {}", self.reason.remedy());
        }
        if text.chars().count() > LONGEST_MESSAGE {
            text = text.chars().take(LONGEST_MESSAGE - 1).chain(['…']).collect();
        }
        text
    }
}

/// All conditions.
pub(super) fn draw(view: &View<'_>) -> Vec<Condition> {
    // Nothing was told of the store yet (the operator has just begun): what was written last still counts.
    if view.told.is_none() && is_waiting(view) && view.previous.conditions.len() == CONDITIONS.len() {
        return view.previous.conditions.clone();
    }
    let in_sync = in_sync(view);
    let all = [
        ready(view, &in_sync),
        credentials_valid(view),
        scopes_sufficient(view),
        webhooks_healthy(view),
        rackbeat_reachable(view),
        initial_synced(view),
        in_sync,
    ];
    CONDITIONS.iter().zip(all).map(|(type_, says)| made(view, type_, &says)).collect()
}

/// Nothing is carried yet, since the stream has not told all: an edit may still be on its way.
fn is_waiting(view: &View<'_>) -> bool {
    view.service == ServiceSight::Waiting
        && view.trouble.is_none()
        && view.resource.metadata.deletion_timestamp.is_none()
}

/// The generation that a status tells of: who waits for it must not be told that an edit is in force before it is.
pub(super) fn observed(view: &View<'_>) -> Option<i64> {
    let waits = view.previous.observed_generation.filter(|_| is_waiting(view));
    waits.or(view.resource.metadata.generation)
}

fn made(view: &View<'_>, type_: &str, says: &Says) -> Condition {
    let before = condition(view.previous, type_).filter(|before| before.status == says.status);
    // Whole seconds, as the API server's own times.
    let now = Timestamp::from_second(view.now.as_second()).unwrap_or(view.now);
    Condition {
        type_: type_.to_owned(),
        status: says.status.to_owned(),
        reason: says.reason.name().to_owned(),
        message: says.text(),
        last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
        observed_generation: observed(view),
    }
}

/// A trouble that keeps the store from doing what is wanted.
fn blocking<'a>(view: &'a View<'_>) -> Option<&'a Trouble> {
    let trouble = view.trouble?;
    let connected = view.store().is_some();
    let blocks = match trouble.reason {
        // The service goes on with the credentials it has.
        Reason::SecretNotFound | Reason::SecretIncomplete => !connected,
        // A call that met nobody: the stream tells whether the service is away.
        Reason::ServiceUnreachable => !connected && view.service != ServiceSight::Away,
        _ => true,
    };
    blocks.then_some(trouble)
}

fn ready(view: &View<'_>, in_sync: &Says) -> Says {
    if view.resource.metadata.deletion_timestamp.is_some() {
        let message = view.trouble.map(|trouble| trouble.message.clone()).unwrap_or_default();
        return no(Reason::Disconnecting).with(message);
    }
    if let Some(trouble) = blocking(view) {
        return no(trouble.reason).with(&trouble.message);
    }
    if view.service == ServiceSight::Away {
        return unknown(Reason::ServiceUnreachable);
    }
    if view.store().is_none() {
        return no(Reason::Connecting);
    }
    match view.desired() {
        Desired::Stopped => return no(Reason::Stopped),
        Desired::Running | Desired::Paused | Desired::Unspecified => {}
    }
    if let Some(hold) = view.hold() {
        return no(hold);
    }
    if view.desired() == Desired::Paused {
        return no(Reason::Paused);
    }
    match worker(view) {
        Some(worker) => worker,
        None => remotes(view, in_sync),
    }
}

fn worker(view: &View<'_>) -> Option<Says> {
    match view.worker {
        WorkerSight::Refused(why) => Some(no(Reason::WorkerRefused).with(why)),
        WorkerSight::Failing(why) => Some(no(Reason::WorkerFailing).with(why)),
        WorkerSight::Starting(why) => {
            Some(no(Reason::WorkerStarting).with(why.as_deref().unwrap_or_default()))
        }
        WorkerSight::None => Some(no(Reason::WorkerStarting)),
        WorkerSight::Ready if view.told.is_some_and(|told| told.worker.is_empty()) => {
            Some(no(Reason::WorkerIdle))
        }
        WorkerSight::Ready => None,
    }
}

fn remotes(view: &View<'_>, in_sync: &Says) -> Says {
    let scopes = scopes_sufficient(view);
    if scopes.status == "False" {
        return scopes;
    }
    if let Some(trouble) = shopify_trouble(view) {
        return no(Reason::ShopifyUnreachable).with(trouble);
    }
    let rackbeat = rackbeat_reachable(view);
    if rackbeat.status == "False" {
        return rackbeat;
    }
    Says { status: "True", ..in_sync.clone() }
}

fn report<'a>(view: &'a View<'_>) -> Option<&'a WorkerReport> {
    view.told.and_then(|told| told.report.as_ref()).filter(|_| view.store().is_some())
}

fn shopify_trouble(view: &View<'_>) -> Option<String> {
    let health = report(view)?.shopify.as_ref().filter(|health| health.since.is_some())?;
    (!health.reachable).then(|| health.trouble.clone())
}

fn credentials_valid(view: &View<'_>) -> Says {
    if let Some(trouble) = view.trouble {
        match trouble.reason {
            Reason::CredentialsRefused | Reason::SecretNotFound | Reason::SecretIncomplete => {
                return no(trouble.reason).with(&trouble.message);
            }
            _ => {}
        }
    }
    match (view.hold(), view.store()) {
        (Some(hold @ (Reason::AppUninstalled | Reason::TokenDead)), _) => no(hold),
        (Some(hold), _) => unknown(hold),
        (None, Some(_)) => yes(Reason::CredentialsAccepted),
        (None, None) => unknown(Reason::NotKnown),
    }
}

fn scopes_sufficient(view: &View<'_>) -> Says {
    if let Some(trouble) = view.trouble.filter(|trouble| trouble.reason == Reason::ScopesMissing) {
        return no(Reason::ScopesMissing).with(&trouble.message);
    }
    match (view.store(), view.told) {
        (Some(_), Some(told)) if !told.scopes_missing.is_empty() => {
            no(Reason::ScopesMissing).with(format!("the shop lacks {}", told.scopes_missing.join(", ")))
        }
        (Some(_), _) => yes(Reason::ScopesGranted),
        (None, _) => unknown(Reason::NotKnown),
    }
}

fn webhooks_healthy(view: &View<'_>) -> Says {
    match view.store() {
        None => return unknown(Reason::NotKnown),
        Some(store) if store.webhook_address.is_empty() => return no(Reason::WebhooksNoAddress),
        Some(_) => {}
    }
    match report(view) {
        Some(report) if !report.webhooks_missing.is_empty() => {
            no(Reason::WebhooksMissing).with(format!("missing: {}", report.webhooks_missing.join(", ")))
        }
        Some(_) => yes(Reason::WebhooksRegistered),
        None => unknown(Reason::NotKnown),
    }
}

fn rackbeat_reachable(view: &View<'_>) -> Says {
    if let Some(trouble) = view.trouble.filter(|trouble| trouble.reason == Reason::RackbeatUnreachable) {
        return no(Reason::RackbeatUnreachable).with(&trouble.message);
    }
    match report(view).and_then(|report| report.rackbeat.as_ref()).filter(|health| health.since.is_some()) {
        Some(health) if health.reachable => yes(Reason::RackbeatAnswers),
        Some(health) => no(Reason::RackbeatUnreachable).with(&health.trouble),
        None => unknown(Reason::NotKnown),
    }
}

fn initial_synced(view: &View<'_>) -> Says {
    let wanted = view.resource.spec.initial_sync.as_ref().and_then(|asked| asked.run.as_deref());
    let latest = view.told.and_then(|told| told.latest_run.as_ref());
    let Some(wanted) = wanted else {
        return match latest.map(|run| run.phase()) {
            Some(RunPhase::Finished) => yes(Reason::InitialSyncFinished),
            _ => yes(Reason::InitialSyncNotWanted),
        };
    };
    if view.run != Some(wanted) {
        let refused = view.refusals.iter().find(|refusal| refusal.reason == Reason::InitialSyncRefused);
        return match refused {
            Some(refused) => no(refused.reason).with(&refused.message),
            None => no(Reason::InitialSyncWaiting),
        };
    }
    // As the column has it: of this run, never of another.
    let Some(run) = columns::initial_sync(view) else { return no(Reason::InitialSyncRunning) };
    match run.phase.as_str() {
        "Finished" => yes(Reason::InitialSyncFinished),
        "Failed" => no(Reason::InitialSyncFailed).with(run.message.unwrap_or_default()),
        "Cancelled" => no(Reason::InitialSyncCancelled).with(run.message.unwrap_or_default()),
        _ => no(Reason::InitialSyncRunning),
    }
}

fn in_sync(view: &View<'_>) -> Says {
    if view.store().is_none() {
        return unknown(Reason::NotKnown);
    }
    match view.desired() {
        Desired::Paused => return no(Reason::Paused),
        Desired::Stopped => return no(Reason::Stopped),
        Desired::Running | Desired::Unspecified => {}
    }
    if let Some(hold) = view.hold() {
        return no(hold);
    }
    let was_behind = condition(view.previous, "InSync").is_some_and(|before| before.status == "False");
    let limit = if was_behind { NOT_BEHIND } else { BEHIND };
    if lag_seconds(view) > limit { no(Reason::CatchingUp) } else { yes(Reason::InSync) }
}
