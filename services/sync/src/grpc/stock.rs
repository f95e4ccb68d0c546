//! Stock: what would change, and from when; single items; what hinders; reading Rackbeat again.

use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::ports::Family;
use shopbeat_domain::store::Store;
use shopbeat_engine::stock;
use shopbeat_proto::v1;
use shopbeat_proto::v1::{get_stock_request, refresh_stock_request};
use tonic::Status;

use super::convert::{self, Violations};
use super::{SyncApi, next_page, read_page_size, read_token, status};
use crate::auth::Caller;

/// Whose stock is asked about.
enum Whose {
    Agreement(String),
    Store(String),
}

impl SyncApi {
    pub(super) async fn stock_preview(
        &self,
        caller: &Caller,
        message: v1::PreviewStockRequest,
    ) -> Result<v1::PreviewStockResponse, Status> {
        let store = self.connected(caller, &message.store_id).await?;
        let report = stock::preview(&self.ports, &store).await.map_err(status::problem)?;
        Ok(convert::stock_report(&store, &report))
    }

    pub(super) async fn stock_accept(
        &self,
        caller: &Caller,
        message: v1::AcceptStockRequest,
    ) -> Result<v1::AcceptStockResponse, Status> {
        let v1::AcceptStockRequest { store_id, digest } = message;
        let mut violations = Violations::default();
        if digest.trim().is_empty() {
            violations.add("digest", "is needed: that of the report (PreviewStock) that was looked at");
        }
        violations.done()?;
        let store = self.connected(caller, &store_id).await?;
        let store = stock::accept(&self.ports, &store.id, digest.trim()).await.map_err(status::problem)?;
        Ok(v1::AcceptStockResponse { store: Some(convert::store(&store)) })
    }

    pub(super) async fn stock_of(
        &self,
        caller: &Caller,
        message: v1::GetStockRequest,
    ) -> Result<v1::GetStockResponse, Status> {
        let v1::GetStockRequest { whose, item } = message;
        let mut violations = Violations::default();
        let item = convert::read_item(&mut violations, &item);
        let item = violations.finish(item)?;
        let whose = whose.map(|whose| match whose {
            get_stock_request::Whose::AgreementId(id) => Whose::Agreement(id),
            get_stock_request::Whose::StoreId(id) => Whose::Store(id),
        });
        let (stores, only) = self.whose(caller, whose).await?;
        let Some(any) = stores.first() else { return Ok(v1::GetStockResponse::default()) };
        let mut view = stock::look(&self.ports, any, &item).await.map_err(status::problem)?;
        view.stores.retain(|view| only.as_ref().is_none_or(|only| only.id == view.store));
        Ok(convert::stock_view(&view))
    }

    pub(super) async fn stock_troubles(
        &self,
        caller: &Caller,
        message: v1::ListStockTroublesRequest,
    ) -> Result<v1::ListStockTroublesResponse, Status> {
        let v1::ListStockTroublesRequest { store_id, page_size, page_token } = message;
        let mut violations = Violations::default();
        let size = read_page_size(&mut violations, page_size);
        let after = read_token(&mut violations, &page_token);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let failed = |failure| status::failure(&failure);
        let troubles = stock::troubles(&self.ports, &store, after, size).await.map_err(failed)?;
        let family = Family::StockTrouble(store.id.clone());
        let total = self.state().records.count(&family).await.map_err(failed)?;
        Ok(v1::ListStockTroublesResponse {
            next_page_token: next_page(&troubles, size, |trouble| trouble.item.to_string()),
            troubles: troubles.iter().map(convert::trouble).collect(),
            total,
        })
    }

    pub(super) async fn stock_refresh(
        &self,
        caller: &Caller,
        message: v1::RefreshStockRequest,
    ) -> Result<v1::RefreshStockResponse, Status> {
        let v1::RefreshStockRequest { whose, item } = message;
        let mut violations = Violations::default();
        let item: Option<ItemNumber> =
            (!item.trim().is_empty()).then(|| convert::read_item(&mut violations, &item)).flatten();
        violations.done()?;
        let whose = whose.map(|whose| match whose {
            refresh_stock_request::Whose::AgreementId(id) => Whose::Agreement(id),
            refresh_stock_request::Whose::StoreId(id) => Whose::Store(id),
        });
        let (stores, _) = self.whose(caller, whose).await?;
        let Some(any) = stores.first() else { return Ok(v1::RefreshStockResponse::default()) };
        let items = stock::refresh(&self.ports, &any.agreement, item.as_ref()).await;
        Ok(v1::RefreshStockResponse { items: items.map_err(|failure| status::failure(&failure))? })
    }

    /// The connected stores of the agreement that is meant, and the single one that is, if one is.
    async fn whose(
        &self,
        caller: &Caller,
        whose: Option<Whose>,
    ) -> Result<(Vec<Store>, Option<Store>), Status> {
        let mut violations = Violations::default();
        let (agreement, only) = match whose {
            Some(Whose::Store(id)) => {
                let store = self.connected(caller, &id).await?;
                (Some(store.agreement.clone()), Some(store))
            }
            Some(Whose::Agreement(id)) => {
                let id = violations.needed("agreement_id", &id).map(AgreementId::parse);
                (id.and_then(|id| violations.take("agreement_id", id)), None)
            }
            None => {
                violations.add("whose", "is needed: agreement_id, or store_id");
                (None, None)
            }
        };
        let agreement = violations.finish(agreement)?;
        self.agreement_named(caller, &agreement).await?;
        let mut stores = self.state().registry.stores().await.map_err(|failure| status::failure(&failure))?;
        stores.retain(|store| store.agreement == agreement && store.is_connected());
        Ok((stores, only))
    }
}
