//! Products: drift, what is not carried.

use shopbeat_domain::ports::Family;
use shopbeat_engine::goods::{self, drift};
use shopbeat_proto::v1;
use tonic::Status;

use super::convert::{self, Violations};
use super::{SyncApi, next_page, read_page_size, read_token, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn drift(
        &self,
        caller: &Caller,
        message: v1::ListDriftRequest,
    ) -> Result<v1::ListDriftResponse, Status> {
        let v1::ListDriftRequest { store_id, page_size, page_token } = message;
        let mut violations = Violations::default();
        let size = read_page_size(&mut violations, page_size);
        let after = read_token(&mut violations, &page_token);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let failed = |failure| status::failure(&failure);
        let rows = drift::list(&self.ports, &store, after, size).await.map_err(failed)?;
        let total = self.state().records.count(&Family::Drift(store.id)).await.map_err(failed)?;
        Ok(v1::ListDriftResponse {
            next_page_token: next_page(&rows, size, |drift| {
                shopbeat_domain::product::Drift::key(&drift.item, drift.field)
            }),
            drift: rows.iter().map(convert::drift).collect(),
            total,
        })
    }

    pub(super) async fn settle_drift(
        &self,
        caller: &Caller,
        message: v1::ResolveDriftRequest,
    ) -> Result<v1::ResolveDriftResponse, Status> {
        let v1::ResolveDriftRequest { store_id, item, fields, choice } = message;
        let mut violations = Violations::default();
        let item = convert::read_item(&mut violations, &item);
        let fields: Vec<_> = fields
            .iter()
            .filter_map(|field| convert::read_product_field(&mut violations, "fields", *field))
            .collect();
        let choice = match v1::DriftChoice::try_from(choice) {
            Ok(v1::DriftChoice::Adopt) => Some(drift::Choice::Adopt),
            Ok(v1::DriftChoice::Repair) => Some(drift::Choice::Repair),
            Ok(v1::DriftChoice::Unspecified) | Err(_) => {
                violations.add("choice", "is needed: ADOPT or REPAIR");
                None
            }
        };
        let (item, choice) = violations.finish(item.zip(choice))?;
        let store = self.connected(caller, &store_id).await?;
        let settled = drift::resolve(&self.ports, &store, &item, &fields, choice).await;
        let settled = settled.map_err(status::problem)?;
        Ok(v1::ResolveDriftResponse { drift: settled.iter().map(convert::drift).collect() })
    }

    pub(super) async fn product_troubles(
        &self,
        caller: &Caller,
        message: v1::ListProductTroublesRequest,
    ) -> Result<v1::ListProductTroublesResponse, Status> {
        let v1::ListProductTroublesRequest { store_id, page_size, page_token } = message;
        let mut violations = Violations::default();
        let size = read_page_size(&mut violations, page_size);
        let after = read_token(&mut violations, &page_token);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let failed = |failure| status::failure(&failure);
        let rows = goods::troubles(&self.ports, &store, after, size).await.map_err(failed)?;
        let total = self.state().records.count(&Family::ProductTrouble(store.id)).await.map_err(failed)?;
        Ok(v1::ListProductTroublesResponse {
            next_page_token: next_page(&rows, size, |(key, _)| key.clone()),
            troubles: rows.iter().map(|(_, trouble)| convert::product_trouble(trouble)).collect(),
            total,
        })
    }
}
