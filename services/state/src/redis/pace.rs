//! Rackbeat's budget on Redis, shared by all processes.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::RACKBEAT_BURST;
use shopbeat_domain::ports::{Answer, Pace};

use super::Engine;
use crate::pacing::{INTERVAL, JUMPED, depth};

#[async_trait]
impl Pace for Engine {
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>> {
        let mut script = self.scripts.pace.key(self.keys.pace(budget));
        script.arg(now.as_microsecond()).arg(INTERVAL).arg(RACKBEAT_BURST).arg(depth(lane)).arg(JUMPED);
        let wait: i64 = self.script("pace", &script).await?;
        Ok(u64::try_from(wait).ok().map(Duration::from_micros))
    }
}
