//! Connecting a store: credentials are tried live on both sides before anything is kept. Safe to repeat: a second
//! call with the same shop renews credentials and settings and moves nothing else.

mod check;
mod leave;
pub mod privacy;
mod update;
#[cfg(test)]
mod update_tests;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::limits;
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{Erp, SecretOwner, Shop, ShopIdentity, Subscribed};
use shopbeat_domain::settings::{LIST, Setting, Settings};
use shopbeat_domain::store::{Agreement, Desired, ManagedBy, RECORD_VERSION, ShopCredentials, Store, secret};
use url::Url;

use crate::billing;
use crate::ports::Ports;
use crate::problem::Problem;

use check::{
    check_named, check_owner, check_scopes, check_settings, managed_elsewhere, refused, try_shop, warnings,
};

pub use check::scopes_missing;
pub use update::{Change, Updated};

/// Scopes that the order's way and the initial sync need.
pub const SCOPES: &[&str] =
    &["read_orders", "read_customers", "read_products", "read_inventory", "read_locations"];

/// What sending quantities needs besides.
pub const WRITE_INVENTORY: &str = "write_inventory";

/// What carrying Rackbeat's products to the shop needs besides.
pub const WRITE_PRODUCTS: &str = "write_products";

/// Rackbeat's events of products that we listen to, besides the one of stock.
pub const RACKBEAT_EVENTS: &[&str] = &["product.created", "product.updated", "lot.created", "lot.updated"];

/// Rackbeat's event of a changed stock, by the name that its help pages tell. Nobody has seen its registration live:
/// so it can be set.
pub const STOCK_EVENT: &str = "inventory.changed";

/// What it takes to connect a store.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The shop.
    pub shop: ShopDomain,
    /// The agreement it belongs to.
    pub agreement: AgreementId,
    /// The currency of the Rackbeat account; `None` keeps what is known, at first the shop's.
    pub agreement_currency: Option<Currency>,
    /// What opens the shop.
    pub credentials: ShopCredentials,
    /// What opens the account.
    pub rackbeat_token: SecretString,
    /// The settings.
    pub settings: Settings,
    /// Who asks, and manages the store from then on.
    pub managed_by: ManagedBy,
    /// What the owner wants; `None`: what was wanted before, at first that it runs.
    pub desired: Option<Desired>,
}

/// A connected store, and what its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The store.
    pub store: Store,
    /// The agreement.
    pub agreement: Agreement,
    /// Not wrong, but to be known: foreign currency, how far back orders are seen, missing public address.
    pub warnings: Vec<String>,
}

/// Connects, pauses, resumes and disconnects stores.
#[derive(Clone)]
pub struct Connector {
    ports: Ports,
    public_url: Option<Url>,
    stock_event: String,
}

impl Connector {
    /// A connector; `public_url` is where the remotes reach our webhooks.
    #[must_use]
    pub fn new(ports: Ports, public_url: Option<Url>) -> Self {
        Self { ports, public_url, stock_event: STOCK_EVENT.to_owned() }
    }

    /// Listens to Rackbeat's stock under another event name.
    #[must_use]
    pub fn with_stock_event(self, event: &str) -> Self {
        Self { stock_event: event.to_owned(), ..self }
    }

    /// All of Rackbeat's events that we listen to.
    fn events(&self) -> impl Iterator<Item = &str> {
        RACKBEAT_EVENTS.iter().copied().chain([self.stock_event.as_str()])
    }

    /// Connects a store.
    ///
    /// # Errors
    /// Fields that cannot stand; missing scopes; a store or account that belongs elsewhere; a remote that refuses
    /// the credentials or is down. Nothing is kept then.
    pub async fn connect(&self, request: ConnectRequest) -> Result<Connected, Problem> {
        let id = StoreId::of(&request.shop);
        let existing = self.ports.state.registry.store(&id).await?;
        check_settings(&request.settings)?;
        let shop = self.ports.remotes.shop_with(&request.shop, &request.credentials)?;
        let erp = self.ports.remotes.erp_with(&request.agreement, &request.rackbeat_token)?;
        let identity = try_shop(shop.as_ref(), &request).await?;
        let account = erp.account().await.map_err(|failure| refused(failure, "rackbeat.token"))?;
        // Only who holds the shop's credentials learns where it is connected.
        let change_of_hands = check_owner(existing.as_ref(), &request)?;
        check_scopes(&request.settings, &identity.scopes)?;
        check_named(erp.as_ref(), shop.as_ref(), &request.settings, &|_| true).await?;

        let agreement = self.agreement(&request, &account, &identity).await?;
        self.bind(&agreement).await?;
        self.keep_secrets(&id, &request).await?;
        let before = existing.as_ref().map(|store| store.settings.clone());
        // The record that is about to be overwritten may say what the billing journal was not told yet.
        billing::reconcile(&self.ports, &id).await?;
        let store = self.put_store(existing, &id, request, &identity).await?;
        billing::reconcile(&self.ports, &id).await?;
        let mut warnings = warnings(&store, &agreement, &identity);
        warnings.extend(change_of_hands);
        match &store.webhook_address {
            Some(address) => {
                warnings.extend(subscribe_shop(shop.as_ref(), address).await?);
                warnings.extend(self.subscribe_rackbeat(&store.agreement, erp.as_ref()).await?);
            }
            None => warnings.push(
                "no public address is set (--public-url): no webhooks were registered, orders are found by the sweep only"
                    .to_owned(),
            ),
        }
        if let Some(before) = before {
            let changed = |setting: &&Setting| setting.get(&before) != setting.get(&store.settings);
            self.take_effect(&store, &LIST.iter().filter(changed).collect::<Vec<_>>()).await?;
        }
        tracing::info!(store.id = %store.id, agreement = %store.agreement, "store connected");
        Ok(Connected { store, agreement, warnings })
    }

    async fn agreement(
        &self,
        request: &ConnectRequest,
        account: &shopbeat_domain::erp::Account,
        identity: &ShopIdentity,
    ) -> Result<Agreement, Problem> {
        let known = self.ports.state.registry.agreement(&request.agreement).await?;
        let currency =
            request.agreement_currency.or(known.map(|known| known.currency)).unwrap_or(identity.currency);
        Ok(Agreement {
            version: RECORD_VERSION,
            id: request.agreement.clone(),
            account: account.id,
            company: account.company.clone(),
            currency,
        })
    }

    async fn bind(&self, agreement: &Agreement) -> Result<(), Problem> {
        match self.ports.state.registry.bind_agreement(agreement).await {
            Err(Failure { kind: FailureKind::Conflict, message, .. }) => Err(Problem::precondition(
                "AGREEMENT_BOUND",
                format!(
                    "agreement {} and Rackbeat account {} do not belong together: {message}; use the token of the \
                     agreement's own account, or another agreement name",
                    agreement.id, agreement.account
                ),
            )),
            other => Ok(other?),
        }
    }

    async fn keep_secrets(&self, id: &StoreId, request: &ConnectRequest) -> Result<(), Problem> {
        let registry = &self.ports.state.registry;
        let owner = SecretOwner::Store(request.agreement.clone(), id.clone());
        let client_secret = request.credentials.client_secret();
        let before = registry.secret(&owner, secret::CLIENT_SECRET).await?;
        if let Some(before) = before.filter(|before| before.expose_secret() != client_secret.expose_secret())
        {
            let until = crate::transfer::later(self.ports.now(), limits::OLD_SECRET_COUNTS).to_string();
            registry
                .put_secret(&owner, secret::PREVIOUS_CLIENT_SECRET_UNTIL, &SecretString::from(until))
                .await?;
            registry.put_secret(&owner, secret::PREVIOUS_CLIENT_SECRET, &before).await?;
        }
        registry.put_secret(&owner, secret::CLIENT_SECRET, client_secret).await?;
        match &request.credentials {
            ShopCredentials::ClientCredentials { client_id, .. } => {
                registry
                    .put_secret(&owner, secret::CLIENT_ID, &SecretString::from(client_id.clone()))
                    .await?;
                registry.forget_secret(&owner, secret::LEGACY_TOKEN).await?;
            }
            ShopCredentials::LegacyToken { token, .. } => {
                registry.put_secret(&owner, secret::LEGACY_TOKEN, token).await?;
                registry.forget_secret(&owner, secret::CLIENT_ID).await?;
            }
        }
        let agreement = SecretOwner::Agreement(request.agreement.clone());
        Ok(registry.put_secret(&agreement, secret::RACKBEAT_TOKEN, &request.rackbeat_token).await?)
    }

    async fn put_store(
        &self,
        existing: Option<Store>,
        id: &StoreId,
        request: ConnectRequest,
        identity: &ShopIdentity,
    ) -> Result<Store, Problem> {
        let now = self.ports.now();
        // What was agreed about another account's orders says nothing about this one's.
        let same = existing.as_ref().filter(|store| store.agreement == request.agreement);
        let connected_at = same.map_or(now, |store| store.connected_at);
        let mut settings = request.settings;
        let kept = same.and_then(|store| store.settings.orders.since);
        settings.orders.since = Some(settings.orders.since.or(kept).unwrap_or(begin_of(connected_at)));
        // What the shop shows was not ours to change while it was disconnected: it is looked at anew.
        let stock_accepted_at =
            same.filter(|store| store.is_connected()).and_then(|store| store.stock_accepted_at);
        let webhook_address = match &self.public_url {
            Some(public) => Some(webhook_address(public, &format!("webhooks/shopify/{id}"))?),
            None => None,
        };
        let store = Store {
            version: RECORD_VERSION,
            revision: existing.as_ref().map_or(0, |store| store.revision),
            id: id.clone(),
            shop: request.shop,
            agreement: request.agreement,
            grant: request.credentials.grant(),
            desired: request.desired.or(existing.as_ref().map(|store| store.desired)).unwrap_or_default(),
            hold: None,
            managed_by: request.managed_by,
            settings,
            currency: identity.currency,
            taxes_included: identity.taxes_included,
            country: identity.country.clone(),
            stock_accepted_at,
            scopes: identity.scopes.clone(),
            webhook_address,
            connected_at,
            disconnected_at: None,
        };
        match self.ports.state.registry.put_store(&store).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => Err(changed_meanwhile(id)),
            other => Ok(other?),
        }
    }

    /// Registers Rackbeat's webhooks. An event that this account does not have is told, and no more: a webhook only
    /// makes sooner known what the sweeps find as well.
    async fn subscribe_rackbeat(
        &self,
        agreement: &AgreementId,
        erp: &dyn Erp,
    ) -> Result<Vec<String>, Problem> {
        let Some(public) = &self.public_url else { return Ok(Vec::new()) };
        let address = webhook_address(public, &format!("webhooks/rackbeat/{agreement}"))?;
        let registry = &self.ports.state.registry;
        let owner = SecretOwner::Agreement(agreement.clone());
        let mut refused = Vec::new();
        for event in self.events() {
            let token = match erp.subscribe(event, &address).await {
                Err(failure) if matches!(failure.kind, FailureKind::Refused(_)) => {
                    refused.push(format!(
                        "Rackbeat refuses its webhook {event} ({failure}): what it would tell is found by the sweep"
                    ));
                    continue;
                }
                other => other?,
            };
            registry.put_secret(&owner, &secret::rackbeat_webhook_token(event), &token).await?;
        }
        Ok(refused)
    }

    /// Keeps recording, stops writing.
    ///
    /// # Errors
    /// Unknown store; one that a custom resource manages.
    pub async fn pause(&self, id: &StoreId) -> Result<Store, Problem> {
        self.set_desired(id, Desired::Paused).await
    }

    /// Goes on where it was paused.
    ///
    /// # Errors
    /// Unknown store; one that a custom resource manages.
    pub async fn resume(&self, id: &StoreId) -> Result<Store, Problem> {
        self.set_desired(id, Desired::Running).await
    }

    async fn set_desired(&self, id: &StoreId, desired: Desired) -> Result<Store, Problem> {
        let store = self.own_store(id, &ManagedBy::Api).await?;
        let store = if store.desired == desired { store } else { self.put_desired(store, desired).await? };
        billing::reconcile(&self.ports, id).await?;
        Ok(store)
    }

    async fn put_desired(&self, store: Store, desired: Desired) -> Result<Store, Problem> {
        let id = store.id.clone();
        match self.ports.state.registry.put_store(&Store { desired, ..store }).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => Err(changed_meanwhile(&id)),
            other => Ok(other?),
        }
    }

    /// A connected store, if `by` may change it.
    async fn own_store(&self, id: &StoreId, by: &ManagedBy) -> Result<Store, Problem> {
        let store =
            self.ports.state.registry.store(id).await?.filter(|store| store.disconnected_at.is_none());
        let store = store.ok_or_else(|| unknown(id))?;
        managed_elsewhere(&store, by).map_or(Ok(store), Err)
    }
}

/// Registers Shopify's webhooks. A topic that is refused is told; that all are refused is a mistake in the address.
async fn subscribe_shop(shop: &dyn Shop, address: &Url) -> Result<Vec<String>, Problem> {
    let Subscribed { made, kept, refused } = shop.subscribe(address).await?;
    if let Some((topic, words)) = refused.first()
        && made.is_empty()
        && kept.is_empty()
    {
        let message = format!("Shopify refuses all webhooks to {address}; {topic}: {words}");
        return Err(Problem::precondition("WEBHOOKS_REFUSED", message));
    }
    let told = |(topic, words)| {
        format!("Shopify refuses its webhook {topic} ({words}): what it would tell is found by the sweep")
    };
    Ok(refused.into_iter().map(told).collect())
}

/// Shopify tells creation times in whole seconds: an order of this very second is not older than the connect.
fn begin_of(connected_at: Timestamp) -> Timestamp {
    Timestamp::from_second(connected_at.as_second()).unwrap_or(connected_at)
}

fn unknown(id: &StoreId) -> Problem {
    Problem::Unknown { what: "store", name: id.to_string() }
}

fn webhook_address(public: &Url, path: &str) -> Result<Url, Problem> {
    let mut base = public.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base.join(path).map_err(|error| {
        Problem::precondition("PUBLIC_URL", format!("the public address cannot be used: {error}"))
    })
}

fn changed_meanwhile(id: &StoreId) -> Problem {
    Problem::precondition(
        "STORE_CHANGED",
        format!("store {id} was changed by somebody else meanwhile; try again"),
    )
}

#[cfg(test)]
mod tests;
