//! Shopify behind the domain's ports: the Admin GraphQL client, its tokens, and the signatures of webhooks.
//!
//! - [`ShopifyClient`] is a [`shopbeat_domain::ports::Shop`]; `../operations` holds what it asks, one operation a
//!   file, `../schema` the slice of Shopify's schema that they are held against.
//! - [`webhook`] checks deliveries and reads the ids in them.
//!
//! Every call makes one attempt; its failure says what is known. A call goes through `transport` (token, cost
//! bucket, POST) and `classify` (status and body to data or failure).

mod bulk;
mod catalog_rows;
mod classify;
mod client;
mod cost;
mod http;
mod latest;
mod order;
mod orders;
mod product_writes;
mod products;
mod shop;
mod stock;
mod subscriptions;
mod token;
mod transport;
mod variant;
pub mod webhook;
mod wire;

#[cfg(test)]
mod operations_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod testing;

pub use client::ShopifyClient;
pub use http::{API_VERSION, BadBaseUrl, BaseUrl, Http};
pub use subscriptions::TOPICS;
pub use token::Credentials;
pub use transport::Watch;
