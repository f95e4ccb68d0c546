//! What every look at a store needs.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use crate::cli::WorkerOptions;
use crate::events::Teller;
use crate::listed::Listed;
use crate::memory::Memories;
use crate::metrics::Metrics;
use crate::resource::ShopifyStore;
use crate::rollout::Rollout;
use crate::service::{Service, Shelf};

/// A stream that is broken for longer is told in the stores' status.
pub const AWAY: Duration = Duration::from_secs(30);

/// What was read of the cluster, kept up to date.
#[derive(Debug, Clone)]
pub struct Caches {
    /// The resources.
    pub stores: Store<Listed>,
    /// The workers' Deployments.
    pub deployments: Store<Deployment>,
    /// The workers' NetworkPolicies.
    pub policies: Store<NetworkPolicy>,
    /// The Secrets' metadata.
    pub secrets: Store<PartialObjectMeta<Secret>>,
}

/// What every look at a store needs.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The namespace that is looked after.
    pub namespace: String,
    /// How workers are run.
    pub worker: WorkerOptions,
    /// The service.
    pub service: Service,
    /// What it told last.
    pub shelf: Shelf,
    /// What was read of the cluster.
    pub caches: Caches,
    /// What is remembered of the stores.
    pub memories: Memories,
    /// Changed templates reach the workers a few at a time.
    pub rollout: Rollout,
    /// Events.
    pub teller: Teller,
    /// Meters.
    pub metrics: Metrics,
    /// The digest of the workers' environment; `None` until it was read once.
    pub environment: watch::Receiver<Option<String>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Context {
    /// All resources that are known.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Listed>> {
        self.caches.stores.state()
    }

    /// Whether a resource is there still: this one, not another of its name.
    #[must_use]
    pub fn is_there(&self, resource: &ShopifyStore) -> bool {
        let place = ObjectRef::new(&resource.name_any()).within(&self.namespace);
        self.caches.stores.get(&place).is_some_and(|now| now.metadata.uid == resource.metadata.uid)
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.memories.forget(uid);
        self.metrics.stands(uid, None);
    }

    /// The resources, at the API server.
    #[must_use]
    pub fn stores(&self) -> Api<Listed> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The Deployments.
    #[must_use]
    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The NetworkPolicies.
    #[must_use]
    pub fn policies(&self) -> Api<NetworkPolicy> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The Secrets.
    #[must_use]
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
