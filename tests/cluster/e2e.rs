//! The whole way: the chart, a Secret and a `ShopifyStore` become a service, an operator and a worker; orders flow from
//! the sandbox's Shopify to its Rackbeat; then it is edited, paused, killed, given a new secret and deleted.

use std::time::Duration;

use serde_json::Value;
use shopbeat_tests::cluster::{Node, Plane, Program, Said};
use shopbeat_tests::{LONG, Plan, SHORT, World, until};

use crate::rights;

const HANDLE: &str = "fjeld";
const WORKER: &str = "shopbeat.dev/store";

struct Stage {
    plane: Plane,
    namespace: String,
    node: Node,
    world: World,
}

fn master_key() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([7_u8; 32])
}

impl Stage {
    /// The chart is installed as a platform team does it, with a Redis of theirs. The world's own `serve` is the test's
    /// window on the same state: it takes no webhook and runs no worker.
    async fn set(seed: u64) -> Self {
        let world = World::start(Plan::new(seed).on_redis()).await;
        let plane = Plane::start().await;
        let namespace = plane.namespace("shops").await;
        let node = Node::plan(&plane, "node-a")
            .of(&namespace)
            .runs("/usr/local/bin/shopbeat", Program::at(shopbeat_tests::shopbeat()))
            .runs("/usr/local/bin/shopbeat-operator", Program::at(shopbeat_tests::operator()))
            .start()
            .await;
        let stage = Self { plane, namespace, node, world };
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
        stage.install().await;
        stage
    }

    async fn install(&self) {
        let namespace = self.namespace.as_str();
        self.plane.helm(&["install", "shopbeat-crds", "charts/shopbeat-crds", "-n", namespace]).await.good();
        let values = self.values();
        let file = self.plane.dir().join("values.json");
        std::fs::write(&file, values.to_string()).expect("a file can be written");
        let file = file.display().to_string();
        let installed = self
            .plane
            .helm(&["install", "shopbeat", "charts/shopbeat", "-n", namespace, "-f", &file])
            .await
            .good();
        assert!(installed.contains("kubectl"), "the next command is told: {installed}");
        self.node.ready(namespace, "app.kubernetes.io/component", "sync", 2).await;
        self.node.ready(namespace, "app.kubernetes.io/component", "operator", 1).await;
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
            // The names of pods' certificates mean nothing where all pods are on one loopback.
            "tls": {"enabled": false},
            "sync": {"drainSeconds": 0},
            "networkPolicy": {"enabled": true, "redisTo": [{"podSelector": {}}]},
            "log": {"format": "text", "filter": "info,shopbeat_engine=debug"},
        })
    }

    async fn kubectl(&self, args: &[&str]) -> Said {
        let mut all = vec!["-n", self.namespace.as_str()];
        all.extend(args);
        self.plane.kubectl(&all).await
    }

    async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: serde_json::Map<String, Value> =
            data.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data,
        });
        self.plane.apply(&self.namespace, &secret.to_string()).await.good();
    }

    async fn secrets(&mut self, client_secret: &str) {
        let token = self.world.rackbeat().tokens(self.world.account()).first().cloned().expect("a token");
        let client = format!("client-{HANDLE}");
        self.secret("shopify", &[("clientId", &client), ("clientSecret", client_secret)]).await;
        self.secret("rackbeat", &[("token", &token)]).await;
    }

    async fn create(&mut self) {
        let since = shopbeat_tests::ago(Duration::from_secs(3600));
        let since = jiff::Timestamp::from_second(since.seconds).expect("a time").to_string();
        let store = serde_json::json!({
            "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore", "metadata": {"name": "oslo"},
            "spec": {
                "shopDomain": format!("{HANDLE}.myshopify.com"), "agreement": "nordlys",
                "shopify": {"credentialsSecretRef": {"name": "shopify"}},
                "rackbeat": {"credentialsSecretRef": {"name": "rackbeat"}},
                "orders": {"since": since, "freightProduct": "FREIGHT", "roundingProduct": "ROUNDING"},
            },
        });
        self.plane.apply(&self.namespace, &store.to_string()).await.good();
        self.kubectl(&["wait", "--for=condition=Ready", "shop/oslo", "--timeout=120s"]).await.good();
        self.world.connected_by_another(HANDLE);
    }

    async fn patch(&self, spec: &Value) {
        let patch = serde_json::json!({ "spec": spec }).to_string();
        self.kubectl(&["patch", "shop", "oslo", "--type=merge", "-p", &patch]).await.good();
    }

    /// The line of `kubectl get shops`, once it has what is looked for.
    async fn line(&self, wanted: &[&str]) -> String {
        until(&format!("kubectl get shops shows {wanted:?}"), LONG, async || {
            let table = self.kubectl(&["get", "shops"]).await.good();
            let line = table.lines().nth(1).unwrap_or_default().to_owned();
            let cells: Vec<&str> = line.split_whitespace().collect();
            if wanted.iter().all(|cell| cells.contains(cell)) { Ok(line) } else { Err(table) }
        })
        .await
    }

    /// The worker's process.
    async fn worker(&self) -> (String, u32) {
        let pods = self.node.ready(&self.namespace, WORKER, HANDLE, 1).await;
        let pod = pods.first().expect("one was asked for");
        (pod.pod.clone(), pod.containers["worker"].process.expect("it runs"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_becomes_a_worker_orders_flow_and_its_deletion_disconnects_the_store() {
    let mut stage = Stage::set(401).await;
    stage.secrets(&format!("shpss_{HANDLE}")).await;
    stage.create().await;
    orders_flow(&mut stage).await;
    edit(&mut stage).await;
    pause_and_stop(&mut stage).await;
    kill(&mut stage).await;
    rotate(&mut stage).await;
    delete(&mut stage).await;
    rights::are_just_enough(&stage.plane, &stage.namespace, "shopbeat-operator").await;
    let uninstalled = stage.plane.helm(&["uninstall", "shopbeat", "-n", &stage.namespace]).await;
    uninstalled.good();
    stage.world.finish(LONG).await;
}

async fn orders_flow(stage: &mut Stage) {
    let addresses =
        stage.world.shopify().subscriptions(&format!("{HANDLE}.myshopify.com")).expect("the shop is there");
    assert!(!addresses.is_empty(), "webhooks are registered");
    stage.world.buy_many(HANDLE, 10);
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
    let orders = stage.world.shopify().orders(&format!("{HANDLE}.myshopify.com")).expect("the shop is there");
    let names: Vec<String> = orders.iter().map(|order| order.order.name()).collect();
    stage.line(&["oslo", HANDLE, "Running", "True", "InSync", "0"]).await;
    // Numbers are told every half minute.
    until("the last order is told", LONG, async || {
        let line = stage.line(&["oslo"]).await;
        let told = line.split_whitespace().any(|cell| names.iter().any(|name| name == cell));
        if told { Ok(()) } else { Err(line) }
    })
    .await;
}

/// A changed setting reaches the worker that runs.
async fn edit(stage: &mut Stage) {
    let before = stage.worker().await;
    stage.patch(&serde_json::json!({"orders": {"target": "Draft"}})).await;
    until("the setting is carried over", SHORT, async || {
        let store = stage.world.store(HANDLE).await.store.ok_or("no store")?;
        let target = store.settings.and_then(|settings| settings.orders).map(|orders| orders.target());
        if target == Some(shopbeat_proto::v1::Target::Draft) { Ok(()) } else { Err(format!("{target:?}")) }
    })
    .await;
    stage.world.buy_many(HANDLE, 2);
    stage.world.settled(HANDLE, LONG).await;
    assert_eq!(stage.worker().await, before, "it runs on");
    stage.patch(&serde_json::json!({"orders": {"target": "Booked"}})).await;
    // Whoever is not the operator is sent to the resource.
    let request = shopbeat_proto::v1::PauseStoreRequest { store_id: HANDLE.to_owned() };
    let refused = stage.world.api.pause_store(request).await.expect_err("the resource says what is wanted");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("oslo"), "{}", refused.message());
}

async fn pause_and_stop(stage: &mut Stage) {
    stage.patch(&serde_json::json!({"state": "Paused"})).await;
    stage.line(&["Paused"]).await;
    until("the service knows", SHORT, async || {
        let store = stage.world.store(HANDLE).await.store.ok_or("no store")?;
        let paused = store.desired() == shopbeat_proto::v1::Desired::Paused;
        if paused { Ok(()) } else { Err(format!("{:?}", store.desired())) }
    })
    .await;
    stage.world.buy_many(HANDLE, 3);
    until("the orders that wait are told", LONG, async || {
        let line = stage.line(&["Paused"]).await;
        let waiting = line.split_whitespace().nth(6).and_then(|cell| cell.parse().ok());
        if waiting.is_some_and(|waiting: u64| waiting >= 3) { Ok(()) } else { Err(line) }
    })
    .await;
    stage.worker().await;
    stage.patch(&serde_json::json!({"state": "Stopped"})).await;
    until("the worker is gone", LONG, async || {
        let left = stage.node.labelled(&stage.namespace, WORKER, HANDLE);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    stage.patch(&serde_json::json!({"state": "Running"})).await;
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
    stage.line(&["Running", "InSync"]).await;
}

/// Killed in the middle of its work, and again: nothing is lost or doubled.
async fn kill(stage: &mut Stage) {
    for _ in 0..3 {
        stage.world.rackbeat().clear_calls();
        stage.world.buy_many(HANDLE, 15);
        until("the worker is at it", LONG, async || {
            let seen = stage.world.rackbeat().calls().len();
            if seen >= 12 { Ok(()) } else { Err(format!("{seen} calls")) }
        })
        .await;
        let (pod, _) = stage.worker().await;
        stage.node.signal(&stage.namespace, &pod, "worker", "KILL");
    }
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
}

/// A changed Secret is carried over; webhooks signed with the new one are taken.
async fn rotate(stage: &mut Stage) {
    let domain = format!("{HANDLE}.myshopify.com");
    let before = stage.worker().await;
    let revision = stage.world.store(HANDLE).await.store.expect("a store").revision;
    stage.world.shopify().rotate_secret(&domain, "shpss_new").expect("the shop is there");
    stage.secrets("shpss_new").await;
    until("the credentials are carried over", SHORT, async || {
        let now = stage.world.store(HANDLE).await.store.ok_or("no store")?.revision;
        if now > revision { Ok(()) } else { Err(format!("revision {now}")) }
    })
    .await;
    stage.world.buy_many(HANDLE, 3);
    stage.world.settled(HANDLE, LONG).await;
    assert_eq!(stage.worker().await, before, "no worker is restarted for it");
}

/// Also where the Secrets are gone already.
async fn delete(stage: &mut Stage) {
    let domain = format!("{HANDLE}.myshopify.com");
    stage.world.check(HANDLE).await;
    stage.kubectl(&["delete", "secret", "shopify", "rackbeat"]).await.good();
    stage.kubectl(&["delete", "shop", "oslo", "--timeout=60s"]).await.good();
    let told = stage.world.store(HANDLE).await;
    assert!(told.store.is_some_and(|store| store.disconnected_at.is_some()), "the store is disconnected");
    let left = stage.world.shopify().subscriptions(&domain).expect("the shop is there");
    assert_eq!(left, [], "its webhooks are removed");
    until("the worker is gone", LONG, async || {
        let left = stage.node.labelled(&stage.namespace, WORKER, HANDLE);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let holder = stage.world.store(HANDLE).await.worker;
    assert_eq!(holder, "", "its lease is free");
    let table = stage.kubectl(&["get", "shops"]).await;
    assert!(!table.good().contains("oslo"), "the resource is gone");
    stage.world.disconnected_by_another(HANDLE);
}
