//! Connecting a store: credentials are tried live on both sides before anything is kept. Safe to repeat: a second
//! call with the same shop renews credentials and settings and moves nothing else.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::job::Lane;
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{Erp, SecretOwner, Shop, ShopIdentity};
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{Agreement, Desired, ManagedBy, RECORD_VERSION, ShopCredentials, Store, secret};
use url::Url;

use crate::ports::Ports;
use crate::problem::{Problem, Violation};

/// Scopes that the order's way and the initial sync need.
pub const SCOPES: &[&str] = &["read_orders", "read_customers", "read_products", "read_inventory", "read_locations"];

/// Rackbeat's events that we listen to: orders parked for want of a product go on.
pub const RACKBEAT_EVENTS: &[&str] = &["product.created", "product.updated"];

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
    /// Who asks.
    pub managed_by: ManagedBy,
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
}

impl Connector {
    /// A connector; `public_url` is where the remotes reach our webhooks.
    #[must_use]
    pub fn new(ports: Ports, public_url: Option<Url>) -> Self {
        Self { ports, public_url }
    }

    /// Connects a store.
    ///
    /// # Errors
    /// Fields that cannot stand; missing scopes; a store or account that belongs elsewhere; a remote that refuses
    /// the credentials or is down. Nothing is kept then.
    pub async fn connect(&self, request: ConnectRequest) -> Result<Connected, Problem> {
        let id = StoreId::of(&request.shop);
        let existing = self.ports.state.registry.store(&id).await?;
        check_owner(existing.as_ref(), &request)?;
        check_settings(&request.settings)?;
        let shop = self.ports.remotes.shop_with(&request.shop, &request.credentials)?;
        let erp = self.ports.remotes.erp_with(&request.agreement, &request.rackbeat_token)?;
        let identity = try_shop(shop.as_ref(), &request).await?;
        let account = erp.account().await.map_err(|failure| refused(failure, "rackbeat.token"))?;
        check_products(erp.as_ref(), &request.settings).await?;

        let agreement = self.agreement(&request, &account, &identity).await?;
        self.bind(&agreement).await?;
        self.keep_secrets(&id, &request).await?;
        let store = self.put_store(existing, &id, request, &identity).await?;
        let mut warnings = warnings(&store, &agreement, &identity);
        match &store.webhook_address {
            Some(address) => {
                shop.subscribe(address).await?;
                self.subscribe_rackbeat(&store.agreement, erp.as_ref()).await?;
            }
            None => warnings.push(
                "no public address is set (--public-url): no webhooks were registered, orders are found by the sweep only"
                    .to_owned(),
            ),
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
        let currency = request.agreement_currency.or(known.map(|known| known.currency)).unwrap_or(identity.currency);
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
        if let Some(before) = before.filter(|before| before.expose_secret() != client_secret.expose_secret()) {
            // Webhooks may be signed with the old one for up to an hour after a rotation.
            registry.put_secret(&owner, secret::PREVIOUS_CLIENT_SECRET, &before).await?;
        }
        registry.put_secret(&owner, secret::CLIENT_SECRET, client_secret).await?;
        match &request.credentials {
            ShopCredentials::ClientCredentials { client_id, .. } => {
                registry.put_secret(&owner, secret::CLIENT_ID, &SecretString::from(client_id.clone())).await?;
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
        let connected_at = existing.as_ref().map_or(now, |store| store.connected_at);
        let mut settings = request.settings;
        let kept = existing.as_ref().and_then(|store| store.settings.orders.since);
        settings.orders.since = Some(settings.orders.since.or(kept).unwrap_or(connected_at));
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
            desired: existing.as_ref().map_or(Desired::Running, |store| store.desired),
            hold: None,
            managed_by: request.managed_by,
            settings,
            currency: identity.currency,
            taxes_included: identity.taxes_included,
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

    async fn subscribe_rackbeat(&self, agreement: &AgreementId, erp: &dyn Erp) -> Result<(), Problem> {
        let Some(public) = &self.public_url else { return Ok(()) };
        let address = webhook_address(public, &format!("webhooks/rackbeat/{agreement}"))?;
        let registry = &self.ports.state.registry;
        let owner = SecretOwner::Agreement(agreement.clone());
        for event in RACKBEAT_EVENTS {
            let token = erp.subscribe(event, &address).await?;
            registry.put_secret(&owner, &secret::rackbeat_webhook_token(event), &token).await?;
        }
        Ok(())
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
        let store = self.own_store(id).await?;
        if store.desired == desired {
            return Ok(store);
        }
        match self.ports.state.registry.put_store(&Store { desired, ..store }).await {
            Err(Failure { kind: FailureKind::Conflict, .. }) => Err(changed_meanwhile(id)),
            other => Ok(other?),
        }
    }

    async fn own_store(&self, id: &StoreId) -> Result<Store, Problem> {
        let store = self.ports.state.registry.store(id).await?.filter(|store| store.disconnected_at.is_none());
        let store = store.ok_or_else(|| Problem::Unknown { what: "store", name: id.to_string() })?;
        managed_elsewhere(&store, &ManagedBy::Api).map_or(Ok(store), Err)
    }

    /// Ends a store: webhooks removed, credentials forgotten but for the secret that signs privacy webhooks. Done
    /// even if the shop does not let us in any more; what could not be removed there is answered.
    ///
    /// # Errors
    /// Unknown store; one that a custom resource manages.
    pub async fn disconnect(&self, id: &StoreId) -> Result<Vec<String>, Problem> {
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
        self.forget(&ended).await?;
        left.extend(self.leave_agreement(&ended.agreement).await?);
        tracing::info!(store.id = %id, "store disconnected");
        Ok(left)
    }

    async fn forget(&self, store: &Store) -> Result<(), Problem> {
        let owner = SecretOwner::Store(store.agreement.clone(), store.id.clone());
        for field in [secret::CLIENT_ID, secret::LEGACY_TOKEN] {
            self.ports.state.registry.forget_secret(&owner, field).await?;
        }
        Ok(())
    }

    /// With the last store of an agreement its token goes, too.
    async fn leave_agreement(&self, agreement: &AgreementId) -> Result<Vec<String>, Problem> {
        let registry = &self.ports.state.registry;
        let others = registry.stores().await?;
        if others.iter().any(|store| store.agreement == *agreement && store.disconnected_at.is_none()) {
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
        registry.forget_secret(&owner, secret::RACKBEAT_TOKEN).await?;
        for event in RACKBEAT_EVENTS {
            registry.forget_secret(&owner, &secret::rackbeat_webhook_token(event)).await?;
        }
        Ok(left)
    }
}

fn webhook_address(public: &Url, path: &str) -> Result<Url, Problem> {
    let mut base = public.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base.join(path).map_err(|error| Problem::precondition("PUBLIC_URL", format!("the public address cannot be used: {error}")))
}

fn changed_meanwhile(id: &StoreId) -> Problem {
    Problem::precondition("STORE_CHANGED", format!("store {id} was changed by somebody else meanwhile; try again"))
}

fn check_owner(existing: Option<&Store>, request: &ConnectRequest) -> Result<(), Problem> {
    let Some(store) = existing.filter(|store| store.disconnected_at.is_none()) else { return Ok(()) };
    if store.agreement != request.agreement {
        let message = format!(
            "{} is connected to agreement {} already; disconnect it there first",
            store.shop, store.agreement
        );
        return Err(Problem::precondition("STORE_CONNECTED_ELSEWHERE", message));
    }
    managed_elsewhere(store, &request.managed_by).map_or(Ok(()), Err)
}

fn managed_elsewhere(store: &Store, by: &ManagedBy) -> Option<Problem> {
    if store.managed_by == *by {
        return None;
    }
    let message = match &store.managed_by {
        ManagedBy::Kubernetes { namespace, name, .. } => {
            format!("store {} is managed by ShopifyStore {namespace}/{name}; change that resource", store.id)
        }
        ManagedBy::Api => format!("store {} was connected through the API; disconnect it there first", store.id),
    };
    Some(Problem::precondition("STORE_MANAGED_ELSEWHERE", message))
}

fn check_settings(settings: &Settings) -> Result<(), Problem> {
    let problems = settings.problems();
    if problems.is_empty() {
        return Ok(());
    }
    let violations = problems.into_iter().map(|bad| Violation::new(format!("settings.{}", bad.field), bad.problem));
    Err(Problem::BadInput(violations.collect()))
}

async fn try_shop(shop: &dyn Shop, request: &ConnectRequest) -> Result<ShopIdentity, Problem> {
    let identity = shop.identity().await.map_err(|failure| refused(failure, "shopify"))?;
    if identity.domain != request.shop {
        let problem = format!("the credentials open {}, not {}", identity.domain, request.shop);
        return Err(Problem::BadInput(vec![Violation::new("shop_domain", problem)]));
    }
    let granted = |scope: &str| {
        let write = scope.replacen("read_", "write_", 1);
        identity.scopes.iter().any(|granted| granted == scope || *granted == write)
    };
    let missing: Vec<&str> = SCOPES.iter().copied().filter(|scope| !granted(scope)).collect();
    if missing.is_empty() {
        return Ok(identity);
    }
    let message = format!("the app lacks scopes: {}; grant them in Shopify, then connect again", missing.join(", "));
    Err(Problem::precondition("SCOPES_MISSING", message))
}

/// Credentials that are refused are a field of the request; anything else is the remote's trouble.
fn refused(failure: Failure, field: &str) -> Problem {
    match failure.kind {
        FailureKind::Unauthorized(_) => {
            Problem::BadInput(vec![Violation::new(field, format!("{} refuses it: {}", failure.remote, failure.message))])
        }
        _ => failure.into(),
    }
}

/// The items and the group that the settings name must be there.
async fn check_products(erp: &dyn Erp, settings: &Settings) -> Result<(), Problem> {
    let orders = &settings.orders;
    let mut violations = Vec::new();
    for (field, item) in [
        ("settings.orders.freight_product", &orders.freight_product),
        ("settings.orders.rounding_product", &orders.rounding_product),
    ] {
        let Some(number) = item else { continue };
        match erp.item(number).await {
            Ok(item) if item.barred => {
                violations.push(Violation::new(field, format!("{number} is barred in Rackbeat; unbar it or name another")));
            }
            Ok(_) => {}
            Err(failure) if failure.is_missing() => {
                let problem = format!("Rackbeat has no product {number}; create it there or name another");
                violations.push(Violation::new(field, problem));
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    let group = settings.products.group;
    if !erp.product_groups().await?.iter().any(|known| known.number == group) {
        let problem = format!("Rackbeat has no product group {group}; create it there or name another");
        violations.push(Violation::new("settings.products.group", problem));
    }
    if violations.is_empty() { Ok(()) } else { Err(Problem::BadInput(violations)) }
}

fn warnings(store: &Store, agreement: &Agreement, identity: &ShopIdentity) -> Vec<String> {
    let mut warnings = Vec::new();
    if agreement.currency != identity.currency {
        warnings.push(format!(
            "the shop's currency is {}, the agreement's is {}: its orders will be parked as foreign_currency",
            identity.currency, agreement.currency
        ));
    }
    if store.settings.orders.freight_product.is_none() {
        warnings.push("no orders.freight_product is set: orders with shipping will be parked".to_owned());
    }
    if store.settings.orders.rounding_product.is_none() {
        warnings.push("no orders.rounding_product is set: orders whose total Rackbeat rounds otherwise will be parked".to_owned());
    }
    if !identity.scopes.iter().any(|scope| scope == "read_all_orders") {
        let since = store.settings.orders.since.unwrap_or(Timestamp::UNIX_EPOCH);
        warnings.push(format!(
            "orders are transferred since {since}; without the scope read_all_orders Shopify shows the last {} days only",
            shopbeat_domain::limits::ORDER_HORIZON_DAYS
        ));
    }
    warnings
}
