//! What Shopbeat does, over the ports of [`shopbeat_domain::ports`]: it knows no remote and no storage.
//!
//! Start with [`transfer`] (one order's way into Rackbeat); [`worker`] calls it, [`retry`] decides what becomes of
//! its failures, [`desk`] and [`connect`] are what people and other services ask for.

pub mod agreement;
pub mod billing;
pub mod connect;
pub mod crew;
pub mod desk;
pub mod goods;
pub mod initial;
pub mod intake;
pub mod observe;
pub mod ports;
pub mod preflight;
pub mod problem;
pub mod replay;
pub mod retry;
pub mod status;
pub mod stock;
pub mod sweep;
pub mod timing;
pub mod transfer;
pub mod worker;

#[cfg(test)]
mod testing;
