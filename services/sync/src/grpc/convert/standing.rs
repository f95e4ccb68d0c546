//! How stores are doing.

use jiff::Timestamp;
use shopbeat_domain::report::{RemoteHealth, WorkerReport};
use shopbeat_engine::status::StoreStatus;
use shopbeat_proto::v1;

use super::{job_counts, replay, run, store, timestamp};

/// How a store is doing as a message; `now` tells how long its run still takes.
#[must_use]
pub fn store_status(status: &StoreStatus, now: Timestamp) -> v1::StoreStatus {
    let StoreStatus {
        store: known,
        jobs,
        waiting_since,
        last_order,
        scopes_missing,
        worker,
        report,
        latest_run,
        latest_replay,
        place,
    } = status;
    v1::StoreStatus {
        store: Some(store(known)),
        jobs: Some(job_counts(*jobs)),
        waiting_since: waiting_since.map(timestamp),
        last_order: last_order.as_ref().map(|order| order.name.clone()).unwrap_or_default(),
        last_order_at: last_order.as_ref().map(|order| timestamp(order.at)),
        scopes_missing: scopes_missing.iter().map(ToString::to_string).collect(),
        worker: worker.clone().unwrap_or_default(),
        report: report.as_ref().map(worker_report),
        latest_run: latest_run.as_ref().map(|latest| run(latest, now)),
        latest_replay: latest_replay.as_ref().map(|latest| replay(latest, known)),
        billing_position: place.map_or(0, |place| place.position),
        billing_free: place.is_some_and(|place| place.free),
    }
}

/// What a worker told as a message.
#[must_use]
pub fn worker_report(report: &WorkerReport) -> v1::WorkerReport {
    let WorkerReport { version: _, worker, build, since, shopify, rackbeat, webhooks_missing, shopify_api } =
        report;
    v1::WorkerReport {
        worker: worker.clone(),
        build: build.clone(),
        since: Some(timestamp(*since)),
        shopify: Some(health(shopify)),
        rackbeat: Some(health(rackbeat)),
        webhooks_missing: webhooks_missing.clone(),
        shopify_api_version: shopify_api.clone(),
    }
}

fn health(health: &RemoteHealth) -> v1::RemoteHealth {
    let RemoteHealth { reachable, since, trouble } = health;
    v1::RemoteHealth { reachable: *reachable, since: Some(timestamp(*since)), trouble: trouble.clone() }
}
