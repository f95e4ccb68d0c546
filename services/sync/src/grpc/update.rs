//! Settings of a connected store and what its owner wants, changed while it runs.

use shopbeat_engine::connect::Change;
use shopbeat_proto::v1;
use tonic::Status;

use super::convert::{self, Violations};
use super::{SyncApi, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn update(
        &self,
        caller: &Caller,
        message: v1::UpdateStoreRequest,
    ) -> Result<v1::UpdateStoreResponse, Status> {
        let v1::UpdateStoreRequest { store_id, settings, update_mask, desired, managed_by } = message;
        let store = self.store_named(caller, &store_id).await?;
        let mut violations = Violations::default();
        let by = convert::read_owner(&mut violations, managed_by);
        let desired = convert::read_desired(&mut violations, "desired", desired);
        // What the owner wants is enough of a change.
        let is_empty = update_mask.as_ref().is_none_or(|mask| mask.paths.is_empty());
        let named = match desired {
            Some(_) if is_empty => Vec::new(),
            _ => convert::read_mask(&mut violations, update_mask),
        };
        // Whether they stand is asked of them together with what the store has: alone they need not.
        let new = convert::read_values(&mut violations, "settings", settings.unwrap_or_default());
        violations.done()?;
        let change = Change { named: &named, desired };
        let updated = self.connector.update(&store.id, &by, &new, change).await.map_err(status::problem)?;
        Ok(v1::UpdateStoreResponse {
            store: Some(convert::store(&updated.store)),
            changed: updated.changed.into_iter().map(str::to_owned).collect(),
        })
    }
}
