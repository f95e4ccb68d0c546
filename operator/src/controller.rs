//! What wakes the operator: the resources, their workers, their Secrets, the service's stream, the workers' environment.
//! All of it becomes references to resources in one queue; whoever is in it is looked at, once, however often it was put
//! there. Our own writes of a status put nobody there.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::runtime::controller::{Config, Error as ControllerError, applier};
use kube::runtime::reflector::{ObjectRef, Store, reflector, store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::build::MADE_HERE;
use crate::context::{AWAY, Caches, Context};
use crate::finalize::RELEASE;
use crate::listed::Listed;
use crate::probes::{Need, Readiness};
use crate::reconcile::{Error, after_failure, reconcile};
use crate::registration::quick;
use crate::resource::ShopifyStore;
use crate::secrets::{RECONNECT, refers_to};
use crate::service::{self, WatchEnd};
use crate::validate::store_id;
use crate::worker::remove_orphans;

/// Looks at once; a connect waits for two remotes for most of its time.
const LOOKS_AT_ONCE: u16 = 32;
/// Orphans are rare, and looking for them asks nobody.
const ORPHANS_EVERY: Duration = Duration::from_secs(300);

type Queue = mpsc::UnboundedSender<ObjectRef<Listed>>;

/// A cache and the stream that fills it.
struct Watched<K: Resource<DynamicType = ()> + 'static> {
    cache: Store<K>,
    events: futures::stream::BoxStream<'static, Result<Event<K>, watcher::Error>>,
}

fn watched<K>(api: Api<K>, config: watcher::Config, slim: fn(&mut ObjectMeta)) -> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (cache, writer) = store();
    let events = watch(api, config).default_backoff().modify(move |object| slim(object.meta_mut()));
    Watched { cache, events: reflector(writer, events).boxed() }
}

/// Who changed which field is of no use here, and half of an object.
fn without_fields(meta: &mut ObjectMeta) {
    meta.managed_fields = None;
}

/// `kubectl apply` writes what it applied into an annotation: of a Secret, its content.
fn without_content(meta: &mut ObjectMeta) {
    *meta = ObjectMeta {
        name: meta.name.take(),
        namespace: meta.namespace.take(),
        uid: meta.uid.take(),
        resource_version: meta.resource_version.take(),
        ..ObjectMeta::default()
    };
}

/// The streams that keep the caches up to date.
pub struct Watches {
    stores: Watched<Listed>,
    deployments: Watched<Deployment>,
    policies: Watched<NetworkPolicy>,
    secrets: Watched<PartialObjectMeta<Secret>>,
}

impl Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watches").finish_non_exhaustive()
    }
}

impl Watches {
    /// Will watch this namespace; nothing is asked yet.
    #[must_use]
    pub fn new(client: &Client, namespace: &str) -> Self {
        let made_here = watcher::Config::default().labels(MADE_HERE);
        let all = watcher::Config::default;
        Self {
            stores: watched(Api::namespaced(client.clone(), namespace), all(), without_fields),
            deployments: watched(
                Api::namespaced(client.clone(), namespace),
                made_here.clone(),
                without_fields,
            ),
            policies: watched(Api::namespaced(client.clone(), namespace), made_here, without_fields),
            secrets: watched(Api::namespaced(client.clone(), namespace), all(), without_content),
        }
    }

    /// What they fill.
    #[must_use]
    pub fn caches(&self) -> Caches {
        Caches {
            stores: self.stores.cache.clone(),
            deployments: self.deployments.cache.clone(),
            policies: self.policies.cache.clone(),
            secrets: self.secrets.cache.clone(),
        }
    }
}

/// Works until `stop` resolves, then finishes the looks that are under way.
pub async fn run(
    ctx: Arc<Context>,
    watches: Watches,
    readiness: Arc<Readiness>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let (queue, queued) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let Watches { stores, deployments, policies, secrets } = watches;
    tasks.spawn(follow_stores(Arc::clone(&ctx), stores.events, queue.clone(), Arc::clone(&readiness)));
    tasks.spawn(follow_children(Arc::clone(&ctx), "deployments", deployments.events, queue.clone()));
    tasks.spawn(follow_children(Arc::clone(&ctx), "networkpolicies", policies.events, queue.clone()));
    tasks.spawn(follow_secrets(Arc::clone(&ctx), secrets.events, queue.clone()));
    let mut stop = std::pin::pin!(stop);
    tokio::select! {
        () = &mut stop => return,
        () = all_read(&ctx) => {}
    }
    readiness.set(Need::Watching, true);
    tracing::info!(stores = ctx.all().len(), "all resources were read");
    tasks.spawn(follow_service(Arc::clone(&ctx), queue.clone(), Arc::clone(&readiness)));
    tasks.spawn(follow_environment(Arc::clone(&ctx), queue));
    tasks.spawn(sweep_orphans(Arc::clone(&ctx)));
    // Whoever came before all was read is in the queue already.
    let requests = UnboundedReceiverStream::new(queued).map(Ok::<_, Infallible>);
    let looks = applier(
        |resource, ctx| {
            // On a task of its own: looks run beside each other, and a defect ends only its own. In a set, since it
            // must end with us: who leads no more writes no more.
            let mut look = JoinSet::new();
            look.spawn(reconcile(resource, ctx));
            Box::pin(
                async move { look.join_next().await.and_then(Result::ok).unwrap_or(Err(Error::Panicked)) },
            )
        },
        |resource, error, ctx| after_failure(&resource, error, &ctx),
        Arc::clone(&ctx),
        ctx.caches.stores.clone(),
        requests.take_until(stop).boxed(),
        Config::default().concurrency(LOOKS_AT_ONCE),
    );
    looks
        .for_each(async |look| match look {
            // Told where it happened; a resource that is gone by now needs no look.
            Ok(_) | Err(ControllerError::ReconcilerFailed(..) | ControllerError::ObjectNotFound(_)) => {}
            Err(error) => tracing::warn!(%error, "a look did not come about"),
        })
        .await;
    tasks.shutdown().await;
}

async fn all_read(ctx: &Context) {
    let Caches { stores, deployments, policies, secrets } = &ctx.caches;
    // An error says that the writer is gone: then the tasks that hold them ended, with the process.
    let _ready = tokio::join!(
        stores.wait_until_ready(),
        deployments.wait_until_ready(),
        policies.wait_until_ready(),
        secrets.wait_until_ready()
    );
}

fn put(queue: &Queue, resource: &ShopifyStore) {
    // Nobody listens any more only when all ends.
    let namespace = resource.namespace().unwrap_or_default();
    let _put = queue.send(ObjectRef::new(&resource.name_any()).within(&namespace));
}

fn put_all(ctx: &Context, queue: &Queue) {
    ctx.all().iter().for_each(|resource| put(queue, resource));
}

/// What of a resource wakes us: what its owner says of it, never what we write into its status.
fn said(resource: &ShopifyStore) -> u64 {
    let meta = &resource.metadata;
    let annotation = |name: &str| meta.annotations.as_ref().and_then(|all| all.get(name));
    quick((
        meta.generation,
        &meta.finalizers,
        meta.deletion_timestamp.as_ref().map(|at| at.0.as_second()),
        annotation(RECONNECT),
        annotation(RELEASE),
    ))
}

/// What is known of a resource, to tell what is news and who is gone.
struct Heard {
    said: u64,
    shop_domain: String,
}

async fn follow_stores(
    ctx: Arc<Context>,
    mut events: futures::stream::BoxStream<'static, Result<Event<Listed>, watcher::Error>>,
    queue: Queue,
    readiness: Arc<Readiness>,
) {
    let mut heard: HashMap<String, Heard> = HashMap::new();
    let mut listed: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                readiness.set(Need::Definition, true);
                match event {
                    Event::Init => listed.clear(),
                    Event::InitApply(resource) => {
                        listed.insert(resource.uid().unwrap_or_default());
                        let _news = hear(&mut heard, &resource);
                    }
                    Event::InitDone => {
                        // Deleted while nobody watched.
                        let gone =
                            heard.keys().filter(|uid| !listed.contains(*uid)).cloned().collect::<Vec<_>>();
                        gone.iter().for_each(|uid| forget(&ctx, &mut heard, uid, &queue));
                        // Only now does the cache show what was listed.
                        put_all(&ctx, &queue);
                    }
                    Event::Apply(resource) => {
                        if hear(&mut heard, &resource) {
                            put(&queue, &resource);
                        }
                    }
                    Event::Delete(resource) => {
                        forget(&ctx, &mut heard, &resource.uid().unwrap_or_default(), &queue);
                    }
                }
            }
            Err(error) => {
                let is_missing = matches!(&error, watcher::Error::InitialListFailed(kube::Error::Api(status))
                    | watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 404);
                if is_missing {
                    readiness.set(Need::Definition, false);
                }
                ctx.metrics.failed("watch");
                tracing::warn!(%error, "the resources cannot be watched");
            }
        }
    }
}

/// Notes what a resource says. Answers whether that is news.
fn hear(heard: &mut HashMap<String, Heard>, resource: &ShopifyStore) -> bool {
    let said = said(resource);
    let news = Heard { said, shop_domain: resource.spec.shop_domain.clone() };
    let before = heard.insert(resource.uid().unwrap_or_default(), news);
    before.is_none_or(|before| before.said != said)
}

/// A resource is gone: the next one in line for its shop takes over.
fn forget(ctx: &Context, heard: &mut HashMap<String, Heard>, uid: &str, queue: &Queue) {
    ctx.forget(uid);
    let Some(gone) = heard.remove(uid) else { return };
    for other in ctx.all().iter().filter(|other| other.spec.shop_domain == gone.shop_domain) {
        put(queue, other);
    }
}

/// Follows objects that resources own, and wakes their owners.
async fn follow_children<K>(
    ctx: Arc<Context>,
    kind: &'static str,
    mut events: futures::stream::BoxStream<'static, Result<Event<K>, watcher::Error>>,
    queue: Queue,
) where
    K: Resource<DynamicType = ()>,
{
    let wake = |child: &K| {
        let namespace = child.namespace().unwrap_or_default();
        for owner in child.owner_references() {
            if owner.kind == ShopifyStore::kind(&()) {
                let _put = queue.send(ObjectRef::new(&owner.name).within(&namespace));
            }
        }
    };
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(child) | Event::Delete(child)) => wake(&child),
            // At the beginning every resource is looked at anyway; after a break nobody tells who was deleted meanwhile.
            Ok(Event::InitDone) => put_all(&ctx, &queue),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Err(error) => tracing::warn!(kind, %error, "objects cannot be watched"),
        }
    }
}

async fn follow_secrets(
    ctx: Arc<Context>,
    mut events: futures::stream::BoxStream<'static, Result<Event<PartialObjectMeta<Secret>>, watcher::Error>>,
    queue: Queue,
) {
    let mut versions: HashMap<String, Option<String>> = HashMap::new();
    let wake = |name: &str| {
        ctx.all().iter().filter(|store| refers_to(&store.spec, name)).for_each(|store| put(&queue, store));
    };
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(secret)) => {
                let version = secret.metadata.resource_version.clone();
                let name = secret.name_any();
                if versions.insert(name.clone(), version.clone()) != Some(version) {
                    wake(&name);
                }
            }
            Ok(Event::Delete(secret)) => {
                versions.remove(&secret.name_any());
                wake(&secret.name_any());
            }
            Ok(Event::Init) => versions.clear(),
            Ok(Event::InitApply(secret)) => {
                versions.insert(secret.name_any(), secret.metadata.resource_version);
            }
            Ok(Event::InitDone) => put_all(&ctx, &queue),
            Err(error) => tracing::warn!(%error, "the Secrets cannot be watched"),
        }
    }
}

async fn follow_service(ctx: Arc<Context>, queue: Queue, readiness: Arc<Readiness>) {
    // A break that lasts is told in every status.
    let later = {
        let (ctx, queue) = (Arc::clone(&ctx), queue.clone());
        move || {
            let (ctx, queue) = (Arc::clone(&ctx), queue.clone());
            tokio::spawn(async move {
                tokio::time::sleep(AWAY + Duration::from_secs(1)).await;
                if ctx.shelf.broken_since().is_some_and(|since| since.elapsed() >= AWAY) {
                    put_all(&ctx, &queue);
                }
            })
        }
    };
    let waiting = std::sync::Mutex::new(Some(later()));
    let told = |end| match end {
        WatchEnd::Told(change) => {
            if change.complete {
                readiness.set(Need::Service, true);
                return put_all(&ctx, &queue);
            }
            let ids: HashSet<&str> = change.stores.iter().map(String::as_str).collect();
            if !ids.is_empty() {
                ctx.all()
                    .iter()
                    .filter(|store| ids.contains(store_id(&store.spec)))
                    .for_each(|store| put(&queue, store));
            }
        }
        WatchEnd::Broke => {
            if readiness.set(Need::Service, false) {
                let mut waiting = waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Some(before) = waiting.replace(later()) {
                    before.abort();
                }
            }
        }
    };
    service::follow(ctx.service.clone(), ctx.shelf.clone(), told).await;
}

async fn follow_environment(ctx: Arc<Context>, queue: Queue) {
    let mut environment = ctx.environment.clone();
    while environment.changed().await.is_ok() {
        tracing::info!("the workers' environment was read: it is new");
        put_all(&ctx, &queue);
    }
}

async fn sweep_orphans(ctx: Arc<Context>) {
    loop {
        if let Err(error) = remove_orphans(&ctx).await {
            tracing::warn!(%error, "an orphan could not be removed");
        }
        tokio::time::sleep(ORPHANS_EVERY).await;
    }
}
