//! A store's life: connected, edited, paused, stopped, given new secrets, deleted.

use kube::ResourceExt as _;
use serde_json::json;
use shopbeat_proto::v1::{Desired, Hold, RunPhase};
use shopbeat_tests::cluster::Call;
use shopbeat_tests::{SHORT, until};

use super::stage::Stage;

fn connects(calls: &[Call]) -> usize {
    calls.iter().filter(|call| matches!(call, Call::Connect(_))).count()
}

async fn called(stage: &Stage, what: &str, is: impl Fn(&Call) -> bool) -> Call {
    until(what, SHORT, async || {
        stage
            .service
            .calls()
            .into_iter()
            .find(|call| is(call))
            .ok_or_else(|| format!("{:?}", stage.service.calls()))
    })
    .await
}

#[tokio::test]
async fn a_store_is_connected_gets_a_worker_and_tells_how_it_is() {
    let stage = Stage::set().await;
    let _operator = stage.start();
    stage.apply("oslo", "acme-oslo", json!({})).await;
    let Call::Connect(asked) =
        called(&stage, "it is connected", |call| matches!(call, Call::Connect(_))).await
    else {
        panic!("no connect");
    };
    let store = stage.ready("oslo", "False", "WorkerStarting").await;
    let owner = asked.managed_by.clone().unwrap();
    assert_eq!((owner.name.as_str(), Some(owner.uid)), ("oslo", store.uid()));
    assert_eq!((asked.rackbeat_token.as_str(), asked.desired()), ("rb-token", Desired::Running));
    assert_eq!(store.finalizers(), ["shopbeat.dev/disconnect"]);

    stage.worker_up("acme-oslo").await;
    let store = stage.ready("oslo", "True", "InSync").await;
    let status = store.status.unwrap();
    assert_eq!(status.store_id.as_deref(), Some("acme-oslo"));
    assert_eq!(status.observed_generation, store.metadata.generation);
    let made = stage.deployment("acme-oslo").await;
    assert_eq!(made.owner_references()[0].name, "oslo");

    // What the service tells shows in the columns, without a poll.
    stage.service.tell("acme-oslo", |told| told.store.as_mut().unwrap().hold = Hold::TokenDead.into());
    stage.ready("oslo", "False", "TokenDead").await;
    stage.says("oslo", "CredentialsValid", "False", "TokenDead").await;
    assert_eq!(connects(&stage.service.calls()), 1, "a hold is never cleared by itself");
    stage.service.tell("acme-oslo", |told| told.store.as_mut().unwrap().hold = Hold::Unspecified.into());
    stage.ready("oslo", "True", "InSync").await;

    let events = stage.events("oslo").await;
    for (reason, count) in [("Connected", 1), ("WorkerCreated", 1), ("TokenDead", 1)] {
        assert_eq!(events.get(reason), Some(&count), "{events:?}");
    }
}

#[tokio::test]
async fn an_edit_reaches_the_service_and_the_worker_is_left_alone() {
    let stage = Stage::set().await;
    let operator = stage.start();
    stage.running("oslo", "acme-oslo").await;
    let before = stage.deployment("acme-oslo").await;
    stage.service.forget_calls();

    stage.apply("oslo", "acme-oslo", json!({"orders": {"trigger": "Received"}})).await;
    let is_update = |call: &Call| matches!(call, Call::Update(_));
    let Call::Update(update) = called(&stage, "it is updated", is_update).await else { panic!("no update") };
    assert_eq!(update.update_mask.unwrap().paths, ["orders.trigger"]);
    stage.service.forget_calls();

    let drifts = r#"shopbeat_operator_drift_total{what="settings"}"#;
    assert_eq!(operator.meter(drifts).await, 0, "an edit is no drift");
    // Drift: somebody else changed it behind our back.
    stage.service.tell("acme-oslo", |told| {
        let settings = told.store.as_mut().unwrap().settings.as_mut().unwrap();
        settings.stock.as_mut().unwrap().buffer = Some(77);
    });
    let Call::Update(update) = called(&stage, "it is put back", is_update).await else { panic!("no update") };
    assert_eq!(update.update_mask.unwrap().paths, ["stock.buffer"]);
    assert_eq!(operator.meter(drifts).await, 1);
    stage.service.forget_calls();

    stage.secret("acme-oslo-shopify", &[("clientId", "id"), ("clientSecret", "second")]).await;
    let is_connect = |call: &Call| matches!(call, Call::Connect(_));
    called(&stage, "the new secret is carried", is_connect).await;
    stage.service.forget_calls();
    stage.annotate("oslo", "shopbeat.dev/reconnect", "again").await;
    called(&stage, "it is connected once more", is_connect).await;

    let spec = json!({"orders": {"trigger": "Received"}, "initialSync": {"products": true, "run": "first"}});
    stage.apply("oslo", "acme-oslo", spec).await;
    called(
        &stage,
        "the run is begun",
        |call| matches!(call, Call::InitialSync(asked) if asked.token == "first"),
    )
    .await;
    stage.says("oslo", "InitialSynced", "False", "InitialSyncRunning").await;
    stage.service.tell("acme-oslo", |told| {
        told.latest_run.as_mut().unwrap().phase = RunPhase::Finished.into();
    });
    stage.says("oslo", "InitialSynced", "True", "InitialSyncFinished").await;
    let runs = stage.service.calls().iter().filter(|call| matches!(call, Call::InitialSync(_))).count();
    assert_eq!(runs, 1);
    let spec = json!({"replay": {"id": "after", "from": "2026-11-01T00:00:00Z"}});
    stage.apply("oslo", "acme-oslo", spec).await;
    called(&stage, "the replay is begun", |call| matches!(call, Call::Replay(asked) if asked.id == "after"))
        .await;
    until("the replay is echoed", SHORT, async || {
        let replay = stage.stores().get("oslo").await.unwrap().status.and_then(|status| status.replay);
        replay
            .filter(|replay| replay.phase == "Finished" && replay.orders == 3)
            .map(|_| ())
            .ok_or_else(String::new)
    })
    .await;

    let after = stage.deployment("acme-oslo").await;
    assert_eq!(after.metadata.generation, before.metadata.generation, "the worker was left alone");
}

#[tokio::test]
async fn paused_keeps_its_worker_and_stopped_does_not_and_neither_is_a_failure() {
    let stage = Stage::set().await;
    let operator = stage.start();
    stage.running("oslo", "acme-oslo").await;
    stage.apply("oslo", "acme-oslo", json!({"state": "Paused"})).await;
    stage.ready("oslo", "False", "Paused").await;
    assert_eq!(stage.service.store("acme-oslo").unwrap().store.unwrap().desired(), Desired::Paused);
    stage.deployment("acme-oslo").await;
    stage.apply("oslo", "acme-oslo", json!({"state": "Stopped"})).await;
    stage.ready("oslo", "False", "Stopped").await;
    stage.no_deployment("acme-oslo").await;
    stage.apply("oslo", "acme-oslo", json!({"state": "Running"})).await;
    stage.worker_up("acme-oslo").await;
    stage.ready("oslo", "True", "InSync").await;
    // Somebody scales it down: it is put back.
    let drifts = r#"shopbeat_operator_drift_total{what="deployment"}"#;
    assert_eq!(operator.meter(drifts).await, 0, "what a resource asks for is no drift");
    let name = "shopbeat-worker-acme-oslo";
    let none = kube::api::Patch::Merge(json!({"spec": {"replicas": 0}}));
    stage.deployments().patch(name, &kube::api::PatchParams::default(), &none).await.unwrap();
    until("it is put back", SHORT, async || {
        let replicas = stage.deployment("acme-oslo").await.spec.unwrap().replicas;
        (replicas == Some(1)).then_some(()).ok_or_else(|| format!("{replicas:?}"))
    })
    .await;
    assert_eq!(operator.meter(drifts).await, 1);
}

#[tokio::test]
async fn of_two_for_one_shop_the_older_counts_and_the_younger_takes_over_when_it_is_gone() {
    let stage = Stage::set().await;
    let _operator = stage.start();
    stage.running("elder", "acme-oslo").await;
    // Ages are told in seconds.
    let made = stage.stores().get("elder").await.unwrap().metadata.creation_timestamp.unwrap().0;
    until("a second has passed", SHORT, async || {
        let name = "probe";
        stage.secret(name, &[("a", "b")]).await;
        let api: kube::Api<k8s_openapi::api::core::v1::Secret> =
            kube::Api::namespaced(stage.client.clone(), &stage.namespace);
        let now = api.get(name).await.unwrap().metadata.creation_timestamp.unwrap().0;
        stage.remove_secret(name).await;
        (now > made).then_some(()).ok_or_else(String::new)
    })
    .await;
    stage.apply("a-younger", "acme-oslo", json!({})).await;
    let refused = stage.ready("a-younger", "False", "ShopClaimedByOther").await;
    let told =
        refused.status.unwrap().conditions.iter().find(|c| c.type_ == "Ready").unwrap().message.clone();
    assert!(told.contains("\"elder\""), "{told}");
    assert!(refused.metadata.finalizers.unwrap_or_default().is_empty());
    stage.ready("elder", "True", "InSync").await;
    assert_eq!(connects(&stage.service.calls()), 1);

    stage.delete("elder").await;
    stage.gone("elder").await;
    until("the younger is connected", SHORT, async || {
        let store = stage.service.store("acme-oslo").and_then(|told| told.store);
        let owner = store.and_then(|store| store.managed_by).map(|owner| owner.name);
        (owner.as_deref() == Some("a-younger")).then_some(()).ok_or_else(|| format!("{owner:?}"))
    })
    .await;
    stage.worker_up("acme-oslo").await;
    stage.ready("a-younger", "True", "InSync").await;
}

#[tokio::test]
async fn deletion_needs_no_secrets_waits_for_the_service_and_can_be_let_go() {
    let stage = Stage::set().await;
    let operator = stage.start();
    for (name, handle) in [("a", "shop-a"), ("b", "shop-b"), ("c", "shop-c")] {
        stage.running(name, handle).await;
    }
    stage.remove_secret("shop-a-shopify").await;
    stage.says("a", "CredentialsValid", "False", "SecretNotFound").await;
    stage.ready("a", "True", "InSync").await;
    stage.delete("a").await;
    stage.gone("a").await;
    assert!(stage.service.store("shop-a").is_none());
    stage.no_deployment("shop-a").await;

    stage.service.go_away();
    operator.readyz(503, "the service does not stream").await;
    stage.delete("b").await;
    stage.delete("c").await;
    stage.ready("b", "False", "Disconnecting").await;
    stage.ready("c", "False", "Disconnecting").await;
    stage.annotate("c", "shopbeat.dev/release", "true").await;
    stage.gone("c").await;
    assert!(stage.service.store("shop-c").is_some(), "it was let go, not disconnected");
    stage.service.come_back();
    stage.gone("b").await;
    assert!(stage.service.store("shop-b").is_none());
    operator.readyz(200, "leading").await;
}

#[tokio::test]
async fn what_cannot_stand_is_told_once_and_waits_for_a_change() {
    let stage = Stage::set().await;
    let _operator = stage.start();
    stage.apply("oslo", "acme-oslo", json!({})).await;
    stage.ready("oslo", "False", "WorkerStarting").await;
    stage.apply("bergen", "bergen", json!({"rackbeat": {"credentialsSecretRef": {"name": "missing"}}})).await;
    stage.ready("bergen", "False", "SecretNotFound").await;
    assert_eq!(stage.service.store("bergen"), None);
    stage.secret("missing", &[("tokn", "x")]).await;
    stage.ready("bergen", "False", "SecretIncomplete").await;
    let refuse = tonic::Status::failed_precondition("the plan of this shop lacks it");
    stage.service.fail("ConnectStore", Some(refuse));
    stage.secret("missing", &[("token", "x")]).await;
    stage.ready("bergen", "False", "ConnectRefused").await;
    stage.service.fail("ConnectStore", None);
    stage.ready("bergen", "False", "WorkerStarting").await;
    let events = stage.events("bergen").await;
    for reason in ["SecretNotFound", "SecretIncomplete", "ConnectRefused", "Connected"] {
        assert_eq!(events.get(reason), Some(&1), "{events:?}");
    }
}
