//! What the whole-program suites share: real processes, a real Redis, the sandbox, and the promises that must hold at
//! the end of every test.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a harness that cannot go on fails the test, and says why"
)]

mod binary;
mod books;
pub mod cluster;
mod guard;
mod http;
mod process;
mod proxy;
mod redis;
mod service;
mod settings;
mod shelf;
mod wait;
mod world;

pub use self::redis::Redis;
pub use binary::{operator, shopbeat};
pub use books::{Expect, Ledger};
pub use http::{Answer, HttpClient, Webhook};
pub use process::Process;
pub use proxy::Proxy;
pub use service::{Api, Service, StateAt};
pub use settings::{FREIGHT, ROUNDING, ago, seed, settings};
pub use wait::{LONG, SHORT, until};
pub use world::{Plan, World};
