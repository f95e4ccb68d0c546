//! A world for the engine's tests: fakes of both remotes over virtual time, the real embedded state, and hooks that
//! can fail, lose or cut off any single call.

mod catalog;
mod fake_erp;
mod fake_shop;
mod hooks;
mod state;
mod state_goods;
mod world;

pub(crate) use catalog::variant;
pub(crate) use fake_erp::FakeErp;
pub(crate) use fake_shop::{FakeShop, ShopWrite};
pub(crate) use hooks::{Hooks, Mishap, Trouble};
pub(crate) use world::{Working, World, WorldBuilder};
