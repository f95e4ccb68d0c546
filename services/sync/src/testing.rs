//! For tests: a state in memory with stores in it, remotes that nobody reaches, a state that is away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use shopbeat_domain::failure::{Failure, FailureKind, Remote};
use shopbeat_domain::ids::{AccountId, AgreementId, DeliveryId, ShopDomain, StoreId};
use shopbeat_domain::job::{Lane, Offer};
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::{
    Answer, Clock, Erp, Inbox, Lease, Leases, Received, Remotes, SecretOwner, Shop, State, StateHealth,
};
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{
    Agreement, Desired, Grant, ManagedBy, RECORD_VERSION, ShopCredentials, Store, secret,
};
use shopbeat_engine::ports::{About, Ports};
use shopbeat_engine::timing::Timing;
use shopbeat_state::Sealing;

use crate::metrics::Metrics;
use crate::system::{KeyedHash, SystemChance, SystemClock};

/// What signs the webhooks of every store made here.
pub(crate) const SECRET: &str = "shpss_of_the_test";

pub(crate) fn ports(metrics: Metrics) -> Ports {
    let sealing = Sealing::generate().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ports {
        state: shopbeat_state::embedded(None, sealing.clone(), Arc::clone(&clock)).unwrap(),
        remotes: Arc::new(NobodyThere),
        clock,
        random: Arc::new(SystemChance::new()),
        blind: Arc::new(KeyedHash(sealing)),
        observer: Arc::new(metrics),
        timing: Timing::default(),
        about: About::default(),
        routes: Arc::default(),
    }
}

pub(crate) fn agreement_id(text: &str) -> AgreementId {
    AgreementId::parse(text).unwrap()
}

/// Puts a store into the state, with its webhook secret; answers it.
pub(crate) async fn add_store(state: &State, handle: &str, agreement: &str) -> Store {
    let shop = ShopDomain::parse(&format!("{handle}.myshopify.com")).unwrap();
    let currency = Currency::parse("DKK").unwrap();
    let agreement = agreement_id(agreement);
    let account = AccountId(agreement.as_str().bytes().map(u64::from).sum());
    let bound = Agreement {
        version: RECORD_VERSION,
        id: agreement.clone(),
        account,
        company: "Nordlys".to_owned(),
        currency,
    };
    state.registry.bind_agreement(&bound).await.unwrap();
    let store = Store {
        version: RECORD_VERSION,
        revision: 0,
        id: StoreId::of(&shop),
        shop,
        agreement: agreement.clone(),
        grant: Grant::ClientCredentials,
        desired: Desired::Running,
        hold: None,
        managed_by: ManagedBy::Api,
        settings: Settings::default(),
        currency,
        taxes_included: true,
        country: None,
        stock_accepted_at: None,
        scopes: Vec::new(),
        webhook_address: None,
        connected_at: Timestamp::UNIX_EPOCH,
        disconnected_at: None,
    };
    let store = state.registry.put_store(&store).await.unwrap();
    let owner = SecretOwner::Store(agreement, store.id.clone());
    state.registry.put_secret(&owner, secret::CLIENT_SECRET, &SecretString::from(SECRET)).await.unwrap();
    store
}

/// Both remotes are unreachable.
struct NobodyThere;

fn nobody<T>(remote: Remote) -> Answer<T> {
    Err(Failure::new(remote, FailureKind::Unreachable, "connect", "nobody is there"))
}

#[async_trait]
impl Remotes for NobodyThere {
    async fn shop(&self, _: &Store) -> Answer<Arc<dyn Shop>> {
        nobody(Remote::Shopify)
    }
    async fn erp(&self, _: &AgreementId, _: Lane) -> Answer<Arc<dyn Erp>> {
        nobody(Remote::Rackbeat)
    }
    fn shop_with(&self, _: &ShopDomain, _: &ShopCredentials) -> Answer<Arc<dyn Shop>> {
        nobody(Remote::Shopify)
    }
    fn erp_with(&self, _: &AgreementId, _: &SecretString) -> Answer<Arc<dyn Erp>> {
        nobody(Remote::Rackbeat)
    }
}

/// A state that answers nothing.
pub(crate) struct Away;

#[async_trait]
impl Inbox for Away {
    async fn receive(&self, _: &StoreId, _: &DeliveryId, _: &Offer, _: Timestamp) -> Answer<Received> {
        nobody(Remote::State)
    }
}

#[async_trait]
impl Leases for Away {
    async fn take(&self, _: &str, _: &str, _: Duration) -> Answer<Option<Lease>> {
        nobody(Remote::State)
    }
    async fn renew(&self, _: &Lease, _: Duration) -> Answer<bool> {
        nobody(Remote::State)
    }
    async fn free(&self, _: &Lease) -> Answer<()> {
        nobody(Remote::State)
    }
    async fn holder(&self, _: &str) -> Answer<Option<String>> {
        nobody(Remote::State)
    }
    async fn holders(&self, _: &[String]) -> Answer<Vec<Option<String>>> {
        nobody(Remote::State)
    }
}

#[async_trait]
impl StateHealth for Away {
    async fn ping(&self) -> Answer<()> {
        nobody(Remote::State)
    }
    async fn warnings(&self) -> Answer<Vec<String>> {
        nobody(Remote::State)
    }
}
