//! The chart installed, upgraded and removed with helm, on a real API server.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shopbeat_operator::release::{FINALIZER, ReleaseOptions, Released, release};
use shopbeat_tests::cluster::{Parts, Plane};

use super::{BUNDLED, CHART, Objects, env, manifests, name, pod_of};

/// All Secrets of a namespace, by name: their data.
async fn secrets(plane: &Plane, namespace: &str) -> BTreeMap<String, Value> {
    let said = plane.kubectl(&["get", "secrets", "-n", namespace, "-o", "json"]).await.good();
    let all: Value = serde_json::from_str(&said).unwrap();
    let all = all["items"].as_array().unwrap().iter().filter(|one| one["type"] != "helm.sh/release.v1");
    all.map(|one| (name(one).to_owned(), one["data"].clone())).collect()
}

#[tokio::test]
async fn what_was_made_at_the_install_is_kept_over_upgrades_and_the_master_key_beyond() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("kept").await;
    let run = async |verb: &str, more: &[&str]| {
        let args = [&[verb, "rel", CHART, "-n", &namespace], BUNDLED, more].concat();
        plane.helm(&args).await.good()
    };
    let notes = run("install", &[]).await;
    assert!(
        notes.contains("kind: ShopifyStore") && notes.contains("Keep a copy outside of the cluster"),
        "{notes}"
    );
    let before = secrets(plane, &namespace).await;
    assert_eq!(before.len(), 7, "{:?}", before.keys());
    run("upgrade", &["--set", "sync.replicas=3"]).await;
    assert_eq!(secrets(plane, &namespace).await, before);
    plane.helm(&["rollback", "rel", "1", "-n", &namespace]).await.good();
    assert_eq!(secrets(plane, &namespace).await, before);
    plane.helm(&["uninstall", "rel", "-n", &namespace, "--no-hooks"]).await.good();
    let left = secrets(plane, &namespace).await;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["rel-shopbeat-master-key"]);
    run("install", &[]).await;
    let again = secrets(plane, &namespace).await;
    assert_eq!(again["rel-shopbeat-master-key"], before["rel-shopbeat-master-key"]);
    assert_eq!(
        again["rel-shopbeat-state"]["SHOPBEAT_MASTER_KEY"],
        before["rel-shopbeat-state"]["SHOPBEAT_MASTER_KEY"]
    );
    let other = json!({ "stringData": { "master-key": "another" } }).to_string();
    let patch = ["patch", "secret", "rel-shopbeat-master-key", "-n", &namespace, "-p", &other];
    let told = plane.kubectl(&patch).await.bad();
    assert!(told.contains("immutable"), "{told}");
}

fn store(namespace: &str, store: &str, finalizers: &[&str]) -> String {
    let store = json!({
        "apiVersion": "shopbeat.dev/v1alpha1", "kind": "ShopifyStore",
        "metadata": { "name": store, "namespace": namespace, "finalizers": finalizers },
        "spec": {
            "shopDomain": format!("{store}.myshopify.com"), "agreement": "acme",
            "shopify": { "grant": "ClientCredentials", "credentialsSecretRef": { "name": "s" } },
            "rackbeat": { "credentialsSecretRef": { "name": "r" } },
        },
    });
    store.to_string()
}

/// The objects of the pre-delete hook but its Job, whose part the test plays.
async fn hook(plane: &Plane, namespace: &str) -> Objects {
    let text = manifests(BUNDLED).replace("namespace: shops", &format!("namespace: {namespace}"));
    let all = Objects(super::parse(&text));
    for kind in ["ServiceAccount", "Role", "RoleBinding"] {
        plane.apply(namespace, &all.get(kind, "-release").to_string()).await.good();
    }
    all
}

#[tokio::test]
async fn with_the_hooks_own_rights_the_operator_is_stopped_workers_go_and_no_store_is_held() {
    let plane = Plane::shared().await;
    plane.apply("default", &shopbeat_operator::resource::definition_yaml().unwrap()).await.good();
    plane.kubectl(&["wait", "--for=condition=Established", "crd/shopifystores.shopbeat.dev"]).await.good();
    let namespace = plane.namespace("release").await;
    plane.helm(&[&["install", "rel", CHART, "-n", &namespace], BUNDLED].concat()).await.good();
    let hook = hook(plane, &namespace).await;
    for (id, finalizers) in [("a", &[FINALIZER, "example.com/other"][..]), ("b", &[FINALIZER]), ("c", &[])] {
        plane.apply(&namespace, &store(&namespace, id, finalizers)).await.good();
    }
    let labels = "app.kubernetes.io/managed-by=shopbeat-operator,app.kubernetes.io/component=worker";
    let worker = ["create", "deployment", "shopbeat-worker-a", "--image=a:1", "-n", &namespace];
    plane.kubectl(&worker).await.good();
    let label: Vec<&str> = ["label", "deployment", "shopbeat-worker-a", "-n", &namespace].into();
    plane.kubectl(&[label, labels.split(',').collect()].concat()).await.good();

    let pod = pod_of(hook.get("Job", "-release"));
    let account = pod["serviceAccountName"].as_str().unwrap();
    let client = plane.client_of(&plane.service_account(&namespace, account).await).await;
    let options = ReleaseOptions {
        namespace: namespace.clone(),
        deployment: env(pod, "SHOPBEAT_OPERATOR_DEPLOYMENT").unwrap().to_owned(),
        pods: env(pod, "SHOPBEAT_OPERATOR_PODS").unwrap().to_owned(),
        log_format: shopbeat_operator::cli::LogFormat::Text,
    };
    assert_eq!(release(&client, &options).await.unwrap(), Released { workers: 1, stores: 2 });
    // Safe to repeat, as a Job does.
    assert_eq!(release(&client, &options).await.unwrap(), Released::default());

    let get = async |what: &str, path: &str| {
        plane.kubectl(&["get", what, "-n", &namespace, "-o", &format!("jsonpath={path}")]).await.good()
    };
    assert_eq!(get("shops", "{.items[*].metadata.finalizers}").await, r#"["example.com/other"]"#);
    assert_eq!(get("deploy/rel-shopbeat-operator", "{.spec.replicas}").await, "0");
    assert!(!get("deploy", "{.items[*].metadata.name}").await.contains("worker"));
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let forbidden: Vec<_> =
        plane.audit().into_iter().filter(|line| line.user.username == user && line.is_forbidden()).collect();
    assert!(forbidden.is_empty(), "{forbidden:#?}");
}

#[tokio::test]
async fn a_token_that_was_deleted_is_made_anew_by_an_upgrade_and_all_else_stays() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("tokens").await;
    let run =
        async |verb: &str| plane.helm(&[&[verb, "rel", CHART, "-n", &namespace], BUNDLED].concat()).await;
    run("install").await.good();
    let before = secrets(plane, &namespace).await;
    plane.kubectl(&["delete", "secret", "rel-shopbeat-operator-token", "-n", &namespace]).await.good();
    run("upgrade").await.good();
    let after = secrets(plane, &namespace).await;
    let changed: Vec<_> = before.keys().filter(|name| before[*name] != after[*name]).collect();
    assert_eq!(changed, ["rel-shopbeat-operator-token", "rel-shopbeat-tokens"]);
}

#[tokio::test]
async fn numbers_of_pods_that_a_person_changed_come_back_with_an_upgrade_as_the_paper_tells() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("scaled").await;
    let run = async |args: &[&str]| plane.helm(&[args, &["-n", &namespace]].concat()).await;
    let upgrade = ["upgrade", "rel", CHART, BUNDLED[0], BUNDLED[1]];
    let scale = async |to: &str| {
        plane.kubectl(&["scale", "deploy", "--all", to, "-n", &namespace]).await.good();
    };
    let numbers = async || {
        let args = ["get", "deploy", "-n", &namespace, "-o", "jsonpath={.items[*].spec.replicas}"];
        plane.kubectl(&args).await.good()
    };
    run(&[&["install"], &upgrade[1..]].concat()).await.good();
    // As before a restore.
    scale("--replicas=0").await;
    run(&upgrade).await.good();
    assert_eq!(numbers().await, "1 2");
    scale("--replicas=4").await;
    let told = run(&upgrade).await.bad();
    assert!(told.contains("conflict") && told.contains(".spec.replicas"), "{told}");
    run(&[&upgrade[..], &["--force-conflicts"]].concat()).await.good();
    assert_eq!(numbers().await, "1 2");
    scale("--replicas=4").await;
    run(&["rollback", "rel", "1", "--force-conflicts"]).await.good();
    assert_eq!(numbers().await, "1 2");
    // What the autoscaler finds is what nobody says any more, unless a person said it last.
    scale("--replicas=3").await;
    run(&[&upgrade[..], &["--set", "sync.autoscaling.enabled=true", "--force-conflicts"]].concat())
        .await
        .good();
    assert_eq!(numbers().await, "1 3");
}

#[tokio::test]
async fn a_namespace_takes_one_release_and_the_second_is_told_of_the_first() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("two").await;
    let run = async |release: &str, more: &[&str]| {
        plane.helm(&[&["install", release, CHART, "-n", &namespace], BUNDLED, more].concat()).await
    };
    run("rel", &[]).await.good();
    let told = run("other", &[]).await.bad();
    assert!(told.contains("has the release rel already: give this one a namespace of its own"), "{told}");
    run("third", &["--set", "operator.enabled=false"]).await.good();
}

#[tokio::test]
async fn an_uninstall_whose_job_cannot_run_ends_by_itself_and_leaves_the_release() {
    let plane = Plane::shared().await;
    let namespace = plane.namespace("stuck").await;
    let soon = ["--set", "operator.releaseOnDelete.deadlineSeconds=10"];
    plane.helm(&[&["install", "rel", CHART, "-n", &namespace], BUNDLED, &soon].concat()).await.good();
    // There is no node: its pod never starts.
    let told = plane.helm(&["uninstall", "rel", "-n", &namespace]).await.bad();
    assert!(told.contains("rel-shopbeat-release") && told.contains("Failed"), "{told}");
    let get = async |what: &str| plane.kubectl(&["get", what, "-n", &namespace, "-o", "name"]).await.good();
    assert!(get("deployments").await.contains("rel-shopbeat-sync"));
    let rights = get("roles,rolebindings,serviceaccounts").await;
    assert!(!rights.contains("-release"), "its rights are gone: {rights}");
    plane.helm(&["uninstall", "rel", "-n", &namespace, "--no-hooks"]).await.good();
    assert_eq!(get("deployments,services,roles").await, "");
}

#[tokio::test]
async fn the_definition_of_somebody_else_is_taken_over_and_outlives_its_release_with_all_resources() {
    let plane = Plane::with(Parts { controllers: false, scheduler: false }).await;
    let chart = "charts/shopbeat-crds";
    let definition = shopbeat_operator::resource::definition_yaml().unwrap();
    let args = ["apply", "--server-side", "-f", "-"];
    plane.kubectl_as(plane.kubeconfig(), &args, Some(&definition)).await.good();
    let refused = plane.helm(&["install", "shopbeat-crds", chart]).await.bad();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    plane.helm(&["install", "shopbeat-crds", chart, "--take-ownership"]).await.good();
    let wait = ["wait", "--for=condition=Established", "crd/shopifystores.shopbeat.dev", "--timeout=60s"];
    plane.kubectl(&wait).await.good();
    plane.apply("default", &store("default", "a", &[])).await.good();
    plane.helm(&["upgrade", "shopbeat-crds", chart]).await.good();
    let told = plane.helm(&["uninstall", "shopbeat-crds"]).await.good();
    assert!(told.contains("kept due to the resource policy"), "{told}");
    plane.kubectl(&["get", "shop", "a"]).await.good();
    plane.helm(&["install", "shopbeat-crds", chart]).await.good();
    plane.kubectl(&["get", "shop", "a"]).await.good();
    plane.stop().await;
}
