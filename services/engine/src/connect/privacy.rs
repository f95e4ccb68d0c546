//! The webhook secret of a disconnected store is kept for the privacy topics, which come up to 48 days later; then it is
//! forgotten, too.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, SecretOwner};
use shopbeat_domain::store::{Store, secret};
use tokio_util::sync::CancellationToken;

use crate::ports::Ports;
use crate::worker::pause;

/// Days matter here, hours do not.
const LOOK: Duration = Duration::from_secs(6 * 3600);

/// What signs webhooks.
const SECRETS: [&str; 3] =
    [secret::CLIENT_SECRET, secret::PREVIOUS_CLIENT_SECRET, secret::PREVIOUS_CLIENT_SECRET_UNTIL];

/// Forgets what is past its time, at once and then on a timer, until `shutdown`.
pub async fn keep(ports: Ports, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        if let Err(failure) = forget(&ports).await {
            tracing::warn!(error = %failure, "webhook secrets of disconnected stores could not be looked at");
        }
        pause(&ports, LOOK, &shutdown).await;
    }
}

/// Forgets the webhook secrets of stores that were disconnected more than [`limits::PRIVACY_DAYS`] ago; answers of how
/// many.
///
/// # Errors
/// When the state is away.
pub async fn forget(ports: &Ports) -> Answer<u64> {
    let (registry, now) = (&ports.state.registry, ports.now());
    let mut forgotten = 0;
    for store in registry.stores().await?.iter().filter(|store| is_past(store, now)) {
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        // The one that stands in every store last: it tells whether there is anything left to do.
        if registry.secret(&owner, secret::CLIENT_SECRET).await?.is_none() {
            continue;
        }
        for field in SECRETS.iter().rev() {
            registry.forget_secret(&owner, field).await?;
        }
        tracing::info!(store.id = %store.id, "the webhook secret of a disconnected store is forgotten");
        forgotten += 1;
    }
    Ok(forgotten)
}

fn is_past(store: &Store, now: Timestamp) -> bool {
    let kept = SignedDuration::from_hours(24 * limits::PRIVACY_DAYS);
    store.disconnected_at.is_some_and(|at| now.duration_since(at) > kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::WorldBuilder;

    #[tokio::test(start_paused = true)]
    async fn the_webhook_secret_stays_sixty_days_after_a_disconnect_and_no_longer() {
        let world = WorldBuilder::default().build().await;
        let store = world.raw.registry.store(&world.id).await.unwrap().unwrap();
        let owner = SecretOwner::Store(store.agreement, store.id);
        let day = Duration::from_secs(24 * 3600);
        tokio::time::sleep(100 * day).await;
        assert_eq!(forget(&world.ports).await.unwrap(), 0, "a connected store keeps it");
        world.connector.disconnect(&world.id).await.unwrap();
        for (days, left) in [(59, true), (2, false)] {
            tokio::time::sleep(days * day).await;
            assert_eq!(forget(&world.ports).await.unwrap(), u64::from(!left));
            let kept = world.raw.registry.secret(&owner, secret::CLIENT_SECRET).await.unwrap();
            assert_eq!(kept.is_some(), left, "{days}");
        }
        assert_eq!(forget(&world.ports).await.unwrap(), 0);
    }
}
