//! Preflight and billing.

use serde_json::{Value, json};
use shopbeat_proto::v1;

use super::run::estimate;
use super::settings::group_vat;
use super::{list, maybe, text};
use crate::cli::{time, words};

/// What stands in the way of a good connection.
#[must_use]
pub(crate) fn preflight(report: &v1::PreflightResponse) -> Value {
    let v1::PreflightResponse { findings, counts, worst, variants, estimate: expected, rates } = report;
    json!({
        "findings": list(findings, finding),
        "counts": list(counts, |count| {
            let v1::FindingCount { code, severity, count } = count;
            json!({ "code": code, "severity": words::severity(*severity), "count": count })
        }),
        "worst": words::severity(*worst),
        "variants": variants,
        "estimate": maybe(expected.as_ref(), estimate),
        "rates": list(rates, group_vat),
    })
}

fn finding(finding: &v1::Finding) -> Value {
    let v1::Finding { code, severity, subject, message, remedy, link } = finding;
    json!({
        "code": code,
        "severity": words::severity(*severity),
        "subject": subject,
        "message": message,
        "remedy": remedy,
        "link": text(link),
    })
}

/// What an agreement owes.
#[must_use]
pub(crate) fn billing(bill: &v1::GetBillingResponse) -> Value {
    let v1::GetBillingResponse {
        agreement_id,
        month,
        stores,
        total,
        price,
        currency,
        free_stores,
        rule,
        until,
        closed,
        journal_head,
        journal_flaw,
        csv,
    } = bill;
    json!({
        "agreement_id": agreement_id,
        "month": month,
        "stores": list(stores, billed_store),
        "total": total,
        "price": price,
        "currency": currency,
        "free_stores": free_stores,
        "rule": words::billing_rule(*rule),
        "until": time::json(until.as_ref()),
        "closed": closed,
        "journal_head": text(journal_head),
        "journal_flaw": text(journal_flaw),
        "csv": text(csv),
    })
}

fn billed_store(store: &v1::BilledStore) -> Value {
    let v1::BilledStore {
        store_id,
        shop,
        connected_at,
        days,
        days_paused,
        days_free,
        days_billed,
        amount,
        place_paid,
        ended_at,
        events,
    } = store;
    json!({
        "store_id": store_id,
        "shop": shop,
        "connected_at": time::json(connected_at.as_ref()),
        "days": days,
        "days_paused": days_paused,
        "days_free": days_free,
        "days_billed": days_billed,
        "amount": amount,
        "place_paid": place_paid,
        "ended_at": time::json(ended_at.as_ref()),
        "events": list(events, |event| {
            let v1::BilledEvent { at, event } = event;
            json!({ "at": time::json(at.as_ref()), "event": words::billing_event(*event) })
        }),
    })
}
