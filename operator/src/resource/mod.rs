//! The resource `ShopifyStore`: what it may say, and what the operator tells of it. The documentation of each field is
//! what `kubectl explain` shows, and the rules here are those that the API server checks.

mod columns;
mod definition;
mod goods;
mod orders;
mod rules;
mod status;
mod work;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use rules::rule;

pub use definition::{definition, definition_yaml};
pub use goods::{
    CustomFieldFilter, GroupVat, Master, Negative, OnDelete, PriceSettings, ProductField, ProductFilter,
    ProductSettings, Publish, StockKind, StockRoute, StockSettings,
};
pub use orders::{CustomerSettings, OrderSettings, Target, TestOrders, Trigger, VatZone, WithoutEmail};
pub use status::{BillingStatus, CarriedStatus, InitialSyncStatus, ReplayStatus, ShopifyStoreStatus};
pub use work::{InitialSync, Replay, StockCount, StockPolicy};
pub use worker::{Quantity, WorkerResources, WorkerSpec};

/// A Shopify shop that is kept in step with a Rackbeat account.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "shopbeat.dev",
    version = "v1alpha1",
    kind = "ShopifyStore",
    plural = "shopifystores",
    singular = "shopifystore",
    shortname = "shop",
    shortname = "shops",
    category = "shopbeat",
    namespaced,
    status = "ShopifyStoreStatus",
    derive = "PartialEq",
    doc = "A Shopify shop that is kept in step with a Rackbeat account: orders go over, products and stock follow. \
           The credentials are in Secrets of the same namespace."
)]
#[serde(rename_all = "camelCase")]
pub struct ShopifyStoreSpec {
    /// The shop's permanent domain, such as `acme-oslo.myshopify.com`; not the domain that customers see. The part
    /// before `.myshopify.com` is the store's id everywhere: in commands, metrics, references in Rackbeat. Cannot be
    /// changed: another shop is another ShopifyStore.
    #[schemars(length(max = 74), regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?\.myshopify\.com$"))]
    #[schemars(extend("x-kubernetes-validations" = [rule(
        "self == oldSelf",
        "shopDomain cannot be changed: another shop is another ShopifyStore; delete this one, or apply one of another name",
    )]))]
    pub shop_domain: String,
    /// The Rackbeat account that the shop is kept in step with, by a name of your choice: 1 to 60 of a-z, 0-9 and `-`.
    /// Stores with the same agreement share one account, its products and its stock. Bound at the first connect to the
    /// account that the Rackbeat token opens. Cannot be changed.
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[a-z0-9][a-z0-9-]{0,59}$"))]
    #[schemars(extend("x-kubernetes-validations" = [rule(
        "self == oldSelf",
        "agreement cannot be changed: delete this ShopifyStore and apply it again with the other agreement",
    )]))]
    pub agreement: String,
    /// What is wanted of the store. Running: it works. Paused: its worker keeps recording what comes in and writes
    /// nothing; all of it goes over once it runs again. Stopped: it has no worker; webhooks are still recorded.
    #[serde(default)]
    pub state: State,
    /// How Shopify is reached.
    pub shopify: ShopifyAccess,
    /// How Rackbeat is reached.
    pub rackbeat: RackbeatAccess,
    /// Orders, which go from Shopify to Rackbeat.
    #[serde(default)]
    pub orders: OrderSettings,
    /// Customers that have to be made in Rackbeat for orders.
    #[serde(default)]
    pub customers: CustomerSettings,
    /// Products, which go from the side that is master to the other.
    #[serde(default)]
    pub products: ProductSettings,
    /// Prices, which go with the products.
    #[serde(default)]
    pub prices: PriceSettings,
    /// Stock, which goes from Rackbeat to the shop.
    #[serde(default)]
    pub stock: StockSettings,
    /// Brings what the shop has into Rackbeat, once: products, stock or both. Begun by a new text in `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_sync: Option<InitialSync>,
    /// Lets the orders that changed in Shopify in a span of time go through once more, each as if its webhook had just
    /// come. Nothing is made twice; what stands otherwise than before is told. Begun by a new text in `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// Scheduling and resources of the store's worker. A change here restarts this worker; changes anywhere else do
    /// not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerSpec>,
}

/// What is wanted of a store.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It works.
    #[default]
    Running,
    /// It records what comes in and writes nothing.
    Paused,
    /// It has no worker.
    Stopped,
}

/// How Shopify is reached.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ShopifyAccess {
    /// How the store's Admin API token is got. ClientCredentials: with the client id and secret of the merchant's own
    /// app, made in Shopify's Dev Dashboard; tokens live 24 hours and are renewed by the service. LegacyToken: a pasted
    /// token (`shpat_…`) of a custom app made before 2026, which does not end.
    #[serde(default)]
    pub grant: Grant,
    /// The Secret with the credentials, in the namespace of this resource. ClientCredentials: its keys `clientId` and
    /// `clientSecret`. LegacyToken: its keys `token` and `clientSecret` (the secret of the app that the token belongs
    /// to: it signs the webhooks). A change of the Secret is carried over by itself.
    pub credentials_secret_ref: SecretReference,
}

/// How a store's Shopify token is got.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grant {
    /// With client id and secret of the merchant's own app.
    #[default]
    ClientCredentials,
    /// A pasted token.
    LegacyToken,
}

/// How Rackbeat is reached.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RackbeatAccess {
    /// The Secret with the account's API token in its key `token`, in the namespace of this resource. Stores with the
    /// same agreement may name the same Secret. A change of the Secret is carried over by itself.
    pub credentials_secret_ref: SecretReference,
    /// The currency that the Rackbeat account is kept in, three letters as of ISO 4217. Left out: what is known of it,
    /// at first the shop's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 3), regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: Option<String>,
}

/// A Secret in the namespace of the resource.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}
