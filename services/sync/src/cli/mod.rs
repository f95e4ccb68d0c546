//! The commands for people: each calls the service's gRPC API and shows what it answered, as tables or as JSON. None
//! of them knows the engine.

mod client;
mod failure;
mod json;
mod order;
mod out;
mod parked;
mod progress;
mod secrets;
mod settings;
mod show;
mod store;
mod sync;
mod table;
mod time;
mod words;

pub use client::{Api, Bearer, connect};
pub use failure::{EXIT_CODES, Exit, Failed, exit_code};
pub use order::OrderArgs;
pub use out::{Out, Tone};
pub use parked::ParkedArgs;
pub use progress::Progress;
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
    /// Connect, list, show, pause, resume and disconnect stores.
    Store(Box<StoreArgs>),
    /// Bring products and stock over, and watch.
    Sync(SyncArgs),
    /// Transfer and show single orders.
    Order(OrderArgs),
    /// List parked orders and put them back to work.
    Parked(ParkedArgs),
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
        ClientCommand::Sync(args) => sync::run(&args, out).await,
        ClientCommand::Order(args) => Box::pin(order::run(&args, out)).await,
        ClientCommand::Parked(args) => parked::run(&args, out).await,
    }
}

#[cfg(test)]
mod tests;
