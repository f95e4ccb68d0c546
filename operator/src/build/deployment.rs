//! The Deployment of a store's worker.

use serde_json::{Map, Value, json};

use super::{ENVIRONMENT_ANNOTATION, OWN_PREFIX, labels, metadata, selector};
use crate::cli::WorkerOptions;
use crate::resource::{ShopifyStore, WorkerSpec};
use crate::validate::store_id;

/// Name of the container.
pub const CONTAINER: &str = "worker";
/// Port of probes and metrics, and its name.
pub(super) const HTTP_PORT: u16 = 8081;
pub(super) const HTTP: &str = "http";
/// A worker drains for up to 20 seconds and then lets its lease go; the rest is room for a slow node.
const GRACE_SECONDS: u32 = 40;
/// A worker on a node that is not heard of is replaced after so long: its lease in the state has run out by then.
const UNREACHABLE_SECONDS: u32 = 30;
/// The one place where a worker may write files.
const TMP: &str = "tmp";
/// An export of a hundred thousand variants is far below this.
const TMP_AT_MOST: &str = "1Gi";
/// With a thousand stores every old ReplicaSet counts.
const OLD_REPLICA_SETS: u32 = 2;

pub(super) fn deployment(store: &ShopifyStore, options: &WorkerOptions, environment: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(store),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": OLD_REPLICA_SETS,
            // Two workers of one store would only wait for each other's lease.
            "strategy": {"type": "Recreate"},
            "selector": selector(store),
            "template": template(store, options, environment),
        },
    })
}

fn template(store: &ShopifyStore, options: &WorkerOptions, environment: &str) -> Value {
    let none = WorkerSpec::default();
    let worker = store.spec.worker.as_ref().unwrap_or(&none);
    let mut annotations: Map<String, Value> = worker
        .pod_annotations
        .iter()
        .filter(|(key, _)| !key.starts_with(OWN_PREFIX))
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect();
    annotations.insert(ENVIRONMENT_ANNOTATION.to_owned(), Value::from(environment));
    json!({
        "metadata": {"labels": labels(store), "annotations": annotations},
        "spec": pod(store, worker, options),
    })
}

fn pod(store: &ShopifyStore, worker: &WorkerSpec, options: &WorkerOptions) -> Value {
    let WorkerSpec {
        resources: _,
        node_selector,
        tolerations,
        affinity,
        priority_class_name,
        pod_annotations: _,
    } = worker;
    let mut pod = json!({
        "containers": [container(store, worker, options)],
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "tolerations": all_tolerations(tolerations),
        // Workers ask nothing of Kubernetes.
        "automountServiceAccountToken": false,
        // A variable for each Service of the namespace would only make the start slower.
        "enableServiceLinks": false,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        // Its root is read-only; an initial sync puts Shopify's export into a file.
        "volumes": [{"name": TMP, "emptyDir": {"sizeLimit": TMP_AT_MOST}}],
    });
    if let Some(account) = &options.service_account {
        pod["serviceAccountName"] = json!(account);
    }
    if !node_selector.is_empty() {
        pod["nodeSelector"] = json!(node_selector);
    }
    if let Some(affinity) = affinity {
        pod["affinity"] = json!(affinity);
    }
    if let Some(class) = priority_class_name {
        pod["priorityClassName"] = json!(class);
    }
    pod
}

/// The operator's own come first: a later one for the same taint, of the resource, is the one that Kubernetes keeps
/// longest, never shortest; so one with the same key and effect takes the place of ours.
fn all_tolerations(wanted: &[k8s_openapi::api::core::v1::Toleration]) -> Vec<Value> {
    let ours = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].into_iter().filter(|key| {
        !wanted.iter().any(|toleration| {
            toleration.key.as_deref() == Some(key)
                && toleration.effect.as_deref().is_none_or(|effect| effect == "NoExecute")
        })
    });
    let ours = ours.map(|key| {
        json!({
            "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": UNREACHABLE_SECONDS,
        })
    });
    ours.chain(wanted.iter().map(|toleration| json!(toleration))).collect()
}

fn container(store: &ShopifyStore, worker: &WorkerSpec, options: &WorkerOptions) -> Value {
    let mut sources = Vec::new();
    if let Some(name) = &options.env_config_map {
        sources.push(json!({"configMapRef": {"name": name}}));
    }
    if let Some(name) = &options.env_secret {
        sources.push(json!({"secretRef": {"name": name}}));
    }
    let resources = worker.resources.as_ref().unwrap_or(&options.resources);
    json!({
        "name": CONTAINER,
        "image": options.image,
        "command": options.command.0,
        "args": ["worker", "--store", store_id(&store.spec)],
        "envFrom": sources,
        // Said here, since the probes below have to find it.
        "env": [{"name": "SHOPBEAT_HTTP_LISTEN", "value": format!("0.0.0.0:{HTTP_PORT}")}],
        "ports": [{"name": HTTP, "containerPort": HTTP_PORT, "protocol": "TCP"}],
        "resources": resources,
        "volumeMounts": [{"name": TMP, "mountPath": "/tmp"}],
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
        },
        // A worker is up within a second; the minute is for a node that has many to start.
        "startupProbe": probe("/livez", 1, 60),
        "livenessProbe": probe("/livez", 10, 6),
        "readinessProbe": probe("/readyz", 5, 3),
    })
}

fn probe(path: &str, period_seconds: u32, failures: u32) -> Value {
    json!({
        "httpGet": {"path": path, "port": HTTP},
        "periodSeconds": period_seconds,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    })
}
