//! The objects in the cluster: applied only when they differ from what is wanted, removed when they are not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use crate::build::{DIGEST_ANNOTATION, MANAGER};
use crate::status::WorkerSight;

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

/// Whether the API server refuses this object, and would again: a quota, an admission policy, a value.
#[must_use]
pub fn is_refusal(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 400 | 403 | 422),
        _ => false,
    }
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

/// Whether a Deployment's one pod is up, by the newest template.
fn is_up(live: &Deployment) -> bool {
    let Some(status) = &live.status else { return false };
    status.observed_generation >= live.metadata.generation
        && status.updated_replicas.unwrap_or(0) >= 1
        && status.ready_replicas.unwrap_or(0) >= 1
}

fn image(deployment: &Deployment) -> Option<&str> {
    let template = deployment.spec.as_ref()?.template.spec.as_ref()?;
    template.containers.first()?.image.as_deref()
}

/// Changed templates reach the workers a few at a time: as many as may be down at once.
#[derive(Debug)]
pub struct Rollout {
    at_most: usize,
    /// Workers whose change was applied, with the generation that it made: our cache may not show it yet.
    begun: Mutex<HashMap<String, i64>>,
}

impl Rollout {
    /// At most so many at a time.
    #[must_use]
    pub fn new(at_most: usize) -> Self {
        Self { at_most: at_most.max(1), begun: Mutex::default() }
    }

    /// Takes a place for this worker, if one is free. A worker that is down anyway needs none; workers of another
    /// image that do not come up take none: the rollout may be what cures them.
    #[must_use]
    pub fn may_change(&self, wanted: &Value, live: &Deployment, all: &[Arc<Deployment>]) -> bool {
        if !is_up(live) {
            return true;
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|name, generation| {
            let now = all.iter().find(|other| other.name_any() == *name);
            now.is_some_and(|now| now.metadata.generation < Some(*generation) || !is_up(now))
        });
        let name = live.name_any();
        let new_image = wanted.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
        let down = all.iter().filter(|other| {
            let other_name = other.name_any();
            other_name != name
                && !begun.contains_key(&other_name)
                && !is_up(other)
                && image(other) == new_image
        });
        let taken = down.count() + begun.keys().filter(|other| **other != name).count();
        let free = taken < self.at_most;
        if free {
            // Until it is known which generation the change makes.
            begun.insert(name, live.metadata.generation.unwrap_or(0) + 1);
        }
        free
    }

    /// The change could not be applied.
    pub fn give_back(&self, name: &str) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(name: &str, generation: i64, up: bool, image: &str) -> Deployment {
        serde_json::from_value(value(name, generation, up, image)).unwrap()
    }

    fn value(name: &str, generation: i64, up: bool, image: &str) -> Value {
        json!({
            "metadata": {"name": name, "generation": generation, "annotations": {DIGEST_ANNOTATION: image}},
            "spec": {
                "selector": {},
                "replicas": 1,
                "template": {"spec": {"containers": [{"name": "worker", "image": image}]}},
            },
            "status": {
                "observedGeneration": generation,
                "updatedReplicas": 1,
                "readyReplicas": if up { 1 } else { 0 },
            },
        })
    }

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

    #[test]
    fn a_rollout_takes_no_more_workers_down_than_it_may() {
        let rollout = Rollout::new(2);
        let old: Vec<Arc<Deployment>> =
            ["a", "b", "c"].iter().map(|name| Arc::new(deployment(name, 1, true, "i:1"))).collect();
        let new = |name| value(name, 0, true, "i:2");
        assert!(rollout.may_change(&new("a"), &old[0], &old));
        assert!(rollout.may_change(&new("a"), &old[0], &old), "asked again it keeps its place");
        assert!(rollout.may_change(&new("b"), &old[1], &old));
        assert!(!rollout.may_change(&new("c"), &old[2], &old));
        // `a` is up by its new template: its place is free.
        let then = vec![Arc::new(deployment("a", 2, true, "i:2")), Arc::clone(&old[1]), Arc::clone(&old[2])];
        assert!(rollout.may_change(&new("c"), &old[2], &then));
    }

    #[test]
    fn a_new_image_that_does_not_come_up_stops_the_rollout_and_an_old_one_does_not() {
        let rollout = Rollout::new(1);
        let live = deployment("c", 1, true, "i:1");
        let new = value("c", 0, true, "i:2");
        let all = |image| vec![Arc::new(deployment("b", 2, false, image)), Arc::new(live.clone())];
        assert!(!rollout.may_change(&new, &live, &all("i:2")));
        assert!(rollout.may_change(&new, &live, &all("i:1")));
        rollout.give_back("c");
        let down = deployment("c", 1, false, "i:1");
        assert!(rollout.may_change(&new, &down, &all("i:2")), "it is down anyway");
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
