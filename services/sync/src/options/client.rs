//! Options of all commands that call a service.

use clap::{Args, ValueEnum};
use secrecy::SecretString;

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Tables and progress bars, for people.
    Table,
    /// JSON, for programs.
    Json,
}

/// Which service to call, and how to show what it answers.
#[derive(Debug, Clone, Args)]
pub struct ClientOptions {
    /// Address of the service's gRPC API.
    #[arg(
        long,
        global = true,
        env = "SHOPBEAT_ADDR",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    pub addr: String,
    /// Bearer token; better in the environment than on the command line, where others can see it.
    #[arg(long, global = true, env = "SHOPBEAT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<SecretString>,
    /// How to show answers.
    #[arg(long, global = true, env = "SHOPBEAT_OUTPUT", value_enum, default_value_t = Output::Table)]
    pub output: Output,
}
