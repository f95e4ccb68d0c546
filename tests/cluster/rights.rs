//! What a service account may do is what it does: the API server's audit log against its Role.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shopbeat_tests::cluster::{Audited, Plane};

/// A verb on a resource of a group, such as `patch shopbeat.dev/shopifystores/status`.
fn named(verb: &str, group: &str, resource: &str) -> String {
    format!("{verb} {group}/{resource}")
}

/// What a Role grants, each verb on each resource by itself.
fn granted(role: &Value) -> BTreeSet<String> {
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
    assert!(all.iter().all(|right| !right.contains('*')), "a star cannot be held: {all:?}");
    all
}

/// The Role of that name among manifests.
pub(crate) fn of_manifests(manifests: &str, name: &str) -> Value {
    let all: Vec<Value> = serde_saphyr::from_multiple(manifests).expect("manifests");
    let mut roles = all.into_iter().filter(|one| one["kind"] == "Role" && one["metadata"]["name"] == name);
    roles.next().unwrap_or_else(|| panic!("no Role {name} in {manifests}"))
}

/// Nothing that it did was forbidden, and nothing that its Role, of the same name, grants went unused.
pub(crate) async fn are_just_enough(plane: &Plane, namespace: &str, account: &str) {
    let told = plane.kubectl(&["get", "role", account, "-n", namespace, "-o", "json"]).await.good();
    are_all_used(plane, namespace, account, &serde_json::from_str(&told).expect("a Role"));
}

/// Nothing that it did was forbidden, and nothing that this Role grants went unused.
pub(crate) fn are_all_used(plane: &Plane, namespace: &str, account: &str, role: &Value) {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let (forbidden, unused) = judge(&plane.audit(), &user, role);
    assert_eq!(forbidden, Vec::<String>::new(), "forbidden to {user}");
    assert_eq!(unused, Vec::<String>::new(), "granted to {user} and never used");
}

/// What was forbidden to somebody, and what their Role grants and they never used.
fn judge(audit: &[Audited], user: &str, role: &Value) -> (Vec<String>, Vec<String>) {
    let (mut forbidden, mut used) = (Vec::new(), BTreeSet::new());
    for line in audit.iter().filter(|line| line.user.username == user) {
        let Some(object) = &line.object_ref else { continue };
        let resource = match object.subresource.as_str() {
            "" => object.resource.clone(),
            below => format!("{}/{below}", object.resource),
        };
        let did = named(&line.verb, &object.api_group, &resource);
        let code = line.response_status.as_ref().map(|answer| answer.code);
        // A patch that makes what it applies takes the right to create as well. It is told as a patch: allowed as such,
        // and answered with 403 where that right is missing.
        if line.is_forbidden() || code == Some(403) {
            forbidden.push(format!("{did} {}", object.name));
            continue;
        }
        if line.verb == "patch" && code == Some(201) {
            used.insert(named("create", &object.api_group, &resource));
        }
        used.insert(did);
    }
    (forbidden, granted(role).difference(&used).cloned().collect())
}

#[test]
fn what_was_forbidden_and_what_was_never_used_are_found() {
    let line = |id: u32, user: &str, verb: &str, code: u16, decision: &str| {
        let line = json!({
            "auditID": id.to_string(), "stage": "ResponseComplete", "verb": verb, "requestURI": "/",
            "user": {"username": user}, "responseStatus": {"code": code},
            "objectRef": {"resource": "deployments", "apiGroup": "apps", "name": "a"},
            "annotations": {"authorization.k8s.io/decision": decision},
        });
        line.to_string()
    };
    let judged = |lines: &[String], verbs: &[&str]| {
        let role = json!({"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs}]});
        judge(&Audited::parse(&lines.join("\n")), "me", &role)
    };
    let text = |right: &str| vec![right.to_owned()];
    let applied = [line(1, "me", "list", 200, "allow"), line(2, "me", "patch", 201, "allow")];
    assert_eq!(judged(&applied, &["list", "create", "patch"]), (vec![], vec![]));
    assert_eq!(judged(&applied, &["list", "create", "patch", "delete"]).1, text("delete apps/deployments"));
    // A patch of what is there makes nothing, and what others do is not ours.
    let patched = [line(1, "me", "patch", 200, "allow"), line(2, "you", "create", 201, "allow")];
    assert_eq!(judged(&patched, &["create", "patch"]), (vec![], text("create apps/deployments")));
    for (code, decision) in [(403, "forbid"), (403, "allow")] {
        let lines = [line(1, "me", "patch", code, decision)];
        assert_eq!(
            judged(&lines, &["patch"]),
            (text("patch apps/deployments a"), text("patch apps/deployments"))
        );
    }
}
