//! `shopbeat preflight`.

use clap::Args;
use shopbeat_proto::v1;

use super::credentials::{self, CredentialArgs, Opens};
use super::failure::{Exit, Failed};
use super::out::{Out, Tone};
use super::settings::SettingsArgs;
use super::table::{Cell, Table};
use super::{client, json, words};
use crate::options::{ClientOptions, Output};

/// The exit codes, for `--help`: what was found counts, for a check in a pipeline.
const EXIT_CODES: &str = "Exit codes:
  0  nothing was found, or nothing that hinders
  1  warnings, with --strict; or the command failed
  2  errors: the connection cannot work like this; or the command line cannot stand
  3  no such store
  5  the service or a remote is away: try again
  6  the token is missing, wrong, or not allowed to do this";

/// `shopbeat preflight`: what stands in the way of a good connection.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct PreflightArgs {
    #[command(flatten)]
    client: ClientOptions,
    /// A connected store, by its id; with --agreement a shop that is to be connected: its permanent domain or handle.
    #[arg(value_name = "STORE|SHOP")]
    shop: String,
    /// Look before connecting: name of the Rackbeat account, as for `store connect`, with the same credentials.
    #[arg(long, value_name = "NAME")]
    agreement: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Warnings fail the command, too.
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
pub(super) async fn run(args: &PreflightArgs, out: &mut Out) -> Result<(), Failed> {
    let request = args.request()?;
    let mut api = client::connect(&args.client).await?;
    let report = api.preflight(request).await?.into_inner();
    match args.client.output {
        Output::Json => out.json(&json::preflight(&report)),
        Output::Table => show(out, &report),
    }
    verdict(&report, args.strict)
}

impl PreflightArgs {
    fn request(&self) -> Result<v1::PreflightRequest, Failed> {
        use v1::preflight_request::Credentials;
        let Some(agreement) = &self.agreement else {
            if !self.settings.is_empty() {
                let text = "--set goes with --agreement: a connected store is looked at as it is connected";
                return Err(Failed::new(Exit::Usage, text));
            }
            return Ok(v1::PreflightRequest {
                store_id: self.shop.clone(),
                ..v1::PreflightRequest::default()
            });
        };
        let opens = match self.credentials.shop()? {
            Opens::App(app) => Credentials::ClientCredentials(app),
            Opens::Token(token) => Credentials::LegacyToken(token),
        };
        Ok(v1::PreflightRequest {
            store_id: String::new(),
            shop: credentials::domain(&self.shop),
            agreement_id: agreement.clone(),
            credentials: Some(opens),
            rackbeat_token: self.credentials.rackbeat()?,
            settings: (!self.settings.is_empty())
                .then(|| self.settings.over(&v1::Settings::default()))
                .transpose()?,
            agreement_currency: self.credentials.agreement_currency.clone().unwrap_or_default(),
        })
    }
}

fn tone(severity: i32) -> Tone {
    match v1::Severity::try_from(severity) {
        Ok(v1::Severity::Error) => Tone::Bad,
        Ok(v1::Severity::Warning) => Tone::Warn,
        Ok(v1::Severity::Info | v1::Severity::Unspecified) | Err(_) => Tone::Faint,
    }
}

fn show(out: &mut Out, report: &v1::PreflightResponse) {
    let v1::PreflightResponse { findings, counts, worst: _, variants, estimate, rates } = report;
    if findings.is_empty() {
        let good = out.paint(Tone::Good, "nothing stands in the way");
        out.line(good);
    } else {
        let mut table = Table::new(&["SEVERITY", "CODE", "ABOUT", "FOUND", "REMEDY", "LINK"]);
        for v1::Finding { code, severity, subject, message, remedy, link } in findings {
            table.row([
                Cell::toned(words::or_dash(words::severity(*severity)), tone(*severity)),
                code.as_str().into(),
                subject.as_str().into(),
                message.as_str().into(),
                remedy.as_str().into(),
                link.as_str().into(),
            ]);
        }
        out.table(&table);
    }
    for v1::FindingCount { code, count, severity: _ } in counts {
        let shown = findings.iter().filter(|finding| finding.code == *code).count();
        let more = u64::try_from(shown).map_or(0, |shown| count.saturating_sub(shown));
        if more > 0 {
            out.line(format!("{code}: {more} more"));
        }
    }
    out.line("");
    let mut table = Table::pairs();
    table.pair("variants", variants.to_string());
    if let Some(v1::Estimate { calls, minutes }) = estimate {
        table.pair("initial sync", format!("about {minutes} min ({calls} calls to Rackbeat)"));
    }
    if !rates.is_empty() {
        let rates = rates.iter().map(|v1::GroupVat { group, percent }| format!("group {group}: {percent} %"));
        table.pair("VAT", rates.collect::<Vec<_>>().join(", "));
    }
    out.table(&table);
}

/// What was found, as the exit code.
fn verdict(report: &v1::PreflightResponse, strict: bool) -> Result<(), Failed> {
    let count = |severity: v1::Severity| -> u64 {
        let these = report.counts.iter().filter(|count| count.severity == i32::from(severity));
        these.map(|count| count.count).sum()
    };
    let (errors, warnings) = (count(v1::Severity::Error), count(v1::Severity::Warning));
    let of =
        |count: u64, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    if errors > 0 {
        let text = format!("{}, {}", of(errors, "error"), of(warnings, "warning"));
        return Err(Failed::new(Exit::Usage, text));
    }
    if strict && warnings > 0 {
        return Err(Failed::new(Exit::Failed, of(warnings, "warning")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::out::tests::Page;

    fn report(found: &[(v1::Severity, u64)]) -> v1::PreflightResponse {
        let counts = found.iter().map(|(severity, count)| v1::FindingCount {
            code: "sku_missing".to_owned(),
            severity: (*severity).into(),
            count: *count,
        });
        v1::PreflightResponse { counts: counts.collect(), ..v1::PreflightResponse::default() }
    }

    #[test]
    fn what_was_found_is_the_exit_code() {
        use v1::Severity::{Error, Info, Warning};
        assert_eq!(verdict(&report(&[]), true), Ok(()));
        assert_eq!(verdict(&report(&[(Info, 3)]), true), Ok(()));
        assert_eq!(verdict(&report(&[(Warning, 3)]), false), Ok(()));
        assert_eq!(verdict(&report(&[(Warning, 3)]), true).unwrap_err().exit() as u8, 1);
        for strict in [false, true] {
            let failed = verdict(&report(&[(Warning, 3), (Error, 1)]), strict).unwrap_err();
            assert_eq!((failed.exit() as u8, failed.to_string().as_str()), (2, "1 error, 3 warnings"));
        }
    }

    #[test]
    fn findings_that_are_not_shown_are_counted() {
        let page = Page::default();
        let finding = v1::Finding {
            code: "sku_missing".to_owned(),
            severity: v1::Severity::Warning.into(),
            remedy: "give it one".to_owned(),
            ..v1::Finding::default()
        };
        let report =
            v1::PreflightResponse { findings: vec![finding], ..report(&[(v1::Severity::Warning, 12)]) };
        show(&mut page.out(), &report);
        assert!(page.text().contains("sku_missing: 11 more"), "{}", page.text());
        assert!(page.text().contains("give it one"));
    }
}
