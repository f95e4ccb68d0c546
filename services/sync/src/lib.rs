//! The service `shopbeat`: what comes in over gRPC and HTTP, and how the parts of the house are joined.
//!
//! `main.rs` reads the options and calls [`run`]; [`app`] is the only file that knows every adapter.

pub mod app;
pub mod auth;
pub mod cli;
#[cfg(feature = "demo")]
pub mod demo;
pub mod grpc;
pub mod http;
pub mod metrics;
pub mod options;
mod remotes;
#[cfg(feature = "demo")]
mod sandbox;
mod system;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod worker;

pub use app::run;
