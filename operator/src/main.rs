//! The binary: options, a TLS provider, a runtime, and off.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use shopbeat_operator::cli::{Cli, Command};
use shopbeat_operator::resource::definition_yaml;
use shopbeat_operator::{release, run};

fn main() -> ExitCode {
    match start(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told if that fails.
            let _told = writeln!(std::io::stderr(), "Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Crd => Ok(std::io::stdout().lock().write_all(definition_yaml()?.as_bytes())?),
        Command::Run(options) => on_a_runtime(run::run(*options)),
        Command::Release(options) => on_a_runtime(async move { release::run(&options).await }),
    }
}

fn on_a_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    // Every TLS connection takes its provider from here. An error says that there is one already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
