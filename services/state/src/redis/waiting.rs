//! Waiting for an offer or a mark: a blocking read on a connection of its own, since it would hold up all others. One
//! connection per store that is waited for, kept for the next wait; one per wait for a heap, of which there are many.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, cmd};
use shopbeat_domain::failure::FailureKind;
use shopbeat_domain::ports::Answer;
use tokio::time::Instant;

use super::open::CONNECT_TIMEOUT;
use super::{Engine, patiently, told};
use crate::record::failed;

type Slot = Arc<tokio::sync::Mutex<Option<MultiplexedConnection>>>;

#[derive(Default)]
pub(super) struct Waiting(std::sync::Mutex<HashMap<String, Slot>>);

/// One blocking read lasts no longer, so that a connection that died unnoticed is found out; the worker looks
/// and waits again.
const LONGEST: Duration = Duration::from_secs(20);
/// What the answer may be late.
const GRACE: Duration = Duration::from_secs(2);

impl Engine {
    fn slot(&self, wake: &str) -> Slot {
        let mut slots = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(wake.to_owned()).or_default())
    }

    /// Waits for an entry of the wake list. If this future is dropped, its connection goes with it: Redis would
    /// else hand the next entry to a reader that is gone.
    pub(super) async fn wait_for_wake(&self, wake: &str, at_most: Duration) -> Answer<()> {
        let until = Instant::now() + at_most.min(LONGEST);
        let slot = self.slot(wake);
        let Ok(mut slot) = tokio::time::timeout_at(until, slot.lock_owned()).await else { return Ok(()) };
        let at_most = until.saturating_duration_since(Instant::now());
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        *slot = Some(listen(connection, wake, at_most).await?);
        Ok(())
    }

    /// The same on a connection that ends with the wait.
    pub(super) async fn wait_on_own_connection(&self, wake: &str, at_most: Duration) -> Answer<()> {
        let until = Instant::now() + at_most.min(LONGEST);
        let connection = self.connect().await?;
        listen(connection, wake, until.saturating_duration_since(Instant::now())).await.map(drop)
    }

    async fn connect(&self) -> Answer<MultiplexedConnection> {
        // The library's response timeout (half a second) would cut every wait, and leave Redis blocked on it.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        patiently("wait", self.client.get_multiplexed_async_connection_with_config(&config)).await
    }
}

/// Waits for an entry; gives the connection back if it is still good.
async fn listen(
    mut connection: MultiplexedConnection,
    wake: &str,
    at_most: Duration,
) -> Answer<MultiplexedConnection> {
    // Redis takes 0 for "for ever".
    let millis = at_most.as_millis().max(1);
    let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
    let mut blpop = cmd("BLPOP");
    blpop.arg(wake).arg(seconds);
    let read = blpop.query_async::<Option<(String, String)>>(&mut connection);
    match tokio::time::timeout(at_most + GRACE, read).await {
        Ok(Ok(_)) => Ok(connection),
        Ok(Err(error)) => Err(told("wait", &error)),
        Err(_) => Err(failed("wait", FailureKind::Unanswered, "Redis did not answer in time")),
    }
}
