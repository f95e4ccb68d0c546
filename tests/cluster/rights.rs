//! What a service account may do is what it does: the API server's audit log against its Role.

use std::collections::BTreeSet;

use serde_json::Value;
use shopbeat_tests::cluster::Plane;

/// A verb on a resource of a group, such as `patch shopbeat.dev/shopifystores/status`.
fn named(verb: &str, group: &str, resource: &str) -> String {
    format!("{verb} {group}/{resource}")
}

async fn granted(plane: &Plane, namespace: &str, role: &str) -> BTreeSet<String> {
    let told = plane.kubectl(&["get", "role", role, "-n", namespace, "-o", "json"]).await.good();
    let role: Value = serde_json::from_str(&told).expect("a Role");
    let texts = |rule: &Value, key: &str| -> Vec<String> {
        let list = rule[key].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let mut all = BTreeSet::new();
    for rule in role["rules"].as_array().expect("rules") {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                all.extend(texts(rule, "verbs").iter().map(|verb| named(verb, &group, &resource)));
            }
        }
    }
    all
}

/// Nothing that it did was forbidden, and nothing that its Role grants went unused.
pub(crate) async fn are_just_enough(plane: &Plane, namespace: &str, account: &str) {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let (mut forbidden, mut used) = (Vec::new(), BTreeSet::new());
    for line in plane.audit().into_iter().filter(|line| line.user.username == user) {
        let Some(object) = &line.object_ref else { continue };
        let resource = match object.subresource.as_str() {
            "" => object.resource.clone(),
            below => format!("{}/{below}", object.resource),
        };
        let did = named(&line.verb, &object.api_group, &resource);
        if line.is_forbidden() {
            forbidden.push(format!("{did} {}", object.name));
        }
        // A patch that makes what it applies takes the right to create as well, and is told as a patch.
        if line.verb == "patch" && line.response_status.as_ref().is_some_and(|answer| answer.code == 201) {
            used.insert(named("create", &object.api_group, &resource));
        }
        used.insert(did);
    }
    assert_eq!(forbidden, Vec::<String>::new(), "forbidden to {user}");
    assert!(used.len() > 5, "the audit log tells of {user}: {used:?}");
    let unused: Vec<String> = granted(plane, namespace, account).await.difference(&used).cloned().collect();
    assert_eq!(unused, Vec::<String>::new(), "granted to {user} and never used");
}
