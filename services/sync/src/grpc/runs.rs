//! Runs of the initial sync: begin, watch.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, stream};
use shopbeat_domain::ids::StoreId;
use shopbeat_domain::run::{Run, RunPlan};
use shopbeat_proto::v1;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::convert::{self, Violations};
use super::{SyncApi, status};
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
        let v1::RunInitialSyncRequest { store_id, products, stock, dry_run } = message;
        let store = self.store_named(caller, &store_id).await?;
        let plan = RunPlan { products, stock, dry_run };
        let run = self.desk.begin_run(&store.id, plan).await.map_err(status::problem)?;
        Ok(v1::RunInitialSyncResponse { run: Some(convert::run(&run)) })
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
        if run_id.len() > 64 || !run_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            violations.add("run_id", "is no id of a run; leave it out for the run that was begun last");
        }
        violations.done()?;
        let asked = (!run_id.is_empty()).then_some(run_id.as_str());
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
                let told = v1::WatchInitialSyncResponse { run: Some(convert::run(&run)) };
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
