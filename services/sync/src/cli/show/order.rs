//! Orders: one with its steps and the proof of its money, or many in a table.

use shopbeat_proto::v1;

use crate::cli::out::{Out, Tone};
use crate::cli::table::{Cell, Table};
use crate::cli::{time, words};

/// What became of an order, in its colour.
#[must_use]
pub(crate) fn state_cell(state: i32) -> Cell {
    let tone = match v1::OrderState::try_from(state) {
        Ok(v1::OrderState::Transferred) => Tone::Good,
        Ok(v1::OrderState::Pending) => Tone::Warn,
        Ok(v1::OrderState::Parked | v1::OrderState::RemovedInRackbeat) => Tone::Bad,
        Ok(v1::OrderState::Ignored) => Tone::Faint,
        Ok(v1::OrderState::Unspecified) | Err(_) => Tone::Plain,
    };
    Cell::toned(words::or_dash(words::state(state)), tone)
}

/// Parked orders: what is wrong with each, and its remedy.
#[must_use]
pub(crate) fn parked_table(orders: &[v1::ParkedOrder]) -> Table {
    let mut table = Table::new(&["ORDER", "ID", "REASON", "CULPRIT", "SINCE", "NEXT LOOK", "REMEDY"]);
    for order in orders {
        let park = order.park.clone().unwrap_or_default();
        table.row([
            if order.order_name.is_empty() { "-".into() } else { order.order_name.as_str().into() },
            order.order_id.to_string().into(),
            Cell::toned(park.code.as_str(), Tone::Bad),
            park.culprit.as_str().into(),
            time::short(park.since.as_ref()).into(),
            time::short(park.retry_at.as_ref()).into(),
            park.remedy.as_str().into(),
        ]);
    }
    table
}

/// One order.
pub(crate) fn order(out: &mut Out, transfer: &v1::Transfer) {
    let mut table = Table::pairs();
    let name = if transfer.order_name.is_empty() { "-" } else { &transfer.order_name };
    table.pair("order", format!("{name} (id {}) of {}", transfer.order_id, transfer.store_id));
    table.pair("state", state_cell(transfer.state));
    if !transfer.ignored_by.is_empty() {
        table.pair("ignored by", transfer.ignored_by.as_str());
    }
    if let Some(park) = &transfer.park {
        table.pair("parked for", Cell::toned(format!("{}: {}", park.code, park.culprit), Tone::Bad));
        table.pair("message", park.message.as_str());
        table.pair("remedy", park.remedy.as_str());
        table.pair("since", time::short(park.since.as_ref()));
        table.pair("next look", time::short(park.retry_at.as_ref()));
    }
    let reached = words::or_dash(words::reached(transfer.reached));
    let target = words::or_dash(words::target(transfer.target));
    let waits = if transfer.waiting_for_stock { ", waiting for stock" } else { "" };
    table.pair("reached", format!("{reached} of {target}{waits}"));
    table.pair("Rackbeat order", words::number(transfer.rackbeat_order_number));
    table.pair("Rackbeat customer", words::number(transfer.rackbeat_customer_number));
    table.pair("shipment", words::number(transfer.rackbeat_shipment_id));
    table.pair("invoice", words::number(transfer.rackbeat_invoice_number));
    table.pair("first seen", time::short(transfer.first_seen_at.as_ref()));
    table.pair("last changed", time::short(transfer.updated_at.as_ref()));
    out.table(&table);
    steps(out, transfer);
    if let Some(proof) = &transfer.proof {
        money(out, proof);
    }
}

fn steps(out: &mut Out, transfer: &v1::Transfer) {
    if !transfer.steps.is_empty() {
        let done = transfer.steps.iter().map(|done| {
            format!("{} {}", words::or_dash(words::step(done.step)), time::clock(done.done_at.as_ref()))
        });
        out.heading("Steps");
        out.line(done.collect::<Vec<_>>().join(" → "));
    }
    if !transfer.remarks.is_empty() {
        out.heading("Remarks");
        for remark in &transfer.remarks {
            out.line(format!("- {remark}"));
        }
    }
}

/// The proof: each Rackbeat line, then the Shopify amounts that it was made from; the rates; both totals.
fn money(out: &mut Out, proof: &v1::MoneyProof) {
    out.heading(&format!("Money ({})", proof.currency));
    let columns =
        ["RACKBEAT LINE", "TEXT", ">QTY", ">PRICE", ">DISC %", ">VAT %", ">NET", ">VAT", "FROM SHOPIFY"];
    let mut table = Table::new(&columns);
    for line in &proof.lines {
        let amounts = line.amounts.iter().map(|amount| format!("{} {}", amount.name, amount.amount));
        table.row([
            line.item.as_str().into(),
            line.name.as_str().into(),
            line.quantity.as_str().into(),
            line.unit_price.as_str().into(),
            line.discount_percent.as_str().into(),
            line.vat_percent.as_str().into(),
            line.net.as_str().into(),
            line.vat.as_str().into(),
            format!("{}: {}", line.source, amounts.collect::<Vec<_>>().join(", ")).into(),
        ]);
    }
    out.table(&table);
    rates(out, &proof.rates);
    totals(out, proof);
}

fn rates(out: &mut Out, rates: &[v1::VatProof]) {
    let mut table = Table::new(&[">VAT RATE %", ">NET", ">VAT IN SHOPIFY", ">NET × RATE"]);
    for v1::VatProof { rate_percent, net, shopify_vat, computed_vat } in rates {
        table.row([rate_percent, net, shopify_vat, computed_vat].map(|text| text.as_str().into()));
    }
    out.line("");
    out.table(&table);
}

fn totals(out: &mut Out, proof: &v1::MoneyProof) {
    let said = |amount: &Option<String>| amount.clone().unwrap_or_else(|| "not read yet".to_owned());
    let mut table = Table::new(&["TOTALS", ">WITH VAT", ">VAT"]);
    table.row(["Shopify".into(), proof.shopify_total.as_str().into(), proof.shopify_vat.as_str().into()]);
    table.row(["Rackbeat".into(), said(&proof.rackbeat_total).into(), said(&proof.rackbeat_vat).into()]);
    out.line("");
    out.table(&table);
    let rounding = if proof.rounding.trim_matches(['0', '.', '-']).is_empty() {
        String::new()
    } else {
        format!(" (of it {} on the rounding line)", proof.rounding)
    };
    let verdict = match (&proof.rackbeat_total, proof.totals_equal) {
        (_, true) => out.paint(Tone::Good, &format!("the totals are equal{rounding}")),
        (None, false) => "the total in Rackbeat was not read yet".to_owned(),
        (Some(_), false) => out.paint(Tone::Bad, "THE TOTALS DIFFER"),
    };
    out.line(verdict);
}
