//! Parked orders: list, retry.

use futures::future::try_join_all;
use shopbeat_domain::ids::OrderId;
use shopbeat_domain::job::{JobRecord, Subject};
use shopbeat_domain::store::Store;
use shopbeat_proto::v1;
use tonic::Status;

use super::convert::{self, Violations};
use super::{LARGEST_PAGE, SyncApi, read_page_size, status};
use crate::auth::Caller;

impl SyncApi {
    pub(super) async fn parked(
        &self,
        caller: &Caller,
        message: v1::ListParkedRequest,
    ) -> Result<v1::ListParkedResponse, Status> {
        let v1::ListParkedRequest { store_id, page_size, page_token } = message;
        let mut violations = Violations::default();
        let size = read_page_size(&mut violations, page_size);
        if !page_token.is_empty() && page_token.parse::<Subject>().is_err() {
            violations.add("page_token", "is no token of ours");
        }
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let after = (!page_token.is_empty()).then_some(page_token.as_str());
        let jobs = self.desk.parked(&store.id, after, size).await.map_err(status::problem)?;
        let full = usize::try_from(size).is_ok_and(|size| jobs.len() >= size);
        let last = jobs.last().filter(|_| full).map(|job| job.subject.to_string());
        let orders = try_join_all(jobs.iter().map(|job| self.parked_order(&store, job))).await?;
        Ok(v1::ListParkedResponse {
            orders: orders.into_iter().flatten().collect(),
            next_page_token: last.unwrap_or_default(),
        })
    }

    /// `None` for what is no order: a run that failed tells of itself.
    async fn parked_order(&self, store: &Store, job: &JobRecord) -> Result<Option<v1::ParkedOrder>, Status> {
        let (Subject::Order(order), Some(park)) = (&job.subject, &job.park) else { return Ok(None) };
        let journal = self.state().journal.transfer(&store.id, *order).await;
        let journal = journal.map_err(|failure| status::failure(&failure))?;
        Ok(Some(convert::parked_order(&store.id, &store.shop, *order, park, journal.as_ref())))
    }

    pub(super) async fn retry(
        &self,
        caller: &Caller,
        message: v1::RetryParkedRequest,
    ) -> Result<v1::RetryParkedResponse, Status> {
        let v1::RetryParkedRequest { store_id, order_ids, all, recreate } = message;
        let mut violations = Violations::default();
        if order_ids.is_empty() && !all {
            violations.add("order_ids", "are needed, or all");
        }
        if !order_ids.is_empty() && all {
            violations.add("all", "and order_ids exclude each other: choose one");
        }
        if recreate && all {
            violations.add(
                "recreate",
                "needs order_ids: orders that a person removed are made anew one by one only",
            );
        }
        if order_ids.len() > usize::try_from(LARGEST_PAGE).unwrap_or(usize::MAX) {
            violations.add("order_ids", format!("are too many; give at most {LARGEST_PAGE}"));
        }
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let retried = if all {
            self.desk.retry_all(&store.id).await
        } else {
            let orders: Vec<OrderId> = order_ids.into_iter().map(OrderId).collect();
            self.desk.retry(&store.id, &orders, recreate).await
        };
        let retried = retried.map_err(status::problem)?;
        Ok(v1::RetryParkedResponse { order_ids: retried.into_iter().map(|order| order.0).collect() })
    }
}
