//! The Kubernetes operator: turns `ShopifyStore` resources into connected stores and running workers.

pub mod apply;
mod asked;
pub mod backoff;
pub mod build;
pub mod carry;
pub mod cli;
pub mod clock;
pub mod context;
pub mod controller;
pub mod environment;
pub mod events;
pub mod finalize;
pub mod leader;
pub mod listed;
pub mod mask;
pub mod memory;
pub mod metrics;
pub mod probes;
pub mod reconcile;
pub mod registration;
pub mod release;
pub mod resource;
pub mod rollout;
pub mod run;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod status;
pub mod tell;
#[cfg(test)]
mod testing;
pub mod validate;
pub mod worker;
