//! How a pod is, as the API shows it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// How a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting { reason: String, message: String },
    Running { since: Timestamp },
    Ended(Ended),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: String,
    pub(super) begun: Timestamp,
    pub(super) ended: Timestamp,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContainerState {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) is_init: bool,
    pub(super) phase: Phase,
    pub(super) last: Option<Ended>,
    pub(super) is_ready: bool,
    pub(super) is_started: bool,
    pub(super) restarts: i32,
    pub(super) process: Option<u32>,
    /// It will not be started again.
    pub(super) is_done: bool,
}

impl ContainerState {
    pub(super) fn new(name: &str, image: &str, is_init: bool) -> Self {
        let phase = Phase::Waiting { reason: "ContainerCreating".to_owned(), message: String::new() };
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            is_init,
            phase,
            last: None,
            is_ready: false,
            is_started: false,
            restarts: 0,
            process: None,
            is_done: false,
        }
    }

    pub(super) fn wait(&mut self, reason: &str, message: &str) {
        self.phase = Phase::Waiting { reason: reason.to_owned(), message: message.to_owned() };
    }

    pub(super) fn has_succeeded(&self) -> bool {
        matches!(&self.phase, Phase::Ended(ended) if ended.code == 0)
    }

    fn has_failed(&self) -> bool {
        self.is_done && !self.has_succeeded()
    }
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodState {
    pub(super) containers: Vec<ContainerState>,
    /// Real ports by name and by number.
    pub(super) ports: BTreeMap<String, u16>,
    pub(super) begun: Option<Timestamp>,
    /// Type, whether it holds, since when.
    conditions: Vec<(&'static str, bool, Timestamp)>,
}

impl PodState {
    fn of(&self, is_init: bool) -> impl Iterator<Item = &ContainerState> {
        self.containers.iter().filter(move |container| container.is_init == is_init)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.of(false).next().is_some() && self.of(false).all(|container| container.is_ready)
    }

    fn is_initialized(&self) -> bool {
        self.of(true).all(|container| container.is_done && !container.has_failed())
    }

    fn phase(&self) -> &'static str {
        let mut main = self.of(false);
        if self.of(true).any(ContainerState::has_failed) {
            "Failed"
        } else if !self.is_initialized() {
            "Pending"
        } else if self.of(false).all(|container| container.is_done) {
            if self.of(false).any(ContainerState::has_failed) { "Failed" } else { "Succeeded" }
        } else if main
            .all(|container| container.last.is_none() && matches!(container.phase, Phase::Waiting { .. }))
        {
            "Pending"
        } else {
            "Running"
        }
    }

    /// `status` of the pod; `now` is when what changed since the last call has changed.
    pub(super) fn tell(&mut self, now: Timestamp) -> Value {
        let is_ready = self.is_ready();
        let holds = [
            ("PodScheduled", true),
            ("Initialized", self.is_initialized()),
            ("ContainersReady", is_ready),
            ("Ready", is_ready),
        ];
        for (kind, holds) in holds {
            match self.conditions.iter_mut().find(|(known, ..)| *known == kind) {
                Some((_, held, since)) if *held != holds => (*held, *since) = (holds, now),
                Some(_) => {}
                None => self.conditions.push((kind, holds, now)),
            }
        }
        let conditions: Vec<Value> = self.conditions.iter().map(condition).collect();
        json!({
            "phase": self.phase(),
            "hostIP": "127.0.0.1",
            "hostIPs": [{ "ip": "127.0.0.1" }],
            "podIP": "127.0.0.1",
            "podIPs": [{ "ip": "127.0.0.1" }],
            "startTime": self.begun.unwrap_or(now).to_string(),
            "conditions": conditions,
            "initContainerStatuses": self.of(true).map(container).collect::<Vec<_>>(),
            "containerStatuses": self.of(false).map(container).collect::<Vec<_>>(),
        })
    }
}

fn condition((kind, holds, since): &(&'static str, bool, Timestamp)) -> Value {
    let mut told = json!({
        "type": kind,
        "status": if *holds { "True" } else { "False" },
        "lastTransitionTime": since.to_string(),
    });
    if !*holds && let Some(told) = told.as_object_mut() {
        told.insert("reason".to_owned(), "ContainersNotReady".into());
    }
    told
}

fn container(state: &ContainerState) -> Value {
    let ended = |ended: &Ended| {
        json!({ "terminated": {
            "exitCode": ended.code,
            "reason": ended.reason,
            "startedAt": ended.begun.to_string(),
            "finishedAt": ended.ended.to_string(),
        } })
    };
    let now = match &state.phase {
        Phase::Waiting { reason, message } => json!({ "waiting": { "reason": reason, "message": message } }),
        Phase::Running { since } => json!({ "running": { "startedAt": since.to_string() } }),
        Phase::Ended(how) => ended(how),
    };
    json!({
        "name": state.name,
        "image": state.image,
        "imageID": "",
        "containerID": state.process.map_or_else(String::new, |process| format!("process://{process}")),
        "ready": state.is_ready || (state.is_init && state.is_done && !state.has_failed()),
        "started": state.is_started,
        "restartCount": state.restarts,
        "state": now,
        "lastState": state.last.as_ref().map_or_else(|| json!({}), ended),
    })
}
