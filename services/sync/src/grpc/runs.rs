//! Runs of the initial sync: begin, watch, cancel, and the report.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, stream};
use shopbeat_domain::ids::{StockLocation, StoreId};
use shopbeat_domain::run::{Run, RunPlan};
use shopbeat_proto::v1;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::convert::{self, Violations};
use super::{SyncApi, next_page, read_page_size, read_token, status};
use crate::auth::{Caller, Deadline};

/// A watched run is looked at this often.
const LOOK: Duration = Duration::from_millis(200);

type Watched = Pin<Box<dyn Stream<Item = Result<v1::WatchInitialSyncResponse, Status>> + Send>>;

/// Where a watch is: what it told last.
struct Watch {
    api: SyncApi,
    store: StoreId,
    run: String,
    told: Option<Run>,
    until: Option<Instant>,
}

impl SyncApi {
    pub(super) async fn begin_run(
        &self,
        caller: &Caller,
        message: v1::RunInitialSyncRequest,
    ) -> Result<v1::RunInitialSyncResponse, Status> {
        let v1::RunInitialSyncRequest { store_id, products, stock, dry_run, policy, count, location, token } =
            message;
        let mut violations = Violations::default();
        let plan = RunPlan {
            products,
            stock,
            dry_run,
            policy: convert::choose(&mut violations, "policy", policy),
            count: convert::choose(&mut violations, "count", count),
            location: location.map(StockLocation),
        };
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let run = self.desk.begin_run_named(&store.id, plan, token.trim()).await.map_err(status::problem)?;
        Ok(v1::RunInitialSyncResponse { run: Some(convert::run(&run, self.ports.now())) })
    }

    pub(super) async fn cancel_run(
        &self,
        caller: &Caller,
        message: v1::CancelInitialSyncRequest,
    ) -> Result<v1::CancelInitialSyncResponse, Status> {
        let v1::CancelInitialSyncRequest { store_id, run_id } = message;
        let mut violations = Violations::default();
        let asked = convert::read_run_id(&mut violations, &run_id);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let run = self.desk.cancel_run(&store.id, asked).await.map_err(status::problem)?;
        Ok(v1::CancelInitialSyncResponse { run: Some(convert::run(&run, self.ports.now())) })
    }

    pub(super) async fn run_rows(
        &self,
        caller: &Caller,
        message: v1::ListInitialSyncRowsRequest,
    ) -> Result<v1::ListInitialSyncRowsResponse, Status> {
        let v1::ListInitialSyncRowsRequest { store_id, run_id, page_size, page_token } = message;
        let mut violations = Violations::default();
        let asked = convert::read_run_id(&mut violations, &run_id);
        let size = read_page_size(&mut violations, page_size);
        let after = read_token(&mut violations, &page_token);
        violations.done()?;
        let store = self.store_named(caller, &store_id).await?;
        let (run, rows) = self.desk.run_rows(&store.id, asked, after, size).await.map_err(status::problem)?;
        Ok(v1::ListInitialSyncRowsResponse {
            run: Some(convert::run(&run, self.ports.now())),
            next_page_token: next_page(&rows, size, |row| format!("{:020}", row.variant.0)),
            rows: rows.iter().map(convert::row).collect(),
        })
    }

    pub(super) async fn watch_run(
        &self,
        caller: &Caller,
        message: v1::WatchInitialSyncRequest,
        deadline: Deadline,
    ) -> Result<Watched, Status> {
        let v1::WatchInitialSyncRequest { store_id, run_id } = message;
        let store = self.store_named(caller, &store_id).await?;
        let mut violations = Violations::default();
        let asked = convert::read_run_id(&mut violations, &run_id);
        violations.done()?;
        let run = self.desk.run(&store.id, asked).await.map_err(status::problem)?;
        let watch = Watch {
            api: self.clone(),
            store: store.id,
            run: run.id,
            told: None,
            until: deadline.asked_for(),
        };
        Ok(Box::pin(stream::try_unfold(watch, Watch::next)))
    }
}

impl Watch {
    /// The run's next state; nothing after the one that is over.
    async fn next(mut self) -> Result<Option<(v1::WatchInitialSyncResponse, Self)>, Status> {
        loop {
            if self.told.as_ref().is_some_and(Run::is_over) {
                return Ok(None);
            }
            let run = self.api.desk.run(&self.store, Some(&self.run)).await.map_err(status::problem)?;
            if self.told.as_ref() != Some(&run) {
                let told =
                    v1::WatchInitialSyncResponse { run: Some(convert::run(&run, self.api.ports.now())) };
                self.told = Some(run);
                return Ok(Some((told, self)));
            }
            self.pause().await?;
        }
    }

    async fn pause(&self) -> Result<(), Status> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            let message = "the deadline passed; the run goes on, watch it again";
            return Err(status::refuse(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message));
        }
        tokio::select! {
            () = self.api.ports.clock.sleep(LOOK) => Ok(()),
            () = self.api.shutdown.cancelled() => {
                let message = "this process is about to end; the run goes on, watch it again";
                Err(status::refuse(Code::Unavailable, "DRAINING", message))
            }
        }
    }
}
