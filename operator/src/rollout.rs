//! Changed templates reach the workers a few at a time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt as _;
use serde_json::Value;
use tokio::time::Instant;

/// While changes wait, that is told so often,
const TELL_EVERY: Duration = Duration::from_secs(60);
/// with so many names.
const TELL_AT_MOST: usize = 5;

/// Whether a Deployment's one pod is up, by the newest template.
pub(crate) fn is_up(live: &Deployment) -> bool {
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
    /// When it was last told that changes wait.
    told: Mutex<Option<Instant>>,
}

impl Rollout {
    /// At most so many at a time.
    #[must_use]
    pub fn new(at_most: usize) -> Self {
        Self { at_most: at_most.max(1), begun: Mutex::default(), told: Mutex::default() }
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
        let down = all.iter().filter(|other| !is_up(other) && image(other) == new_image);
        let mut taken: BTreeSet<String> =
            down.map(|other| other.name_any()).chain(begun.keys().cloned()).collect();
        taken.remove(&name);
        let free = taken.len() < self.at_most;
        if free {
            // Until it is known which generation the change makes.
            begun.insert(name, live.metadata.generation.unwrap_or(0) + 1);
        } else {
            self.tell(&taken);
        }
        free
    }

    /// Whoever wonders why a change does not get through finds out for whom it waits.
    fn tell(&self, taken: &BTreeSet<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() > TELL_EVERY) {
            *told = Some(Instant::now());
            let names = taken.iter().take(TELL_AT_MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
            tracing::info!(
                workers = taken.len(),
                "changes of other workers wait until these are up: {names}"
            );
        }
    }

    /// The change could not be applied.
    pub fn give_back(&self, name: &str) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::build::DIGEST_ANNOTATION;
    use serde_json::json;

    pub(crate) fn deployment(name: &str, generation: i64, up: bool, image: &str) -> Deployment {
        serde_json::from_value(value(name, generation, up, image)).unwrap()
    }

    pub(crate) fn value(name: &str, generation: i64, up: bool, image: &str) -> Value {
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
}
