//! The binary: options, a TLS provider, a runtime, and off.

use std::process::ExitCode;

use clap::Parser as _;
use shopbeat::options::{Cli, Command};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Every TLS connection takes its provider from here. An error says that there is one already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let runtime = match &cli.command {
        // A worker is one of hundreds on a machine, a client waits for one answer: no thread more than it needs.
        Command::Worker(_) | Command::Client(_) => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().enable_all().build(),
    };
    match runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(shopbeat::run(cli.command)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nobody is left to be told if that fails.
            let _told = writeln!(std::io::stderr(), "Error: {error:#}");
            ExitCode::from(shopbeat::cli::exit_code(&error))
        }
    }
}
