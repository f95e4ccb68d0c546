//! The whole way: the chart, a Secret and a `ShopifyStore` become a service, an operator and a worker; orders flow from
//! the sandbox's Shopify to its Rackbeat; then it is edited, paused, killed, given a new secret and deleted, and the
//! release is removed.

mod stage;

use std::collections::BTreeSet;

use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_tests::{LONG, Plan, SHORT, until};

use self::stage::Stage;
use crate::rights;

const HANDLE: &str = "fjeld";
const DOMAIN: &str = "fjeld.myshopify.com";
/// A shop whose merchant leaves.
const LEAVES: &str = "bjerg";

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_becomes_a_worker_orders_flow_and_its_deletion_disconnects_the_store() {
    let plan = Plan { shops: vec![HANDLE, LEAVES], ..Plan::new(401) };
    let mut stage = Stage::set(plan).await;
    stage.helm(&["test", "shopbeat", "--timeout=60s"]).await.good();
    stage.secrets(HANDLE, &format!("shpss_{HANDLE}")).await;
    stage.create("oslo", HANDLE).await;
    orders_flow(&mut stage).await;
    replay(&stage).await;
    edit(&mut stage).await;
    pause_and_stop(&mut stage).await;
    kill(&mut stage).await;
    rotate(&mut stage).await;
    delete(&mut stage).await;
    delete_after_the_app_is_gone(&mut stage).await;
    uninstall(&mut stage).await;
    stage.world.finish(LONG).await;
}

async fn orders_flow(stage: &mut Stage) {
    let addresses = stage.world.shopify().subscriptions(DOMAIN).expect("the shop is there");
    assert!(!addresses.is_empty(), "webhooks are registered");
    let mut managers = stage.managers("deployment/shopbeat-worker-fjeld").await;
    // Its controller notes the revision.
    managers.remove("Update by kube-controller-manager");
    assert_eq!(managers, BTreeSet::from(["Apply by shopbeat-operator".to_owned()]));
    let metrics = stage.operators_metrics().await;
    assert!(metrics.contains("shopbeat_operator_time_to_ready_seconds_count 1\n"), "{metrics}");
    stage.world.buy_many(HANDLE, 10);
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
    let orders = stage.world.shopify().orders(DOMAIN).expect("the shop is there");
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

/// All that went over goes through once more, and nothing stands otherwise.
async fn replay(stage: &Stage) {
    let before = stage.world.rackbeat().orders(stage.world.account());
    let hour_ago = stage.says("oslo", "{.spec.orders.since}").await;
    stage.patch(&json!({"replay": {"id": "once more", "from": hour_ago}})).await;
    until("the replay is over", LONG, async || {
        let told = stage.says("oslo", "{.status.replay}").await;
        let replay: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
        if replay["phase"] == "Finished" { Ok(replay) } else { Err(told) }
    })
    .await;
    let of = async |field: &str| stage.says("oslo", &format!("{{.status.replay.{field}}}")).await;
    assert_eq!(
        (of("id").await, of("orders").await, of("changed").await),
        ("once more".into(), "10".into(), "0".into())
    );
    assert_eq!(stage.world.rackbeat().orders(stage.world.account()), before);
}

/// A changed setting reaches the worker that runs.
async fn edit(stage: &mut Stage) {
    let ready_since = r#"{.status.conditions[?(@.type=="Ready")].lastTransitionTime}"#;
    let before = (stage.worker(HANDLE).await, stage.says("oslo", ready_since).await);
    stage.patch(&json!({"orders": {"target": "Draft"}})).await;
    target(stage, v1::Target::Draft).await;
    stage.world.buy_many(HANDLE, 2);
    stage.world.settled(HANDLE, LONG).await;
    let rows = stage.world.rackbeat().orders(stage.world.account());
    assert_eq!(rows.iter().filter(|row| !row.booked).count(), 2, "{rows:?}");
    let after = (stage.worker(HANDLE).await, stage.says("oslo", ready_since).await);
    assert_eq!(after, before, "it runs on, and was Ready all the time");
    // Told in the same words it is the same event, counted: for that the operator may patch events.
    stage.patch(&json!({"orders": {"target": "Booked"}})).await;
    target(stage, v1::Target::Booked).await;
    // Whoever is not the operator is sent to the resource.
    let request = v1::PauseStoreRequest { store_id: HANDLE.to_owned() };
    let refused = stage.world.api.pause_store(request).await.expect_err("the resource says what is wanted");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("oslo"), "{}", refused.message());
}

async fn target(stage: &mut Stage, wanted: v1::Target) {
    until("the setting is carried over", SHORT, async || {
        let store = stage.world.store(HANDLE).await.store.ok_or("no store")?;
        let target = store.settings.and_then(|settings| settings.orders).map(|orders| orders.target());
        if target == Some(wanted) { Ok(()) } else { Err(format!("{target:?}")) }
    })
    .await;
}

async fn pause_and_stop(stage: &mut Stage) {
    stage.patch(&json!({"state": "Paused"})).await;
    stage.line(&["Paused"]).await;
    until("the service knows", SHORT, async || {
        let store = stage.world.store(HANDLE).await.store.ok_or("no store")?;
        let paused = store.desired() == v1::Desired::Paused;
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
    stage.worker(HANDLE).await;
    stage.patch(&json!({"state": "Stopped"})).await;
    stage.worker_gone(HANDLE).await;
    // Nobody is there who could look for them: what comes is recorded all the same.
    stage.world.buy_many(HANDLE, 2);
    until("what comes is recorded", SHORT, async || {
        let jobs = stage.world.store(HANDLE).await.jobs.ok_or("no queue")?;
        if jobs.ready >= 5 { Ok(()) } else { Err(format!("{jobs:?}")) }
    })
    .await;
    stage.patch(&json!({"state": "Running"})).await;
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
    stage.line(&["Running", "InSync"]).await;
    // Each of it came to pass so often, and that is how often it was told.
    let events = stage.events("oslo").await;
    for (reason, times) in [
        ("Connected", 1),
        ("ReplayBegun", 1),
        ("SettingsCarried", 2),
        ("Paused", 1),
        ("Stopped", 1),
        ("WorkerRemoved", 1),
        ("WorkerCreated", 2),
        ("InSync", 2),
    ] {
        assert_eq!(events.get(reason), Some(&times), "{reason} in {events:?}");
    }
}

/// Killed in the middle of its work, and again: nothing is lost or doubled. Each time Rackbeat has done what it was
/// asked for and the worker is never told.
async fn kill(stage: &mut Stage) {
    let faults = stage.world.sandbox.core().faults.clone();
    for route in ["POST /orders/drafts", "POST /orders/*/book", "GET /orders/*"] {
        let (pod, _) = stage.worker(HANDLE).await;
        let before = faults.struck();
        faults.add(Rule::new(Remote::Rackbeat, route, When::Nth(3), Fault::TimeoutAfter));
        stage.world.buy_many(HANDLE, 10);
        until(&format!("the worker is at {route}"), LONG, async || {
            if faults.struck() > before { Ok(()) } else { Err("not yet".to_owned()) }
        })
        .await;
        stage.node.signal(&stage.namespace, &pod, "worker", "KILL");
        faults.clear();
    }
    stage.world.settled(HANDLE, LONG).await;
    stage.world.check(HANDLE).await;
}

/// A changed Secret is carried over; webhooks signed with the new one are taken.
async fn rotate(stage: &mut Stage) {
    stage.world.shopify().settled().await;
    let before = stage.worker(HANDLE).await;
    let revision = stage.world.store(HANDLE).await.store.expect("a store").revision;
    stage.world.shopify().rotate_secret(DOMAIN, "shpss_new").expect("the shop is there");
    stage.secrets(HANDLE, "shpss_new").await;
    until("the credentials are carried over", SHORT, async || {
        let now = stage.world.store(HANDLE).await.store.ok_or("no store")?.revision;
        if now > revision { Ok(()) } else { Err(format!("revision {now}")) }
    })
    .await;
    let deliveries = stage.world.shopify().deliveries();
    stage.world.buy_many(HANDLE, 3);
    stage.world.settled(HANDLE, LONG).await;
    // A sweep would have found the orders, too.
    until("the webhooks are taken", SHORT, async || {
        let now = stage.world.shopify().deliveries();
        let (due, taken) = (now.due - deliveries.due, now.accepted - deliveries.accepted);
        if due > 0 && taken == due { Ok(()) } else { Err(format!("{taken} of {due}")) }
    })
    .await;
    assert_eq!(stage.worker(HANDLE).await, before, "no worker is restarted for it");
}

/// Also where the Secrets are gone already.
async fn delete(stage: &mut Stage) {
    stage.kubectl(&["delete", "secret", "shopify", "rackbeat"]).await.good();
    stage.kubectl(&["delete", "shop", "oslo", "--timeout=60s"]).await.good();
    let told = stage.world.store(HANDLE).await;
    assert!(told.store.is_some_and(|store| store.disconnected_at.is_some()), "the store is disconnected");
    let left = stage.world.shopify().subscriptions(DOMAIN).expect("the shop is there");
    assert_eq!(left, [], "its webhooks are removed");
    stage.worker_gone(HANDLE).await;
    let holder = stage.world.store(HANDLE).await.worker;
    assert_eq!(holder, "", "its lease is free");
    let table = stage.kubectl(&["get", "shops"]).await;
    assert!(!table.good().contains("oslo"), "the resource is gone");
}

/// The merchant uninstalled the app: nobody lets us in any more. Here is all of a store's life without an order.
async fn delete_after_the_app_is_gone(stage: &mut Stage) {
    stage.secrets(LEAVES, &format!("shpss_{LEAVES}")).await;
    stage.create("bergen", LEAVES).await;
    let shop = format!("{LEAVES}.myshopify.com");
    stage.world.shopify().set_installed(&shop, false).expect("the shop is there");
    stage.line(&["bergen", "Running", "False", "AppUninstalled"]).await;
    // It is the service's to say so, and the operator's to leave it.
    let store = stage.world.store(LEAVES).await.store.expect("a store");
    assert_eq!((store.hold(), store.desired()), (v1::Hold::Uninstalled, v1::Desired::Running));
    stage.kubectl(&["delete", "shop", "bergen", "--timeout=60s"]).await.good();
    let told = stage.world.store(LEAVES).await;
    assert!(told.store.is_some_and(|store| store.disconnected_at.is_some()), "the store is disconnected");
    stage.worker_gone(LEAVES).await;
}

/// Whoever removes the release with a store in it is not held up, and the store is not disconnected.
async fn uninstall(stage: &mut Stage) {
    stage.secrets(HANDLE, "shpss_new").await;
    stage.create("oslo", HANDLE).await;
    assert_eq!(stage.says("oslo", "{.metadata.finalizers}").await, r#"["shopbeat.dev/disconnect"]"#);
    rights::are_just_enough(&stage.plane, &stage.namespace, "shopbeat-operator").await;
    // The hook's Role goes with the hook.
    let hooks = stage.helm(&["get", "hooks", "shopbeat"]).await.good();
    stage.helm(&["uninstall", "shopbeat", "--timeout=120s"]).await.good();
    let release = rights::of_manifests(&hooks, "shopbeat-release");
    rights::are_all_used(&stage.plane, &stage.namespace, "shopbeat-release", &release);
    stage.worker_gone(HANDLE).await;
    assert_eq!(stage.says("oslo", "{.metadata.finalizers}").await, "");
    stage.kubectl(&["delete", "shop", "oslo", "--timeout=10s"]).await.good();
    let told = stage.world.store(HANDLE).await;
    assert!(told.store.is_some_and(|store| store.disconnected_at.is_none()), "it was let go");
}
