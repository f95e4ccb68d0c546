//! What an agreement owes: computed from a journal of connects, pauses and ends that nobody can change unnoticed.
//!
//! [`BillingEntry`] is what is kept; [`Standing`] tells what the journal has not been told yet, [`check`] whether it is
//! still as it was written, [`bill`] what is owed for a [`Month`] under [`Terms`].

mod bill;
mod chain;
mod month;
mod standing;
mod terms;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ShopDomain, StoreId};

pub use bill::{Bill, BillLine, bill};
pub use chain::{Flaw, JournalHead, check};
pub use month::Month;
pub use standing::Standing;
pub use terms::{ProRata, Terms};

/// What happened to a store, as far as billing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingEvent {
    /// Connected, or connected again after an end.
    Connected,
    /// Paused: is billed on.
    Paused,
    /// Goes on after a pause.
    Resumed,
    /// The merchant uninstalled the app: not billed from the next day.
    Uninstalled,
    /// Disconnected: not billed from the next day.
    Disconnected,
}

impl BillingEvent {
    /// Its name in answers and in the seal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Uninstalled => "uninstalled",
            Self::Disconnected => "disconnected",
        }
    }
}

/// One entry of an agreement's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingEntry {
    /// Layout of this record.
    pub version: u32,
    /// Its place in the journal, from 1 without gaps.
    pub number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The store.
    pub store: StoreId,
    /// Its shop.
    pub shop: ShopDomain,
    /// What happened.
    pub event: BillingEvent,
    /// A keyed hash over this entry and the seal of the entry before: a changed, left-out or inserted entry does not
    /// fit.
    pub seal: String,
}

impl BillingEntry {
    /// The text that the seal is made of.
    #[must_use]
    pub fn sealed_text(&self, before: &str) -> String {
        let Self { version, number, at, store, shop, event, seal: _ } = self;
        format!("billing|{version}|{number}|{at}|{store}|{shop}|{}|{before}", event.name())
    }
}
