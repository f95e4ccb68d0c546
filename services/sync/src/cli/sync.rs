//! `shopbeat sync …`.

use clap::{Args, Subcommand, ValueEnum};
use shopbeat_proto::v1;

use super::failure::{EXIT_CODES, Exit, Failed};
use super::out::Out;
use super::progress::Progress;
use super::report::{self, Format};
use super::{Api, client, json, show, words};
use crate::options::{ClientOptions, Output};

/// `shopbeat sync …`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SyncArgs {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: SyncCommand,
}

#[derive(Debug, Subcommand)]
enum SyncCommand {
    /// Start the initial sync of products and stock; while one is under way, that one is answered.
    #[command(after_help = EXIT_CODES)]
    Initial(InitialArgs),
    /// Watch an initial sync until it is over.
    #[command(after_help = EXIT_CODES)]
    Watch(RunName),
    /// End an initial sync; what was brought over stays.
    #[command(after_help = EXIT_CODES)]
    Cancel(RunName),
    /// Write the full report of the latest initial sync, dry or not: what became of each variant.
    #[command(after_help = EXIT_CODES)]
    Report(ReportArgs),
}

#[derive(Debug, Args)]
struct InitialArgs {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// Bring products. Without --products and --stock: both.
    #[arg(long)]
    products: bool,
    /// Bring stock.
    #[arg(long)]
    stock: bool,
    /// Only report what would happen.
    #[arg(long)]
    dry_run: bool,
    /// What becomes of items that have a quantity in Rackbeat already, or an earlier import.
    #[arg(long, value_enum, default_value_t = Policy::Keep)]
    stock_policy: Policy,
    /// Which of Shopify's quantities is imported.
    #[arg(long, value_enum, default_value_t = Count::Available)]
    count: Count,
    /// Rackbeat's number of the location that stock is put on. Default: as products.stock_location says.
    #[arg(long, value_name = "NUMBER")]
    location: Option<u64>,
    /// A text of yours for this run: asked again with the same, the run is shown and no second one is begun.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    named: String,
    /// Stay until it is over, and show how far it is.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    /// They are left alone and told
    Keep,
    /// The shop's quantity is added, once per store
    Sum,
    /// The shop's quantity replaces theirs
    Overwrite,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Count {
    /// What can be sold
    Available,
    /// What lies there: right when open orders are transferred too
    OnHand,
}

#[derive(Debug, Args)]
struct ReportArgs {
    #[command(flatten)]
    run: RunName,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Debug, Args)]
struct RunName {
    /// The store's id.
    #[arg(value_name = "STORE")]
    store: String,
    /// The run's id; without it the run that was begun last.
    #[arg(value_name = "RUN", default_value = "")]
    run: String,
}

/// Runs one of the commands.
pub(super) async fn run(args: &SyncArgs, out: &mut Out) -> Result<(), Failed> {
    let output = args.client.output;
    let mut api = client::connect(&args.client).await?;
    let (store, id) = match &args.command {
        SyncCommand::Initial(initial) => {
            let run = begin(&mut api, initial).await?;
            if !initial.watch {
                match output {
                    Output::Json => out.json(&json::run(&run)),
                    Output::Table => {
                        show::run(out, &run);
                        out.line(format!("watch it with `shopbeat sync watch {} {}`", run.store_id, run.id));
                    }
                }
                return Ok(());
            }
            (initial.store.clone(), run.id)
        }
        SyncCommand::Watch(run) => (run.store.clone(), run.run.clone()),
        SyncCommand::Cancel(run) => return cancel(&mut api, run, out, output).await,
        SyncCommand::Report(args) => {
            let RunName { store, run } = &args.run;
            return report::write(&mut api, store, run, args.format, out).await;
        }
    };
    let request = v1::WatchInitialSyncRequest { store_id: store, run_id: id };
    let last = watch(&mut api, request, out, output).await?;
    if output == Output::Table {
        show::run(out, &last);
    }
    ended(&last)
}

async fn begin(api: &mut Api, args: &InitialArgs) -> Result<v1::Run, Failed> {
    let both = !args.products && !args.stock;
    let request = v1::RunInitialSyncRequest {
        store_id: args.store.clone(),
        products: args.products || both,
        stock: args.stock || both,
        dry_run: args.dry_run,
        policy: match args.stock_policy {
            Policy::Keep => v1::StockPolicy::Keep,
            Policy::Sum => v1::StockPolicy::Sum,
            Policy::Overwrite => v1::StockPolicy::Overwrite,
        }
        .into(),
        count: match args.count {
            Count::Available => v1::StockCount::Available,
            Count::OnHand => v1::StockCount::OnHand,
        }
        .into(),
        location: args.location,
        token: args.named.clone(),
    };
    let answer = api.run_initial_sync(request).await?.into_inner();
    answer.run.ok_or_else(|| Failed::new(Exit::Failed, "the service answered no run"))
}

async fn cancel(api: &mut Api, name: &RunName, out: &mut Out, output: Output) -> Result<(), Failed> {
    let request = v1::CancelInitialSyncRequest { store_id: name.store.clone(), run_id: name.run.clone() };
    let run = api.cancel_initial_sync(request).await?.into_inner().run.unwrap_or_default();
    match output {
        Output::Json => out.json(&json::run(&run)),
        Output::Table => {
            show::run(out, &run);
            let over = words::phase(run.phase).is_some_and(|phase| OVER.contains(&phase.as_str()));
            out.line(if over { "it is over" } else { "its worker ends it within moments" });
        }
    }
    Ok(())
}

/// Phases after which nothing more happens.
const OVER: [&str; 3] = ["finished", "failed", "cancelled"];

/// Follows a run to its end, or until nobody reads any more: its last state.
async fn watch(
    api: &mut Api,
    request: v1::WatchInitialSyncRequest,
    out: &mut Out,
    output: Output,
) -> Result<v1::Run, Failed> {
    let mut stream = api.watch_initial_sync(request).await?.into_inner();
    let mut progress = Progress::new(out, "");
    let mut last = v1::Run::default();
    while let Some(answer) = stream.message().await? {
        let Some(run) = answer.run else { continue };
        match output {
            Output::Json => out.json_line(&json::run(&run)),
            Output::Table => progress.show(out, &run),
        }
        last = run;
        if out.is_closed() {
            break;
        }
    }
    progress.finish();
    Ok(last)
}

fn ended(run: &v1::Run) -> Result<(), Failed> {
    if run.phase == i32::from(v1::RunPhase::Cancelled) {
        return Err(Failed::new(Exit::Failed, "the initial sync was cancelled"));
    }
    if run.phase == i32::from(v1::RunPhase::Failed) {
        return Err(Failed::new(Exit::Failed, format!("the initial sync failed: {}", run.failure)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_failed_fails_the_command_with_its_reason() {
        let run = v1::Run {
            phase: v1::RunPhase::Failed.into(),
            failure: "no group 9".to_owned(),
            ..v1::Run::default()
        };
        assert!(ended(&run).unwrap_err().to_string().contains("no group 9"));
        assert!(ended(&v1::Run { phase: v1::RunPhase::Finished.into(), ..run }).is_ok());
    }
}
