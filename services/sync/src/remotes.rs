//! Opens the remotes with the credentials that the registry keeps. One client per shop and one per account, so that
//! their tokens, budgets and what they learned are shared; made anew when the credentials changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::ports::{Answer, Clock, Erp, Remotes, SecretOwner, Shop, State};
use shopbeat_domain::store::{Grant, ShopCredentials, Store, secret};
use shopbeat_rackbeat::{Consumer, RackbeatClient, http_client};
use shopbeat_shopify::{BaseUrl, Credentials, Http, ShopifyClient};
use tokio::sync::Mutex;
use url::Url;

use crate::metrics::Metrics;

/// Credentials are looked up again after this: another process may have changed them.
const BELIEVED: Duration = Duration::from_secs(10);

/// Where the remotes are and how they are called.
pub(crate) struct Places {
    pub(crate) shopify: BaseUrl,
    pub(crate) rackbeat: Url,
    pub(crate) contact: String,
    /// Of one call.
    pub(crate) deadline: Duration,
}

/// A client, and the credentials it was made with.
struct Open<C> {
    client: C,
    credentials: Vec<SecretString>,
    /// The revision of the record that they were looked up for.
    revision: u64,
    looked_at: Instant,
}

/// Clients by their shop or account.
struct Clients<K, C>(Mutex<HashMap<K, Open<C>>>);

impl<K: Hash + Eq + Clone, C: Clone> Clients<K, C> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// The client that is open; made by `make` if there is none or `look` finds other credentials than its own.
    async fn get(
        &self,
        key: &K,
        revision: u64,
        look: impl Future<Output = Answer<Vec<SecretString>>> + Send,
        make: impl FnOnce(&[SecretString]) -> Answer<C>,
    ) -> Answer<C> {
        let mut open = self.0.lock().await;
        let believed = |known: &&Open<C>| known.looked_at.elapsed() < BELIEVED && revision <= known.revision;
        if let Some(known) = open.get(key).filter(believed) {
            return Ok(known.client.clone());
        }
        let credentials = look.await?;
        let same = open.get_mut(key).filter(|known| equal(&known.credentials, &credentials));
        if let Some(known) = same {
            known.looked_at = Instant::now();
            known.revision = known.revision.max(revision);
            return Ok(known.client.clone());
        }
        let client = make(&credentials)?;
        open.insert(
            key.clone(),
            Open { client: client.clone(), credentials, revision, looked_at: Instant::now() },
        );
        Ok(client)
    }
}

fn equal(a: &[SecretString], b: &[SecretString]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.expose_secret() == b.expose_secret())
}

/// The clients of all stores and agreements that were needed so far.
pub(crate) struct LiveRemotes {
    state: State,
    clock: Arc<dyn Clock>,
    places: Places,
    http: Http,
    metrics: Metrics,
    shops: Clients<StoreId, Arc<ShopifyClient>>,
    accounts: Clients<AgreementId, RackbeatClient>,
}

impl LiveRemotes {
    pub(crate) fn new(state: State, clock: Arc<dyn Clock>, places: Places, metrics: Metrics) -> Self {
        let (shops, accounts) = (Clients::new(), Clients::new());
        Self { state, clock, places, http: Http::new(), metrics, shops, accounts }
    }

    fn shopify(&self, shop: &ShopDomain, credentials: Credentials) -> Arc<ShopifyClient> {
        let (http, base, clock) = (self.http.clone(), self.places.shopify.clone(), Arc::clone(&self.clock));
        let client = ShopifyClient::new(http, base, shop.clone(), credentials, clock, self.places.deadline);
        let (metrics, store) = (self.metrics.clone(), StoreId::of(shop));
        Arc::new(client.watched_by(Arc::new(move |milli| metrics.shopify_called(&store, milli))))
    }

    fn rackbeat(&self, agreement: &AgreementId, token: &SecretString) -> Answer<RackbeatClient> {
        let http = http_client().map_err(|error| {
            let text = format!("no HTTP client could be built: {error}");
            Failure::new(Remote::Rackbeat, FailureKind::Unreachable, "connect", text)
        })?;
        let client = RackbeatClient::new(
            http,
            self.places.rackbeat.clone(),
            token.clone(),
            agreement.to_string(),
            Lane::Order,
            Arc::clone(&self.state.pace),
            Arc::clone(&self.clock),
            Consumer { name: "Shopbeat".to_owned(), contact: self.places.contact.clone() },
        );
        let (metrics, agreement) = (self.metrics.clone(), agreement.clone());
        let watch = move |lane, waited| metrics.rackbeat_called(&agreement, lane, waited);
        Ok(client.with_deadline(self.places.deadline).watched_by(Arc::new(watch)))
    }

    async fn secret(&self, remote: Remote, owner: &SecretOwner, field: &str) -> Answer<SecretString> {
        let found = self.state.registry.secret(owner, field).await?;
        found.ok_or_else(|| {
            let text = format!("no {field} is kept; connect the store again");
            Failure::new(remote, FailureKind::Unauthorized(None), "open", text)
        })
    }

    /// The secrets that open a store's shop, in the order that [`opened`] takes them.
    async fn shop_secrets(&self, store: &Store) -> Answer<Vec<SecretString>> {
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        let fields: &[&str] = match store.grant {
            Grant::ClientCredentials => &[secret::CLIENT_ID, secret::CLIENT_SECRET],
            Grant::LegacyToken => &[secret::LEGACY_TOKEN],
        };
        let mut secrets = Vec::with_capacity(fields.len());
        for field in fields {
            secrets.push(self.secret(Remote::Shopify, &owner, field).await?);
        }
        Ok(secrets)
    }
}

fn opened(secrets: &[SecretString]) -> Answer<Credentials> {
    match secrets {
        [token] => Ok(Credentials::LegacyToken(token.clone())),
        [client_id, client_secret] => Ok(Credentials::ClientCredentials {
            client_id: client_id.expose_secret().to_owned(),
            client_secret: client_secret.clone(),
        }),
        _ => Err(Failure::new(
            Remote::Shopify,
            FailureKind::Unauthorized(None),
            "open",
            "no credentials are kept",
        )),
    }
}

#[async_trait]
impl Remotes for LiveRemotes {
    async fn shop(&self, store: &Store) -> Answer<Arc<dyn Shop>> {
        let make = |secrets: &[SecretString]| Ok(self.shopify(&store.shop, opened(secrets)?));
        let client = self.shops.get(&store.id, store.revision, self.shop_secrets(store), make).await?;
        Ok(client)
    }

    async fn erp(&self, agreement: &AgreementId, lane: Lane) -> Answer<Arc<dyn Erp>> {
        let owner = SecretOwner::Agreement(agreement.clone());
        let look = async { Ok(vec![self.secret(Remote::Rackbeat, &owner, secret::RACKBEAT_TOKEN).await?]) };
        let make = |secrets: &[SecretString]| match secrets {
            [token, ..] => self.rackbeat(agreement, token),
            [] => Err(Failure::new(
                Remote::Rackbeat,
                FailureKind::Unauthorized(None),
                "open",
                "no token is kept",
            )),
        };
        let client = self.accounts.get(agreement, 0, look, make).await?;
        Ok(Arc::new(client.in_lane(lane)))
    }

    fn shop_with(&self, shop: &ShopDomain, credentials: &ShopCredentials) -> Answer<Arc<dyn Shop>> {
        let credentials = match credentials {
            ShopCredentials::ClientCredentials { client_id, client_secret } => {
                Credentials::ClientCredentials {
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                }
            }
            ShopCredentials::LegacyToken { token, client_secret: _ } => {
                Credentials::LegacyToken(token.clone())
            }
        };
        Ok(self.shopify(shop, credentials))
    }

    fn erp_with(&self, agreement: &AgreementId, token: &SecretString) -> Answer<Arc<dyn Erp>> {
        Ok(Arc::new(self.rackbeat(agreement, token)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(clients: &Clients<u8, String>, revision: u64, secret: &str, reads: &mut u32) -> String {
        let look = async {
            *reads += 1;
            Ok(vec![SecretString::from(secret)])
        };
        let make = |secrets: &[SecretString]| Ok(format!("opened with {}", secrets[0].expose_secret()));
        clients.get(&1, revision, look, make).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_stays_while_its_credentials_stay_and_a_newer_record_makes_them_looked_at() {
        let (clients, mut reads) = (Clients::new(), 0);
        assert_eq!(get(&clients, 1, "a", &mut reads).await, "opened with a");
        assert_eq!(get(&clients, 1, "b", &mut reads).await, "opened with a", "believed for a while");
        assert_eq!(reads, 1);
        assert_eq!(get(&clients, 2, "b", &mut reads).await, "opened with b", "the record changed");
        assert_eq!(
            get(&clients, 1, "c", &mut reads).await,
            "opened with b",
            "an older record changes nothing"
        );
        assert_eq!(reads, 2);
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_opened() {
        let clients: Clients<u8, String> = Clients::new();
        let missing =
            async { Err(Failure::new(Remote::Shopify, FailureKind::Unauthorized(None), "open", "none")) };
        assert!(clients.get(&1, 0, missing, |_| Ok(String::new())).await.is_err());
        let mut reads = 0;
        assert_eq!(get(&clients, 0, "a", &mut reads).await, "opened with a");
    }
}
