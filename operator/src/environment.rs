//! The workers' environment: one ConfigMap and one Secret, whose content is in no Deployment. A digest of it is, so that a
//! change restarts the workers, a few at a time.

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::watch;

use crate::build::digest_of;
use crate::cli::WorkerOptions;

/// Follows the workers' environment for as long as it is polled, and tells each new digest.
pub async fn follow(
    client: Client,
    namespace: String,
    options: WorkerOptions,
    told: watch::Sender<Option<String>>,
) {
    let mut changes: BoxStream<'_, ()> = stream::select(
        touches::<ConfigMap>(&client, &namespace, options.env_config_map.as_deref()),
        touches::<Secret>(&client, &namespace, options.env_secret.as_deref()),
    )
    .boxed();
    while changes.next().await.is_some() {
        match read(&client, &namespace, &options).await {
            Ok(digest) => {
                told.send_if_modified(|before| {
                    let is_news = before.as_ref() != Some(&digest);
                    *before = Some(digest);
                    is_news
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the workers' environment cannot be read; it is read again at its next change");
            }
        }
    }
}

/// Tells whenever an object of this name was read or changed. Only its metadata is watched, and only its own.
fn touches<K>(client: &Client, namespace: &str, name: Option<&str>) -> BoxStream<'static, ()>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    K: Clone + std::fmt::Debug + Send + 'static,
{
    let Some(name) = name else { return stream::once(async {}).boxed() };
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client.clone(), namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let events = watcher(api, only).default_backoff();
    events
        .filter_map(async |event| match event {
            Ok(watcher::Event::InitDone | watcher::Event::Apply(_) | watcher::Event::Delete(_)) => Some(()),
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "the workers' environment cannot be watched");
                None
            }
        })
        .boxed()
}

/// The digest of what is there now. What is missing counts as empty: workers wait for it by themselves.
async fn read(client: &Client, namespace: &str, options: &WorkerOptions) -> Result<String, kube::Error> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if let Some(name) = &options.env_config_map {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        for (key, value) in api.get_opt(name).await?.and_then(|map| map.data).into_iter().flatten() {
            parts.extend([key.into_bytes(), value.into_bytes()]);
        }
    }
    parts.push(Vec::new());
    if let Some(name) = &options.env_secret {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        for (key, value) in api.get_opt(name).await?.and_then(|secret| secret.data).into_iter().flatten() {
            parts.extend([key.into_bytes(), value.0]);
        }
    }
    Ok(digest_of(parts.iter().map(Vec::as_slice)))
}
