//! What the chart refuses, and that its schema is about its values.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{BUNDLED, refusal, text};

#[test]
fn a_misspelt_or_impossible_value_fails_the_install_and_is_named() {
    for (value, told) in [
        ("sync.replicaz=3", "at '/sync': additional properties 'replicaz' not allowed"),
        ("syncs.replicas=3", "additional properties 'syncs' not allowed"),
        ("sync.replicas=many", "at '/sync/replicas'"),
        ("sync.resources.limits.memry=1Gi", "additional properties 'memry' not allowed"),
        ("operator.replicas=3", "at '/operator/replicas'"),
        ("billing.rule=by-hour", "value must be one of 'by-day', 'whole-months'"),
        ("image.digest=abc", "at '/image/digest'"),
        ("publicUrl=shops.example.com", "at '/publicUrl'"),
        ("remotes.leaseSeconds=1", "at '/remotes/leaseSeconds'"),
        ("remotes.shopifyUrl=https://example.com", "at '/remotes/shopifyUrl'"),
        ("networkPolicy.apiFrom[0].podSelektor.x=y", "additional properties 'podSelektor' not allowed"),
        ("monitoring.prometheusRule.disabled[0]=Parked", "at '/monitoring/prometheusRule/disabled/0'"),
        ("auth.tokens[0].name=x", "missing properties"),
        (r"commonLabels.app\.kubernetes\.io/name=x", "invalid propertyName 'app.kubernetes.io/name'"),
        (r"sync.podLabels.shopbeat\.dev/port=x", "invalid propertyName 'shopbeat.dev/port'"),
        (r"podAnnotations.shopbeat\.dev/revision=x", "invalid propertyName 'shopbeat.dev/revision'"),
        ("fullnameOverride=shop.beat", "at '/fullnameOverride'"),
        ("operator.serviceUrl=https://shopbeat/api", "at '/operator/serviceUrl'"),
        ("workers.rolloutAtMost=1001", "at '/workers/rolloutAtMost'"),
    ] {
        let said = refusal(&[BUNDLED, &["--set", value]].concat());
        assert!(said.contains(told), "{value}: {said}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_the_remedy() {
    for (values, told) in [
        ("sync.replicas=2", "give exactly one of state.existingSecret"),
        ("bundledRedis.enabled=true,state.existingSecret=a", "give exactly one of state.existingSecret"),
        (
            "bundledRedis.enabled=true,auth.existingSecret=a",
            "existingSecret and operatorTokenSecret belong together",
        ),
        ("bundledRedis.enabled=true,auth.cliTokenSecret=a", "cliTokenSecret goes with existingSecret"),
        ("bundledRedis.enabled=true,ingress.enabled=true", "give ingress.host"),
        ("bundledRedis.enabled=true,ingress.enabled=true,ingress.host=a.example", "call https only"),
        ("bundledRedis.enabled=true,gateway.enabled=true", "give gateway.host and gateway.parentRefs"),
        ("state.existingSecret=a,networkPolicy.enabled=true", "give networkPolicy.redisTo"),
        (
            "bundledRedis.enabled=true,networkPolicy.enabled=true,ingress.enabled=true,ingress.host=a.example,ingress.tlsSecret=a",
            "give networkPolicy.webhooksFrom",
        ),
        (
            "state.redisUrl=redis://redis:6380/0,networkPolicy.enabled=true,networkPolicy.redisTo[0].ipBlock.cidr=10.1.2.3/32",
            "set networkPolicy.redisPort to 6380",
        ),
        (
            "bundledRedis.enabled=true,remotes.rackbeatUrl=http://rackbeat.example/api",
            "remotes.rackbeatUrl: the service does not start with plain http",
        ),
        ("bundledRedis.enabled=true,publicUrl=http://shops.example", "or set remotes.insecure"),
        ("bundledRedis.enabled=true,remotes.rackbeatUnpaced=true", "leave it out"),
        (
            "bundledRedis.enabled=true,gateway.enabled=true,gateway.host=*.example.com,gateway.parentRefs[0].name=a",
            "give the one address",
        ),
        ("bundledRedis.enabled=true,sync.ports.http=50051", "give them two numbers"),
        (
            "bundledRedis.enabled=true,sync.autoscaling.enabled=true,sync.autoscaling.minReplicas=7",
            "raise the one or lower the other",
        ),
        (
            "bundledRedis.enabled=true,workers.env.SHOPBEAT_CONTACT=a@b.example,contact=c@d.example",
            "workers.env: SHOPBEAT_CONTACT has a value of its own",
        ),
        ("bundledRedis.enabled=true,workers.env.SHOPBEAT_MASTER_KEY=a", "workers.env: SHOPBEAT_MASTER_KEY"),
    ] {
        let said = refusal(&["--set", values]);
        assert!(said.contains(told), "{values}: {said}");
    }
}

fn schema() -> Value {
    serde_json::from_str(&text("charts/shopbeat/values.schema.json")).unwrap()
}

fn values() -> Value {
    serde_saphyr::from_str(&text("charts/shopbeat/values.yaml")).unwrap()
}

/// A schema, its references followed.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(target) => root.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("{target}")),
        None => schema,
    }
}

#[test]
fn the_schema_knows_exactly_the_values_and_closes_every_level() {
    fn walk(root: &Value, schema: &Value, values: &Value, path: &str, found: &mut Vec<String>) {
        let schema = resolved(root, schema);
        let (Some(known), Some(values)) = (schema["properties"].as_object(), values.as_object()) else {
            return;
        };
        if schema["additionalProperties"] != false {
            found.push(format!("{path} is open"));
        }
        for (key, value) in values {
            match known.get(key) {
                Some(schema) => walk(root, schema, value, &format!("{path}.{key}"), found),
                None => found.push(format!("{path}.{key} is not in the schema")),
            }
        }
        let free = [
            "requests",
            "limits",
            "nodeAffinity",
            "podAffinity",
            "podAntiAffinity",
            "cpu",
            "memory",
            "ephemeral-storage",
            "global",
        ];
        for key in known.keys().filter(|key| !values.contains_key(*key) && !free.contains(&key.as_str())) {
            found.push(format!("{path}.{key} is in the schema and no value"));
        }
    }
    let mut found = Vec::new();
    let schema = schema();
    walk(&schema, &schema, &values(), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_object_in_the_schema_is_closed_or_a_map_or_kubernetes_own() {
    fn walk(schema: &Value, path: &str, open: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                let is_object = map.get("type").is_some_and(|kind| kind == "object");
                let closed =
                    map.get("additionalProperties").is_some_and(|more| *more == false || more.is_object());
                if is_object && !closed {
                    open.insert(path.to_owned());
                }
                for (key, value) in map {
                    walk(value, &format!("{path}/{key}"), open);
                }
            }
            Value::Array(all) => all.iter().for_each(|one| walk(one, path, open)),
            _ => {}
        }
    }
    let mut open = BTreeSet::new();
    walk(&schema(), "", &mut open);
    // What is Kubernetes' own is checked by the API server, which refuses an unknown field as well.
    let last = |path: &String| {
        path.split('/')
            .rev()
            .find(|part| !["properties", "items"].contains(part))
            .unwrap_or_default()
            .to_owned()
    };
    let known = [
        "affinity",
        "extraEnv",
        "global",
        "ipBlock",
        "nodeAffinity",
        "namespaceSelector",
        "podAffinity",
        "podAntiAffinity",
        "podSelector",
        "spread",
        "valueFrom",
    ];
    let unknown: Vec<_> = open.iter().filter(|path| !known.contains(&last(path).as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
