//! One Shopify order as Rackbeat lines, to the minor unit. Pure: the same order and settings give the same plan.
//!
//! Rackbeat lines take a unit price without VAT, a discount percentage and a VAT percentage, and no amounts; how
//! Rackbeat rounds their sum is unknown. So a plan is made from Shopify's amounts ([`plan`]), and whether Rackbeat
//! arrives at the same total is observed on the draft ([`compare()`]).

mod block;
mod compare;
mod line;
mod plan;
#[cfg(any(test, feature = "samples"))]
pub mod samples;

pub use block::{Block, blocked};
pub use compare::{Finding, compare, rounding_line};
pub use plan::{Plan, plan};
