//! The commands for people: each calls the service's gRPC API and shows what it answered, as tables or as JSON. None
//! of them knows the engine.

mod billing;
mod client;
mod credentials;
mod csv;
mod drift;
mod failure;
mod json;
mod order;
mod out;
mod parked;
mod preflight;
mod progress;
mod replay;
mod report;
mod secrets;
mod settings;
mod show;
mod stock;
mod store;
mod sync;
mod table;
mod time;
mod watch;
mod words;

pub use billing::BillingArgs;
pub use client::{Api, Bearer, connect};
pub use drift::{DriftArgs, ProductsArgs};
pub use failure::{EXIT_CODES, Exit, Failed, exit_code};
pub use order::OrderArgs;
pub use out::{Out, Tone};
pub use parked::ParkedArgs;
pub use preflight::PreflightArgs;
pub use progress::Progress;
pub use replay::ReplayArgs;
pub use settings::ListArgs as SettingsListArgs;
pub use stock::StockArgs;
pub use store::StoreArgs;
pub use sync::SyncArgs;
pub use table::{Cell, Table};

#[cfg(feature = "demo")]
pub(crate) use self::{
    parked::all as all_parked,
    show::{counts_line, ledger_line, skipped_table, state_cell, stores_table},
    words::{or_dash, reached, trigger},
};

use clap::Subcommand;

/// The commands that call a service.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Connect, change, list, show, watch, pause, resume and disconnect stores.
    Store(Box<StoreArgs>),
    /// List the settings of a store: path, allowed values, default, what each does.
    Settings(SettingsListArgs),
    /// Tell what stands in the way of a good connection, before it is made or later.
    Preflight(Box<PreflightArgs>),
    /// Bring products and stock over, watch, cancel, report.
    Sync(SyncArgs),
    /// Let the orders of a span of time go through once more, and tell what stands otherwise than before.
    Replay(Box<ReplayArgs>),
    /// Transfer and show single orders.
    Order(OrderArgs),
    /// List parked orders and put them back to work.
    Parked(ParkedArgs),
    /// Show stock on both sides, let it be sent to a store, and list what hinders it.
    Stock(StockArgs),
    /// List products that are not carried.
    Products(ProductsArgs),
    /// List and settle edits of products on the side that is not master.
    Drift(DriftArgs),
    /// Tell what an agreement owes for a month.
    Billing(BillingArgs),
}

/// Runs a command to its end.
///
/// # Errors
/// [`Failed`], with the exit code.
pub async fn run(command: ClientCommand) -> anyhow::Result<()> {
    let mut out = Out::stdout();
    let done = dispatch(command, &mut out).await;
    let written = out.finish();
    done?;
    Ok(written?)
}

async fn dispatch(command: ClientCommand, out: &mut Out) -> Result<(), Failed> {
    match command {
        ClientCommand::Store(args) => Box::pin(store::run(&args, out)).await,
        ClientCommand::Settings(args) => settings::run(&args, out),
        ClientCommand::Preflight(args) => Box::pin(preflight::run(&args, out)).await,
        ClientCommand::Sync(args) => sync::run(&args, out).await,
        ClientCommand::Replay(args) => replay::run(&args, out).await,
        ClientCommand::Order(args) => Box::pin(order::run(&args, out)).await,
        ClientCommand::Parked(args) => parked::run(&args, out).await,
        ClientCommand::Stock(args) => stock::run(&args, out).await,
        ClientCommand::Products(args) => drift::products(&args, out).await,
        ClientCommand::Drift(args) => drift::run(&args, out).await,
        ClientCommand::Billing(args) => billing::run(&args, out).await,
    }
}

#[cfg(test)]
mod tests;
