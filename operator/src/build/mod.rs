//! What a store's resource becomes: the Deployment of its worker, and its NetworkPolicy when switched on. Pure: the same
//! resource and options give the same objects, byte by byte, so that a digest tells whether there is anything to apply.
//!
//! Only what is in the worker's pod restarts it: its image, command, environment and what `spec.worker` says. Settings of
//! the store are never in it: they reach a running worker through the service.

mod deployment;
mod network;

#[cfg(test)]
mod tests;

use kube::{Resource as _, ResourceExt as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::WorkerOptions;
use crate::resource::{ShopifyStore, State};
use crate::validate::{hex, store_id};

pub use deployment::CONTAINER;

/// Field manager of all that is applied here.
pub const MANAGER: &str = "shopbeat-operator";
/// Label that names the store.
pub const STORE_LABEL: &str = "shopbeat.dev/store";
/// Labels by which everything made here is found, as a selector.
pub const MADE_HERE: &str =
    "app.kubernetes.io/managed-by=shopbeat-operator,app.kubernetes.io/component=worker";
/// Annotation of an object: the digest of what was applied.
pub const DIGEST_ANNOTATION: &str = "shopbeat.dev/digest";
/// Annotation of a worker's pod: the digest of the environment it was started with.
pub const ENVIRONMENT_ANNOTATION: &str = "shopbeat.dev/environment";
/// Annotations and labels with this prefix are the operator's.
const OWN_PREFIX: &str = "shopbeat.dev/";
/// The program that runs in the pod.
const PROGRAM: &str = "shopbeat-worker";

/// What has to be there for a store; what is `None` has to be gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The worker's Deployment.
    pub deployment: Option<Value>,
    /// The worker's NetworkPolicy.
    pub network_policy: Option<Value>,
}

/// Name of a store's Deployment, and of its NetworkPolicy.
#[must_use]
pub fn worker_name(store_id: &str) -> String {
    format!("{PROGRAM}-{store_id}")
}

/// Builds what a store needs. `environment` is the digest of the workers' ConfigMap and Secret, by [`digest_of`]: a change
/// of these restarts the workers.
#[must_use]
pub fn build(store: &ShopifyStore, options: &WorkerOptions, environment: &str) -> Built {
    let runs = match store.spec.state {
        State::Running | State::Paused => true,
        State::Stopped => false,
    };
    Built {
        deployment: runs.then(|| sealed(deployment::deployment(store, options, environment))),
        network_policy: (runs && options.network_policy)
            .then(|| sealed(network::policy(store, options.redis_port))),
    }
}

/// A digest of data such as a ConfigMap's and a Secret's, each part with its length.
#[must_use]
pub fn digest_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Writes an object's digest into its annotations.
fn sealed(mut object: Value) -> Value {
    let digest = digest_of([object.to_string().as_bytes()]);
    object["metadata"]["annotations"][DIGEST_ANNOTATION] = Value::String(digest);
    object
}

/// Labels of all that belongs to a store's worker.
fn labels(store: &ShopifyStore) -> Map<String, Value> {
    let id = store_id(&store.spec);
    [
        ("app.kubernetes.io/name", PROGRAM),
        ("app.kubernetes.io/instance", id),
        ("app.kubernetes.io/component", "worker"),
        ("app.kubernetes.io/part-of", "shopbeat"),
        ("app.kubernetes.io/managed-by", MANAGER),
        (STORE_LABEL, id),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), Value::from(value)))
    .collect()
}

/// Labels by which the worker's pod is found. A Deployment's selector can never be changed.
fn selector(store: &ShopifyStore) -> Value {
    json!({"matchLabels": {"app.kubernetes.io/name": PROGRAM, STORE_LABEL: store_id(&store.spec)}})
}

/// Name, place, labels and owner of an object.
fn metadata(store: &ShopifyStore) -> Value {
    let mut metadata = json!({
        "name": worker_name(store_id(&store.spec)),
        "labels": labels(store),
        // The store's own deletion waits for nothing here: to block it would need a right on its finalizers.
        "ownerReferences": [{
            "apiVersion": ShopifyStore::api_version(&()),
            "kind": ShopifyStore::kind(&()),
            "name": store.name_any(),
            "uid": store.uid().unwrap_or_default(),
            "controller": true,
            "blockOwnerDeletion": false,
        }],
    });
    if let Some(namespace) = store.namespace() {
        metadata["namespace"] = Value::String(namespace);
    }
    metadata
}
