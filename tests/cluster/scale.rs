//! Many stores at once, and then nothing to do. Small among the other tests; `tests/run scale` takes a thousand stores
//! and ten quiet minutes and tells the figures, as the API server counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use shopbeat_operator::resource::{ShopifyStore, definition_yaml};
use shopbeat_tests::cluster::{Asked, FakeService, Parts, Plane, Requests};
use shopbeat_tests::{Process, operator};
use tokio::time::timeout;

/// Who the operator is to the API server, for its audit log.
const OPERATOR: &str = "the-operator";
/// What an operator may write.
const OURS: [&str; 6] =
    ["shopifystores", "deployments", "networkpolicies", "secrets", "configmaps", "events"];
/// So many applies are under way at once.
const AT_ONCE: usize = 50;
/// Numbers that wait for their half minute are written by then.
const SETTLED: Duration = Duration::from_secs(35);
/// Who is not silent after so many of them never will be.
const ROUNDS: u32 = 8;

#[tokio::test]
async fn many_stores_come_up_and_then_nothing_is_written() {
    let asked: Option<u32> =
        std::env::var("SHOPBEAT_TEST_SCALE").ok().map(|text| text.parse().expect("a number"));
    let minutes =
        std::env::var("SHOPBEAT_TEST_SCALE_MINUTES").ok().map(|text| text.parse().expect("a number"));
    let (stores, quiet) = match asked {
        Some(stores) => (stores, Duration::from_secs(60 * minutes.unwrap_or(10))),
        None => (20, Duration::from_secs(30)),
    };
    // No controllers: what is counted is the operator's, and a worker is up when the test says so.
    let plane = Plane::with(Parts { controllers: false, scheduler: false }).await;
    let place = Place::prepare(&plane, stores).await;
    let service = FakeService::start().await;
    let process = place.operator(&service);

    let before = plane.requests().await;
    let begun = Instant::now();
    let ((), came) =
        tokio::join!(place.apply_all(), place.come_up(begun, Duration::from_secs(60 + u64::from(stores))));
    let metrics = plane.requests().await.since(&before);
    println!("{stores} stores applied at once: all applied after {:.1?}", came.applied);
    println!("all have a worker Deployment after {:.1?}, a status after {:.1?}", came.deployed, came.told);
    println!("all are Ready after {:.1?} (a worker is up as soon as its Deployment is there)", came.ready);
    tell_requests(&plane, &metrics, stores);
    println!("operator: {}", memory(process.id()));

    let events = place.until_silent().await;
    println!("silent after {events} more events");
    let before = plane.requests().await;
    assert_eq!(place.events_within(quiet).await, 0, "a store was written though nothing was to do");
    let requests = plane.requests().await.since(&before);
    println!(
        "then {} quiet seconds, writes (the leases are those of the operator and of the API server):",
        quiet.as_secs()
    );
    tell(&requests.only(|asked| asked.is_write()));
    println!("operator: {}", memory(process.id()));
    let written = requests.only(|asked| asked.is_write() && OURS.contains(&asked.resource.as_str()));
    assert_eq!(written.total(), 0, "{written:?}");
    plane.stop().await;
}

/// When all stores had got how far.
struct Came {
    applied: Duration,
    deployed: Duration,
    told: Duration,
    ready: Duration,
}

struct Place<'a> {
    plane: &'a Plane,
    client: Client,
    namespace: String,
    stores: u32,
}

impl<'a> Place<'a> {
    /// The definition, the operator's rights, and all Secrets.
    async fn prepare(plane: &'a Plane, stores: u32) -> Self {
        let definition = definition_yaml().expect("it can be made");
        plane.apply("default", &definition).await.good();
        plane
            .kubectl(&["wait", "--for=condition=Established", "crd/shopifystores.shopbeat.dev"])
            .await
            .good();
        let user = format!("--user={OPERATOR}");
        plane
            .kubectl(&["create", "clusterrolebinding", OPERATOR, "--clusterrole=cluster-admin", &user])
            .await
            .good();
        let namespace = plane.namespace("scale").await;
        let place = Self { plane, client: plane.client().await, namespace, stores };
        let env = json!({ "SHOPBEAT_REDIS_URL": "redis://redis" });
        place.secret("worker-env", &env).await;
        place.secret("acme-rackbeat", &json!({ "token": "rb-token" })).await;
        let shopify = json!({ "clientId": "id", "clientSecret": "secret" });
        let names = (0..stores).map(|n| format!("shop-{n}-shopify"));
        let secrets = stream::iter(names).map(|name| {
            let (place, shopify) = (&place, &shopify);
            async move { place.secret(&name, shopify).await }
        });
        secrets.buffer_unordered(AT_ONCE).collect::<()>().await;
        place
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn secret(&self, name: &str, data: &serde_json::Value) {
        let secret = json!({ "metadata": { "name": name }, "stringData": data });
        let secret: Secret = serde_json::from_value(secret).expect("a Secret");
        self.api::<Secret>().create(&PostParams::default(), &secret).await.expect("it is taken");
    }

    fn operator(&self, service: &FakeService) -> Process {
        let kubeconfig = self.plane.user(OPERATOR, "operators");
        let mut command = Command::new(operator());
        command
            .args(["run", "--namespace", &self.namespace, "--service-url", &service.url()])
            .args(["--worker-image", "shopbeat:test", "--worker-env-secret", "worker-env"])
            .args(["--http-listen", "127.0.0.1:0"])
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", "operator")
            .env("SHOPBEAT_OPERATOR_LOG", "warn");
        Process::start("operator", command, self.plane.dir())
    }

    async fn apply_all(&self) {
        let api = self.api::<ShopifyStore>();
        let all = stream::iter(0..self.stores).map(|n| {
            let store = json!({
                "apiVersion": "shopbeat.dev/v1alpha1",
                "kind": "ShopifyStore",
                "metadata": { "name": format!("shop-{n}") },
                "spec": {
                    "shopDomain": format!("shop-{n}.myshopify.com"),
                    "agreement": "acme",
                    "shopify": { "credentialsSecretRef": { "name": format!("shop-{n}-shopify") } },
                    "rackbeat": { "credentialsSecretRef": { "name": "acme-rackbeat" } },
                },
            });
            let api = &api;
            async move {
                let how = PatchParams::apply("owner");
                api.patch(&format!("shop-{n}"), &how, &Patch::Apply(store)).await.expect("it is taken");
            }
        });
        all.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Watches all stores come up; tells each Deployment that its worker is up, as its controller would.
    async fn come_up(&self, begun: Instant, within: Duration) -> Came {
        let wanted = usize::try_from(self.stores).expect("a number of stores");
        let workers = async {
            let mut events =
                std::pin::pin!(watcher(self.api::<Deployment>(), Config::default()).applied_objects());
            let mut seen = BTreeSet::new();
            let mut up = stream::FuturesUnordered::new();
            let mut deployed = None;
            while deployed.is_none() || !up.is_empty() {
                tokio::select! {
                    event = events.try_next() => {
                        let deployment = event.expect("the watch goes on").expect("the watch goes on");
                        if seen.insert(deployment.name_any()) {
                            up.push(self.worker_up(deployment));
                        }
                    }
                    Some(()) = up.next() => {}
                }
                if seen.len() == wanted {
                    deployed.get_or_insert_with(|| begun.elapsed());
                }
            }
            deployed.unwrap_or_default()
        };
        let came = async { tokio::join!(workers, self.statuses(begun, wanted)) };
        let Ok((deployed, (applied, told, ready))) = timeout(within, came).await else {
            panic!("not all stores are up after {within:?}:\n{}", self.not_up().await);
        };
        Came { applied, deployed, told, ready }
    }

    /// Some of those that are not up, with their workers, as kubectl shows them.
    async fn not_up(&self) -> String {
        let get = ["get", "shops,deployments", "-o", "wide", "-n", &self.namespace];
        let table = self.plane.kubectl(&get).await;
        let lines = table.out.lines().filter(|line| !line.contains("InSync") && !line.contains(" 1/1 "));
        lines.chain(table.err.lines()).take(20).collect::<Vec<_>>().join("\n")
    }

    /// When all were applied, had a status, were Ready.
    async fn statuses(&self, begun: Instant, wanted: usize) -> (Duration, Duration, Duration) {
        let mut events =
            std::pin::pin!(watcher(self.api::<ShopifyStore>(), Config::default()).applied_objects());
        let mut stores: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let (mut applied, mut told) = (None, None);
        loop {
            let store = events.try_next().await.expect("the watch goes on").expect("the watch goes on");
            let mut conditions = store.status.iter().flat_map(|status| &status.conditions);
            let ready = conditions.find(|condition| condition.type_ == "Ready");
            stores.insert(store.name_any(), ready.map(|ready| ready.status == "True"));
            if stores.len() == wanted {
                applied.get_or_insert_with(|| begun.elapsed());
                if stores.values().all(Option::is_some) {
                    told.get_or_insert_with(|| begun.elapsed());
                }
                if stores.values().all(|ready| *ready == Some(true)) {
                    return (applied.unwrap_or_default(), told.unwrap_or_default(), begun.elapsed());
                }
            }
        }
    }

    async fn worker_up(&self, deployment: Deployment) {
        let status = json!({ "status": {
            "observedGeneration": deployment.metadata.generation,
            "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        } });
        let api = self.api::<Deployment>();
        let told =
            api.patch_status(&deployment.name_any(), &PatchParams::default(), &Patch::Merge(status)).await;
        told.expect("it is told");
    }

    /// Until no store is written any more; the number of writes seen meanwhile.
    async fn until_silent(&self) -> u64 {
        let mut all = 0;
        for _ in 0..ROUNDS {
            match self.events_within(SETTLED).await {
                0 => return all,
                more => all += more,
            }
        }
        panic!("stores are written again and again: {all} times in {:?}", SETTLED * ROUNDS);
    }

    /// Writes to stores that are seen in so long.
    async fn events_within(&self, within: Duration) -> u64 {
        let mut events = std::pin::pin!(watcher(self.api::<ShopifyStore>(), Config::default()));
        let mut seen = 0;
        let watching = async {
            loop {
                let event = events.try_next().await.expect("the watch goes on");
                if matches!(event, Some(Event::Apply(_) | Event::Delete(_))) {
                    seen += 1;
                }
            }
        };
        let _over = timeout(within, watching).await;
        seen
    }
}

/// What the operator asked per store, by the audit log; all requests, by the metrics.
fn tell_requests(plane: &Plane, metrics: &Requests, stores: u32) {
    let audit = plane.audit();
    let of_operator =
        audit.iter().filter(|line| line.user.username == OPERATOR && line.stage == "ResponseComplete");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for line in of_operator {
        let object = line.object_ref.clone().unwrap_or_default();
        let part =
            if object.subresource.is_empty() { String::new() } else { format!("/{}", object.subresource) };
        *counts.entry(format!("{} {}{part}", line.verb, object.resource)).or_default() += 1;
    }
    let all: u32 = counts.values().sum();
    println!("requests of the operator: {all}, {} per store:", per(all, stores));
    for (what, count) in &counts {
        println!("  {count:>7}  {what}");
    }
    println!(
        "requests in all, as the API server's metrics tell (the test's own applies and status writes are among them):"
    );
    tell(&metrics.only(|asked: &Asked| OURS.contains(&asked.resource.as_str())));
}

fn per(count: u32, stores: u32) -> String {
    let tenths = count * 10 / stores.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn tell(requests: &Requests) {
    for (asked, count) in &requests.0 {
        let part =
            if asked.subresource.is_empty() { String::new() } else { format!("/{}", asked.subresource) };
        println!("  {count:>7}  {} {}{part} {}", asked.verb, asked.resource, asked.code);
    }
}

/// Resident memory now and at most.
fn memory(process: u32) -> String {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
    let status = status.unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("unknown", str::trim).to_owned()
    };
    format!("resident {}, at most {}", field("VmRSS:"), field("VmHWM:"))
}
