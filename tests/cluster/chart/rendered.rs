//! What the chart renders.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    BUNDLED, CHART, DEFAULTS, EVERYTHING, Objects, SECRETS, SETS, SMALL, env, helm, name, pod_of, text,
};

#[test]
fn helm_finds_nothing_to_complain_of() {
    for values in SETS {
        let output = helm(&[&["lint", "--strict", CHART], values].concat());
        assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_service_is_told_what_it_needs() {
    let all = Objects::of(DEFAULTS);
    let sync = all.get("Deployment", "-sync");
    assert_eq!(sync["spec"]["replicas"], 2);
    assert_eq!(sync["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let pod = pod_of(sync);
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "shopbeat:0.1.0");
    assert_eq!(
        (&container["command"], &container["args"]),
        (&json!(["/usr/local/bin/shopbeat"]), &json!(["serve"]))
    );
    assert_eq!(
        container["envFrom"],
        json!([{"configMapRef": {"name": "rel-shopbeat-env"}}, {"secretRef": {"name": "platform-state"}}])
    );
    for (variable, value) in [
        ("SHOPBEAT_WORKERS", "operator"),
        ("SHOPBEAT_GRPC_LISTEN", "0.0.0.0:50051"),
        ("SHOPBEAT_HTTP_LISTEN", "0.0.0.0:8080"),
        ("SHOPBEAT_AUTH_TOKENS_FILE", "/etc/shopbeat/tokens/tokens.json"),
        ("SHOPBEAT_TLS_CERT", "/etc/shopbeat/tls/tls.crt"),
        ("SHOPBEAT_DRAIN_SECONDS", "10"),
        ("SHOPBEAT_BILLING_PRICE", "100"),
    ] {
        assert_eq!(env(pod, variable), Some(value), "{variable}");
    }
    // It goes on answering, then has 25 seconds for what is under way.
    assert_eq!(pod["terminationGracePeriodSeconds"], 45);
    assert_eq!(pod["topologySpreadConstraints"].as_array().unwrap().len(), 2);
    assert_eq!(all.get("PodDisruptionBudget", "-sync")["spec"]["maxUnavailable"], 1);
    assert_eq!(all.get("ConfigMap", "-env")["data"]["SHOPBEAT_LEASE_SECONDS"], "45");
}

#[test]
fn a_service_without_an_operator_runs_no_worker_and_asks_for_no_budget_of_one_pod() {
    let all = Objects::of(SMALL);
    assert_eq!(env(pod_of(all.get("Deployment", "-sync")), "SHOPBEAT_WORKERS"), Some("external"));
    assert_eq!(all.of_kind("Role").count() + all.of_kind("PodDisruptionBudget").count(), 0);
    assert_eq!(all.of_kind("Deployment").count(), 1);
    assert_eq!(env(pod_of(all.get("Deployment", "-sync")), "SHOPBEAT_TLS_CERT"), None);
}

#[test]
fn the_operator_is_told_how_workers_run() {
    let all = Objects::of(EVERYTHING);
    let pod = pod_of(all.get("Deployment", "-operator"));
    let image = "registry.example:5000/shopbeat@sha256:0123456789012345678901234567890123456789012345678901234567890123";
    assert_eq!(pod["containers"][0]["args"], json!(["run"]));
    for (variable, value) in [
        ("SHOPBEAT_OPERATOR_SERVICE_URL", "https://rel-beat-grpc.shops.svc:50051"),
        ("SHOPBEAT_OPERATOR_SERVICE_TOKEN_FILE", "/etc/shopbeat/token/token"),
        ("SHOPBEAT_OPERATOR_SERVICE_CA_FILE", "/etc/shopbeat/ca/ca.crt"),
        ("SHOPBEAT_OPERATOR_WORKER_IMAGE", image),
        ("SHOPBEAT_OPERATOR_WORKER_COMMAND", r#"["/usr/local/bin/shopbeat"]"#),
        ("SHOPBEAT_OPERATOR_WORKER_SERVICE_ACCOUNT", "rel-beat-worker"),
        ("SHOPBEAT_OPERATOR_WORKER_ENV_CONFIG_MAP", "rel-beat-env"),
        ("SHOPBEAT_OPERATOR_WORKER_ENV_SECRET", "rel-beat-state"),
        ("SHOPBEAT_OPERATOR_WORKER_NETWORK_POLICY", "true"),
        ("SHOPBEAT_OPERATOR_WORKER_ROLLOUT_AT_MOST", "5"),
        ("SHOPBEAT_OPERATOR_LEADER_ELECT", "true"),
        ("SHOPBEAT_OPERATOR_LEASE_NAME", "rel-beat-operator"),
    ] {
        assert_eq!(env(pod, variable), Some(value), "{variable}");
    }
    assert_eq!(env(pod, "SHOPBEAT_OPERATOR_INSECURE"), None);
    let resources: Value =
        serde_json::from_str(env(pod, "SHOPBEAT_OPERATOR_WORKER_RESOURCES").unwrap()).unwrap();
    assert_eq!(resources["limits"], json!({"memory": "96Mi"}));
    // Workers pull with what their ServiceAccount has.
    let worker = all.get("ServiceAccount", "-worker");
    assert_eq!(worker["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(worker["automountServiceAccountToken"], false);
    let plain = Objects::of(&[DEFAULTS, &["--set", "tls.enabled=false"]].concat());
    let pod = pod_of(plain.get("Deployment", "-operator"));
    assert_eq!(env(pod, "SHOPBEAT_OPERATOR_INSECURE"), Some("true"));
    assert_eq!(env(pod, "SHOPBEAT_OPERATOR_SERVICE_CA_FILE"), None);
}

#[test]
fn every_variable_that_the_chart_sets_is_one_that_the_programs_read() {
    let mut read = BTreeSet::new();
    for folder in ["services/sync/src/options", "operator/src"] {
        for file in super::papers::sources(folder) {
            for before in ["env = \"", "from_env(\""] {
                let pieces = file.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                read.extend(pieces.map(str::to_owned));
            }
        }
    }
    assert!(read.contains("SHOPBEAT_REDIS_URL"));
    let mut set = BTreeSet::new();
    for values in SETS {
        let all = Objects::of(values);
        for map in all.of_kind("ConfigMap").chain(all.of_kind("Secret")) {
            let data = ["data", "stringData"].iter().filter_map(|part| map[*part].as_object());
            set.extend(data.flat_map(serde_json::Map::keys).cloned());
        }
        for (_, pod) in all.pods() {
            let env = pod["containers"][0]["env"].as_array().cloned().unwrap_or_default();
            set.extend(env.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        }
    }
    set.retain(|name| name.starts_with("SHOPBEAT_"));
    assert!(set.len() > 30, "{set:?}");
    let unknown: Vec<_> = set.difference(&read).collect();
    assert!(unknown.is_empty(), "nobody reads {unknown:?}");
}

#[test]
fn every_pod_is_restricted_and_only_the_operators_speak_to_kubernetes() {
    let mut seen = BTreeSet::new();
    for values in SETS {
        for (name, pod) in Objects::of(values).pods() {
            let part = name.rsplit('-').next().unwrap().to_owned();
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{name}");
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            assert!(context["runAsUser"].as_u64().unwrap() > 0, "{name}");
            let mounts = ["operator", "release"].contains(&part.as_str());
            assert_eq!(pod["automountServiceAccountToken"], mounts, "{name}");
            assert!(pod["serviceAccountName"].is_string() && pod["enableServiceLinks"] == false, "{name}");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
                assert!(container["resources"]["requests"]["cpu"].is_string(), "{name}");
                let image = container["image"].as_str().unwrap();
                assert!(image.contains(['@', ':']) && !image.ends_with(":latest"), "{name}: {image}");
            }
            seen.insert(part);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["operator", "redis", "release", "sync", "test"]);
}

#[test]
fn secrets_of_somebody_else_are_used_and_none_is_made() {
    let all = Objects::of(SECRETS);
    assert_eq!(all.of_kind("Secret").map(name).collect::<Vec<_>>(), [""; 0]);
    let text = super::manifests(SECRETS);
    for secret in ["platform-state", "platform-tokens", "platform-operator", "platform-cli", "platform-tls"] {
        assert!(text.contains(secret), "{secret}");
    }
    let pod = pod_of(all.get("Deployment", "-operator"));
    assert_eq!(env(pod, "SHOPBEAT_OPERATOR_WORKER_ENV_SECRET"), Some("platform-state"));
    assert_eq!(
        env(pod_of(all.get("Deployment", "-sync")), "SHOPBEAT_PUBLIC_URL"),
        Some("https://shops.example.com")
    );
}

#[test]
fn the_tokens_file_opens_for_the_tokens_that_were_made_and_shows_none() {
    let all = Objects::of(EVERYTHING);
    let file = all.get("Secret", "-tokens")["stringData"]["tokens.json"].as_str().unwrap();
    let entries: Value = serde_json::from_str(file).unwrap();
    for (entry, secret) in entries.as_array().unwrap().iter().zip(["-operator-token", "-cli-token"]) {
        let token = all.get("Secret", secret)["stringData"]["token"].as_str().unwrap();
        let digest: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(entry["token_sha256"], digest, "{secret}");
        assert!(token.len() >= 40 && !file.contains(token));
    }
    assert_eq!(
        entries[2],
        json!({
            "name": "shop-team", "role": "support", "agreements": ["nordic"],
            "token_sha256": "aa00000000000000000000000000000000000000000000000000000000000000",
        })
    );
}

#[test]
fn a_master_key_that_was_made_cannot_be_changed_and_stays_behind() {
    let all = Objects::of(BUNDLED);
    let kept = all.get("Secret", "-master-key");
    assert_eq!(kept["immutable"], true);
    assert_eq!(kept["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let key = kept["stringData"]["master-key"].as_str().unwrap();
    assert_eq!(STANDARD.decode(key).unwrap().len(), 32);
    let state = &all.get("Secret", "-state")["stringData"];
    assert_eq!(state["SHOPBEAT_MASTER_KEY"], key);
    let password = all.get("Secret", "-redis")["stringData"]["password"].as_str().unwrap();
    assert_eq!(state["SHOPBEAT_REDIS_URL"], format!("redis://:{password}@rel-shopbeat-redis:6379/0"));
    let conf = all.get("Secret", "-redis")["stringData"]["redis.conf"].as_str().unwrap();
    assert!(conf.contains("maxmemory-policy noeviction") && conf.contains("appendonly yes"), "{conf}");
}

#[test]
fn nothing_but_webhooks_is_let_in_from_outside() {
    let all = Objects::of(EVERYTHING);
    let paths = &all.get("Ingress", "-webhooks")["spec"]["rules"][0]["http"]["paths"];
    assert_eq!(paths.as_array().unwrap().len(), 1);
    assert_eq!((&paths[0]["path"], &paths[0]["pathType"]), (&json!("/webhooks/"), &json!("Prefix")));
    assert_eq!(paths[0]["backend"]["service"]["name"], "rel-beat-http");
    let rules = &all.get("HTTPRoute", "-webhooks")["spec"]["rules"];
    assert_eq!(rules.as_array().unwrap().len(), 1);
    assert_eq!(rules[0]["matches"].as_array().unwrap().len(), 1);
    assert_eq!(rules[0]["matches"][0]["path"], json!({"type": "PathPrefix", "value": "/webhooks/"}));
    // Every path that Shopify and Rackbeat call lies below it.
    let routes = text("services/sync/src/http/mod.rs");
    let outside = routes.lines().filter(|line| line.contains(".route(") && line.contains("post("));
    assert!(outside.clone().count() >= 3 && outside.clone().all(|line| line.contains("\"/webhooks/")));
    let pod = pod_of(all.get("Deployment", "-sync"));
    assert_eq!(env(pod, "SHOPBEAT_PUBLIC_URL"), Some("https://shopbeat.example.com"));
}

#[test]
fn rights_are_of_one_namespace_and_name_what_they_mean() {
    for values in SETS {
        let all = Objects::of(values);
        assert_eq!(all.of_kind("ClusterRole").count() + all.of_kind("ClusterRoleBinding").count(), 0);
        for role in all.of_kind("Role") {
            for rule in role["rules"].as_array().unwrap() {
                assert!(!rule.to_string().contains('*'), "{}: {rule}", name(role));
            }
        }
        for binding in all.of_kind("RoleBinding") {
            let subject = &binding["subjects"][0];
            assert_eq!(
                (&subject["kind"], &subject["namespace"]),
                (&json!("ServiceAccount"), &json!("shops"))
            );
            assert!(all.of_kind("ServiceAccount").any(|one| one["metadata"]["name"] == subject["name"]));
        }
    }
}

#[test]
fn labels_select_each_component_alone_and_a_new_version_restarts_nothing_else() {
    let all = Objects::of(EVERYTHING);
    let mut selectors = BTreeSet::new();
    for one in all.of_kind("Deployment").chain(all.of_kind("StatefulSet")) {
        let labels = &one["spec"]["selector"]["matchLabels"];
        assert!(selectors.insert(labels.to_string()), "{} shares its selector", name(one));
        let pod = &one["spec"]["template"]["metadata"]["labels"];
        for (label, value) in labels.as_object().unwrap() {
            assert_eq!(pod[label], *value, "{}", name(one));
        }
        assert!(pod["app.kubernetes.io/version"].is_null() && pod["helm.sh/chart"].is_null());
        assert_eq!(pod["team"], "shops");
    }
    assert_eq!(
        all.get("Deployment", "-sync")["spec"]["template"]["metadata"]["annotations"]["example.com/scrape"],
        "yes"
    );
    // A label of one resource comes before that of all.
    assert_eq!(all.get("ServiceMonitor", "-sync")["metadata"]["labels"]["team"], "metrics");
    for service in all.of_kind("Service") {
        let selector = service["spec"]["selector"].to_string();
        assert!(selectors.contains(&selector), "{} selects nobody: {selector}", name(service));
    }
}

#[test]
fn what_pods_read_at_their_start_restarts_them_when_it_changes() {
    let revision = |more: &[&str]| {
        let all = Objects::of(&[BUNDLED, more].concat());
        let pod = &all.get("Deployment", "-sync")["spec"]["template"]["metadata"];
        pod["annotations"]["shopbeat.dev/revision"].as_str().unwrap().to_owned()
    };
    // Secrets are made anew in each of these renderings.
    assert_eq!(revision(&[]), revision(&[]));
    for change in ["state.revision=2", "workers.env.A=b", "remotes.leaseSeconds=60"] {
        assert_ne!(revision(&[]), revision(&["--set", change]), "{change}");
    }
    // Redis as well, by its settings without the password.
    let redis = || Objects::of(BUNDLED).get("StatefulSet", "-redis")["spec"]["template"]["metadata"].clone();
    assert!(redis()["annotations"]["shopbeat.dev/revision"].is_string());
    assert_eq!(redis(), redis());
}

#[test]
fn the_test_of_the_api_calls_this_releases_service_whomever_the_operator_calls() {
    let elsewhere = ["--set", "operator.serviceUrl=https://shopbeat.example.com"];
    let all = Objects::of(&[DEFAULTS, &elsewhere].concat());
    let operator = pod_of(all.get("Deployment", "-operator"));
    assert_eq!(env(operator, "SHOPBEAT_OPERATOR_SERVICE_URL"), Some("https://shopbeat.example.com"));
    let test = &all.get("Pod", "-test")["spec"];
    assert_eq!(env(test, "SHOPBEAT_ADDR"), Some("https://rel-shopbeat-grpc.shops.svc:50051"));
}

#[test]
fn policies_let_out_names_redis_and_public_https_and_let_in_whom_is_named() {
    let all = Objects::of(EVERYTHING);
    let policy = |end: &str| all.get("NetworkPolicy", end)["spec"].clone();
    let names = json!([
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
        // A cache of names on each node is in no namespace.
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ]);
    for end in ["-sync", "-operator", "-release"] {
        assert_eq!(policy(end)["policyTypes"], json!(["Ingress", "Egress"]), "{end}");
        assert_eq!(policy(end)["egress"][0]["to"], names, "{end}");
        assert_eq!(policy(end)["egress"][0]["ports"][0], json!({"port": 53, "protocol": "UDP"}), "{end}");
    }
    let sync = policy("-sync");
    let out: Vec<&Value> = sync["egress"].as_array().unwrap().iter().map(|rule| &rule["ports"]).collect();
    let tcp = |port: u16| json!([{"port": port, "protocol": "TCP"}]);
    assert_eq!(out[1..], [&tcp(6379), &tcp(443)]);
    let https = &sync["egress"][2]["to"];
    assert_eq!(
        (&https[0]["ipBlock"]["cidr"], &https[1]),
        (&json!("0.0.0.0/0"), &json!({"ipBlock": {"cidr": "2000::/3"}}))
    );
    assert!(https[0]["ipBlock"]["except"].to_string().contains("169.254.0.0/16"));
    let into: Vec<(&Value, usize)> = sync["ingress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (&rule["ports"][0]["port"], rule["from"].as_array().unwrap().len()))
        .collect();
    assert_eq!(into, [(&json!("grpc"), 3), (&json!("http"), 2)]);
    assert_eq!(policy("-release")["ingress"], Value::Null);
    assert_eq!(
        (&policy("-redis")["egress"], &policy("-redis")["ingress"][0]["ports"][0]["port"]),
        (&Value::Null, &json!("redis"))
    );
    assert_eq!(Objects::of(BUNDLED).of_kind("NetworkPolicy").count(), 0);
}
