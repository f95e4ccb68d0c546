//! What is known of a store → its status: conditions and columns. Pure.

mod columns;
mod conditions;
mod reason;
mod view;

#[cfg(test)]
mod tests;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::resource::ShopifyStoreStatus;
use crate::validate::store_id;

pub use columns::REFUSED;
pub use conditions::CONDITIONS;
pub use reason::{REASONS, Reason};
pub use view::{ServiceSight, Trouble, View, WorkerSight};

/// The condition that sums the others up.
pub const READY: &str = "Ready";

/// The status of a store.
#[must_use]
pub fn draw(view: &View<'_>) -> ShopifyStoreStatus {
    let told = view.told;
    let previous = view.previous;
    // Not told of yet: what was written last is the best that is known.
    let kept = told.is_none() && view.service != ServiceSight::Good;
    let store = view.store();
    let report = told.and_then(|told| told.report.as_ref());
    let jobs = told.and_then(|told| told.jobs);
    ShopifyStoreStatus {
        observed_generation: conditions::observed(view),
        conditions: conditions::draw(view),
        store_id: match store {
            Some(_) => Some(store_id(&view.resource.spec).to_owned()),
            None if kept => previous.store_id.clone(),
            None => None,
        },
        worker: view.deployment.map(ToOwned::to_owned),
        worker_instance: told.map(|told| told.worker.clone()).filter(|worker| !worker.is_empty()),
        lag: store.map(|_| columns::lag(view)),
        pending: jobs.map(|jobs| columns::count(jobs.ready + jobs.claimed)),
        parked: jobs.map(|jobs| columns::count(jobs.parked)),
        last_order: told.map(|told| told.last_order.clone()).filter(|order| !order.is_empty()),
        initial_sync: columns::initial_sync(view),
        replay: columns::replay(view),
        shopify_api_version: report
            .map(|report| report.shopify_api_version.clone())
            .filter(|version| !version.is_empty()),
        billing: columns::billing(view),
        credentials_digest: view.credentials_digest.map(ToOwned::to_owned),
        carried: view.carried.cloned(),
    }
}

/// Whether a status has to be written, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It is as it was.
    Same,
    /// Numbers or words are others: it may wait a while.
    Later,
    /// A condition flipped, a phase changed, or it tells what must not be forgotten.
    Now,
}

/// How soon a status must follow the one that was written last.
#[must_use]
pub fn urgency(before: &ShopifyStoreStatus, now: &ShopifyStoreStatus) -> Urgency {
    if before == now {
        return Urgency::Same;
    }
    let flips = |status: &ShopifyStoreStatus| -> Vec<(String, String, String)> {
        let condition = |c: &Condition| (c.type_.clone(), c.status.clone(), c.reason.clone());
        status.conditions.iter().map(condition).collect()
    };
    let run = |status: &ShopifyStoreStatus| {
        status.initial_sync.as_ref().map(|run| (run.run.clone(), run.phase.clone()))
    };
    let replay =
        |status: &ShopifyStoreStatus| status.replay.as_ref().map(|run| (run.id.clone(), run.phase.clone()));
    let same = before.observed_generation == now.observed_generation
        && before.store_id == now.store_id
        && before.worker == now.worker
        && before.credentials_digest == now.credentials_digest
        && before.carried == now.carried
        && flips(before) == flips(now)
        && run(before) == run(now)
        && replay(before) == replay(now);
    if same { Urgency::Later } else { Urgency::Now }
}

/// A condition of a status.
#[must_use]
pub fn condition<'a>(status: &'a ShopifyStoreStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}
