//! The chart, installed beside a world: what the story is told on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use shopbeat_tests::cluster::{Node, Plane, Program, Running, Said};
use shopbeat_tests::{HttpClient, LONG, Plan, SHORT, World, until};

/// The label of workers, with the handle of their shop.
pub(super) const WORKER: &str = "shopbeat.dev/store";

/// A worker that no resource stands behind.
const ORPHAN: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shopbeat-worker-orphan
  labels: {app.kubernetes.io/managed-by: shopbeat-operator, app.kubernetes.io/component: worker}
spec:
  replicas: 0
  selector: {matchLabels: {shopbeat.dev/store: orphan}}
  template:
    metadata: {labels: {shopbeat.dev/store: orphan}}
    spec: {containers: [{name: worker, image: x}]}
"#;

/// In the order in which it ends: the node tells its logs, which lie in the plane's directory, when a test fails.
pub(super) struct Stage {
    pub(super) node: Node,
    pub(super) world: World,
    pub(super) namespace: String,
    pub(super) plane: Plane,
}

fn master_key() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([7_u8; 32])
}

impl Stage {
    /// The chart is installed as a platform team does it, with a Redis of theirs. The world's own `serve` is the test's
    /// window on the same state: it takes no webhook and runs no worker.
    pub(super) async fn set(plan: Plan) -> Self {
        let world = World::start(plan.on_redis()).await;
        let plane = Plane::start().await;
        let namespace = plane.namespace("shops").await;
        let node = Node::plan(&plane, "node-a")
            .of(&namespace)
            .runs("/usr/local/bin/shopbeat", Program::at(shopbeat_tests::shopbeat()))
            .runs("/usr/local/bin/shopbeat-operator", Program::at(shopbeat_tests::operator()))
            .start()
            .await;
        let stage = Self { node, world, namespace, plane };
        let redis = stage.world.redis.as_ref().expect("the world has a Redis").address();
        stage
            .secret(
                "state",
                &[
                    ("SHOPBEAT_REDIS_URL", &format!("redis://{redis}/0")),
                    ("SHOPBEAT_MASTER_KEY", &master_key()),
                ],
            )
            .await;
        stage.certificate().await;
        stage.install().await;
        stage
    }

    /// By the platform's own authority; all pods are on one loopback here, which the certificate that the chart makes does
    /// not name.
    async fn certificate(&self) {
        let read = |path: &Path| std::fs::read_to_string(path).expect("the file is there");
        let (certificate, key) = self.plane.server("api");
        let authority = read(self.plane.authority());
        let data = [("tls.crt", &*read(&certificate)), ("tls.key", &read(&key)), ("ca.crt", &authority)];
        self.secret("tls", &data).await;
    }

    async fn install(&self) {
        self.helm(&["install", "shopbeat-crds", "charts/shopbeat-crds"]).await.good();
        self.plane.apply(&self.namespace, ORPHAN).await.good();
        let values = self.values();
        let file = self.plane.dir().join("values.json");
        std::fs::write(&file, values.to_string()).expect("a file can be written");
        let file = file.display().to_string();
        let installed = self.helm(&["install", "shopbeat", "charts/shopbeat", "-f", &file]).await.good();
        assert!(installed.contains("kubectl"), "the next command is told: {installed}");
        let namespace = self.namespace.as_str();
        self.node.ready(namespace, "app.kubernetes.io/component", "sync", 2).await;
        self.node.ready(namespace, "app.kubernetes.io/component", "operator", 1).await;
        until("the orphan is removed", SHORT, async || {
            let said = self.kubectl(&["get", "deployment", "shopbeat-worker-orphan"]).await;
            if said.err.contains("not found") { Ok(()) } else { Err(said.out + &said.err) }
        })
        .await;
    }

    fn values(&self) -> Value {
        let sandbox = |name: &str| {
            let found = self.world.service.env.iter().find(|(variable, _)| variable == name);
            found.unwrap_or_else(|| panic!("{name} is not set")).1.clone()
        };
        serde_json::json!({
            "publicUrl": format!("http://shopbeat-http.{}.svc:8080", self.namespace),
            "state": {"existingSecret": "state"},
            "remotes": {
                "shopifyUrl": sandbox("SHOPBEAT_SHOPIFY_URL"),
                "rackbeatUrl": sandbox("SHOPBEAT_RACKBEAT_URL"),
                "leaseSeconds": 3,
                "rackbeatUnpaced": true,
                "insecure": true,
            },
            "tls": {"existingSecret": "tls"},
            "sync": {"drainSeconds": 0},
            "networkPolicy": {"enabled": true, "redisTo": [{"podSelector": {}}]},
            "log": {"format": "text", "filter": "info,shopbeat_engine=debug"},
        })
    }

    pub(super) async fn kubectl(&self, args: &[&str]) -> Said {
        self.plane.kubectl(&[&["-n", self.namespace.as_str()], args].concat()).await
    }

    pub(super) async fn helm(&self, args: &[&str]) -> Said {
        self.plane.helm(&[args, &["-n", self.namespace.as_str()]].concat()).await
    }

    pub(super) async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: serde_json::Map<String, Value> =
            data.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data,
        });
        self.plane.apply(&self.namespace, &secret.to_string()).await.good();
    }

    /// The Secrets of a shop's store.
    pub(super) async fn secrets(&self, handle: &str, client_secret: &str) {
        let token = self.world.rackbeat().tokens(self.world.account()).first().cloned().expect("a token");
        let client = format!("client-{handle}");
        self.secret("shopify", &[("clientId", &client), ("clientSecret", client_secret)]).await;
        self.secret("rackbeat", &[("token", &token)]).await;
    }

    /// A store of this name, from nothing to Ready.
    pub(super) async fn create(&mut self, name: &str, handle: &str) {
        let since = shopbeat_tests::ago(Duration::from_secs(3600));
        let since = jiff::Timestamp::from_second(since.seconds).expect("a time").to_string();
        let store = serde_json::json!({
            "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore", "metadata": {"name": name},
            "spec": {
                "shopDomain": format!("{handle}.myshopify.com"), "agreement": "nordlys",
                "shopify": {"credentialsSecretRef": {"name": "shopify"}},
                "rackbeat": {"credentialsSecretRef": {"name": "rackbeat"}},
                "orders": {"since": since, "freightProduct": "FREIGHT", "roundingProduct": "ROUNDING"},
            },
        });
        self.plane.apply(&self.namespace, &store.to_string()).await.good();
        let wait = ["wait", "--for=condition=Ready", &format!("shop/{name}"), "--timeout=120s"];
        self.kubectl(&wait).await.good();
        self.world.connected_by_another(handle);
    }

    pub(super) async fn patch(&self, spec: &Value) {
        let patch = serde_json::json!({ "spec": spec }).to_string();
        self.kubectl(&["patch", "shop", "oslo", "--type=merge", "-p", &patch]).await.good();
    }

    /// What a path of a store's resource says.
    pub(super) async fn says(&self, name: &str, path: &str) -> String {
        self.kubectl(&["get", "shop", name, "-o", &format!("jsonpath={path}")]).await.good()
    }

    /// What the operator's `/metrics` shows.
    pub(super) async fn operators_metrics(&self) -> String {
        let operator = self.node.ready(&self.namespace, "app.kubernetes.io/component", "operator", 1).await;
        let port = operator.first().expect("one was asked for").ports["http"];
        let mut client = HttpClient::new(([127, 0, 0, 1], port).into());
        client.get("/metrics").await.expect("the operator answers").text
    }

    /// Who manages fields of an object of this kind, but its status: `Apply by WHO` or `Update by WHO`.
    pub(super) async fn managers(&self, object: &str) -> BTreeSet<String> {
        let told = self.kubectl(&["get", object, "-o", "json", "--show-managed-fields"]).await.good();
        let told: Value = serde_json::from_str(&told).expect("an object");
        let managers = told["metadata"]["managedFields"].as_array().into_iter().flatten();
        let managers = managers.filter(|one| one["subresource"].is_null());
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        managers.map(|one| format!("{} by {}", text(one, "operation"), text(one, "manager"))).collect()
    }

    /// How often each event about a store was told. Of those that repeat within minutes there is one object, with a count.
    pub(super) async fn events(&self, name: &str) -> BTreeMap<String, u64> {
        let told = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"]).await.good();
        let told: Value = serde_json::from_str(&told).expect("events");
        let about =
            told["items"].as_array().into_iter().flatten().filter(|one| one["regarding"]["name"] == name);
        let mut counts = BTreeMap::new();
        for event in about {
            let reason = event["reason"].as_str().unwrap_or_default().to_owned();
            *counts.entry(reason).or_default() += event["series"]["count"].as_u64().unwrap_or(1);
        }
        counts
    }

    /// The line of `kubectl get shops`, once it has what is looked for.
    pub(super) async fn line(&self, wanted: &[&str]) -> String {
        until(&format!("kubectl get shops shows {wanted:?}"), LONG, async || {
            let table = self.kubectl(&["get", "shops"]).await.good();
            let line = table.lines().nth(1).unwrap_or_default().to_owned();
            let cells: Vec<&str> = line.split_whitespace().collect();
            if wanted.iter().all(|cell| cells.contains(cell)) { Ok(line) } else { Err(table) }
        })
        .await
    }

    /// The worker of a shop: its pod and its process.
    pub(super) async fn worker(&self, handle: &str) -> (String, u32) {
        let pods = self.node.ready(&self.namespace, WORKER, handle, 1).await;
        let pod = pods.first().expect("one was asked for");
        (pod.pod.clone(), pod.containers["worker"].process.expect("it runs"))
    }

    pub(super) async fn worker_gone(&self, handle: &str) {
        until("the worker is gone", LONG, async || {
            let left: Vec<Running> = self.node.labelled(&self.namespace, WORKER, handle);
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
    }
}
