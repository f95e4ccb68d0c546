//! The adapter to Rackbeat's REST API: the port `Erp` over HTTP, and Rackbeat's webhooks.
//!
//! Every call takes its place in the token's budget, is sent once, and says what is known of how it ended
//! ([`shopbeat_domain::failure`]); nothing here tries again. What nobody could verify about Rackbeat is listed in
//! `quirks.rs`: for each such question the client copes with every answer and remembers what it saw.

mod account;
mod address;
mod client;
mod customers;
mod deliveries;
mod erp;
mod find;
mod invoices;
mod items;
mod levels;
mod orders;
mod pages;
mod products;
mod quirks;
mod refusal;
mod shipments;
mod stock;
#[cfg(test)]
mod testing;
mod transport;
mod walk;
mod webhook;
mod wire;

pub use client::{Consumer, DEFAULT_BASE, RackbeatClient, Watch, http_client};
pub use deliveries::{About, Delivery, PRODUCT_EVENTS, StockEvent, read_delivery, subscribed_events};
pub use quirks::Proof;
pub use webhook::{Notice, TOKEN_HEADER, WebhookToken, read_notice};
