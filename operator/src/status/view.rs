//! What a status is made from.

use jiff::Timestamp;
use shopbeat_proto::v1::{Desired, Hold, Store, StoreStatus};

use super::Reason;
use crate::resource::{CarriedStatus, ShopifyStore, ShopifyStoreStatus};
use crate::service::{CallError, CallErrorKind};

/// How the service's stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceSight {
    /// It stands: what is told is so.
    Good,
    /// It broke off a moment ago, or has just begun: what was told last still counts.
    Waiting,
    /// It has been away for longer.
    Away,
}

/// The store's worker, as its Deployment shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerSight {
    /// None is wanted, or none was made yet.
    None,
    /// It is up.
    Ready,
    /// It is not up yet; with what the Deployment says about it.
    Starting(Option<String>),
    /// It does not come up; with what the Deployment says about it.
    Failing(String),
    /// The API server does not take its Deployment.
    Refused(String),
}

/// What a look at a store met: it is told in the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which condition's matter it is.
    pub reason: Reason,
    /// What happened, for people.
    pub message: String,
}

impl Trouble {
    /// A trouble.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// A failed call that connects a store or changes its settings.
    #[must_use]
    pub fn of_call(error: &CallError) -> Self {
        Self { reason: call_reason(error), message: error.message.clone() }
    }
}

fn call_reason(error: &CallError) -> Reason {
    let of = |remote: &str| error.reason.starts_with(remote);
    match error.kind {
        CallErrorKind::Denied => Reason::ServiceDenied,
        CallErrorKind::Away | CallErrorKind::Busy if of("SHOPIFY_") => Reason::ShopifyUnreachable,
        CallErrorKind::Away | CallErrorKind::Busy if of("RACKBEAT_") => Reason::RackbeatUnreachable,
        CallErrorKind::Away | CallErrorKind::Busy => Reason::ServiceUnreachable,
        CallErrorKind::Missing => Reason::Connecting,
        CallErrorKind::Refused => match error.reason.as_str() {
            "SCOPES_MISSING" => Reason::ScopesMissing,
            "SHOPIFY_UNAUTHORIZED" | "RACKBEAT_UNAUTHORIZED" => Reason::CredentialsRefused,
            "SHOPIFY_UNINSTALLED" => Reason::AppUninstalled,
            "SHOPIFY_SHOP_FROZEN" => Reason::ShopFrozen,
            _ if error.is_about("settings") => Reason::SettingsRefused,
            _ if error.is_about("credentials") => Reason::CredentialsRefused,
            _ if error.rpc == "UpdateStore" => Reason::SettingsRefused,
            _ => Reason::ConnectRefused,
        },
    }
}

/// What is known of one store.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The resource.
    pub resource: &'a ShopifyStore,
    /// Its status as it was written last.
    pub previous: &'a ShopifyStoreStatus,
    /// What the service told last; `None`: it does not know the store, or the store is another resource's.
    pub told: Option<&'a StoreStatus>,
    /// How the service's stream stands.
    pub service: ServiceSight,
    /// What keeps the store from being connected as it should be.
    pub trouble: Option<&'a Trouble>,
    /// What keeps an initial sync or a replay from beginning.
    pub refusals: &'a [Trouble],
    /// The worker.
    pub worker: &'a WorkerSight,
    /// The worker's Deployment; `None` while there is none.
    pub deployment: Option<&'a str>,
    /// The digest of the credentials that the service has.
    pub credentials_digest: Option<&'a str>,
    /// What the service has of the settings.
    pub carried: Option<&'a CarriedStatus>,
    /// The text of the initial sync that was begun last.
    pub run: Option<&'a str>,
    /// The text of the replay that was begun last.
    pub replay: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

impl View<'_> {
    /// The service's record of the store, while it is connected.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.told.and_then(|told| told.store.as_ref()).filter(|store| store.disconnected_at.is_none())
    }

    /// What forbids writing.
    #[must_use]
    pub fn hold(&self) -> Option<Reason> {
        match self.store()?.hold() {
            Hold::Unspecified => None,
            Hold::Uninstalled => Some(Reason::AppUninstalled),
            Hold::TokenDead => Some(Reason::TokenDead),
            Hold::ShopFrozen => Some(Reason::ShopFrozen),
        }
    }

    /// What is wanted.
    #[must_use]
    pub fn desired(&self) -> Desired {
        crate::settings::desired(self.resource.spec.state)
    }
}
