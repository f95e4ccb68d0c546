//! Stores, agreements, queues, ledgers.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::settings::settings as settings_of;
use super::{list, maybe, run, text, worker_report};
use crate::cli::{time, words};

/// A store.
#[must_use]
pub(crate) fn store(store: &v1::Store) -> Value {
    let v1::Store {
        id,
        shop,
        agreement_id,
        grant,
        desired,
        hold,
        managed_by,
        settings,
        currency,
        taxes_included,
        scopes,
        connected_at,
        disconnected_at,
        revision,
        webhook_address,
        country,
        stock_accepted_at,
    } = store;
    json!({
        "id": id,
        "shop": shop,
        "agreement_id": agreement_id,
        "grant": words::grant(*grant),
        "desired": words::desired(*desired),
        "hold": words::hold(*hold),
        "managed_by": maybe(managed_by.as_ref(), |owner| {
            let v1::KubernetesOwner { namespace, name, uid } = owner;
            json!({ "namespace": namespace, "name": name, "uid": uid })
        }),
        "settings": maybe(settings.as_ref(), settings_of),
        "currency": currency,
        "taxes_included": taxes_included,
        "scopes": scopes,
        "connected_at": time::json(connected_at.as_ref()),
        "disconnected_at": time::json(disconnected_at.as_ref()),
        "revision": revision,
        "webhook_address": text(webhook_address),
        "country": text(country),
        "stock_accepted_at": time::json(stock_accepted_at.as_ref()),
    })
}

/// An agreement.
fn agreement(agreement: &v1::Agreement) -> Value {
    let v1::Agreement { id, account_id, company, currency } = agreement;
    json!({ "id": id, "account_id": account_id, "company": company, "currency": currency })
}

/// What connecting a store answered.
#[must_use]
pub(crate) fn connected(answer: &v1::ConnectStoreResponse) -> Value {
    let v1::ConnectStoreResponse { store: connected, agreement: of, warnings } = answer;
    json!({
        "store": maybe(connected.as_ref(), store),
        "agreement": maybe(of.as_ref(), agreement),
        "warnings": warnings,
    })
}

/// What changing a store's settings answered.
#[must_use]
pub(crate) fn updated(answer: &v1::UpdateStoreResponse) -> Value {
    let v1::UpdateStoreResponse { store: known, changed } = answer;
    json!({ "store": maybe(known.as_ref(), store), "changed": changed })
}

/// What disconnecting a store answered.
#[must_use]
pub(crate) fn disconnected(answer: &v1::DisconnectStoreResponse) -> Value {
    let v1::DisconnectStoreResponse { store: ended, left_behind } = answer;
    json!({ "store": maybe(ended.as_ref(), store), "left_behind": left_behind })
}

/// A store with all that belongs to it.
#[must_use]
pub(crate) fn report(answer: &v1::GetStoreResponse) -> Value {
    let v1::GetStoreResponse {
        store: known,
        agreement: of,
        jobs,
        ledger: counts,
        latest_run,
        worker,
        report,
    } = answer;
    json!({
        "store": maybe(known.as_ref(), store),
        "agreement": maybe(of.as_ref(), agreement),
        "jobs": maybe(jobs.as_ref(), job_counts),
        "ledger": maybe(counts.as_ref(), ledger),
        "latest_run": maybe(latest_run.as_ref(), run),
        "worker": text(worker),
        "report": maybe(report.as_ref(), worker_report),
    })
}

/// A queue.
pub(super) fn job_counts(jobs: &v1::JobCounts) -> Value {
    let v1::JobCounts { ready, delayed, claimed, parked } = jobs;
    json!({ "ready": ready, "delayed": delayed, "claimed": claimed, "parked": parked })
}

/// A ledger.
fn ledger(ledger: &v1::Ledger) -> Value {
    let v1::Ledger { from, to, total, hours } = ledger;
    json!({
        "from": time::json(from.as_ref()),
        "to": time::json(to.as_ref()),
        "total": maybe(total.as_ref(), counts_of),
        "hours": list(hours, |hour| {
            let v1::LedgerHour { hour, counts } = hour;
            json!({ "hour": time::json(hour.as_ref()), "counts": maybe(counts.as_ref(), counts_of) })
        }),
    })
}

fn counts_of(counts: &v1::LedgerCounts) -> Value {
    let v1::LedgerCounts { seen, transferred, parked, ignored, pending, removed_in_rackbeat, adds_up } =
        counts;
    json!({
        "seen": seen,
        "transferred": transferred,
        "parked": parked,
        "ignored": list(ignored, |ignored| {
            let v1::IgnoredCount { rule, orders } = ignored;
            json!({ "rule": rule, "orders": orders })
        }),
        "pending": pending,
        "removed_in_rackbeat": removed_in_rackbeat,
        "adds_up": adds_up,
    })
}
