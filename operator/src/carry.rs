//! The step that speaks with the service: it is told of the store what it lacks, and asked for the work that a new text
//! asks for.

use kube::ResourceExt as _;
use secrecy::ExposeSecret as _;
use shopbeat_proto::v1::connect_store_request::Credentials as Sent;
use shopbeat_proto::v1::{
    ClientCredentials, ConnectStoreRequest, KubernetesOwner, LegacyToken, Settings, Store, StoreStatus,
    UpdateStoreRequest,
};
use tokio::time::Instant;

use crate::context::Context;
use crate::events::Deed;
use crate::memory::{Gated, Memory};
use crate::metrics::Drifted;
use crate::registration::{Step, Wanted, Why, decide, quick, quick_settings, settings_digest};
use crate::resource::{CarriedStatus, ShopifyStore, ShopifyStoreStatus};
use crate::secrets;
use crate::service::{CallError, CallErrorKind};
use crate::settings::desired;
use crate::status::{REFUSED, Trouble};
use crate::validate::{Credentials, ShopCredentials, store_id};

/// What the status has to remember of what was carried.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// Digest of the credentials.
    pub credentials_digest: Option<String>,
    /// Settings.
    pub settings: Option<CarriedStatus>,
    /// Text of the initial sync.
    pub run: Option<String>,
    /// Text of the replay.
    pub replay: Option<String>,
}

impl Carried {
    /// As the status says.
    #[must_use]
    pub fn of(status: &ShopifyStoreStatus) -> Self {
        let begun = |replay: &&crate::resource::ReplayStatus| replay.phase != REFUSED;
        Self {
            credentials_digest: status.credentials_digest.clone(),
            settings: status.carried.clone(),
            run: status.initial_sync.as_ref().map(|run| run.run.clone()),
            replay: status.replay.as_ref().filter(begun).map(|replay| replay.id.clone()),
        }
    }
}

/// What carrying came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What to remember.
    pub carried: Carried,
    /// What keeps the store from being connected as wanted.
    pub trouble: Option<Trouble>,
    /// What keeps a run from beginning.
    pub refusals: Vec<Trouble>,
    /// What was done.
    pub deeds: Vec<(Deed, String)>,
    /// To be looked at again then.
    pub again: Option<Instant>,
}

impl Outcome {
    pub(crate) fn look_again(&mut self, at: Instant) {
        self.again = Some(self.again.map_or(at, |before| before.min(at)));
    }
}

/// One store, to be carried over.
pub struct Carrier<'a> {
    /// What every look needs.
    pub ctx: &'a Context,
    /// The resource.
    pub resource: &'a ShopifyStore,
    /// Its settings.
    pub settings: &'a Settings,
    /// The digest of its credentials, or what is wrong with them.
    pub digest: Result<&'a str, &'a Trouble>,
    /// Its status, as it was written last.
    pub status: &'a ShopifyStoreStatus,
}

/// The resource, as the service has it.
#[must_use]
pub fn owner(resource: &ShopifyStore) -> KubernetesOwner {
    KubernetesOwner {
        namespace: resource.namespace().unwrap_or_default(),
        name: resource.name_any(),
        uid: resource.uid().unwrap_or_default(),
    }
}

/// What the service told of the store, if it is this resource's.
#[must_use]
pub fn ours<'a>(told: Option<&'a StoreStatus>, resource: &ShopifyStore) -> Option<&'a StoreStatus> {
    told.filter(|told| {
        told.store.as_ref().and_then(|store| store.managed_by.as_ref()) == Some(&owner(resource))
    })
}

impl Carrier<'_> {
    pub(crate) fn uid(&self) -> String {
        self.resource.uid().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        store_id(&self.resource.spec)
    }

    /// Carries all that the service lacks.
    ///
    /// # Errors
    /// The API server's, when the Secrets are read.
    pub async fn carry(&self, memory: &mut Memory) -> Result<Outcome, kube::Error> {
        // A status that could not be written must not let anything be carried twice.
        let carried = memory.carried.clone().unwrap_or_else(|| Carried::of(self.status));
        let mut outcome = Outcome { carried, ..Outcome::default() };
        self.register(memory, &mut outcome).await?;
        self.begin_initial_sync(memory, &mut outcome).await;
        self.begin_replay(memory, &mut outcome).await;
        memory.carried = Some(outcome.carried.clone());
        Ok(outcome)
    }

    async fn register(&self, memory: &mut Memory, outcome: &mut Outcome) -> Result<(), kube::Error> {
        let owner = owner(self.resource);
        let wanted = Wanted {
            owner: &owner,
            desired: desired(self.resource.spec.state),
            settings: self.settings,
            credentials_digest: self.digest.ok(),
        };
        let told = self.ctx.shelf.get(self.id());
        let known = told.as_ref().and_then(|told| told.store.as_ref());
        let before = ShopifyStoreStatus {
            store_id: self.status.store_id.clone(),
            credentials_digest: outcome.carried.credentials_digest.clone(),
            carried: outcome.carried.settings.clone(),
            ..ShopifyStoreStatus::default()
        };
        let step = decide(&wanted, known, &before, memory.settled);
        if let Err(trouble) = self.digest {
            // Whatever else can be done is done; a connection waits for the Secret, whose change wakes us.
            outcome.trouble = Some(trouble.clone());
            if matches!(step, Step::Connect(_)) {
                return Ok(());
            }
        }
        let inputs =
            quick((self.resource.metadata.generation, self.digest.ok(), known.map(|store| store.revision)));
        if step != Step::Nothing
            && let Some((until, trouble)) = memory.shut_until(Gated::Registration, inputs)
        {
            outcome.trouble = Some(trouble);
            outcome.look_again(until);
            return Ok(());
        }
        let called = match step {
            Step::Nothing => {
                self.note_settings(outcome);
                memory.open(Gated::Registration);
                return Ok(());
            }
            Step::Connect(why) => self.connect(&wanted, why, memory, outcome).await?,
            Step::Update { mask, drift } => self.update(&wanted, mask, drift, memory, outcome).await,
        };
        match called {
            Ok(()) => memory.open(Gated::Registration),
            Err(error) => self.note_failure(&error, inputs, memory, outcome),
        }
        Ok(())
    }

    fn note_settings(&self, outcome: &mut Outcome) {
        outcome.carried.settings = Some(CarriedStatus {
            generation: self.resource.metadata.generation.unwrap_or(0),
            settings: settings_digest(self.settings),
        });
    }

    fn note_failure(&self, error: &CallError, inputs: u64, memory: &mut Memory, outcome: &mut Outcome) {
        self.ctx.metrics.failed(kind_name(error));
        let name = self.resource.name_any();
        tracing::warn!(
            store.resource = name,
            rpc = error.rpc,
            reason = error.reason,
            message = error.message,
            "refused"
        );
        if error.kind == CallErrorKind::Missing {
            // The stream had not told yet that it is gone.
            self.ctx.shelf.remove(self.id());
        }
        let trouble = Trouble::of_call(error);
        let until = memory.shut(Gated::Registration, &self.uid(), inputs, trouble.clone(), error.retry_after);
        outcome.look_again(until);
        outcome.trouble = Some(trouble);
    }

    async fn connect(
        &self,
        wanted: &Wanted<'_>,
        why: Why,
        memory: &mut Memory,
        outcome: &mut Outcome,
    ) -> Result<Result<(), CallError>, kube::Error> {
        let credentials = match secrets::read(&self.ctx.secrets(), &self.resource.spec).await? {
            Ok(credentials) => credentials,
            Err(trouble) => {
                outcome.trouble = Some(trouble);
                return Ok(Ok(()));
            }
        };
        let digest = secrets::digest(&credentials, self.resource);
        let request = ConnectStoreRequest {
            shop: self.resource.spec.shop_domain.clone(),
            agreement_id: self.resource.spec.agreement.clone(),
            rackbeat_token: credentials.rackbeat_token.expose_secret().to_owned(),
            credentials: Some(sent(&credentials)),
            settings: Some(wanted.settings.clone()),
            agreement_currency: self.resource.spec.rackbeat.currency.clone().unwrap_or_default(),
            managed_by: Some(wanted.owner.clone()),
            desired: wanted.desired.into(),
        };
        let answer = match self.ctx.service.connect_store(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        if why == Why::Lost {
            self.ctx.metrics.drifted(Drifted::Registration);
        }
        let deed = match why {
            Why::New | Why::Lost => Deed::Connected,
            Why::Credentials => Deed::CredentialsCarried,
        };
        let what = format!("{} with agreement {}", self.id(), wanted_agreement(self.resource));
        let told: Vec<String> = std::iter::once(what).chain(answer.warnings).collect();
        outcome.deeds.push((deed, told.join("; ")));
        outcome.carried.credentials_digest = Some(digest);
        self.note_answer(answer.store, memory, outcome);
        Ok(Ok(()))
    }

    async fn update(
        &self,
        wanted: &Wanted<'_>,
        mask: Vec<String>,
        drift: Vec<Drifted>,
        memory: &mut Memory,
        outcome: &mut Outcome,
    ) -> Result<(), CallError> {
        let request = UpdateStoreRequest {
            store_id: self.id().to_owned(),
            settings: Some(wanted.settings.clone()),
            update_mask: Some(prost_types::FieldMask { paths: mask }),
            desired: wanted.desired.into(),
            managed_by: Some(wanted.owner.clone()),
        };
        let answer = self.ctx.service.update_store(request).await?;
        if !answer.changed.is_empty() {
            for what in drift {
                self.ctx.metrics.drifted(what);
            }
            outcome.deeds.push((Deed::SettingsCarried, format!("changed {}", answer.changed.join(", "))));
        }
        self.note_answer(answer.store, memory, outcome);
        Ok(())
    }

    fn note_answer(&self, store: Option<Store>, memory: &mut Memory, outcome: &mut Outcome) {
        self.note_settings(outcome);
        if let Some(store) = store {
            let made = store.settings.as_ref().map(quick_settings);
            memory.settled = made.map(|made| (quick_settings(self.settings), made));
            self.ctx.shelf.put_store(store);
        }
    }
}

fn wanted_agreement(resource: &ShopifyStore) -> &str {
    &resource.spec.agreement
}

fn sent(credentials: &Credentials) -> Sent {
    match &credentials.shop {
        ShopCredentials::ClientCredentials { client_id, client_secret } => {
            Sent::ClientCredentials(ClientCredentials {
                client_id: client_id.clone(),
                client_secret: client_secret.expose_secret().to_owned(),
            })
        }
        ShopCredentials::LegacyToken { token, client_secret } => Sent::LegacyToken(LegacyToken {
            token: token.expose_secret().to_owned(),
            client_secret: client_secret.expose_secret().to_owned(),
        }),
    }
}

/// A failed call as metrics name it.
pub fn kind_name(error: &CallError) -> &'static str {
    match error.kind {
        CallErrorKind::Away => "service_away",
        CallErrorKind::Busy => "service_busy",
        CallErrorKind::Refused => "service_refused",
        CallErrorKind::Missing => "service_missing",
        CallErrorKind::Denied => "service_denied",
    }
}
