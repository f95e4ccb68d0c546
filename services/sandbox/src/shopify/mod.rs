//! The simulated Shopify: Admin GraphQL 2026-10 executed over the real schema's slice, tokens, cost
//! bucket, bulk operations and webhooks.
//!
//! [`ShopifySim`] is the library side. A shop's base URL is `http://<address>/<shop domain>`.

mod bulk;
mod bulk_export;
mod control;
mod control_goods;
mod delivery;
mod docs;
mod goods;
mod goods_edit;
mod goods_index;
mod graphql;
mod http;
mod idempotent;
mod life;
mod merchant;
pub mod money;
mod oauth;
pub mod order;
pub mod order_build;
mod order_doc;
pub mod order_gen;
mod order_rest;
pub mod order_spec;
pub mod people;
mod product_doc;
mod product_rest;
mod shop;
mod sim;
mod sim_goods;
pub mod special;
mod stock;
mod throttle;
mod webhook;

#[cfg(test)]
mod tests;

pub use self::bulk::BulkFault;
pub use self::delivery::{DeliveryCounts, DeliveryOptions};
pub use self::goods_edit::{Change, ProductEdit, VariantEdit};
pub use self::http::route_name;
pub use self::life::LifeError;
pub use self::order_spec::OrderSpec;
pub use self::shop::{ShopSpec, Standing, USUAL_SCOPES};
pub(crate) use self::sim::SharedShop;
pub use self::sim::{OrderTruth, ShopifySim};
pub use self::sim_goods::{LocationTruth, ProductTruth, StockTruth, VariantTruth};
pub use self::stock::{InventoryWrite, ProductWrite};
pub use self::webhook::sign;

/// The only version served; the schema slice is of it.
pub const API_VERSION: &str = "2026-10";
