//! What Shopbeat is about, with no network and no storage: ids, money, orders, rules, the mapping of one
//! Shopify order to Rackbeat lines, and the ports that the adapters fill.
//!
//! Start with [`order`] (what Shopify says), [`mapping`] (what Rackbeat shall say) and [`ports`].

pub mod billing;
pub mod catalog;
pub mod eligibility;
pub mod erp;
pub mod failure;
pub mod ids;
pub mod job;
pub mod limits;
pub mod mapping;
pub mod money;
pub mod order;
pub mod person;
pub mod ports;
pub mod preflight;
pub mod product;
pub mod replay;
pub mod report;
pub mod run;
pub mod settings;
pub mod stock;
pub mod store;
pub mod transfer;
