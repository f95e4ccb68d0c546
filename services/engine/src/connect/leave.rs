//! Ending a store: done even if the shop does not let us in any more, and finished when it is asked again after it was
//! cut off.

use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::SecretOwner;
use shopbeat_domain::store::{Store, secret};

use super::{Connector, changed_meanwhile, webhook_address};
use crate::billing;
use crate::problem::Problem;

impl Connector {
    /// Ends a store: webhooks removed, credentials forgotten but for the secret that signs privacy webhooks. Done
    /// even if the shop does not let us in any more; what could not be removed there is answered.
    ///
    /// # Errors
    /// Unknown store; one that a custom resource manages.
    pub async fn disconnect(&self, id: &StoreId) -> Result<Vec<String>, Problem> {
        if let Some(ended) = self.half_ended(id).await? {
            billing::reconcile(&self.ports, id).await?;
            self.forget(&ended).await?;
            return self.leave_agreement(&ended.agreement).await;
        }
        let store = self.own_store(id).await?;
        let mut left = Vec::new();
        if let Some(address) = &store.webhook_address {
            let removed = match self.ports.remotes.shop(&store).await {
                Ok(shop) => shop.unsubscribe(address).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = removed {
                left.push(format!("webhook subscriptions of {}: {failure}", store.shop));
            }
        }
        let ended = Store { disconnected_at: Some(self.ports.now()), ..store };
        let ended = match self.ports.state.registry.put_store(&ended).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => return Err(changed_meanwhile(id)),
            other => other?,
        };
        billing::reconcile(&self.ports, id).await?;
        self.forget(&ended).await?;
        left.extend(self.leave_agreement(&ended.agreement).await?);
        tracing::info!(store.id = %id, "store disconnected");
        Ok(left)
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
            let removed = match self.ports.remotes.erp(agreement, Lane::BackFill).await {
                Ok(erp) => erp.unsubscribe(&address).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = removed {
                left.push(format!("webhooks of agreement {agreement} in Rackbeat: {failure}"));
            }
        }
        let owner = SecretOwner::Agreement(agreement.clone());
        for field in self.agreement_secrets() {
            registry.forget_secret(&owner, &field).await?;
        }
        Ok(left)
    }
}

/// What opens a store's shop: forgotten when it is disconnected. The client secret stays, since it signs the privacy
/// webhooks that come later.
const STORE_SECRETS: [&str; 2] = [secret::CLIENT_ID, secret::LEGACY_TOKEN];
