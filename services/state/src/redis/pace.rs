//! Rackbeat's budget on Redis, shared by all processes.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{RACKBEAT_BURST, RACKBEAT_PER_MINUTE};
use shopbeat_domain::ports::{Answer, Pace};

use super::Engine;
use crate::pacing::{GRACE, INTERVAL, JUMPED, SHARE, WINDOW, depth, most};
use crate::record::lane_number;

#[async_trait]
impl Pace for Engine {
    async fn take(&self, budget: &str, lane: Lane, now: Timestamp) -> Answer<Option<Duration>> {
        let mut script = self.scripts.pace.key(self.keys.budget(budget));
        script.key(self.keys.calls(budget));
        script.arg(now.as_microsecond()).arg(lane_number(lane));
        for number in [INTERVAL, WINDOW, JUMPED, SHARE, GRACE] {
            script.arg(number);
        }
        script.arg(RACKBEAT_BURST).arg(RACKBEAT_PER_MINUTE).arg(depth(lane)).arg(most(lane));
        let wait: i64 = self.script("pace", &script).await?;
        Ok(u64::try_from(wait).ok().map(Duration::from_micros))
    }
}
