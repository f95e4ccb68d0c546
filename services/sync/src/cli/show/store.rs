//! Stores.

use shopbeat_proto::v1;

use crate::cli::out::{Out, Tone};
use crate::cli::table::{Cell, Table};
use crate::cli::{time, words};

/// What a store does, in one word: the hold, if there is one, before what its owner wants.
fn doing(store: &v1::Store) -> Cell {
    if store.disconnected_at.is_some() {
        return Cell::toned("disconnected", Tone::Faint);
    }
    if let Some(hold) = words::hold(store.hold) {
        return Cell::toned(hold, Tone::Bad);
    }
    let running = store.desired == i32::from(v1::Desired::Running);
    Cell::toned(words::or_dash(words::desired(store.desired)), if running { Tone::Good } else { Tone::Warn })
}

/// Stores, a row each.
#[must_use]
pub(crate) fn stores_table(stores: &[v1::Store]) -> Table {
    let mut table = Table::new(&[
        "STORE",
        "AGREEMENT",
        "STATE",
        "MANAGED-BY",
        "TRIGGER",
        "TARGET",
        "CURRENCY",
        "CONNECTED",
    ]);
    for store in stores {
        let orders = store.settings.clone().unwrap_or_default().orders.unwrap_or_default();
        table.row([
            store.id.as_str().into(),
            store.agreement_id.as_str().into(),
            doing(store),
            managed_by(store).into(),
            words::or_dash(words::trigger(orders.trigger)).into(),
            words::or_dash(words::target(orders.target)).into(),
            store.currency.as_str().into(),
            time::short(store.connected_at.as_ref()).into(),
        ]);
    }
    table
}

/// How stores are doing, a row each; `now` tells how long something waits.
#[must_use]
pub(crate) fn watch_table<'a>(
    statuses: impl IntoIterator<Item = &'a v1::StoreStatus>,
    now: jiff::Timestamp,
) -> Table {
    let mut table = Table::new(&[
        "STORE",
        "AGREEMENT",
        "STATE",
        "WORKER",
        ">LAG",
        ">READY",
        ">RUNNING",
        ">PARKED",
        "LAST-ORDER",
        "TROUBLE",
    ]);
    for status in statuses {
        let store = status.store.clone().unwrap_or_default();
        let v1::JobCounts { ready, delayed: _, claimed, parked } = status.jobs.unwrap_or_default();
        let worker = match status.worker.as_str() {
            "" => Cell::toned("none", Tone::Warn),
            _ => "yes".into(),
        };
        table.row([
            store.id.as_str().into(),
            store.agreement_id.as_str().into(),
            doing(&store),
            worker,
            time::ago(status.waiting_since.as_ref(), now).into(),
            ready.to_string().into(),
            claimed.to_string().into(),
            parked.to_string().into(),
            if status.last_order.is_empty() { "-".into() } else { status.last_order.as_str().into() },
            troubles(status),
        ]);
    }
    table
}

fn troubles(status: &v1::StoreStatus) -> Cell {
    let report = status.report.clone().unwrap_or_default();
    let by = if is_of(&report, &status.worker) { "" } else { " (told by a worker that is gone)" };
    let mut told: Vec<String> = [("Shopify", &report.shopify), ("Rackbeat", &report.rackbeat)]
        .into_iter()
        .filter_map(|(name, health)| Some(trouble(name, health.as_ref())? + by))
        .collect();
    if !status.scopes_missing.is_empty() {
        told.push(format!("scopes are missing: {}", status.scopes_missing.join(", ")));
    }
    if !report.webhooks_missing.is_empty() {
        told.push(format!("the shop refuses webhooks: {}", report.webhooks_missing.join(", ")));
    }
    Cell::toned(told.join("; "), Tone::Bad)
}

/// One store with all that belongs to it.
pub(crate) fn report(out: &mut Out, answer: &v1::GetStoreResponse) {
    let store = answer.store.clone().unwrap_or_default();
    let mut table = Table::pairs();
    table.pair("store", store.id.as_str());
    table.pair("shop", store.shop.as_str());
    table.pair("state", doing(&store));
    if let Some(agreement) = &answer.agreement {
        let v1::Agreement { id, account_id, company, currency } = agreement;
        table.pair("agreement", format!("{id} ({company}, account {account_id}, {currency})"));
    }
    table.pair("credentials", words::or_dash(words::grant(store.grant)));
    let tax = if store.taxes_included { "tax included" } else { "tax excluded" };
    table.pair("prices", format!("{}, {tax}", store.currency));
    if !store.country.is_empty() {
        table.pair("country", store.country.as_str());
    }
    table.pair("connected", time::short(store.connected_at.as_ref()));
    match &store.stock_accepted_at {
        Some(at) => table.pair("stock", format!("is sent since {}", time::short(Some(at)))),
        None => table.pair("stock", Cell::toned("is not sent yet: see `shopbeat stock preview`", Tone::Warn)),
    }
    table.pair("managed by", managed_by(&store));
    table.pair("webhooks", or_none(&store.webhook_address));
    match answer.worker.as_str() {
        "" => table.pair("worker", Cell::toned("none: nothing moves", Tone::Warn)),
        name => table.pair("worker", name),
    }
    if let Some(report) = &answer.report {
        worker_report(&mut table, report, &answer.worker);
    }
    if let Some(v1::JobCounts { ready, delayed, claimed, parked }) = &answer.jobs {
        table.pair("queue", format!("{ready} ready, {delayed} delayed, {claimed} running, {parked} parked"));
    }
    if let Some(counts) = answer.ledger.as_ref().and_then(|ledger| ledger.total.as_ref()) {
        table.pair("ledger", ledger_line(counts));
    }
    if let Some(run) = &answer.latest_run {
        let phase = words::or_dash(words::phase(run.phase));
        table.pair("initial sync", format!("{phase} {} ({})", time::short(run.updated_at.as_ref()), run.id));
    }
    out.table(&table);
    settings(out, &store.settings.unwrap_or_default());
    hours(out, answer.ledger.as_ref());
}

/// Who changes it.
fn managed_by(store: &v1::Store) -> String {
    match &store.managed_by {
        Some(v1::KubernetesOwner { namespace, name, uid: _ }) => format!("ShopifyStore {namespace}/{name}"),
        None => "the API".to_owned(),
    }
}

/// What a worker told of a remote; nothing to say while all is well.
pub(crate) fn trouble(name: &str, health: Option<&v1::RemoteHealth>) -> Option<String> {
    let health = health.filter(|health| !health.reachable)?;
    Some(format!("{name} is away since {}: {}", time::short(health.since.as_ref()), health.trouble))
}

/// Whether the worker that has the store told this: what another one told may be so no more.
fn is_of(report: &v1::WorkerReport, worker: &str) -> bool {
    report.worker == worker
}

/// What a worker told, a row for each thing.
fn worker_report(table: &mut Table, report: &v1::WorkerReport, holder: &str) {
    let v1::WorkerReport { worker, build, since, shopify, rackbeat, webhooks_missing, shopify_api_version } =
        report;
    table.pair(
        "worker's report",
        format!("since {}, {build}, Shopify's API {shopify_api_version}", time::short(since.as_ref())),
    );
    if !is_of(report, holder) {
        table.pair("", Cell::toned(format!("told by {worker}, which is gone"), Tone::Warn));
    }
    let troubles = [trouble("Shopify", shopify.as_ref()), trouble("Rackbeat", rackbeat.as_ref())];
    for told in troubles.into_iter().flatten() {
        table.pair("", Cell::toned(told, Tone::Bad));
    }
    if !webhooks_missing.is_empty() {
        let told = format!("the shop refuses webhooks: {}", webhooks_missing.join(", "));
        table.pair("", Cell::toned(told, Tone::Warn));
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none: orders are found by the sweep only" } else { text }
}

/// The counts of a ledger in one cell, and whether they add up.
#[must_use]
pub(crate) fn ledger_line(counts: &v1::LedgerCounts) -> Cell {
    let v1::LedgerCounts { seen, transferred, parked, ignored, pending, removed_in_rackbeat, adds_up } =
        counts;
    let mut parts = vec![format!("{transferred} transferred"), format!("{parked} parked")];
    parts.extend(ignored.iter().map(|ignored| format!("{} ignored ({})", ignored.orders, ignored.rule)));
    parts.push(format!("{pending} pending"));
    if *removed_in_rackbeat > 0 {
        parts.push(format!("{removed_in_rackbeat} removed in Rackbeat"));
    }
    let (sign, tone) = if *adds_up { ("=", Tone::Plain) } else { ("DOES NOT ADD UP TO", Tone::Bad) };
    Cell::toned(format!("{seen} seen {sign} {}", parts.join(" + ")), tone)
}

fn settings(out: &mut Out, settings: &v1::Settings) {
    let mut table = Table::new(&["SETTING", "VALUE"]);
    for (path, value) in super::super::settings::values(settings) {
        table.row([path.into(), if value.is_empty() { "-".into() } else { value.into() }]);
    }
    out.line("");
    out.table(&table);
}

fn hours(out: &mut Out, ledger: Option<&v1::Ledger>) {
    let hours = ledger.map(|ledger| ledger.hours.as_slice()).unwrap_or_default();
    if hours.is_empty() {
        return;
    }
    let mut table = Table::new(&["HOUR", "ORDERS"]);
    for hour in hours {
        let counts = hour.counts.clone().unwrap_or_default();
        table.row([time::short(hour.hour.as_ref()).into(), ledger_line(&counts)]);
    }
    out.line("");
    out.table(&table);
}
