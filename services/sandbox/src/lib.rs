//! A simulated Shopify and a simulated Rackbeat over real HTTP on loopback, strict as the real ones,
//! with a fault script. `shopbeat sandbox` runs it for anyone; `shopbeat demo` and the tests use it.
//!
//! Everything is in memory and reproducible from one seed. What nobody could verify about the remotes
//! is a switch in [`facts`]; what goes wrong on the way is a rule in [`fault`].

pub mod catalog;
mod clock;
mod control;
pub mod facts;
pub mod fault;
pub mod rackbeat;
pub mod seed;
pub mod server;
pub mod shopify;
mod start;

pub use clock::SandboxClock;
pub use start::{Core, Sandbox, SandboxConfig, StartError};
