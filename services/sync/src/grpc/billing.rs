//! What agreements owe.

use shopbeat_domain::billing::Month;
use shopbeat_domain::ids::AgreementId;
use shopbeat_engine::billing;
use shopbeat_proto::v1;
use tonic::Status;

use super::convert::{self, Violations};
use super::{SyncApi, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn billing(
        &self,
        caller: &Caller,
        message: v1::GetBillingRequest,
    ) -> Result<v1::GetBillingResponse, Status> {
        let v1::GetBillingRequest { agreement_id, month, csv } = message;
        let mut violations = Violations::default();
        let id = violations.needed("agreement_id", &agreement_id).map(AgreementId::parse);
        let id = id.and_then(|id| violations.take("agreement_id", id));
        let month = match month.trim() {
            "" => Some(Month::of(self.ports.now())),
            text => violations.take("month", text.parse::<Month>()),
        };
        let (id, month) = violations.finish(id.zip(month))?;
        let agreement = self.agreement_named(caller, &id).await?;
        let bill =
            billing::bill(&self.ports, &agreement.id, month, &self.terms).await.map_err(status::problem)?;
        let text = if csv { billing::csv(&bill) } else { String::new() };
        Ok(v1::GetBillingResponse { csv: text, ..convert::bill(&bill) })
    }
}
