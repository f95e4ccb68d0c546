//! Work that is asked for once, by a text that changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::rule_at;

/// What becomes of an item that has a quantity in Rackbeat already.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockPolicy {
    /// It is left alone and told.
    #[default]
    Keep,
    /// The shop's quantity is added to it.
    Sum,
    /// The shop's quantity replaces it.
    Overwrite,
}

/// Which of Shopify's quantities is imported.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StockCount {
    /// What can be sold.
    #[default]
    Available,
    /// What lies there.
    OnHand,
}

/// An initial sync.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".run",
    "!has(self.run) || self.products || self.stock",
    "initialSync.run asks for nothing: set initialSync.products or initialSync.stock to true",
)]))]
pub struct InitialSync {
    /// Bring the shop's variants into Rackbeat as products, where they are not there yet.
    pub products: bool,
    /// Bring the shop's quantities into Rackbeat.
    pub stock: bool,
    /// A text of yours, 1 to 100 letters, such as "first": a new text starts one run. The status echoes it. Left out:
    /// nothing is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^\S(.*\S)?$"))]
    pub run: Option<String>,
    /// Only report what would happen: `shopbeat sync report` shows it.
    pub dry_run: bool,
    /// With stock: what becomes of an item that has a quantity in Rackbeat already, or an earlier import. Keep: it is
    /// left alone and told. Sum: the shop's quantity is added to it, once per store. Overwrite: the shop's quantity
    /// replaces it.
    pub policy: StockPolicy,
    /// With stock: which of Shopify's quantities is imported. Available: what can be sold. OnHand: what lies there, right
    /// when open orders are transferred too.
    pub count: StockCount,
    /// With stock: Rackbeat's number of the location that it is put on. Left out: as `products.stockLocation` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub location: Option<i64>,
}

/// A replay.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-validations" = [rule_at(
    ".to",
    "!has(self.to) || self.from < self.to",
    "replay.from must be before replay.to",
)]))]
pub struct Replay {
    /// A text of yours, 1 to 100 letters, such as "after-outage": a new text starts one replay. The status echoes it.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^\S(.*\S)?$"))]
    pub id: String,
    /// Orders that changed in Shopify from this moment on, such as `2026-11-01T00:00:00Z`.
    #[schemars(extend("format" = "date-time"), length(max = 40), regex(pattern = r"(Z|[+-][0-9]{2}:[0-9]{2})$"))]
    pub from: String,
    /// Until this moment. Left out: until the replay begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 40), regex(pattern = r"(Z|[+-][0-9]{2}:[0-9]{2})$"))]
    pub to: Option<String>,
}
