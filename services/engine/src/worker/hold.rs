//! A hold that can end by itself: a frozen shop is paid for again, a refused key turns out to be good after all. A
//! held store writes nothing; now and then it asks both remotes who we are, and an answer lifts the hold.

use shopbeat_domain::job::Lane;
use shopbeat_domain::limits;
use shopbeat_domain::ports::Answer;
use shopbeat_domain::store::{Hold, Store};
use tokio_util::sync::CancellationToken;

use super::{pause, tell};
use crate::intake::set_hold;
use crate::ports::Ports;

/// Probes until `over`, while the store is on hold.
pub(super) async fn keep_probing(ports: &Ports, store: &Store, over: &CancellationToken) {
    while !over.is_cancelled() {
        pause(ports, limits::BACKOFF_MAX, over).await;
        if let Err(failure) = probe(ports, store).await {
            tell(ports, store, "the store stays on hold", &failure);
        }
    }
}

async fn probe(ports: &Ports, store: &Store) -> Answer<()> {
    let Some(store) = ports.state.registry.store(&store.id).await? else { return Ok(()) };
    match store.hold {
        // Only the merchant ends this one, by installing the app again: then the store is connected anew.
        None | Some(Hold::Uninstalled) => return Ok(()),
        Some(Hold::TokenDead | Hold::ShopFrozen) => {}
    }
    ports.remotes.shop(&store).await?.identity().await?;
    ports.remotes.erp(&store.agreement, Lane::BackFill).await?.account().await?;
    tracing::info!(store.id = %store.id, "both remotes let us in again; the hold is lifted");
    set_hold(ports, &store.id, None).await
}
