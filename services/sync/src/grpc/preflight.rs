//! What stands in the way of a good connection, before it is made or later.

use shopbeat_engine::connect::ConnectRequest;
use shopbeat_engine::preflight::{self, Request};
use shopbeat_proto::v1;
use shopbeat_proto::v1::{connect_store_request, preflight_request};
use tonic::Status;

use super::convert::{self, Violations};
use super::stores::rename;
use super::{SyncApi, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn check(
        &self,
        caller: &Caller,
        message: v1::PreflightRequest,
    ) -> Result<v1::PreflightResponse, Status> {
        let report = if message.store_id.is_empty() {
            let ConnectRequest {
                shop,
                agreement,
                agreement_currency,
                credentials,
                rackbeat_token,
                settings,
                managed_by: _,
                desired: _,
            } = self.connect_request(caller, as_connect(message)).await?;
            let request =
                Request { shop, agreement, agreement_currency, credentials, rackbeat_token, settings };
            preflight::preflight(&self.ports, &request).await
        } else {
            let store = self.connected(caller, &read_alone(message)?).await?;
            preflight::of_store(&self.ports, &store.id).await
        };
        let report = report.map_err(|problem| status::problem(rename(problem)))?;
        Ok(convert::preflight(&report))
    }
}

/// The id of a connected store, beside which nothing may be given.
fn read_alone(message: v1::PreflightRequest) -> Result<String, Status> {
    let v1::PreflightRequest {
        store_id,
        shop,
        agreement_id,
        credentials,
        rackbeat_token,
        settings,
        agreement_currency,
    } = message;
    let mut violations = Violations::default();
    for (field, given) in [
        ("shop", !shop.is_empty()),
        ("agreement_id", !agreement_id.is_empty()),
        ("credentials", credentials.is_some()),
        ("rackbeat_token", !rackbeat_token.is_empty()),
        ("settings", settings.is_some()),
        ("agreement_currency", !agreement_currency.is_empty()),
    ] {
        if given {
            violations.add(
                field,
                "must be left out beside store_id: a connected store is looked at as it is connected",
            );
        }
    }
    violations.finish(Some(store_id))
}

fn as_connect(message: v1::PreflightRequest) -> v1::ConnectStoreRequest {
    use connect_store_request::Credentials;
    let v1::PreflightRequest {
        store_id: _,
        shop,
        agreement_id,
        credentials,
        rackbeat_token,
        settings,
        agreement_currency,
    } = message;
    let credentials = credentials.map(|credentials| match credentials {
        preflight_request::Credentials::ClientCredentials(app) => Credentials::ClientCredentials(app),
        preflight_request::Credentials::LegacyToken(token) => Credentials::LegacyToken(token),
    });
    v1::ConnectStoreRequest {
        shop,
        agreement_id,
        credentials,
        rackbeat_token,
        settings,
        agreement_currency,
        managed_by: None,
        desired: v1::Desired::Unspecified.into(),
    }
}
