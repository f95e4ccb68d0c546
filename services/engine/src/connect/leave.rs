//! Ending a store: done even if the shop does not let us in any more, and finished when it is asked again after it was
//! cut off.

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Answer, Family, SecretOwner};
use shopbeat_domain::store::{ManagedBy, Store, secret};

use super::{Connector, changed_meanwhile, webhook_address};
use crate::problem::Problem;
use crate::{billing, replay};

impl Connector {
    /// Ends a store that the API manages, see [`Self::disconnect_by`].
    ///
    /// # Errors
    /// Unknown store; one that a custom resource manages.
    pub async fn disconnect(&self, id: &StoreId) -> Result<Vec<String>, Problem> {
        self.disconnect_by(id, &ManagedBy::Api).await
    }

    /// Ends a store: webhooks removed, credentials forgotten but for the secret that signs privacy webhooks. Done
    /// even if a remote is away or lets us in no more; what could not be removed there is answered. Its worker gives
    /// its lease back when it sees that.
    ///
    /// # Errors
    /// Unknown store, or one that is ended whole; one that somebody else than `by` manages.
    pub async fn disconnect_by(&self, id: &StoreId, by: &ManagedBy) -> Result<Vec<String>, Problem> {
        if let Some(ended) = self.half_ended(id).await? {
            billing::reconcile(&self.ports, id).await?;
            replay::disconnected(&self.ports, id).await?;
            self.forget(&ended).await?;
            return self.leave_agreement(&ended.agreement).await;
        }
        let store = self.own_store(id, by).await?;
        let mut left = Vec::new();
        if let Some(address) = &store.webhook_address {
            let removed =
                self.patiently(async { self.ports.remotes.shop(&store).await?.unsubscribe(address).await });
            if let Some(why) = removed.await {
                left.push(format!("webhook subscriptions of {}: {why}", store.shop));
            }
        }
        let ended = Store { disconnected_at: Some(self.ports.now()), ..store };
        let ended = match self.ports.state.registry.put_store(&ended).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => return Err(changed_meanwhile(id)),
            other => other?,
        };
        billing::reconcile(&self.ports, id).await?;
        replay::disconnected(&self.ports, id).await?;
        self.forget(&ended).await?;
        left.extend(self.leave_agreement(&ended.agreement).await?);
        tracing::info!(store.id = %id, "store disconnected");
        Ok(left)
    }

    /// Takes leave of a remote, for a while: why it was not done.
    async fn patiently(&self, leave: impl Future<Output = Answer<()>>) -> Option<String> {
        tokio::select! {
            left = leave => left.err().map(|failure| failure.to_string()),
            () = self.ports.clock.sleep(limits::LEAVE_PATIENCE) => Some("it did not answer in time".to_owned()),
        }
    }

    /// A store whose disconnect was cut off: ended, and something of it is still kept.
    async fn half_ended(&self, id: &StoreId) -> Result<Option<Store>, Problem> {
        let registry = &self.ports.state.registry;
        let Some(store) = registry.store(id).await?.filter(|store| store.disconnected_at.is_some()) else {
            return Ok(None);
        };
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        for field in STORE_SECRETS {
            if registry.secret(&owner, field).await?.is_some() {
                return Ok(Some(store));
            }
        }
        if self.is_in_use(&store.agreement).await? {
            return Ok(None);
        }
        let owner = SecretOwner::Agreement(store.agreement.clone());
        for field in self.agreement_secrets() {
            if registry.secret(&owner, &field).await?.is_some() {
                return Ok(Some(store));
            }
        }
        Ok(None)
    }

    async fn is_in_use(&self, agreement: &AgreementId) -> Result<bool, Problem> {
        let stores = self.ports.state.registry.stores().await?;
        Ok(stores.iter().any(|store| store.agreement == *agreement && store.disconnected_at.is_none()))
    }

    async fn forget(&self, store: &Store) -> Result<(), Problem> {
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        // The credentials last: as long as they are there, this is done again when it was cut off.
        self.ports.state.records.clear(&Family::Status(store.id.clone())).await?;
        for field in STORE_SECRETS {
            self.ports.state.registry.forget_secret(&owner, field).await?;
        }
        Ok(())
    }

    /// Every secret of an agreement.
    pub(super) fn agreement_secrets(&self) -> Vec<String> {
        let tokens = self.events().map(secret::rackbeat_webhook_token);
        tokens.chain([secret::RACKBEAT_TOKEN.to_owned()]).collect()
    }

    /// With the last store of an agreement its token goes, too.
    async fn leave_agreement(&self, agreement: &AgreementId) -> Result<Vec<String>, Problem> {
        let registry = &self.ports.state.registry;
        if self.is_in_use(agreement).await? {
            return Ok(Vec::new());
        }
        let mut left = Vec::new();
        if let Some(public) = &self.public_url {
            let address = webhook_address(public, &format!("webhooks/rackbeat/{agreement}"))?;
            let removed = self.patiently(async {
                self.ports.remotes.erp(agreement, Lane::BackFill).await?.unsubscribe(&address).await
            });
            if let Some(why) = removed.await {
                left.push(format!("webhooks of agreement {agreement} in Rackbeat: {why}"));
            }
        }
        // Rackbeat may have taken its time.
        if self.is_in_use(agreement).await? {
            left.extend(self.give_back(agreement).await);
            return Ok(left);
        }
        let owner = SecretOwner::Agreement(agreement.clone());
        for field in self.agreement_secrets() {
            registry.forget_secret(&owner, &field).await?;
        }
        Ok(left)
    }

    /// Registers Rackbeat's webhooks again for a store that took the agreement up while they were removed.
    async fn give_back(&self, agreement: &AgreementId) -> Vec<String> {
        let subscribed = async {
            let erp = self.ports.remotes.erp(agreement, Lane::BackFill).await?;
            self.subscribe_rackbeat(agreement, erp.as_ref()).await
        };
        subscribed.await.unwrap_or_else(|problem| {
            vec![format!(
                "agreement {agreement} was taken up by another store meanwhile, and its webhooks in Rackbeat could not be \
                 registered again: {problem}"
            )]
        })
    }
}

/// What opens a store's shop: forgotten when it is disconnected. The client secret stays, since it signs the privacy
/// webhooks that come later.
const STORE_SECRETS: [&str; 2] = [secret::CLIENT_ID, secret::LEGACY_TOKEN];
