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
    table.pair("connected", time::short(store.connected_at.as_ref()));
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
    let yes = |set: Option<bool>| set.map_or("-", |set| if set { "yes" } else { "no" });
    let text = |set: &Option<String>| set.clone().unwrap_or_else(|| "-".to_owned());
    let v1::Settings { orders, customers, products } = settings;
    let mut table = Table::new(&["SETTING", "VALUE"]);
    let mut add = |name: &str, value: String| table.row([name.into(), value.into()]);
    if let Some(orders) = orders {
        add("orders.enabled", yes(orders.enabled).to_owned());
        add("orders.since", time::short(orders.since.as_ref()));
        add("orders.trigger", words::or_dash(words::trigger(orders.trigger)));
        add("orders.target", words::or_dash(words::target(orders.target)));
        add("orders.test", words::or_dash(words::test_orders(orders.test)));
        add("orders.freight_product", text(&orders.freight_product));
        add("orders.rounding_product", text(&orders.rounding_product));
        add("orders.rounding_tolerance", text(&orders.rounding_tolerance));
        add("orders.layout", words::number(orders.layout));
        add("orders.employee", words::number(orders.employee));
    }
    if let Some(customers) = customers {
        add("customers.vat_zone", words::or_dash(words::vat_zone(customers.vat_zone)));
        add("customers.group", words::number(customers.group));
        add("customers.payment_terms", words::number(customers.payment_terms));
        add("customers.without_email", words::or_dash(words::without_email(customers.without_email)));
        add("customers.default_customer", words::number(customers.default_customer));
    }
    if let Some(products) = products {
        add("products.group", words::number(products.group));
        add("products.unit", words::number(products.unit));
        add("products.prices_exclude_vat", yes(products.prices_exclude_vat).to_owned());
        add("products.stock_location", words::number(products.stock_location));
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
