//! Events, once per transition, from a fixed catalogue: the reasons of the conditions, and what the operator did.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::metrics::Metrics;
use crate::resource::ShopifyStoreStatus;
use crate::status::{CONDITIONS, READY, Reason, condition};

/// The controller's name in events.
const CONTROLLER: &str = "shopbeat-operator";
/// The API server takes no longer note.
const LONGEST_NOTE: usize = 1000;

/// Something that the operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It connected the store.
    Connected,
    /// It carried changed credentials over.
    CredentialsCarried,
    /// It carried changed settings over.
    SettingsCarried,
    /// It began an initial sync.
    InitialSyncBegun,
    /// It began a replay.
    ReplayBegun,
    /// It made the worker.
    WorkerCreated,
    /// It changed the worker's Deployment.
    WorkerUpdated,
    /// It removed the worker.
    WorkerRemoved,
    /// It disconnected the store.
    Disconnected,
    /// It could not disconnect the store yet.
    DisconnectFailed,
    /// It let the resource go without disconnecting the store.
    LetGo,
}

/// All deeds.
pub const DEEDS: &[Deed] = &[
    Deed::Connected,
    Deed::CredentialsCarried,
    Deed::SettingsCarried,
    Deed::InitialSyncBegun,
    Deed::ReplayBegun,
    Deed::WorkerCreated,
    Deed::WorkerUpdated,
    Deed::WorkerRemoved,
    Deed::Disconnected,
    Deed::DisconnectFailed,
    Deed::LetGo,
];

impl Deed {
    /// The reason of its event.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::CredentialsCarried => "CredentialsCarried",
            Self::SettingsCarried => "SettingsCarried",
            Self::InitialSyncBegun => "InitialSyncBegun",
            Self::ReplayBegun => "ReplayBegun",
            Self::WorkerCreated => "WorkerCreated",
            Self::WorkerUpdated => "WorkerUpdated",
            Self::WorkerRemoved => "WorkerRemoved",
            Self::Disconnected => "Disconnected",
            Self::DisconnectFailed => "DisconnectFailed",
            Self::LetGo => "LetGo",
        }
    }

    fn is_warning(self) -> bool {
        match self {
            Self::DisconnectFailed | Self::LetGo => true,
            Self::Connected
            | Self::CredentialsCarried
            | Self::SettingsCarried
            | Self::InitialSyncBegun
            | Self::ReplayBegun
            | Self::WorkerCreated
            | Self::WorkerUpdated
            | Self::WorkerRemoved
            | Self::Disconnected => false,
        }
    }
}

/// An event to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether a person should look at it.
    pub warning: bool,
    /// From the catalogue.
    pub reason: &'static str,
    /// What the operator was at.
    pub action: &'static str,
    /// For people.
    pub text: String,
}

impl Note {
    /// The event of a deed.
    pub fn deed(deed: Deed, text: impl Into<String>) -> Self {
        Self { warning: deed.is_warning(), reason: deed.name(), action: "Reconcile", text: text.into() }
    }
}

/// The events of what changed from one status to the next. Pure.
#[must_use]
pub fn transitions(before: &ShopifyStoreStatus, now: &ShopifyStoreStatus) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    for type_ in CONDITIONS {
        let Some(after) = condition(now, type_) else { continue };
        let Some(reason) = Reason::named(&after.reason) else { continue };
        let earlier = condition(before, type_);
        if earlier.is_some_and(|earlier| earlier.status == after.status && earlier.reason == after.reason) {
            continue;
        }
        let was_trouble =
            earlier.and_then(|earlier| Reason::named(&earlier.reason)).is_some_and(Reason::is_trouble);
        let told = if reason.is_trouble() {
            true
        } else if type_ == READY {
            let was_ready = earlier.is_some_and(|earlier| earlier.status == "True");
            match reason {
                Reason::InSync | Reason::CatchingUp => !was_ready,
                Reason::Paused | Reason::Stopped | Reason::Disconnecting => true,
                _ => false,
            }
        } else {
            was_trouble && after.status == "True"
        };
        // One trouble shows in several conditions; it is one event.
        if told && !notes.iter().any(|note| note.reason == reason.name()) {
            notes.push(Note {
                warning: reason.is_trouble(),
                reason: reason.name(),
                action: "Observe",
                text: after.message.clone(),
            });
        }
    }
    notes
}

/// Tells events. There is one of it: it knows what it told lately, so that a repeat is counted, not told anew.
#[derive(Clone)]
pub struct Teller {
    recorder: Recorder,
    metrics: Metrics,
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

impl Teller {
    /// Tells in the name of this instance.
    #[must_use]
    pub fn new(client: Client, instance: String, metrics: Metrics) -> Self {
        let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: Some(instance) };
        Self { recorder: Recorder::new(client, reporter), metrics }
    }

    /// Tells an event. One that cannot be told is logged: nothing else is held up by it.
    pub async fn tell(&self, about: &ObjectReference, note: Note) {
        let name = about.name.as_deref().unwrap_or_default();
        tracing::info!(store.resource = name, reason = note.reason, text = note.text, "{}", note.reason);
        let event = Event {
            type_: if note.warning { EventType::Warning } else { EventType::Normal },
            reason: note.reason.to_owned(),
            note: Some(note.text.chars().take(LONGEST_NOTE).collect()),
            action: note.action.to_owned(),
            secondary: None,
        };
        self.metrics.wrote("event");
        if let Err(error) = self.recorder.publish(&event, about).await {
            self.metrics.failed("event");
            tracing::warn!(store.resource = name, reason = note.reason, %error, "an event could not be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    fn status(conditions: &[(&str, &str, Reason)]) -> ShopifyStoreStatus {
        let conditions = conditions.iter().map(|(type_, status, reason)| Condition {
            type_: (*type_).to_owned(),
            status: (*status).to_owned(),
            reason: reason.name().to_owned(),
            message: reason.text().to_owned(),
            last_transition_time: Time(crate::clock::now()),
            observed_generation: None,
        });
        ShopifyStoreStatus { conditions: conditions.collect(), ..ShopifyStoreStatus::default() }
    }

    fn told(before: &ShopifyStoreStatus, now: &ShopifyStoreStatus) -> Vec<(&'static str, bool)> {
        transitions(before, now).into_iter().map(|note| (note.reason, note.warning)).collect()
    }

    #[test]
    fn a_transition_is_told_once_and_an_unchanged_status_never() {
        let good = status(&[
            (READY, "True", Reason::InSync),
            ("CredentialsValid", "True", Reason::CredentialsAccepted),
        ]);
        let bad = status(&[
            (READY, "False", Reason::CredentialsRefused),
            ("CredentialsValid", "False", Reason::CredentialsRefused),
        ]);
        assert_eq!(told(&ShopifyStoreStatus::default(), &good), [("InSync", false)]);
        assert_eq!(told(&good, &bad), [("CredentialsRefused", true)]);
        assert_eq!(told(&bad, &good), [("InSync", false), ("CredentialsAccepted", false)]);
        assert_eq!(told(&good, &good), []);
    }

    #[test]
    fn pausing_is_told_and_is_no_warning_and_a_short_lag_is_not_told() {
        let good = status(&[(READY, "True", Reason::InSync)]);
        let behind = status(&[(READY, "True", Reason::CatchingUp)]);
        let paused = status(&[(READY, "False", Reason::Paused)]);
        let starting = status(&[(READY, "False", Reason::WorkerStarting)]);
        assert_eq!(told(&good, &behind), []);
        assert_eq!(told(&good, &paused), [("Paused", false)]);
        assert_eq!(told(&paused, &starting), []);
    }
}
