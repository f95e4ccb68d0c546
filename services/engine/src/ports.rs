//! The ports in one hand: every use case takes this.

use std::sync::Arc;

use jiff::Timestamp;
use shopbeat_domain::ports::{Blind, Clock, Random, Remotes, State};

use crate::observe::Observer;
use crate::stock::RouteMemo;
use crate::timing::Timing;

/// What this program is: workers tell it of themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// Version and commit.
    pub build: &'static str,
    /// The version of Shopify's API that is spoken.
    pub shopify_api: &'static str,
}

/// All that the engine works with; cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// What survives.
    pub state: State,
    /// The two remotes.
    pub remotes: Arc<dyn Remotes>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance: jitter and ids.
    pub random: Arc<dyn Random>,
    /// Keyed hashes of personal data.
    pub blind: Arc<dyn Blind>,
    /// Who is told what happened, for metrics.
    pub observer: Arc<dyn Observer>,
    /// How long leases last.
    pub timing: Timing,
    /// What this program is.
    pub about: About,
    /// What was found out of shops' locations lately.
    pub routes: Arc<RouteMemo>,
}

impl Ports {
    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id that sorts by time.
    #[must_use]
    pub fn new_id(&self) -> String {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        let mut random = [0; 10];
        let (first, second) = random.split_at_mut(8);
        first.copy_from_slice(&self.random.next_u64().to_be_bytes());
        second.copy_from_slice(self.random.next_u64().to_be_bytes().get(..2).unwrap_or(&[0, 0]));
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }
}
