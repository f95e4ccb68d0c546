use std::path::Path;
use std::{env, fs};

use clap::Parser as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::{Value, json};

use super::*;
use crate::cli::{Cli, Command};
use crate::resource::tests::read;

fn options(more: &[&str]) -> WorkerOptions {
    let least = [
        "shopbeat-operator",
        "run",
        "--namespace",
        "shops",
        "--service-url",
        "http://shopbeat:50051",
        "--worker-image",
        "registry.example/shopbeat:0.1.0",
        "--worker-env-secret",
        "shopbeat-worker",
    ];
    match Cli::try_parse_from(least.iter().chain(more).copied()).unwrap().command {
        Command::Run(options) => options.worker,
        Command::Crd | Command::Release(_) => unreachable!("it is `run`"),
    }
}

fn store(changes: &Value) -> ShopifyStore {
    let mut store = read(changes);
    store.metadata.uid = Some("0000-1111".to_owned());
    store
}

fn built(changes: &Value, more: &[&str]) -> Built {
    build(&store(changes), &options(more), "env-1")
}

fn deployment(changes: &Value) -> Value {
    built(changes, &[]).deployment.unwrap()
}

fn template(changes: &Value) -> Value {
    deployment(changes)["spec"]["template"].clone()
}

/// Compares with the file of that name beside this test; `SHOPBEAT_REWRITE=1` writes it anew.
fn is_as_written(name: &str, object: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/build/snapshots").join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(object).unwrap());
    if env::var_os("SHOPBEAT_REWRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "{name} is another");
}

/// All that can be said about a worker.
fn everything() -> Value {
    json!({"worker": {
        "resources": {"requests": {"cpu": 1, "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "nodeSelector": {"pool": "shops"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "shops", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}},
        ]}},
        "priorityClassName": "business",
        "podAnnotations": {"sidecar.istio.io/inject": "false"},
    }})
}

#[test]
fn the_least_and_the_most_are_as_written() {
    let least = built(&json!({}), &[]);
    is_as_written("least.json", &least.deployment.unwrap());
    assert_eq!(least.network_policy, None);
    let most = built(
        &everything(),
        &[
            "--worker-network-policy",
            "--worker-redis-port=6380",
            "--worker-service-account=shopbeat-worker",
            "--worker-env-config-map=shopbeat-worker",
            r#"--worker-command=["/opt/shopbeat","--flag"]"#,
        ],
    );
    is_as_written("most.json", &most.deployment.unwrap());
    is_as_written("policy.json", &most.network_policy.unwrap());
}

#[test]
fn what_is_built_has_no_field_that_kubernetes_does_not_know() {
    let built = built(&everything(), &["--worker-network-policy"]);
    let (deployment, policy) = (built.deployment.unwrap(), built.network_policy.unwrap());
    let read: Deployment = serde_json::from_value(deployment.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), deployment);
    let read: NetworkPolicy = serde_json::from_value(policy.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), policy);
}

#[test]
fn a_worker_may_do_nothing_it_does_not_need() {
    let pod = &template(&json!({}))["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["runAsNonRoot"], true);
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["privileged"], false);
    assert_eq!(container["capabilities"], json!({"drop": ["ALL"]}));
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[host].is_null(), "{host}");
    }
    // The one place to write to: an initial sync puts Shopify's export into a file.
    assert_eq!(pod["volumes"], json!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]));
}

#[test]
fn there_is_one_worker_and_a_dead_node_loses_it_after_half_a_minute() {
    let deployment = deployment(&json!({}));
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"], json!({"type": "Recreate"}));
    let tolerations = deployment["spec"]["template"]["spec"]["tolerations"].as_array().unwrap().clone();
    assert_eq!(tolerations.len(), 2);
    for toleration in &tolerations {
        assert_eq!(
            (&toleration["effect"], &toleration["tolerationSeconds"]),
            (&json!("NoExecute"), &json!(30))
        );
    }
    // Who says otherwise of one of them means it.
    let said = json!({"worker": {"tolerations": [
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5},
    ]}});
    let tolerations = template(&said)["spec"]["tolerations"].as_array().unwrap().clone();
    let of = |key: &str| tolerations.iter().filter(|one| one["key"] == key).collect::<Vec<_>>();
    assert_eq!(of("node.kubernetes.io/unreachable").len(), 1);
    assert_eq!(of("node.kubernetes.io/unreachable")[0]["tolerationSeconds"], 5);
    assert_eq!(of("node.kubernetes.io/not-ready")[0]["tolerationSeconds"], 30);
}

#[test]
fn a_paused_store_keeps_its_worker_and_a_stopped_one_has_none() {
    let policy = ["--worker-network-policy"];
    let running = built(&json!({}), &policy);
    assert_eq!(built(&json!({"state": "Paused"}), &policy), running);
    let stopped = Built { deployment: None, network_policy: None };
    assert_eq!(built(&json!({"state": "Stopped"}), &policy), stopped);
}

#[test]
fn no_setting_of_the_store_restarts_its_worker() {
    let plain = deployment(&json!({}));
    for changes in [
        json!({"state": "Paused"}),
        json!({"orders": {"enabled": false, "target": "Shipped", "freightProduct": "FREIGHT", "since": "2026-01-01T00:00:00Z"}}),
        json!({"customers": {"withoutEmail": "UseDefault", "defaultCustomer": 1, "group": 2}}),
        json!({"products": {"master": "Rackbeat", "fields": ["Name"], "group": 9}}),
        json!({"prices": {"rate": "2", "vatTable": [{"group": 1, "percent": "25"}]}}),
        json!({"stock": {"enabled": true, "locations": [{"to": 7001}], "buffer": 3}}),
        json!({"initialSync": {"products": true, "run": "first"}}),
        json!({"replay": {"id": "a", "from": "2026-11-01T00:00:00Z"}}),
        json!({"shopify": {"credentialsSecretRef": {"name": "new"}, "grant": "LegacyToken"}}),
        json!({"rackbeat": {"credentialsSecretRef": {"name": "new"}, "currency": "NOK"}}),
    ] {
        assert_eq!(deployment(&changes), plain, "{changes}");
    }
}

#[test]
fn what_the_worker_is_started_with_does_restart_it_and_changes_the_digest() {
    let plain = deployment(&json!({}));
    let digest = |object: &Value| object["metadata"]["annotations"][DIGEST_ANNOTATION].clone();
    let pod = |object: &Value| object["spec"]["template"].clone();
    for (key, value) in everything()["worker"].as_object().unwrap() {
        let changed = deployment(&json!({"worker": {key: value}}));
        assert_ne!(pod(&changed), pod(&plain), "{key}");
        assert_ne!(digest(&changed), digest(&plain), "{key}");
    }
    let other_environment = build(&store(&json!({})), &options(&[]), "env-2").deployment.unwrap();
    assert_ne!(pod(&other_environment), pod(&plain));
    assert_eq!(
        other_environment["spec"]["template"]["metadata"]["annotations"][ENVIRONMENT_ANNOTATION],
        "env-2"
    );
    let other_image = built(&json!({}), &["--worker-resources={}"]).deployment.unwrap();
    assert_ne!(digest(&other_image), digest(&plain));
    assert_eq!(digest(&deployment(&json!({}))), digest(&plain));
}

#[test]
fn what_belongs_to_the_operator_cannot_be_taken_by_a_resource() {
    let changes = json!({"worker": {"podAnnotations": {ENVIRONMENT_ANNOTATION: "mine", "shopbeat.dev/x": "y", "a": "b"}}});
    let annotations = template(&changes)["metadata"]["annotations"].clone();
    assert_eq!(annotations, json!({ENVIRONMENT_ANNOTATION: "env-1", "a": "b"}));
}

#[test]
fn all_is_owned_by_the_store_found_by_its_labels_and_in_its_namespace() {
    let built = built(&json!({}), &["--worker-network-policy"]);
    for object in [built.deployment.unwrap(), built.network_policy.unwrap()] {
        let metadata = &object["metadata"];
        assert_eq!(
            (&metadata["name"], &metadata["namespace"]),
            (&json!("shopbeat-worker-acme-oslo"), &json!("shops"))
        );
        assert_eq!(metadata["labels"][STORE_LABEL], "acme-oslo");
        for pair in MADE_HERE.split(',') {
            let (key, value) = pair.split_once('=').unwrap();
            assert_eq!(metadata["labels"][key], value);
        }
        let owner = &metadata["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["uid"]), (&json!("ShopifyStore"), &json!("0000-1111")));
        assert_eq!((&owner["controller"], &owner["blockOwnerDeletion"]), (&json!(true), &json!(false)));
    }
    let deployment = deployment(&json!({}));
    let wanted = deployment["spec"]["selector"]["matchLabels"].as_object().unwrap();
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert!(wanted.iter().all(|(key, value)| labels[key] == *value));
}

#[test]
fn a_digest_depends_on_where_one_part_ends() {
    assert_ne!(digest_of([b"ab".as_slice(), b"c"]), digest_of([b"a".as_slice(), b"bc"]));
    assert_eq!(digest_of([b"ab".as_slice()]), digest_of([b"ab".as_slice()]));
}
