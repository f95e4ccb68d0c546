//! What the operator tells of a store.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a store is doing, told by the operator.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ShopifyStoreStatus {
    /// The generation of the resource that this status tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is so and what is not: Ready, CredentialsValid, ScopesSufficient, WebhooksHealthy, RackbeatReachable,
    /// InitialSynced, InSync. The time of each is that of its last flip.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The store's id: the shop's handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// The Deployment of the store's worker; left out while it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The worker process that holds the store; left out while none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_instance: Option<String>,
    /// How long the job that is due longest has waited, such as `1.2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<String>,
    /// Jobs that wait or are under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// Orders that need a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<i64>,
    /// What people call the order that went over last, such as `#1042`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_order: Option<String>,
    /// The initial sync that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_sync: Option<InitialSyncStatus>,
    /// The replay that was asked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayStatus>,
    /// The version of Shopify's API that is spoken, such as `2026-10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopify_api_version: Option<String>,
    /// The store's place in the bill of its agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<BillingStatus>,
    /// A digest of the credentials that were last carried to the service: the Secrets are carried again when they differ
    /// from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_digest: Option<String>,
    /// What was last carried to the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried: Option<CarriedStatus>,
}

/// An initial sync that was asked for.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct InitialSyncStatus {
    /// The text it was asked for with.
    pub run: String,
    /// Where it is: Queued, Exporting, Importing, Finished, Failed or Cancelled.
    pub phase: String,
    /// Variants looked at so far.
    pub done: i64,
    /// Variants of the shop; 0 until that is known.
    pub total: i64,
    /// What to know about it, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A replay that was asked for.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplayStatus {
    /// The text it was asked for with.
    pub id: String,
    /// Where it is: Queued, Draining, Reading, Processing, Finished or Failed.
    pub phase: String,
    /// Orders of the span.
    pub orders: i64,
    /// Of these, standing otherwise than before.
    pub changed: i64,
    /// What to know about it, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A store's place in the bill of its agreement.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct BillingStatus {
    /// Its place among the stores of the agreement in order of connection, from 1.
    pub position: i64,
    /// That place costs nothing.
    pub free: bool,
}

/// What was last carried to the service.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct CarriedStatus {
    /// The generation of the resource that it was.
    pub generation: i64,
    /// A digest of its settings.
    pub settings: String,
}
