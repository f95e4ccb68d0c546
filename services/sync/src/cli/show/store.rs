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
    let mut table =
        Table::new(&["STORE", "AGREEMENT", "STATE", "TRIGGER", "TARGET", "CURRENCY", "CONNECTED"]);
    for store in stores {
        let orders = store.settings.clone().unwrap_or_default().orders.unwrap_or_default();
        table.row([
            store.id.as_str().into(),
            store.agreement_id.as_str().into(),
            doing(store),
            words::or_dash(words::trigger(orders.trigger)).into(),
            words::or_dash(words::target(orders.target)).into(),
            store.currency.as_str().into(),
            time::short(store.connected_at.as_ref()).into(),
        ]);
    }
    table
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
    if let Some(owner) = &store.managed_by {
        table.pair("managed by", format!("ShopifyStore {}/{}", owner.namespace, owner.name));
    }
    table.pair("webhooks", or_none(&store.webhook_address));
    match answer.worker.as_str() {
        "" => table.pair("worker", Cell::toned("none: nothing moves", Tone::Warn)),
        name => table.pair("worker", name),
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
