//! How stores are doing.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::store::job_counts;
use super::{maybe, replay, run, store, text};
use crate::cli::time;

/// How a store is doing.
#[must_use]
pub(crate) fn store_status(status: &v1::StoreStatus) -> Value {
    let v1::StoreStatus {
        store: known,
        jobs,
        waiting_since,
        last_order,
        last_order_at,
        scopes_missing,
        worker,
        report,
        latest_run,
        latest_replay,
        billing_position,
        billing_free,
    } = status;
    json!({
        "store": maybe(known.as_ref(), store),
        "jobs": maybe(jobs.as_ref(), job_counts),
        "waiting_since": time::json(waiting_since.as_ref()),
        "last_order": text(last_order),
        "last_order_at": time::json(last_order_at.as_ref()),
        "scopes_missing": scopes_missing,
        "worker": text(worker),
        "report": maybe(report.as_ref(), worker_report),
        "latest_run": maybe(latest_run.as_ref(), run),
        "latest_replay": maybe(latest_replay.as_ref(), replay),
        "billing_position": billing_position,
        "billing_free": billing_free,
    })
}

/// What a worker told.
#[must_use]
pub(crate) fn worker_report(report: &v1::WorkerReport) -> Value {
    let v1::WorkerReport { worker, build, since, shopify, rackbeat, webhooks_missing, shopify_api_version } =
        report;
    json!({
        "worker": worker,
        "build": build,
        "since": time::json(since.as_ref()),
        "shopify": maybe(shopify.as_ref(), health),
        "rackbeat": maybe(rackbeat.as_ref(), health),
        "webhooks_missing": webhooks_missing,
        "shopify_api_version": shopify_api_version,
    })
}

fn health(health: &v1::RemoteHealth) -> Value {
    let v1::RemoteHealth { reachable, since, trouble } = health;
    json!({ "reachable": reachable, "since": time::json(since.as_ref()), "trouble": text(trouble) })
}
