//! Work that a new text asks for: an initial sync, a replay. The text goes to the service with it, so that it is begun
//! once, however often it is asked for and whoever dies in between.

use std::sync::Arc;

use shopbeat_proto::v1::{Desired, Hold, RunPhase, StoreStatus};

use crate::carry::{Carrier, Outcome, kind_name, ours};
use crate::events::Deed;
use crate::memory::{Gated, Memory};
use crate::registration::quick;
use crate::service::CallError;
use crate::settings::{desired, initial_sync, replay};
use crate::status::{Reason, Trouble};

impl Carrier<'_> {
    /// What the service told of the store, if it is this resource's.
    fn told(&self) -> Option<Arc<StoreStatus>> {
        self.ctx.shelf.get(self.id()).filter(|told| ours(Some(told), self.resource).is_some())
    }

    /// Whether work may be begun for the store now.
    fn works(&self, told: &StoreStatus) -> bool {
        told.store.as_ref().is_some_and(|store| {
            store.disconnected_at.is_none()
                && store.desired() == Desired::Running
                && store.hold() == Hold::Unspecified
        }) && desired(self.resource.spec.state) == Desired::Running
    }

    pub(crate) async fn begin_initial_sync(&self, memory: &mut Memory, outcome: &mut Outcome) {
        let Ok(Some(request)) = initial_sync(self.id(), &self.resource.spec) else { return };
        if outcome.carried.run.as_ref() == Some(&request.token) {
            return;
        }
        let Some(told) = self.told() else { return };
        if told.latest_run.as_ref().is_some_and(|run| run.token == request.token) {
            // It was asked for, and what had to be remembered of that was lost.
            outcome.carried.run = Some(request.token);
            return;
        }
        if !self.works(&told) || told.latest_run.as_ref().is_some_and(|run| is_under_way(run.phase())) {
            // Another would be answered in place of ours; its end wakes us.
            return;
        }
        let inputs = quick((&request.token, self.resource.metadata.generation));
        if let Some((until, trouble)) = memory.shut_until(Gated::InitialSync, inputs) {
            outcome.refusals.push(trouble);
            outcome.look_again(until);
            return;
        }
        let token = request.token.clone();
        match self.ctx.service.run_initial_sync(request).await {
            Ok(answer) => {
                memory.open(Gated::InitialSync);
                let is_ours = answer.run.as_ref().is_none_or(|run| run.token == token);
                if let Some(run) = answer.run {
                    self.ctx.shelf.put_run(self.id(), run);
                }
                if is_ours {
                    outcome.deeds.push((Deed::InitialSyncBegun, format!("initial sync {token:?}")));
                    outcome.carried.run = Some(token);
                }
            }
            Err(error) => self.refused(Gated::InitialSync, inputs, &error, memory, outcome),
        }
    }

    pub(crate) async fn begin_replay(&self, memory: &mut Memory, outcome: &mut Outcome) {
        let Ok(Some(request)) = replay(self.id(), &self.resource.spec) else { return };
        if outcome.carried.replay.as_ref() == Some(&request.id) {
            return;
        }
        let Some(told) = self.told().filter(|told| self.works(told)) else { return };
        if told.latest_replay.as_ref().is_some_and(|latest| latest.id == request.id) {
            outcome.carried.replay = Some(request.id);
            return;
        }
        let inputs = quick((&request.id, self.resource.metadata.generation));
        if let Some((until, trouble)) = memory.shut_until(Gated::Replay, inputs) {
            outcome.refusals.push(trouble);
            outcome.look_again(until);
            return;
        }
        let id = request.id.clone();
        match self.ctx.service.replay_store(request).await {
            Ok(_) => {
                memory.open(Gated::Replay);
                outcome.deeds.push((Deed::ReplayBegun, format!("replay {id:?}")));
                outcome.carried.replay = Some(id);
            }
            Err(error) => self.refused(Gated::Replay, inputs, &error, memory, outcome),
        }
    }

    fn refused(
        &self,
        what: Gated,
        inputs: u64,
        error: &CallError,
        memory: &mut Memory,
        outcome: &mut Outcome,
    ) {
        self.ctx.metrics.failed(kind_name(error));
        let reason = if what == Gated::Replay { Reason::ReplayRefused } else { Reason::InitialSyncRefused };
        let trouble = Trouble::new(reason, error.message.clone());
        let until = memory.shut(what, &self.uid(), inputs, trouble.clone(), error.retry_after);
        outcome.refusals.push(trouble);
        outcome.look_again(until);
    }
}

fn is_under_way(phase: RunPhase) -> bool {
    match phase {
        RunPhase::Queued | RunPhase::Exporting | RunPhase::Importing => true,
        RunPhase::Unspecified | RunPhase::Finished | RunPhase::Failed | RunPhase::Cancelled => false,
    }
}
