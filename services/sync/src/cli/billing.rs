//! `shopbeat billing`.

use clap::{Args, ValueEnum};
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Failed};
use super::out::{Out, Tone};
use super::table::Table;
use super::{client, json, time, words};
use crate::options::{ClientOptions, Output};

/// `shopbeat billing`: what an agreement owes for a month.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct BillingArgs {
    #[command(flatten)]
    client: ClientOptions,
    /// The agreement.
    #[arg(value_name = "AGREEMENT")]
    agreement: String,
    /// The month in Europe/Copenhagen, such as 2026-11. Default: the current one.
    #[arg(long, value_name = "YYYY-MM", default_value = "")]
    month: String,
    /// Write it so instead, for other programs.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values with a head
    Csv,
}

/// Runs the command.
pub(super) async fn run(args: &BillingArgs, out: &mut Out) -> Result<(), Failed> {
    let mut api = client::connect(&args.client).await?;
    let request = v1::GetBillingRequest {
        agreement_id: args.agreement.clone(),
        month: args.month.clone(),
        csv: args.format == Some(Format::Csv),
    };
    let bill = api.get_billing(request).await?.into_inner();
    match (args.format, args.client.output) {
        (Some(Format::Csv), _) => out.line(bill.csv.trim_end()),
        (None, Output::Json) => out.json(&json::billing(&bill)),
        (None, Output::Table) => show(out, &bill),
    }
    Ok(())
}

fn show(out: &mut Out, bill: &v1::GetBillingResponse) {
    let currency = &bill.currency;
    let mut table = Table::new(&[
        "STORE",
        "CONNECTED",
        ">DAYS",
        ">PAUSED",
        ">FREE",
        ">BILLED",
        "ENDED",
        &format!(">{currency}"),
    ]);
    for store in &bill.stores {
        table.row([
            store.store_id.as_str().into(),
            time::short(store.connected_at.as_ref()).into(),
            store.days.to_string().into(),
            store.days_paused.to_string().into(),
            store.days_free.to_string().into(),
            store.days_billed.to_string().into(),
            time::short(store.ended_at.as_ref()).into(),
            store.amount.as_str().into(),
        ]);
    }
    out.table(&table);
    let rule = words::or_dash(words::billing_rule(bill.rule)).replace('_', " ");
    let open = if bill.closed { "" } else { "; the month is not over" };
    out.line("");
    out.line(format!(
        "{} owes {} {currency} for {} ({} {currency} a store and month, {rule}, {} free{open})",
        bill.agreement_id, bill.total, bill.month, bill.price, bill.free_stores
    ));
    if !bill.journal_flaw.is_empty() {
        let flaw =
            out.paint(Tone::Bad, &format!("the journal is not as it was written: {}", bill.journal_flaw));
        out.line(flaw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::out::tests::Page;

    fn bill() -> v1::GetBillingResponse {
        v1::GetBillingResponse {
            agreement_id: "nordic".to_owned(),
            month: "2026-11".to_owned(),
            currency: "DKK".to_owned(),
            total: "50.00".to_owned(),
            stores: vec![v1::BilledStore {
                store_id: "acme".to_owned(),
                days: 15,
                amount: "50.00".to_owned(),
                ..v1::BilledStore::default()
            }],
            ..v1::GetBillingResponse::default()
        }
    }

    #[test]
    fn a_journal_that_was_changed_is_told() {
        let page = Page::default();
        let flawed = v1::GetBillingResponse { journal_flaw: "entry 3 does not fit".to_owned(), ..bill() };
        show(&mut page.out(), &flawed);
        assert!(page.text().contains("owes 50.00 DKK for 2026-11"), "{}", page.text());
        assert!(page.text().contains("entry 3"));
    }
}
