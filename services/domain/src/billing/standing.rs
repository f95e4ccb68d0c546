//! What the journal says of a store, and what it has not been told yet.

use jiff::Timestamp;

use super::{BillingEntry, BillingEvent};
use crate::ids::StoreId;
use crate::store::{Desired, Hold, Store};

/// What a journal says of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    connected: bool,
    paused: bool,
    last: Option<(BillingEvent, Timestamp)>,
}

impl Standing {
    /// Reads it from an agreement's journal.
    #[must_use]
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a BillingEntry>, store: &StoreId) -> Self {
        let of_store = entries.into_iter().filter(|entry| entry.store == *store);
        of_store.fold(Self::default(), |standing, entry| standing.after(entry.event, entry.at))
    }

    fn after(self, event: BillingEvent, at: Timestamp) -> Self {
        let (connected, paused) = match event {
            BillingEvent::Connected => (true, self.paused),
            BillingEvent::Paused => (self.connected, self.connected),
            BillingEvent::Resumed => (self.connected, false),
            BillingEvent::Uninstalled | BillingEvent::Disconnected => (false, false),
        };
        Self { connected, paused, last: Some((event, at)) }
    }

    /// Whether the store is billable by the journal.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.connected
    }

    /// What the store's record says and the journal does not, in order, each with its time: the record's where it has
    /// one, else `now`; never before the store's last entry. A stopped store counts as a paused one; a dead key or a
    /// frozen shop ends nothing.
    #[must_use]
    pub fn missing(self, record: &Store, now: Timestamp) -> Vec<(BillingEvent, Timestamp)> {
        let mut standing = self;
        let mut missing = Vec::new();
        let mut add = |standing: &mut Self, event, at: Timestamp| {
            let at = standing.last.map_or(at, |(_, last)| at.max(last));
            *standing = standing.after(event, at);
            missing.push((event, at));
        };
        if standing.last.is_none() {
            add(&mut standing, BillingEvent::Connected, record.connected_at);
        }
        if let Some(at) = record.disconnected_at {
            // Told even of a store that was uninstalled before: it changes no bill, and says when all was over.
            if !matches!(standing.last, Some((BillingEvent::Disconnected, _))) {
                add(&mut standing, BillingEvent::Disconnected, at);
            }
        } else if record.hold == Some(Hold::Uninstalled) {
            if standing.connected {
                add(&mut standing, BillingEvent::Uninstalled, now);
            }
        } else {
            if !standing.connected {
                add(&mut standing, BillingEvent::Connected, now);
            }
            match (standing.paused, record.desired != Desired::Running) {
                (false, true) => add(&mut standing, BillingEvent::Paused, now),
                (true, false) => add(&mut standing, BillingEvent::Resumed, now),
                (false, false) | (true, true) => {}
            }
        }
        missing
    }
}
