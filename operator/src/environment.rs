//! The workers' environment: one ConfigMap and one Secret, whose content is in no Deployment. A digest of it is, so that a
//! change restarts the workers, a few at a time.

use std::pin::pin;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::watch;

use crate::backoff;
use crate::build::digest_of;
use crate::cli::WorkerOptions;

/// An environment that can be read again is read within this.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30);

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
    let mut failures = 0;
    while changes.next().await.is_some() {
        // Nobody tells of a change again: what cannot be read is read until it can.
        loop {
            match read(&client, &namespace, &options).await {
                Ok(environment) => {
                    failures = 0;
                    take_up(&told, environment);
                    break;
                }
                Err(error) => {
                    failures += 1;
                    let wait = backoff::wait("environment", failures).min(LONGEST);
                    tracing::warn!(%error, ?wait, "the workers' environment cannot be read");
                    let slept = pin!(tokio::time::sleep(wait));
                    // A change while we wait is read at once; so is the one that is read then.
                    let _either = futures::future::select(slept, changes.next()).await;
                }
            }
        }
    }
}

/// What is in the workers' environment now.
#[derive(Debug, PartialEq, Eq)]
struct Environment {
    digest: String,
    /// What it is made of is there.
    is_whole: bool,
}

fn take_up(told: &watch::Sender<Option<String>>, environment: Environment) {
    told.send_if_modified(|before| {
        // Workers that run have no need of a Secret that somebody is making anew: they are restarted when it is back.
        if before.is_some() && !environment.is_whole {
            return false;
        }
        let is_news = before.as_ref() != Some(&environment.digest);
        *before = Some(environment.digest);
        is_news
    });
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

/// What is there now. What is missing counts as empty: new workers wait for it by themselves.
async fn read(client: &Client, namespace: &str, options: &WorkerOptions) -> Result<Environment, kube::Error> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut is_whole = true;
    if let Some(name) = &options.env_config_map {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let map = api.get_opt(name).await?;
        is_whole &= map.is_some();
        for (key, value) in map.and_then(|map| map.data).into_iter().flatten() {
            parts.extend([key.into_bytes(), value.into_bytes()]);
        }
    }
    parts.push(Vec::new());
    if let Some(name) = &options.env_secret {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let secret = api.get_opt(name).await?;
        is_whole &= secret.is_some();
        for (key, value) in secret.and_then(|secret| secret.data).into_iter().flatten() {
            parts.extend([key.into_bytes(), value.0]);
        }
    }
    Ok(Environment { digest: digest_of(parts.iter().map(Vec::as_slice)), is_whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_gone_for_a_moment_restarts_nobody() {
        let (told, now) = watch::channel(None);
        let read = |digest: &str, is_whole| Environment { digest: digest.to_owned(), is_whole };
        take_up(&told, read("first", true));
        take_up(&told, read("empty", false));
        assert_eq!(now.borrow().as_deref(), Some("first"));
        take_up(&told, read("second", true));
        assert_eq!(now.borrow().as_deref(), Some("second"));
        let (told, now) = watch::channel(None);
        take_up(&told, read("empty", false));
        assert_eq!(now.borrow().as_deref(), Some("empty"), "new workers show what they wait for");
    }
}
