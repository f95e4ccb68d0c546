//! The catalogue of reasons: each with what it means and what to do. Conditions, events, metrics and the runbook use these
//! and no others.

macro_rules! catalogue {
    ($($name:ident, $text:literal, $remedy:literal;)*) => {
        /// Why a condition is as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $text] $name,)*
        }

        /// All reasons, in the catalogue's order.
        pub const REASONS: &[Reason] = &[$(Reason::$name,)*];

        impl Reason {
            /// The reason as conditions and events have it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, for people.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// The reason of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }
        }
    };
}

catalogue! {
    InSync,
        "What comes in goes over at once.",
        "Nothing.";
    CatchingUp,
        "Jobs have waited for longer than a minute; the worker is at it.",
        "Nothing, unless the lag keeps rising: look at the worker's log, and at RackbeatReachable and CredentialsValid.";
    Paused,
        "The store is paused: what comes in is recorded, nothing is written.",
        "Set spec.state to Running to go on.";
    Stopped,
        "The store is stopped: it has no worker; webhooks are still recorded.",
        "Set spec.state to Running to go on.";
    Connecting,
        "The store is being connected.",
        "Wait: both sides are asked and the webhooks registered; that takes seconds.";
    Disconnecting,
        "The resource is being deleted: the store is being disconnected.",
        "Wait. While the service is away it is tried again and again; the annotation shopbeat.dev/release: \"true\" lets go at once, and leaves the store connected in the service.";
    SpecInvalid,
        "The resource holds something that cannot stand.",
        "Correct the field that the message names.";
    ShopClaimedByOther,
        "An older ShopifyStore names the same shop; that one counts.",
        "Delete one of the two. When the older one is gone, this one takes over.";
    SecretNotFound,
        "A Secret that the resource names does not exist.",
        "Make the Secret that the message names, in the namespace of the resource.";
    SecretIncomplete,
        "A Secret lacks a key, or what is in it cannot be a credential.",
        "Correct the key that the message names.";
    CredentialsRefused,
        "Shopify or Rackbeat refuses the credentials.",
        "Put good credentials into the Secret; they are carried over by themselves.";
    CredentialsAccepted,
        "Both sides take the credentials.",
        "Nothing.";
    ScopesMissing,
        "The shop has not granted scopes that the settings need.",
        "Grant the scopes that the message names in the app's configuration, release the app's new version, and approve it in the shop.";
    ScopesGranted,
        "The shop has granted all scopes that the settings need.",
        "Nothing.";
    ConnectRefused,
        "The service does not connect the store.",
        "Do what the message says, then change the resource, or set its annotation shopbeat.dev/reconnect to a new text.";
    SettingsRefused,
        "The service does not take the settings.",
        "Correct the setting that the message names.";
    ServiceUnreachable,
        "The sync service does not answer.",
        "Look at the sync service's pods and log, and at the operator's --service-url. Workers go on meanwhile.";
    ServiceDenied,
        "The sync service does not take the operator's token.",
        "Give the operator a token whose role is operator, for all agreements.";
    AppUninstalled,
        "The merchant uninstalled the app.",
        "Have it installed again, then set the annotation shopbeat.dev/reconnect to a new text, or put new credentials into the Secret.";
    TokenDead,
        "Shopify or Rackbeat has refused the credentials again and again.",
        "Put good credentials into the Secret; they are carried over by themselves.";
    ShopFrozen,
        "Shopify has frozen or locked the shop.",
        "Its owner must clear that with Shopify, then set the annotation shopbeat.dev/reconnect to a new text.";
    WorkerStarting,
        "The store's worker is not up yet.",
        "Wait. If it takes longer than a minute, look at the pod's events: kubectl describe pod.";
    WorkerFailing,
        "The store's worker does not come up, or does not stay up.",
        "Look at the pod's events and log: kubectl describe pod and kubectl logs --previous.";
    WorkerRefused,
        "The API server does not take the worker's Deployment.",
        "Do what the message says: a quota, an admission policy, or spec.worker.";
    WorkerIdle,
        "The worker's pod runs but does not hold the store yet.",
        "Wait for a minute: a worker that died may hold its lease for 45 seconds, or what remotes.leaseSeconds says. After that look at the worker's log; it may not reach Redis.";
    ShopifyUnreachable,
        "Calls to Shopify do not get through.",
        "Wait: it is tried again. If it lasts, look at Shopify's status page and at the egress of the cluster.";
    RackbeatUnreachable,
        "Calls to Rackbeat do not get through.",
        "Wait: it is tried again, and nothing is parked for it. If it lasts, look at Rackbeat's status page and at the egress of the cluster.";
    RackbeatAnswers,
        "Calls to Rackbeat get through.",
        "Nothing.";
    WebhooksRegistered,
        "The shop tells us of what happens.",
        "Nothing.";
    WebhooksMissing,
        "Webhooks could not be registered in the shop; what they would tell is found by sweeps, minutes later.",
        "Look at the topics in the message: a scope or an approval for protected customer data is missing. They are registered again at the next connect.";
    WebhooksNoAddress,
        "No public address is set, so that the shop cannot tell us of anything; sweeps find it, minutes later.",
        "Set the public address of the sync service (chart: publicUrl) and connect the store again with the annotation shopbeat.dev/reconnect.";
    InitialSyncNotWanted,
        "No initial sync is asked for.",
        "Nothing. To ask for one, set spec.initialSync.run.";
    InitialSyncWaiting,
        "The initial sync was not begun yet.",
        "Wait: it begins when the store is connected and runs.";
    InitialSyncRunning,
        "The initial sync is under way.",
        "Wait; spec and status of the resource show how far it is, shopbeat sync watch shows more.";
    InitialSyncFinished,
        "The initial sync is through.",
        "Nothing. shopbeat sync report shows what was skipped.";
    InitialSyncFailed,
        "The initial sync cannot go on.",
        "Do what the message says, then set spec.initialSync.run to a new text.";
    InitialSyncCancelled,
        "A person ended the initial sync.",
        "Set spec.initialSync.run to a new text to begin another.";
    InitialSyncRefused,
        "The service does not begin the initial sync.",
        "Do what the message says; it is tried again.";
    ReplayRefused,
        "The service does not begin the replay.",
        "Do what the message says; it is tried again.";
    NotKnown,
        "It is not known: nothing has told of it yet.",
        "Wait. If Ready is False, see to its reason first.";
}

impl Reason {
    /// Whether a person has to do something: then its event is a warning.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        match self {
            Self::ShopClaimedByOther
            | Self::SpecInvalid
            | Self::SecretNotFound
            | Self::SecretIncomplete
            | Self::CredentialsRefused
            | Self::ScopesMissing
            | Self::ConnectRefused
            | Self::SettingsRefused
            | Self::ServiceUnreachable
            | Self::ServiceDenied
            | Self::AppUninstalled
            | Self::TokenDead
            | Self::ShopFrozen
            | Self::WorkerFailing
            | Self::WorkerRefused
            | Self::ShopifyUnreachable
            | Self::RackbeatUnreachable
            | Self::WebhooksMissing
            | Self::WebhooksNoAddress
            | Self::InitialSyncFailed
            | Self::InitialSyncRefused
            | Self::ReplayRefused => true,
            Self::InSync
            | Self::CatchingUp
            | Self::Paused
            | Self::Stopped
            | Self::Connecting
            | Self::Disconnecting
            | Self::CredentialsAccepted
            | Self::ScopesGranted
            | Self::WorkerStarting
            | Self::WorkerIdle
            | Self::RackbeatAnswers
            | Self::WebhooksRegistered
            | Self::InitialSyncNotWanted
            | Self::InitialSyncWaiting
            | Self::InitialSyncRunning
            | Self::InitialSyncFinished
            | Self::InitialSyncCancelled
            | Self::NotKnown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_can_be_told_and_found_again() {
        for reason in REASONS {
            assert_eq!(Reason::named(reason.name()), Some(*reason));
            assert!(reason.text().ends_with('.') && reason.remedy().ends_with('.'), "{reason:?}");
            // The API server's own rule for reasons.
            assert!(reason.name().bytes().all(|b| b.is_ascii_alphanumeric()) && reason.name().len() < 64);
        }
        assert_eq!(Reason::named("Whatever"), None);
    }
}
