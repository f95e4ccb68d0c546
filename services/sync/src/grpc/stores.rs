//! Stores: connect, show, list, pause, resume, disconnect.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use shopbeat_domain::ids::{AgreementId, ShopDomain, StoreId};
use shopbeat_domain::limits;
use shopbeat_domain::money::Currency;
use shopbeat_domain::ports::SecretOwner;
use shopbeat_domain::settings::Settings;
use shopbeat_domain::store::{Desired, ManagedBy, ShopCredentials, secret};
use shopbeat_engine::connect::ConnectRequest;
use shopbeat_engine::problem::{Problem, Violation};
use shopbeat_engine::{status as standing, worker};
use shopbeat_proto::v1;
use tonic::{Code, Status};

use super::convert::{self, Violations};
use super::{SyncApi, manifest, read_page_size, status};
use crate::auth::Caller;

/// What a ConnectStore request says, read and found in order.
struct Ask {
    shop: ShopDomain,
    agreement: AgreementId,
    agreement_currency: Option<Currency>,
    credentials: ShopCredentials,
    /// `None`: the one that the agreement has.
    rackbeat_token: Option<SecretString>,
    /// `None`: those that the store has.
    settings: Option<Settings>,
    managed_by: ManagedBy,
    desired: Option<Desired>,
}

fn read_ask(message: v1::ConnectStoreRequest) -> Result<Ask, Status> {
    let v1::ConnectStoreRequest {
        shop,
        agreement_id,
        credentials,
        rackbeat_token,
        settings,
        agreement_currency,
        managed_by,
        desired,
    } = message;
    let mut violations = Violations::default();
    let shop = violations.needed("shop", &shop).map(ShopDomain::parse);
    let shop = shop.and_then(|shop| violations.take("shop", shop));
    let agreement = violations.needed("agreement_id", &agreement_id).map(AgreementId::parse);
    let agreement = agreement.and_then(|agreement| violations.take("agreement_id", agreement));
    let credentials = convert::read_credentials(&mut violations, credentials);
    let rackbeat_token = (!rackbeat_token.trim().is_empty())
        .then(|| {
            convert::secret_text(&mut violations, "rackbeat_token", &rackbeat_token).map(SecretString::from)
        })
        .flatten();
    let agreement_currency = (!agreement_currency.is_empty())
        .then(|| violations.take("agreement_currency", Currency::parse(&agreement_currency)))
        .flatten();
    let settings = settings.map(|message| convert::read_settings(&mut violations, "settings", message));
    let managed_by = convert::read_owner(&mut violations, managed_by);
    let desired = convert::read_desired(&mut violations, "desired", desired);
    let ask = shop.zip(agreement).zip(credentials).map(|((shop, agreement), credentials)| Ask {
        shop,
        agreement,
        agreement_currency,
        credentials,
        rackbeat_token,
        settings,
        managed_by,
        desired,
    });
    violations.finish(ask)
}

/// The engine's names of a request's parts, as the fields of the message.
pub(super) fn rename(problem: Problem) -> Problem {
    match problem {
        Problem::BadInput(violations) => {
            let renamed = violations.into_iter().map(|Violation { field, problem }| {
                let field = match field.as_str() {
                    "shop_domain" => "shop".to_owned(),
                    "shopify" => "credentials".to_owned(),
                    "rackbeat.token" => "rackbeat_token".to_owned(),
                    _ => field,
                };
                Violation { field, problem }
            });
            Problem::BadInput(renamed.collect())
        }
        other @ (Problem::Unknown { .. } | Problem::Precondition { .. } | Problem::Failed { .. }) => other,
    }
}

impl SyncApi {
    pub(super) async fn connect(
        &self,
        caller: &Caller,
        message: v1::ConnectStoreRequest,
    ) -> Result<v1::ConnectStoreResponse, Status> {
        let request = self.connect_request(caller, message).await?;
        if self.by_operator && request.managed_by == ManagedBy::Api {
            return Err(status::refuse(
                Code::FailedPrecondition,
                "MANAGED_BY_OPERATOR",
                manifest::to_apply(&request),
            ));
        }
        let connected =
            self.connector.connect(request).await.map_err(|problem| status::problem(rename(problem)))?;
        Ok(v1::ConnectStoreResponse {
            store: Some(convert::store(&connected.store)),
            agreement: Some(convert::agreement(&connected.agreement)),
            warnings: connected.warnings,
        })
    }

    /// What a request says and what is known already, as the engine takes it.
    pub(super) async fn connect_request(
        &self,
        caller: &Caller,
        message: v1::ConnectStoreRequest,
    ) -> Result<ConnectRequest, Status> {
        let ask = read_ask(message)?;
        if !caller.sees(&ask.agreement) {
            return Err(status::unknown("agreement", ask.agreement.as_str()));
        }
        let id = StoreId::of(&ask.shop);
        let existing = self.state().registry.store(&id).await.map_err(|f| status::failure(&f))?;
        if let Some(store) = &existing
            && store.disconnected_at.is_none()
            && !caller.sees(&store.agreement)
        {
            // The engine would name the other agreement.
            let message = format!("{} is connected elsewhere already; disconnect it there first", ask.shop);
            return Err(status::refuse(Code::FailedPrecondition, "STORE_CONNECTED_ELSEWHERE", message));
        }
        // Settings are numbers of one Rackbeat account; another account has others.
        let kept = existing.filter(|store| store.agreement == ask.agreement);
        Ok(ConnectRequest {
            rackbeat_token: self.rackbeat_token(&ask).await?,
            settings: ask.settings.or_else(|| kept.map(|store| store.settings)).unwrap_or_default(),
            shop: ask.shop,
            agreement: ask.agreement,
            agreement_currency: ask.agreement_currency,
            credentials: ask.credentials,
            managed_by: ask.managed_by,
            desired: ask.desired,
        })
    }

    async fn rackbeat_token(&self, ask: &Ask) -> Result<SecretString, Status> {
        if let Some(token) = &ask.rackbeat_token {
            return Ok(token.clone());
        }
        let owner = SecretOwner::Agreement(ask.agreement.clone());
        let kept = self.state().registry.secret(&owner, secret::RACKBEAT_TOKEN).await;
        let kept = kept.map_err(|failure| status::failure(&failure))?;
        let mut violations = Violations::default();
        if kept.is_none() {
            violations.add("rackbeat_token", "is needed: the agreement has none yet");
        }
        violations.finish(kept)
    }

    pub(super) async fn show(
        &self,
        caller: &Caller,
        message: v1::GetStoreRequest,
    ) -> Result<v1::GetStoreResponse, Status> {
        let v1::GetStoreRequest { store_id, ledger_from, ledger_to, ledger_hours } = message;
        let store = self.store_named(caller, &store_id).await?;
        let (from, to) = self.ledger_span(ledger_from, ledger_to)?;
        let state = self.state();
        let failed = |failure| status::failure(&failure);
        let agreement = state.registry.agreement(&store.agreement).await.map_err(failed)?;
        let jobs = state.jobs.counts(&store.id).await.map_err(failed)?;
        let rows = state.ledger.rows(&store.id, from, to).await.map_err(failed)?;
        let run = state.runs.latest_run(&store.id).await.map_err(failed)?;
        let worker = state.leases.holder(&worker::lease_name(&store.id)).await.map_err(failed)?;
        let report = standing::report(&self.ports, &store.id).await.map_err(failed)?;
        Ok(v1::GetStoreResponse {
            store: Some(convert::store(&store)),
            agreement: agreement.as_ref().map(convert::agreement),
            jobs: Some(convert::job_counts(jobs)),
            ledger: Some(convert::ledger(&rows, from, to, ledger_hours)),
            latest_run: run.as_ref().map(|run| convert::run(run, self.ports.now())),
            worker: worker.unwrap_or_default(),
            report: report.as_ref().map(convert::worker_report),
        })
    }

    /// The hours that are asked for; by default all that are kept.
    fn ledger_span(
        &self,
        from: Option<prost_types::Timestamp>,
        to: Option<prost_types::Timestamp>,
    ) -> Result<(Timestamp, Timestamp), Status> {
        let now = self.ports.now();
        let memory = SignedDuration::try_from(limits::RECORD_MEMORY).unwrap_or(SignedDuration::MAX);
        let mut violations = Violations::default();
        let from = match from {
            Some(at) => convert::read_timestamp(&mut violations, "ledger_from", at),
            None => Some(now.saturating_sub(memory).unwrap_or(Timestamp::MIN)),
        };
        let to = match to {
            Some(at) => convert::read_timestamp(&mut violations, "ledger_to", at),
            None => Some(now),
        };
        let span = from.zip(to);
        if span.is_some_and(|(from, to)| from > to) {
            violations.add("ledger_from", "lies after ledger_to");
        }
        // A row bears the begin of its hour.
        violations.finish(span.map(|(from, to)| (begin_of_hour(from), to)))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        message: v1::ListStoresRequest,
    ) -> Result<v1::ListStoresResponse, Status> {
        let v1::ListStoresRequest { agreement_id, show_disconnected, page_size, page_token } = message;
        let mut violations = Violations::default();
        let agreement = (!agreement_id.is_empty())
            .then(|| violations.take("agreement_id", AgreementId::parse(&agreement_id)))
            .flatten();
        let after = (!page_token.is_empty())
            .then(|| {
                violations.take("page_token", StoreId::parse(&page_token).map_err(|_| "is no token of ours"))
            })
            .flatten();
        let size = read_page_size(&mut violations, page_size);
        violations.done()?;
        let mut stores = self.state().registry.stores().await.map_err(|failure| status::failure(&failure))?;
        stores.retain(|store| {
            caller.sees(&store.agreement)
                && agreement.as_ref().is_none_or(|wanted| *wanted == store.agreement)
                && (show_disconnected || store.disconnected_at.is_none())
                && after.as_ref().is_none_or(|last| store.id > *last)
        });
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = stores.len() > size;
        stores.truncate(size);
        let last = stores.last().filter(|_| more);
        Ok(v1::ListStoresResponse {
            next_page_token: last.map(|store| store.id.to_string()).unwrap_or_default(),
            stores: stores.iter().map(convert::store).collect(),
        })
    }

    pub(super) async fn pause(&self, caller: &Caller, id: &str) -> Result<v1::Store, Status> {
        let store = self.store_named(caller, id).await?;
        let paused = self.connector.pause(&store.id).await.map_err(status::problem)?;
        Ok(convert::store(&paused))
    }

    pub(super) async fn resume(&self, caller: &Caller, id: &str) -> Result<v1::Store, Status> {
        let store = self.store_named(caller, id).await?;
        let resumed = self.connector.resume(&store.id).await.map_err(status::problem)?;
        Ok(convert::store(&resumed))
    }

    pub(super) async fn disconnect(
        &self,
        caller: &Caller,
        message: v1::DisconnectStoreRequest,
    ) -> Result<v1::DisconnectStoreResponse, Status> {
        let v1::DisconnectStoreRequest { store_id, managed_by } = message;
        let mut violations = Violations::default();
        let by = convert::read_owner(&mut violations, managed_by);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let left_behind = match self.connector.disconnect_by(&store.id, &by).await {
            // Asked again, it is done already.
            Err(Problem::Unknown { .. }) if !store.is_connected() => Vec::new(),
            other => other.map_err(status::problem)?,
        };
        let store = self.store(caller, &store.id).await?;
        Ok(v1::DisconnectStoreResponse { store: Some(convert::store(&store)), left_behind })
    }
}

fn begin_of_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(3600)).unwrap_or(at)
}
