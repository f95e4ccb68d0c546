//! What must survive: every state port of the domain on two engines, with one contract suite for both.
//!
//! - [`redis()`]: Redis 6.2 or newer, standalone. Production, and anything with more than one process. Each port
//!   call is one script; all keys are on one page, `keys.rs`.
//! - [`embedded()`]: a file, or memory. One process, no server.
//!
//! Losing the state must cost work, never an order and never a double: the reference written into each Rackbeat
//! order guards against doubles, this crate only saves repeated work and answers questions.

mod embedded;
mod keys;
mod names;
mod pacing;
mod record;
mod redis;
mod seal;

pub use self::embedded::embedded;
pub use self::redis::{DEFAULT_PREFIX, redis};
pub use self::seal::{BadKey, MasterKey, Sealing};
