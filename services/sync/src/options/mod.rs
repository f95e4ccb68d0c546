//! What can be said on the command line and in the environment, one struct per command, checked as a whole before
//! anything starts.

mod client;
#[cfg(feature = "demo")]
mod sandbox;
mod serve;
mod state;
mod worker;

pub use client::{ClientOptions, Output};
#[cfg(feature = "demo")]
pub use sandbox::{FactChoice, SandboxOptions, Share};
pub use serve::{RemoteOptions, ServeOptions, WorkerMode};
pub use state::{Keys, StateChoice, StateOptions};
pub use worker::WorkerOptions;

use clap::{Parser, Subcommand};

use crate::cli::{ClientCommand, EXIT_CODES};

/// Version, commit and build, as `--version` tells them.
pub const BUILD: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SHOPBEAT_COMMIT"),
    ", ",
    env!("SHOPBEAT_TARGET"),
    ")"
);

/// Keeps Shopify stores and Rackbeat accounts in step.
#[derive(Debug, Parser)]
#[command(name = "shopbeat", version = BUILD, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service: gRPC API, webhooks, and the workers unless they run elsewhere.
    Serve(Box<ServeOptions>),
    /// Run the worker of one store, beside a service on the same Redis.
    Worker(Box<WorkerOptions>),
    /// Run a simulated Shopify and Rackbeat on this machine, strict as the real ones.
    #[cfg(feature = "demo")]
    Sandbox(Box<SandboxOptions>),
    /// Show all of it at work on this machine, against the sandbox, in a minute.
    #[cfg(feature = "demo")]
    Demo(Box<crate::demo::DemoOptions>),
    /// Ask a running service.
    #[command(flatten)]
    Client(ClientCommand),
}

/// Contradictions and gaps in what was said, each with its remedy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .0.join("\n"))]
pub struct BadOptions(pub Vec<String>);

impl BadOptions {
    /// Fine if nothing was found.
    ///
    /// # Errors
    /// Itself, if anything was.
    pub fn unless_empty(problems: Vec<String>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_the_service_has_its_environment_variable_and_help() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments().filter(|a| !a.is_positional()) {
                let (name, env) = (argument.get_id().as_str(), argument.get_env());
                assert!(argument.get_help().is_some(), "{} {name}", command.get_name());
                if ["serve", "worker"].contains(&command.get_name()) && !["help", "version"].contains(&name) {
                    let env = env.unwrap_or_else(|| panic!("{name} has no variable")).to_str().unwrap();
                    assert!(env.starts_with("SHOPBEAT_"), "{env}");
                }
            }
        }
    }
}
