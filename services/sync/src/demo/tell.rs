//! What the person at the terminal is told.

use std::time::Duration;

use rust_decimal::Decimal;
use shopbeat_proto::v1;

use super::DemoOptions;
use super::house::House;
use super::proof::Case;
use super::remotes::{AGREEMENT, Remotes, STORES};
use super::shopping::{Fate, Placed};
use super::stock::Followed;
use crate::cli::{self, Cell, Out, Table, Tone};

/// Rows of orders shown; the proof looks at all.
const ORDERS_SHOWN: usize = 100;
/// Skipped variants shown of each reason.
const SKIPPED_SHOWN: usize = 10;
/// Parked orders shown.
const PARKED_SHOWN: usize = 40;

/// Seconds with one decimal.
fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

pub(super) fn places(out: &mut Out, options: &DemoOptions, remotes: &Remotes, house: &House) {
    let title = out.paint(Tone::Strong, "Shopbeat demo");
    out.line(format!("{title} (seed {})", options.seed));
    let mut table = Table::pairs();
    table.pair("  Shopify, simulated", remotes.sandbox.shopify_url());
    table.pair("  Rackbeat, simulated", remotes.sandbox.rackbeat_url());
    table.pair("  their control", format!("{}/control", remotes.sandbox.control_url()));
    table.pair("  service, gRPC", house.grpc());
    table.pair("  service, HTTP", house.http());
    match &house.redis_prefix {
        Some(prefix) => table.pair("  state", format!("Redis, keys {prefix}…; one process per worker")),
        None => table.pair("  state", "in this process"),
    }
    out.table(&table);
}

pub(super) fn stores(out: &mut Out, stores: &[v1::Store]) {
    out.heading(&format!("Two stores of one Rackbeat account ({AGREEMENT})"));
    let table = cli::stores_table(stores);
    indented(out, &table);
}

/// A table, moved in a little.
fn indented(out: &mut Out, table: &Table) {
    let text = table.render(out.colours());
    for line in text.lines() {
        out.line(format!("  {line}"));
    }
}

pub(super) fn preflight(out: &mut Out, run: &v1::Run) {
    out.heading("Preflight: a dry run of the initial sync");
    out.line(format!("  {}", cli::counts_line(&run.counts.unwrap_or_default(), true)));
    if run.skipped.is_empty() {
        return;
    }
    // Some of each reason: a catalogue that lacks most SKUs would hide the rest.
    let of =
        |reason: v1::SkipReason| run.skipped.iter().filter(move |found| found.reason == i32::from(reason));
    let reasons = [
        v1::SkipReason::SkuDuplicate,
        v1::SkipReason::SkuTooLong,
        v1::SkipReason::SkuMissing,
        v1::SkipReason::Bundle,
        v1::SkipReason::GiftCard,
        v1::SkipReason::Refused,
    ];
    let some: Vec<_> = reasons.into_iter().flat_map(|reason| of(reason).take(4)).cloned().collect();
    out.line("");
    indented(out, &cli::skipped_table(&some, SKIPPED_SHOWN));
    if run.skipped.len() > some.len() {
        out.line(format!("  … and {} more", run.skipped.len() - some.len()));
    }
}

pub(super) fn imported(out: &mut Out, run: &v1::Run) {
    let counts = cli::counts_line(&run.counts.unwrap_or_default(), false);
    out.line(format!("  {}: {counts}", run.store_id));
}

pub(super) fn killed(out: &mut Out, options: &DemoOptions, store: &str) {
    let how = if options.redis_url.is_some() { "SIGKILL" } else { "task aborted" };
    let killed = out.paint(Tone::Warn, "killed");
    out.line(format!(
        "  {killed} the worker of {store} ({how}) while Rackbeat answered it about an order that stands there already; \
         another one was started"
    ));
}

pub(super) fn nobody_killed(out: &mut Out, store: &str) {
    out.line(format!("  no worker was killed: no order of {store} can go to Rackbeat with these SKUs"));
}

pub(super) fn placed(out: &mut Out, remotes: &Remotes, placed: &[Placed], time: Duration) {
    let counts = remotes.sandbox.shopify().deliveries();
    out.line(format!(
        "  {} orders placed: {} signed webhooks, {} of them doubled, {} overtaken by later ones; all settled after {}",
        placed.len(),
        counts.due,
        counts.duplicates,
        counts.reordered,
        seconds(time)
    ));
}

pub(super) fn stuck(out: &mut Out, patience: Duration) {
    let text = format!("  not everything was done within {}", seconds(patience));
    let text = out.paint(Tone::Bad, &text);
    out.line(text);
}

fn reached(case: &Case) -> String {
    match &case.told.park {
        Some(park) => park.code.clone(),
        None if !case.told.ignored_by.is_empty() => case.told.ignored_by.clone(),
        None if case.told.waiting_for_stock => {
            format!("{}, waits for stock", cli::or_dash(cli::reached(case.told.reached)))
        }
        None => cli::or_dash(cli::reached(case.told.reached)),
    }
}

pub(super) fn orders(out: &mut Out, cases: &[Case]) {
    let columns =
        ["STORE", "ORDER", "TRIGGER", ">RACKBEAT", "STATE", "", ">SHOPIFY TOTAL", ">RACKBEAT TOTAL"];
    let mut table = Table::new(&columns);
    for case in cases.iter().take(ORDERS_SHOWN) {
        let number = case.told.rackbeat_order_number.map_or_else(String::new, |number| number.to_string());
        let total = case.rows.first().map_or_else(String::new, |row| format!("{:.2}", row.totals.total));
        let equal = case.rows.iter().all(|row| row.totals.total == case.shopify_total);
        table.row([
            case.placed.store.handle.into(),
            case.name.as_str().into(),
            cli::or_dash(cli::trigger(case.placed.store.trigger.into())).into(),
            number.into(),
            cli::state_cell(case.told.state),
            reached(case).into(),
            format!("{:.2}", case.shopify_total).into(),
            Cell::toned(total, if equal { Tone::Plain } else { Tone::Bad }),
        ]);
    }
    out.line("");
    indented(out, &table);
    if cases.len() > ORDERS_SHOWN {
        out.line(format!("  … and {} more", cases.len() - ORDERS_SHOWN));
    }
}

pub(super) fn stock(out: &mut Out, followed: &[Followed]) {
    out.heading("Stock: what changes in Rackbeat, both shops show");
    let [first, second] = STORES.map(|store| format!(">{}", store.handle.to_uppercase()));
    let mut table = Table::new(&["ITEM", "WHAT HAPPENED", ">AVAILABLE", ">HELD", &first, &second, ">AFTER"]);
    for change in followed {
        let shown = |at: usize| match change.shown.get(at).copied().flatten() {
            Some(units) => Cell::toned(units.to_string(), Tone::Good),
            None => Cell::toned("differs", Tone::Bad),
        };
        table.row([
            change.item.as_str().into(),
            change.what.as_str().into(),
            change.available.normalize().to_string().into(),
            change.held.to_string().into(),
            shown(0),
            shown(1),
            format!("{} ms", change.took.as_millis()).into(),
        ]);
    }
    if table.is_empty() {
        out.line("  the shops have no item with a good SKU in common");
    }
    indented(out, &table);
}

pub(super) fn parked(out: &mut Out, cases: &[Case], parked: &[v1::ParkedOrder]) {
    out.heading("Parked: what waits for a person, and why");
    let mut table = Table::new(&["STORE", "ORDER", "REASON", "CULPRIT", "REMEDY"]);
    for order in parked.iter().take(PARKED_SHOWN) {
        let of =
            |case: &&Case| case.placed.id == order.order_id && case.placed.store.handle == order.store_id;
        let name = cases.iter().find(of).map_or("-", |case| case.name.as_str());
        let park = order.park.clone().unwrap_or_default();
        table.row([
            order.store_id.as_str().into(),
            name.into(),
            Cell::toned(park.code, Tone::Bad),
            park.culprit.into(),
            park.remedy.into(),
        ]);
    }
    indented(out, &table);
    if parked.len() > PARKED_SHOWN {
        out.line(format!("  … and {} more", parked.len() - PARKED_SHOWN));
    }
}

pub(super) fn ledgers(out: &mut Out, answers: &[v1::GetStoreResponse]) {
    out.heading("Ledger");
    let mut table = Table::pairs();
    for answer in answers {
        let counts = answer.ledger.as_ref().and_then(|ledger| ledger.total.clone()).unwrap_or_default();
        let store = answer.store.as_ref().map_or("", |store| store.id.as_str());
        table.pair(store, cli::ledger_line(&counts));
    }
    indented(out, &table);
}

pub(super) fn verdict(
    out: &mut Out,
    currency: &str,
    cases: &[Case],
    changes: usize,
    problems: &[String],
    time: Duration,
) {
    out.heading("Proof, read from the simulated remotes");
    if !problems.is_empty() {
        let text = format!("  it FAILED: {} problems", problems.len());
        let text = out.paint(Tone::Bad, &text);
        out.line(text);
        return;
    }
    let transferred = cases.iter().filter(|case| case.placed.fate == Fate::Transferred);
    let (mut orders, mut sum) = (0_usize, Decimal::ZERO);
    for case in transferred {
        orders += 1;
        sum += case.shopify_total;
    }
    let good = out.paint(Tone::Good, "✓");
    out.line(format!(
        "  {good} {orders} orders stand in Rackbeat, each exactly once, each total equal: {sum:.2} {currency} in all"
    ));
    let others = cases.len() - orders;
    out.line(format!("  {good} {others} others do not, and each says why"));
    out.line(format!("  {good} the ledger of both stores adds up"));
    out.line(format!(
        "  {good} after each of {changes} changes of stock both shops showed what Rackbeat has"
    ));
    out.line(format!("\ndone in {}", seconds(time)));
}

/// Ready to paste.
pub(super) fn commands(out: &mut Out, remotes: &Remotes, house: &House, cases: &[Case]) {
    let [first, ..] = STORES;
    let shown = cases.iter().find(|case| case.placed.store == first && case.placed.fate == Fate::Transferred);
    let order = shown.map_or("#1001", |case| case.name.as_str());
    let control = format!("{}/control", remotes.sandbox.control_url());
    let shop = format!("{control}/shopify/shops/{}", first.domain());
    out.heading("All is left running; Ctrl-C ends it. In another terminal:");
    for command in [
        format!("export SHOPBEAT_ADDR={}", house.grpc()),
        "shopbeat store list".to_owned(),
        format!("shopbeat store show {}", first.handle),
        format!("shopbeat order show {} '{order}'", first.handle),
        format!("shopbeat parked list {}", first.handle),
        format!("shopbeat preflight {}", first.handle),
        format!("shopbeat stock troubles {}", first.handle),
        format!("shopbeat store update {} --set stock.buffer=2", first.handle),
        format!("shopbeat billing {AGREEMENT}"),
        format!("shopbeat sync initial {} --watch", first.handle),
        format!(
            "curl -s {shop}/orders -H 'content-type: application/json' -d '{{\"count\":3,\"paid\":true}}'"
        ),
        format!(
            "curl -s {shop}/orders -H 'content-type: application/json' -d '{{\"kind\":\"tip\",\"paid\":true}}'"
        ),
        format!("curl -s {control}/rackbeat/orders"),
        format!("curl -s {}/metrics", house.http()),
    ] {
        out.line(format!("  {command}"));
    }
}

/// The service never deletes what it may need again, and so neither does the demo.
pub(super) fn left_behind(out: &mut Out, house: &House) {
    if let Some(prefix) = &house.redis_prefix {
        out.line("\nThe keys are left in Redis; away with them:");
        out.line(format!("  redis-cli --scan --pattern '{prefix}*' | xargs redis-cli del"));
    }
}
