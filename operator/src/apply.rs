//! The objects in the cluster: applied only when they differ from what is wanted, removed when they are not.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use crate::build::{DIGEST_ANNOTATION, MANAGER};
use crate::resource::WorkerSpec;
use crate::rollout::is_up;
use crate::status::{Reason, Trouble, WorkerSight};

/// What an object needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is as wanted.
    Nothing,
    /// It does not exist.
    Create,
    /// It is wanted otherwise than before.
    Update,
    /// Somebody else changed it.
    Repair,
}

/// What an object needs, as it is wanted and as it is. `settled` is the generation that is known to be as wanted.
#[must_use]
pub fn need<K: Resource + Serialize>(wanted: &Value, live: Option<&K>, settled: Option<i64>) -> Need {
    let Some(live) = live else { return Need::Create };
    let digest = wanted["metadata"]["annotations"][DIGEST_ANNOTATION].as_str();
    if digest != live.annotations().get(DIGEST_ANNOTATION).map(String::as_str) {
        return Need::Update;
    }
    if settled.is_some() && settled == live.meta().generation {
        return Need::Nothing;
    }
    match serde_json::to_value(live) {
        Ok(live) if is_within(&wanted["spec"], &live["spec"]) => Need::Nothing,
        Ok(_) => Need::Repair,
        // None that is known: what was read can be written.
        Err(_) => Need::Update,
    }
}

/// Whether all that `wanted` says stands in `live`, which may say more.
fn is_within(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            wanted.iter().all(|(key, value)| match live.get(key) {
                Some(live) => is_within(value, live),
                // The API server drops what is empty.
                None => is_empty(value),
            })
        }
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len()
                && wanted.iter().zip(live).all(|(wanted, live)| is_within(wanted, live))
        }
        (wanted, live) => wanted == live,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Applies an object, fields that others took included.
///
/// # Errors
/// The API server's.
pub async fn apply<K>(api: &Api<K>, wanted: &Value) -> Result<K, kube::Error>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
    api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(wanted)).await
}

/// Removes an object, if it is still the one that was seen. Answers whether it was there.
///
/// # Errors
/// The API server's.
pub async fn remove<K>(api: &Api<K>, seen: &K) -> Result<bool, kube::Error>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    let only = Preconditions { uid: seen.uid(), resource_version: None };
    let how = DeleteParams::background().preconditions(only);
    match api.delete(&seen.name_any(), &how).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}

/// What it means that the API server refuses an object, and would again; `None`: it may take it the next time.
/// Something of `spec.worker` that cannot stand is told as the resource's own; else it is a quota, an admission policy,
/// or what the operator was told of all workers.
#[must_use]
pub fn refusal(error: &kube::Error, worker: Option<&WorkerSpec>) -> Option<Trouble> {
    let kube::Error::Api(status) = error else { return None };
    if !matches!(status.code, 400 | 403 | 422) {
        return None;
    }
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields = causes.map(|cause| {
        let field = worker.and_then(|worker| field_of_worker(&cause.field, worker))?;
        Some(format!("{field}: {}", cause.message))
    });
    let fields: Option<Vec<String>> = fields.collect();
    Some(match fields {
        Some(fields) if status.code == 422 && !fields.is_empty() => {
            Trouble::new(Reason::SpecInvalid, fields.join(". "))
        }
        _ => Trouble::new(Reason::WorkerRefused, status.message.as_str()),
    })
}

/// The field of the resource that a field of the Deployment was made from.
fn field_of_worker(field: &str, worker: &WorkerSpec) -> Option<String> {
    let pod = field.strip_prefix("spec.template.")?;
    let made_from = [
        ("spec.containers[0].resources", "worker.resources", worker.resources.is_some()),
        ("spec.nodeSelector", "worker.nodeSelector", !worker.node_selector.is_empty()),
        ("spec.tolerations", "worker.tolerations", !worker.tolerations.is_empty()),
        ("spec.affinity", "worker.affinity", worker.affinity.is_some()),
        ("spec.priorityClassName", "worker.priorityClassName", worker.priority_class_name.is_some()),
        ("annotations", "worker.podAnnotations", !worker.pod_annotations.is_empty()),
        ("metadata.annotations", "worker.podAnnotations", !worker.pod_annotations.is_empty()),
    ];
    made_from.iter().filter(|(.., said)| *said).find_map(|(theirs, ours, _)| {
        let below = pod.strip_prefix(theirs)?;
        // Ours are not counted by their place in the pod.
        Some(if below.starts_with('[') { (*ours).to_owned() } else { format!("{ours}{below}") })
    })
}

/// Whether an object selects other pods than it should: a Deployment's selector can never be changed.
#[must_use]
pub fn selects_others(wanted: &Value, live: &Deployment) -> bool {
    let live = live.spec.as_ref().map(|spec| serde_json::to_value(&spec.selector));
    live.is_some_and(|live| live.is_ok_and(|live| live != wanted["spec"]["selector"]))
}

/// How a worker stands, as its Deployment shows it.
#[must_use]
pub fn sight(live: Option<&Deployment>) -> WorkerSight {
    let Some(live) = live else { return WorkerSight::None };
    if live.metadata.deletion_timestamp.is_some() {
        return WorkerSight::Starting(Some("the worker of before is being removed".to_owned()));
    }
    if is_up(live) {
        return WorkerSight::Ready;
    }
    let conditions = live.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut available = None;
    for condition in conditions {
        let message = condition.message.clone().unwrap_or_default();
        match (condition.type_.as_str(), condition.status.as_str()) {
            ("ReplicaFailure", "True") | ("Progressing", "False") => return WorkerSight::Failing(message),
            ("Available", "False") => available = Some(message),
            _ => {}
        }
    }
    WorkerSight::Starting(available)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::tests::{deployment, value};
    use serde_json::json;

    #[test]
    fn an_object_is_written_only_when_it_is_not_as_wanted() {
        let wanted = value("a", 0, true, "i:1");
        let live = deployment("a", 3, true, "i:1");
        assert_eq!(need::<Deployment>(&wanted, None, None), Need::Create);
        assert_eq!(need(&wanted, Some(&live), None), Need::Nothing);
        assert_eq!(need(&wanted, Some(&deployment("a", 3, true, "i:2")), None), Need::Update);
        let mut scaled = live.clone();
        scaled.spec.as_mut().unwrap().replicas = Some(0);
        assert_eq!(need(&wanted, Some(&scaled), Some(2)), Need::Repair);
        assert_eq!(
            need(&wanted, Some(&scaled), Some(3)),
            Need::Nothing,
            "it was applied already and looks like this"
        );
        let mut filled_in = live;
        filled_in.spec.as_mut().unwrap().progress_deadline_seconds = Some(600);
        assert_eq!(need(&wanted, Some(&filled_in), None), Need::Nothing);
    }

    fn refused(code: u16, causes: &[(&str, &str)]) -> kube::Error {
        let causes: Vec<Value> =
            causes.iter().map(|(field, message)| json!({"field": field, "message": message})).collect();
        let status =
            json!({"code": code, "status": "Failure", "message": "no", "details": {"causes": causes}});
        kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn what_is_refused_for_the_resources_own_words_is_told_as_its_fields() {
        let worker: WorkerSpec = serde_json::from_value(json!({
            "resources": {"requests": {"memory": "2Gi"}},
            "tolerations": [{"key": "a", "operator": "Sometimes"}],
        }))
        .unwrap();
        let too_much = ("spec.template.spec.containers[0].resources.requests", "must be at most the limit");
        let toleration = ("spec.template.spec.tolerations[2].operator", "is not supported");
        let error = refused(422, &[too_much, toleration]);
        let trouble = refusal(&error, Some(&worker)).unwrap();
        assert_eq!(trouble.reason, Reason::SpecInvalid);
        assert_eq!(
            trouble.message,
            "worker.resources.requests: must be at most the limit. worker.tolerations: is not supported"
        );
        // What the resource does not say is not its fault, nor is a quota.
        let affinity = ("spec.template.spec.affinity.nodeAffinity", "is bad");
        for (error, worker) in [
            (refused(422, &[too_much]), None),
            (refused(422, &[too_much, affinity]), Some(&worker)),
            (refused(422, &[]), Some(&worker)),
            (refused(403, &[too_much]), Some(&worker)),
        ] {
            assert_eq!(refusal(&error, worker), Some(Trouble::new(Reason::WorkerRefused, "no")));
        }
        assert_eq!(refusal(&refused(500, &[]), Some(&worker)), None);
        assert_eq!(refusal(&refused(409, &[]), Some(&worker)), None);
    }

    #[test]
    fn a_selector_of_another_version_is_told_from_ours() {
        let labels = |text: &str| json!({"matchLabels": {"a": text}});
        let mut live = value("a", 1, true, "i:1");
        live["spec"]["selector"] = labels("old");
        let live: Deployment = serde_json::from_value(live).unwrap();
        let mut wanted = value("a", 0, true, "i:1");
        wanted["spec"]["selector"] = labels("old");
        assert!(!selects_others(&wanted, &live));
        wanted["spec"]["selector"] = labels("new");
        assert!(selects_others(&wanted, &live));
    }

    #[test]
    fn a_worker_that_does_not_come_up_is_told_with_the_deployments_words() {
        assert_eq!(sight(None), WorkerSight::None);
        assert_eq!(sight(Some(&deployment("a", 1, true, "i"))), WorkerSight::Ready);
        let mut late = deployment("a", 1, false, "i");
        assert_eq!(sight(Some(&late)), WorkerSight::Starting(None));
        let condition =
            json!({"type": "Progressing", "status": "False", "message": "deadline", "reason": "X"});
        late.status.as_mut().unwrap().conditions = Some(vec![serde_json::from_value(condition).unwrap()]);
        assert_eq!(sight(Some(&late)), WorkerSight::Failing("deadline".to_owned()));
    }
}
