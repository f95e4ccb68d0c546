//! What genuine webhooks are known by: each store's and each agreement's secrets, read from the state and kept for a
//! few seconds, so that a burst of deliveries does not open the same secret over and over.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use shopbeat_domain::ids::{AgreementId, StoreId};
use shopbeat_domain::ports::{Answer, Registry, SecretOwner};
use shopbeat_domain::store::{Store, secret};
use shopbeat_rackbeat::WebhookToken;
use shopbeat_shopify::webhook::WebhookSecrets;

/// What was read is believed this long ...
const KEPT: Duration = Duration::from_secs(10);
/// ... and when a signature does not fit, read again if it is older than this: the secret may just have been changed,
/// but forgers must not make us read the state for each of their tries.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What is known of the sender of a store's webhooks.
pub(super) struct Signer {
    pub(super) store: Store,
    pub(super) secrets: WebhookSecrets,
}

struct Kept<T> {
    value: Arc<T>,
    read_at: Instant,
}

type Cache<K, T> = Mutex<HashMap<K, Kept<T>>>;

/// The secrets of all stores and agreements, as far as they were needed lately.
pub(super) struct WebhookKeys {
    registry: Arc<dyn Registry>,
    signers: Cache<StoreId, Signer>,
    tokens: Cache<(AgreementId, String), WebhookToken>,
}

impl WebhookKeys {
    pub(super) fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, signers: Mutex::default(), tokens: Mutex::default() }
    }

    /// The signer of a store's webhooks that `fits`; `None` if there is none, or its secrets do not fit.
    pub(super) async fn signer(
        &self,
        id: &StoreId,
        now: Timestamp,
        fits: impl Fn(&Signer) -> bool,
    ) -> Answer<Option<Arc<Signer>>> {
        if let Some(sure) = kept(&self.signers, id, &fits) {
            return Ok(sure);
        }
        let Some(store) = self.registry.store(id).await? else { return Ok(None) };
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        let Some(current) = self.registry.secret(&owner, secret::CLIENT_SECRET).await? else {
            return Ok(None);
        };
        let previous = self.previous(&owner, now).await?;
        let signer = Signer { store, secrets: WebhookSecrets::new(current, previous) };
        Ok(keep(&self.signers, id.clone(), signer, fits))
    }

    /// The secret before the last rotation, while it counts.
    async fn previous(&self, owner: &SecretOwner, now: Timestamp) -> Answer<Option<SecretString>> {
        let until = self.registry.secret(owner, secret::PREVIOUS_CLIENT_SECRET_UNTIL).await?;
        let until: Option<Timestamp> = until.and_then(|until| until.expose_secret().parse().ok());
        if until.is_none_or(|until| until <= now) {
            return Ok(None);
        }
        self.registry.secret(owner, secret::PREVIOUS_CLIENT_SECRET).await
    }

    /// Whether this is the token of an agreement's webhooks of an event.
    pub(super) async fn knows(&self, agreement: &AgreementId, event: &str, header: &[u8]) -> Answer<bool> {
        let key = (agreement.clone(), event.to_owned());
        let fits = |token: &WebhookToken| token.verify(header);
        if let Some(sure) = kept(&self.tokens, &key, fits) {
            return Ok(sure.is_some());
        }
        let owner = SecretOwner::Agreement(agreement.clone());
        let field = secret::rackbeat_webhook_token(event);
        let Some(token) = self.registry.secret(&owner, &field).await? else { return Ok(false) };
        Ok(keep(&self.tokens, key, WebhookToken::new(token), fits).is_some())
    }
}

/// `None`: the state must be asked.
fn kept<K: Hash + Eq, T>(cache: &Cache<K, T>, key: &K, fits: impl Fn(&T) -> bool) -> Option<Option<Arc<T>>> {
    let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = cache.get(key)?;
    let age = kept.read_at.elapsed();
    if age > KEPT {
        return None;
    }
    let value = Arc::clone(&kept.value);
    drop(cache);
    match fits(&value) {
        true => Some(Some(value)),
        false if age < READ_AGAIN => Some(None),
        false => None,
    }
}

fn keep<K: Hash + Eq, T>(cache: &Cache<K, T>, key: K, value: T, fits: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let value = Arc::new(value);
    let good = fits(&value).then(|| Arc::clone(&value));
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.insert(key, Kept { value, read_at: Instant::now() });
    good
}
