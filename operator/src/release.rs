//! `shopbeat-operator release`: before a release is removed, nobody will be left who takes our finalizer off a
//! ShopifyStore. So the operator is stopped first (it would put the finalizer back), then the workers are removed, then
//! every store is let go. The resources stay, and so do the stores in the service: whoever installs again goes on with
//! them.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::resource::ShopifyStore;

/// The finalizer by which the operator hears of a deletion in time to disconnect the store.
pub const FINALIZER: &str = "shopbeat.dev/disconnect";
/// What the operator makes bears this.
const WORKERS: &str = "app.kubernetes.io/managed-by=shopbeat-operator,app.kubernetes.io/component=worker";
/// The operator's own grace period is half a minute.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked whether it has stopped.
const LOOK: Duration = Duration::from_millis(300);
/// A store that is changed by somebody else each time we look is not let go in more looks either.
const ROUNDS: u32 = 10;

/// Options of `shopbeat-operator release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseOptions {
    /// Namespace whose stores are let go. In a pod, its own.
    #[arg(long, env = "SHOPBEAT_OPERATOR_NAMESPACE", value_name = "NAME")]
    pub namespace: String,
    /// The operator's own Deployment, which is stopped first.
    #[arg(long, env = "SHOPBEAT_OPERATOR_DEPLOYMENT", value_name = "NAME")]
    pub deployment: String,
    /// Labels of the operator's pods: it has stopped when none is left.
    #[arg(long, env = "SHOPBEAT_OPERATOR_PODS", value_name = "SELECTOR")]
    pub pods: String,
    /// How log lines look.
    #[arg(long, env = "SHOPBEAT_OPERATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Deployments of workers that were removed.
    pub workers: usize,
    /// Stores whose finalizer was taken off.
    pub stores: usize,
}

/// The command: its log, the cluster that the pod is in or KUBECONFIG names, and off.
///
/// # Errors
/// Those of [`release`], and when no cluster is found.
pub async fn run(options: &ReleaseOptions) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("SHOPBEAT_OPERATOR_LOG").unwrap_or_else(|_| EnvFilter::new("info,kube=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let client = Client::try_default().await.context("no cluster is found")?;
    release(&client, options).await?;
    Ok(())
}

/// Stops the operator, removes the workers and lets every store of the namespace go. Safe to repeat.
///
/// # Errors
/// When the operator does not stop, or the API server refuses.
pub async fn release(client: &Client, options: &ReleaseOptions) -> anyhow::Result<Released> {
    stop_operator(client, options).await?;
    let workers = remove_workers(client, &options.namespace).await?;
    let stores = let_stores_go(client, &options.namespace).await?;
    tracing::info!(workers.removed = workers, stores.released = stores, "released");
    Ok(Released { workers, stores })
}

async fn stop_operator(client: &Client, options: &ReleaseOptions) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &options.namespace);
    let none = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
    match deployments.patch_scale(&options.deployment, &PatchParams::default(), &none).await {
        Ok(_) => {}
        Err(error) if is_missing(&error) => tracing::info!("the operator's Deployment is gone already"),
        Err(error) => return Err(error).context("the operator cannot be stopped"),
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), &options.namespace);
    let wanted = ListParams::default().labels(&options.pods);
    let gone = async {
        while !pods.list(&wanted).await.context("the operator's pods cannot be listed")?.items.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(STOPPED_WITHIN, gone).await {
        Ok(done) => done,
        Err(_) => bail!("the operator did not stop within {} seconds", STOPPED_WITHIN.as_secs()),
    }
}

async fn remove_workers(client: &Client, namespace: &str) -> anyhow::Result<usize> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let mine = ListParams::default().labels(WORKERS);
    let all = deployments.list_metadata(&mine).await.context("the workers cannot be listed")?;
    let mut removed = 0;
    for worker in &all.items {
        match deployments.delete(&worker.name_any(), &DeleteParams::background()).await {
            Ok(_) => removed += 1,
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error).context("a worker cannot be removed"),
        }
    }
    Ok(removed)
}

async fn let_stores_go(client: &Client, namespace: &str) -> anyhow::Result<usize> {
    // Metadata only: a resource that a later version wrote is let go as well.
    let stores: Api<ShopifyStore> = Api::namespaced(client.clone(), namespace);
    let mut released = 0;
    for _ in 0..ROUNDS {
        let all = match stores.list_metadata(&ListParams::default()).await {
            Ok(all) => all.items,
            // The definition was removed, and its resources with it.
            Err(error) if is_missing(&error) => return Ok(released),
            Err(error) => return Err(error).context("the stores cannot be listed"),
        };
        let held: Vec<_> =
            all.into_iter().filter(|store| store.finalizers().iter().any(|f| f == FINALIZER)).collect();
        if held.is_empty() {
            return Ok(released);
        }
        for store in held {
            let name = store.name_any();
            if store.metadata.deletion_timestamp.is_some() {
                tracing::warn!(
                    store.resource = name,
                    "it was being deleted: the service still knows the store; `shopbeat store disconnect` ends it"
                );
            }
            let patch = Patch::Merge(without_finalizer(&store.metadata));
            match stores.patch_metadata(&name, &PatchParams::default(), &patch).await {
                Ok(_) => released += 1,
                // Gone, or changed since it was read: the next round tells.
                Err(error) if is_missing(&error) || is_conflict(&error) => {}
                Err(error) => return Err(error).with_context(|| format!("{name} cannot be let go")),
            }
        }
    }
    bail!("somebody puts the finalizers back: is another operator running in {namespace}?")
}

/// The patch that takes our finalizer off, and only from the resource as it was read.
fn without_finalizer(metadata: &ObjectMeta) -> Value {
    let rest: Vec<&String> = metadata.finalizers.iter().flatten().filter(|name| *name != FINALIZER).collect();
    json!({ "metadata": { "finalizers": rest, "resourceVersion": metadata.resource_version } })
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_finalizer_is_taken_off_and_only_from_what_was_read() {
        let metadata = ObjectMeta {
            finalizers: Some(vec!["a.example/x".to_owned(), FINALIZER.to_owned()]),
            resource_version: Some("7".to_owned()),
            ..ObjectMeta::default()
        };
        let wanted = json!({ "metadata": { "finalizers": ["a.example/x"], "resourceVersion": "7" } });
        assert_eq!(without_finalizer(&metadata), wanted);
    }
}
