//! `shopbeat demo`: the whole way on one machine. A simulated Shopify and Rackbeat, the real service, two stores of
//! one agreement, orders by signed webhooks that come doubled and out of order, a worker killed in the middle of a
//! call, stock that goes out to both shops; and at the end the proof, read from the simulated remotes themselves.
//!
//! Everything is asked of the service through its gRPC API, as anybody else would.

mod house;
mod proof;
mod remotes;
mod shopping;
mod stock;
mod tell;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use rust_decimal::Decimal;
use secrecy::SecretString;
use shopbeat_proto::v1;

use crate::cli::{Failed, Out, Progress, all_parked};
use crate::options::BadOptions;
use crate::telemetry::{self, LogFormat};
use house::House;
use proof::Case;
use remotes::Remotes;
use shopping::{Fate, Placed};

/// Options of `shopbeat demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// How many orders are placed, over both stores.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(8..=5000))]
    pub orders: u32,
    /// Everything random starts from it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Catalogue of both shops in Shopify's product CSV export format. Default: one that comes with the sandbox.
    #[arg(long, value_name = "FILE.csv")]
    pub catalog: Option<PathBuf>,
    /// Share of variants that get a SKU where the catalogue has none; some are doubled and over-long on purpose.
    #[arg(long, default_value = "0.9", value_name = "0 to 1")]
    pub skus: Decimal,
    /// Keep the state in this Redis instead of in this process; then the workers are processes of their own, and the
    /// one that is killed gets SIGKILL.
    #[arg(long, value_name = "URL")]
    pub redis_url: Option<SecretString>,
    /// Leave everything running at the end, and say how to look at it.
    #[arg(long)]
    pub keep: bool,
}

/// How long all may take until nothing moves any more, before it is called stuck.
const PATIENCE: Duration = Duration::from_secs(90);
/// On top of it for each order: runs with thousands take their time.
const PATIENCE_PER_ORDER: Duration = Duration::from_millis(300);
/// The service is asked this often whether it is through.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the demo.
///
/// # Errors
/// When anything does not work, or the proof fails: an order is doubled, missing or differs, or a ledger does not add
/// up.
pub async fn run(options: &DemoOptions) -> anyhow::Result<()> {
    if !(Decimal::ZERO..=Decimal::ONE).contains(&options.skus) {
        return Err(BadOptions(vec!["--skus must be a number from 0 to 1, such as 0.9".to_owned()]).into());
    }
    // Nothing disturbs the story unless it is asked for.
    if std::env::var_os("RUST_LOG").is_some() {
        telemetry::start(LogFormat::Text);
    }
    let mut ended = Box::pin(crate::app::told_to_end()?);
    let mut out = Out::stdout();
    let stage = tokio::select! {
        () = &mut ended => bail!("ended before the demo was through"),
        stage = Box::pin(story(options, &mut out)) => stage?,
    };
    if options.keep {
        tell::commands(&mut out, &stage.remotes, &stage.house, &stage.cases);
        ended.await;
    }
    stage.house.close().await;
    stage.remotes.sandbox.shutdown();
    out.finish()?;
    if stage.problems.is_empty() { Ok(()) } else { bail!("{}", stage.problems.join("\n")) }
}

/// What stands there at the end.
struct Stage {
    remotes: Remotes,
    house: House,
    cases: Vec<Case>,
    problems: Vec<String>,
}

async fn story(options: &DemoOptions, out: &mut Out) -> anyhow::Result<Stage> {
    let began = Instant::now();
    let remotes = Remotes::start(options).await?;
    let mut house = House::open(options, &remotes).await?;
    tell::places(out, options, &remotes, &house);

    connect(out, &remotes, &mut house).await?;
    import(out, &mut house).await?;
    let placed = orders(out, options, &remotes, &mut house).await?;
    let followed = stock::follow(&remotes, &mut house).await?;
    tell::stock(out, &followed);

    let cases = proof::cases(&remotes, &mut house, placed).await?;
    let mut parked = Vec::new();
    let mut ledgers = Vec::new();
    for store in remotes::STORES {
        parked.extend(all_parked(&mut house.api, store.handle).await?);
        ledgers.push(house.store(store.handle).await?);
    }
    tell::orders(out, &cases);
    tell::parked(out, &cases, &parked);
    tell::ledgers(out, &ledgers);
    let mut problems = proof::problems(&remotes, &cases, &ledgers);
    problems.extend(stock::problems(&followed));
    tell::verdict(out, remotes.currency(), &cases, followed.len(), &problems, began.elapsed());
    tell::left_behind(out, &house);
    Ok(Stage { remotes, house, cases, problems })
}

async fn connect(out: &mut Out, remotes: &Remotes, house: &mut House) -> anyhow::Result<()> {
    let mut stores = Vec::new();
    for store in remotes::STORES {
        let answer = house.api.connect_store(remotes.connect_request(&store)?).await.map_err(Failed::from)?;
        stores.extend(answer.into_inner().store);
        house.start_worker(store.handle)?;
    }
    tell::stores(out, &stores);
    Ok(())
}

/// First a dry run, that tells what is wrong with the catalogue; then each store.
async fn import(out: &mut Out, house: &mut House) -> anyhow::Result<()> {
    let [first, ..] = remotes::STORES;
    let dry = bring(out, house, first.handle, true).await?;
    tell::preflight(out, &dry);
    out.heading("Initial sync");
    for store in remotes::STORES {
        let run = bring(out, house, store.handle, false).await?;
        tell::imported(out, &run);
    }
    Ok(())
}

async fn bring(out: &mut Out, house: &mut House, store: &str, dry_run: bool) -> anyhow::Result<v1::Run> {
    let store_id = store.to_owned();
    let request = v1::RunInitialSyncRequest {
        store_id: store_id.clone(),
        products: true,
        stock: true,
        dry_run,
        ..v1::RunInitialSyncRequest::default()
    };
    let run = house.api.run_initial_sync(request).await.map_err(Failed::from)?.into_inner().run;
    let run_id = run.context("the service answered no run")?.id;
    let request = v1::WatchInitialSyncRequest { store_id, run_id };
    let mut stream = house.api.watch_initial_sync(request).await.map_err(Failed::from)?.into_inner();
    let mut progress = out.is_terminal().then(|| Progress::new(out, "  "));
    let mut last = v1::Run::default();
    while let Some(answer) = stream.message().await.map_err(Failed::from)? {
        last = answer.run.unwrap_or_default();
        if let Some(progress) = &mut progress {
            progress.show(out, &last);
        }
    }
    if let Some(progress) = progress {
        progress.finish();
    }
    if last.phase != i32::from(v1::RunPhase::Finished) {
        bail!("the initial sync of {store} did not finish: {}", last.failure);
    }
    Ok(last)
}

/// Places all orders; on the way a worker is killed while Rackbeat answers it.
async fn orders(
    out: &mut Out,
    options: &DemoOptions,
    remotes: &Remotes,
    house: &mut House,
) -> anyhow::Result<Vec<Placed>> {
    out.heading("Orders");
    let began = Instant::now();
    let [first, second] = remotes::STORES;
    let plan = shopping::plan(options.orders);
    let struck = remotes.set_trap();
    let mut placed = shopping::place(remotes, &first, &plan.first)?;
    if placed.iter().any(|order| order.fate == Fate::Transferred) {
        if !remotes.wait_for_trap(struck, PATIENCE).await {
            bail!("no order of {} reached Rackbeat within {} s", first.handle, PATIENCE.as_secs());
        }
        house.kill_worker(first.handle).await?;
        tell::killed(out, options, first.handle);
    } else {
        // A catalogue with hardly any SKU that can stand.
        tell::nobody_killed(out, first.handle);
    }
    // Webhooks for the store go on coming in while nobody works for it.
    placed.extend(shopping::place(remotes, &second, &plan.second)?);
    if !house.has_worker(first.handle) {
        house.start_worker(first.handle)?;
    }
    let patience = PATIENCE + PATIENCE_PER_ORDER * options.orders;
    let all = tokio::time::timeout(patience, settle(remotes, house, &placed)).await;
    tell::placed(out, remotes, &placed, began.elapsed());
    match all {
        Ok(settled) => settled?,
        Err(_) => tell::stuck(out, patience),
    }
    Ok(placed)
}

/// Waits until every webhook was delivered and nothing is left to do.
async fn settle(remotes: &Remotes, house: &mut House, placed: &[Placed]) -> anyhow::Result<()> {
    remotes.sandbox.shopify().settled().await;
    for store in remotes::STORES {
        let of_store = || placed.iter().filter(|order| order.store.handle == store.handle);
        let seen = u64::try_from(of_store().count())?;
        let pending = u64::try_from(of_store().filter(|order| order.fate == Fate::Pending).count())?;
        loop {
            let answer = house.store(store.handle).await?;
            let jobs = answer.jobs.unwrap_or_default();
            let counts = answer.ledger.and_then(|ledger| ledger.total).unwrap_or_default();
            if counts.seen >= seen && counts.pending <= pending && jobs.ready == 0 && jobs.claimed == 0 {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}
