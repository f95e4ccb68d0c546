//! What a real API server says of the chart: every field is known, every pod is admitted where only restricted ones are.

use serde_json::{Value, json};
use shopbeat_tests::cluster::Plane;

use super::{DEFAULTS, EVERYTHING, Objects, SETS, helm, manifests, name};

/// Definitions of resources of others, as far as the chart needs them: names and versions, and any content.
const STAND_INS: [(&str, &str, &str, &str); 4] = [
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
];

async fn stand_ins(plane: &Plane) {
    for (group, version, kind, plural) in STAND_INS {
        let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.{group}"),
                // The API server keeps names under k8s.io for definitions that were looked at.
                "annotations": { "api-approved.kubernetes.io": "unapproved, a stand-in of the tests" },
            },
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
            },
        });
        let text = definition.to_string();
        plane.apply("default", &text).await.good();
        let wait = format!("crd/{plural}.{group}");
        plane.kubectl(&["wait", "--for=condition=Established", &wait, "--timeout=60s"]).await.good();
    }
}

/// A new namespace in which only restricted pods are admitted, and others are told of.
async fn restricted(plane: &Plane) -> String {
    let namespace = plane.namespace("chart").await;
    let label = |mode| format!("pod-security.kubernetes.io/{mode}=restricted");
    let labels = [label("enforce"), label("warn")];
    plane.kubectl(&["label", "namespace", &namespace, &labels[0], &labels[1]]).await.good();
    namespace
}

#[tokio::test]
async fn the_api_server_takes_every_object_with_every_field_and_warns_of_none() {
    let plane = Plane::shared().await;
    stand_ins(plane).await;
    let namespace = restricted(plane).await;
    for values in SETS {
        let text = manifests(values).replace("namespace: shops", &format!("namespace: {namespace}"));
        // A pod is refused whose account is not there, and a dry run makes none.
        for account in Objects(super::parse(&text)).of_kind("ServiceAccount") {
            let args = ["apply", "--server-side", "-f", "-"];
            plane.kubectl_as(plane.kubeconfig(), &args, Some(&account.to_string())).await.good();
        }
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ];
        let said = plane.kubectl_as(plane.kubeconfig(), &args, Some(&text)).await;
        assert_eq!(said.err, "", "{values:?}");
        let taken = said.good().lines().filter(|line| line.contains("serverside-applied")).count();
        assert_eq!(taken, Objects::of(values).0.len(), "{values:?}");
    }
}

#[tokio::test]
async fn a_field_that_nobody_knows_is_refused_by_the_api_server() {
    let plane = Plane::shared().await;
    let namespace = restricted(plane).await;
    let text = manifests(DEFAULTS).replace("namespace: shops", &format!("namespace: {namespace}"));
    let text = text.replace("automountServiceAccountToken", "autoMountServiceAccountToken");
    let args = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
    let told = plane.kubectl_as(plane.kubeconfig(), &args, Some(&text)).await.bad();
    assert!(told.contains("autoMountServiceAccountToken"), "{told}");
}

#[tokio::test]
async fn every_pod_is_admitted_where_only_restricted_ones_are() {
    let plane = Plane::shared().await;
    let namespace = restricted(plane).await;
    let mut tried = 0;
    for values in SETS {
        for (owner, spec) in Objects::of(values).pods() {
            let mut pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": { "name": owner, "namespace": namespace },
                "spec": spec,
            });
            // The claim's volume is put in by the StatefulSet; accounts are looked up when a pod is made.
            pod["spec"]["serviceAccountName"] = json!("default");
            if owner.ends_with("-redis") {
                volumes(&mut pod).push(json!({ "name": "data", "emptyDir": {} }));
                volumes(&mut pod).dedup_by(|a, b| a["name"] == b["name"]);
            }
            let args = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
            let said = plane.kubectl_as(plane.kubeconfig(), &args, Some(&pod.to_string())).await;
            assert_eq!(said.err, "", "{values:?} {owner}");
            tried += 1;
        }
    }
    assert!(tried > 15, "{tried}");
    let loose = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "loose", "namespace": namespace },
        "spec": { "containers": [{ "name": "a", "image": "a:1" }] },
    });
    let told = plane.apply(&namespace, &loose.to_string()).await.bad();
    assert!(told.contains("restricted"), "{told}");
}

fn volumes(pod: &mut Value) -> &mut Vec<Value> {
    pod["spec"]["volumes"].as_array_mut().unwrap()
}

#[tokio::test]
async fn nothing_of_the_chart_lies_outside_of_its_namespace() {
    for values in SETS {
        for one in &Objects::of(values).0 {
            assert_eq!(one["metadata"]["namespace"], "shops", "{} {}", one["kind"], name(one));
        }
    }
    let output = helm(&[&["template", "rel", "charts/shopbeat", "-n", "elsewhere"], EVERYTHING].concat());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("shops.svc"));
}
