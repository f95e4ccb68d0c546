//! Scheduling and resources of a store's worker.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::rules::rule;

/// Scheduling and resources of a store's worker.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkerSpec {
    /// Compute resources of the worker's container, in place of those that the operator was told for all workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<WorkerResources>,
    /// Labels that a node must have for the worker to run on it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the worker puts up with, besides those for 30 seconds of an unreachable node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub tolerations: Vec<Toleration>,
    /// Nodes and pods that the worker should be near to or far from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Name of the PriorityClass of the worker's pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub priority_class_name: Option<String>,
    /// Annotations of the worker's pod, such as those of a service mesh. Those of `shopbeat.dev` belong to the operator.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "x-kubernetes-validations" = [rule(
        "self.all(key, !key.startsWith('shopbeat.dev/'))",
        "worker.podAnnotations: those of shopbeat.dev belong to the operator",
    )]))]
    pub pod_annotations: BTreeMap<String, String>,
}

/// Compute resources of a container.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(default)]
pub struct WorkerResources {
    /// What is set aside for it, by name of the resource: `cpu`, `memory` and the like.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20))]
    pub requests: BTreeMap<String, Quantity>,
    /// What it may take at most, by name of the resource.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20))]
    pub limits: BTreeMap<String, Quantity>,
}

/// A quantity as Kubernetes writes it: `5m`, `24Mi`, or a plain number.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub struct Quantity(pub String);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The API server takes `cpu: 1` as well as `cpu: "1"`: k8s_openapi's own type would not read the first.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            other => Err(serde::de::Error::custom(format!("{other} is no quantity"))),
        }
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A quantity such as `5m`, `24Mi` or 1.",
            "x-kubernetes-int-or-string": true,
            "maxLength": 40,
            "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
        })
    }
}
