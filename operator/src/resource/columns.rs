//! The columns of `kubectl get shops`; NAME is Kubernetes' own.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;

/// Heading, type, where its value is, what it is.
type Column = (&'static str, &'static str, &'static str, &'static str);

/// Shown always.
const SHOWN: [Column; 8] = [
    (
        "Shop",
        "string",
        ".status.storeId",
        "The shop's handle, which is the store's id in every command of shopbeat",
    ),
    ("State", "string", ".spec.state", "What is wanted of the store"),
    (
        "Ready",
        "string",
        ".status.conditions[?(@.type==\"Ready\")].status",
        "Whether the store does what is wanted of it",
    ),
    ("Reason", "string", ".status.conditions[?(@.type==\"Ready\")].reason", "Why it is or is not ready"),
    ("Lag", "string", ".status.lag", "How long the job that is due longest has waited"),
    ("Pending", "integer", ".status.pending", "Jobs that wait or are under way"),
    ("Parked", "integer", ".status.parked", "Orders that need a person"),
    ("Last-Order", "string", ".status.lastOrder", "The order that went over last"),
];

/// Shown with `-o wide`.
const WIDE: [Column; 4] = [
    ("Agreement", "string", ".spec.agreement", "The Rackbeat account"),
    ("Worker", "string", ".status.worker", "The Deployment of the store's worker"),
    (
        "Initial-Sync",
        "string",
        ".status.initialSync.phase",
        "Where the initial sync is that was asked for last",
    ),
    (
        "Message",
        "string",
        ".status.conditions[?(@.type==\"Ready\")].message",
        "What to know about the store, for people",
    ),
];

const AGE: Column = ("Age", "date", ".metadata.creationTimestamp", "When the resource was made");

/// All of them, in their order.
pub(super) fn columns() -> Vec<CustomResourceColumnDefinition> {
    let shown = SHOWN.into_iter().map(|column| definition(column, None));
    let wide = WIDE.into_iter().map(|column| definition(column, Some(1)));
    shown.chain(wide).chain([definition(AGE, None)]).collect()
}

fn definition(column: Column, priority: Option<i32>) -> CustomResourceColumnDefinition {
    let (name, type_, json_path, description) = column;
    CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        priority,
        ..CustomResourceColumnDefinition::default()
    }
}
