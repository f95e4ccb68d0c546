//! Resources that cannot stand: their owner is told, once, and all others go on.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use shopbeat_operator::resource::{ShopifyStore, definition};
use shopbeat_tests::cluster::Call;
use shopbeat_tests::{SHORT, until};

use super::stage::Stage;

/// How often the operator wrote a Deployment.
const TRIES: &str = r#"shopbeat_operator_api_writes_total{what="deployment"}"#;

/// The definition of a later version: a state more.
fn newer() -> CustomResourceDefinition {
    let mut newer = serde_json::to_value(definition()).unwrap();
    let state = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/state/enum";
    newer.pointer_mut(state).unwrap().as_array_mut().unwrap().push(json!("Dreaming"));
    serde_json::from_value(newer).unwrap()
}

/// Status and message of the condition Ready, if its reason is this.
fn ready(store: &DynamicObject, reason: &str) -> Option<(String, String)> {
    let conditions = store.data.pointer("/status/conditions")?.as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    (text("reason") == reason).then(|| (text("status"), text("message")))
}

#[tokio::test]
async fn a_store_that_this_version_cannot_read_is_told_so_and_the_others_go_on() {
    let stage = Stage::bare().await;
    stage.install(&newer()).await;
    let stores: Api<DynamicObject> = Api::namespaced_with(
        stage.client.clone(),
        &stage.namespace,
        &ApiResource::erase::<ShopifyStore>(&()),
    );
    let is_told = async |name: &str| {
        until(&format!("{name} is told of"), SHORT, async || {
            let store = stores.get(name).await.map_err(|error| error.to_string())?;
            ready(&store, "SpecInvalid").ok_or_else(|| format!("{:?}", store.data["status"]))
        })
        .await
    };
    let dream = async |name: &str, more: Value| {
        let mut body = json!({
            "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore", "metadata": {"name": name},
            "spec": {"state": "Dreaming"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body["spec"][key] = value.clone();
        }
        let how = PatchParams::apply("dreamer").force();
        stores.patch(name, &how, &Patch::Apply(body)).await.expect("it is taken");
    };
    // One is there before the operator, and one becomes so while it watches.
    let secret = json!({"credentialsSecretRef": {"name": "acme-rackbeat"}});
    let shop = json!({
        "shopDomain": "trondheim.myshopify.com", "agreement": "acme", "shopify": secret, "rackbeat": secret,
    });
    dream("trondheim", shop).await;
    let mut operator = stage.alone("first");
    stage.running("oslo", "acme-oslo").await;
    let (status, message) = is_told("trondheim").await;
    assert_eq!(status, "False");
    assert!(message.contains("state: ") && message.contains("Dreaming"), "{message}");
    let worker = stage.deployment("acme-oslo").await.metadata.uid;
    dream("oslo", json!({})).await;
    is_told("oslo").await;
    stage.running("bergen", "bergen").await;
    // The next one sweeps what nobody stands behind: a worker of what it cannot read is none of that.
    operator.process.kill();
    let operator = stage.alone("second");
    operator.readyz(200, "leading").await;
    stage.running("stavanger", "stavanger").await;
    assert_eq!(stage.deployment("acme-oslo").await.metadata.uid, worker);
    for name in ["oslo", "trondheim"] {
        assert_eq!(stage.events(name).await.get("SpecInvalid"), Some(&1));
    }
    assert!(stage.service.store("trondheim").is_none() && stage.service.store("acme-oslo").is_some());
    // Gone, it is gone: of both the store is disconnected, if there was one.
    for name in ["oslo", "trondheim"] {
        stores.delete(name, &DeleteParams::default()).await.expect("it is deleted");
        until(&format!("{name} is gone"), SHORT, async || match stores.get_opt(name).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }
    assert!(stage.service.store("acme-oslo").is_none());
}

#[tokio::test]
async fn resources_that_the_api_server_does_not_take_are_the_specs_fault_and_not_tried_without_end() {
    let stage = Stage::set().await;
    let operator = stage.start();
    let worker = |requests: &str| json!({"worker": {"resources": {"requests": {"memory": requests}, "limits": {"memory": "1Gi"}}}});
    stage.apply("oslo", "acme-oslo", worker("2Gi")).await;
    let store = stage.ready("oslo", "False", "SpecInvalid").await;
    let conditions = store.status.unwrap().conditions;
    let message = &conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().message;
    assert!(message.contains("worker.resources.requests: "), "{message}");
    // Whatever else wakes the operator does not hurry the next try.
    for _ in 0..10 {
        for (missing, status, reason) in [
            (vec!["read_orders".to_owned()], "False", "ScopesMissing"),
            (Vec::new(), "True", "ScopesGranted"),
        ] {
            stage.service.tell("acme-oslo", |told| told.scopes_missing = missing);
            stage.says("oslo", "ScopesSufficient", status, reason).await;
        }
    }
    let tried = operator.meter(TRIES).await;
    assert!((1..9).contains(&tried), "{tried} tries in 20 looks");
    assert_eq!(stage.events("oslo").await.get("SpecInvalid"), Some(&1));
    stage.apply("oslo", "acme-oslo", worker("1Gi")).await;
    stage.worker_up("acme-oslo").await;
    stage.ready("oslo", "True", "InSync").await;
    // An edit that cannot stand leaves the worker that runs alone.
    stage.apply("oslo", "acme-oslo", worker("3Gi")).await;
    stage.ready("oslo", "False", "SpecInvalid").await;
    assert_eq!(stage.deployment("acme-oslo").await.metadata.generation, Some(1));
    let calls = stage.service.calls();
    assert_eq!(calls.iter().filter(|call| matches!(call, Call::Connect(_))).count(), 1);
}
