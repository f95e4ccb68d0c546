//! Options of `worker`.

use std::net::SocketAddr;

use clap::Args;
use shopbeat_domain::ids::StoreId;

use super::BadOptions;
use super::serve::RemoteOptions;
use super::state::StateOptions;
use crate::telemetry::LogFormat;

/// Options of `shopbeat worker`.
#[derive(Debug, Clone, Args)]
pub struct WorkerOptions {
    /// Whose worker. A store that is not connected yet is waited for.
    #[arg(long, env = "SHOPBEAT_STORE", value_name = "ID", value_parser = parse_store)]
    pub store: StoreId,
    /// Where the state lives.
    #[command(flatten)]
    pub state: StateOptions,
    /// Where the remotes are.
    #[command(flatten)]
    pub remotes: RemoteOptions,
    /// Address of the worker's probes and metrics; port 0 takes a free one. Without it there are none: many workers may
    /// run on one machine.
    #[arg(long, env = "SHOPBEAT_HTTP_LISTEN", value_name = "IP:PORT")]
    pub http_listen: Option<SocketAddr>,
    /// Speak plain http to remotes that are not this machine.
    #[arg(long, env = "SHOPBEAT_INSECURE")]
    pub insecure: bool,
    /// How log lines look.
    #[arg(long, env = "SHOPBEAT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

fn parse_store(text: &str) -> Result<StoreId, String> {
    StoreId::parse(text).map_err(|bad| bad.to_string())
}

impl WorkerOptions {
    /// Checks all options against each other.
    ///
    /// # Errors
    /// Every contradiction and gap.
    pub fn check(&self) -> Result<(), BadOptions> {
        let mut problems = self.state.problems();
        problems.extend(self.remotes.problems(self.insecure));
        if self.state.redis_url.is_none() {
            problems.push(
                "a worker needs --redis-url: an embedded state serves one process, and `serve` runs its workers itself"
                    .to_owned(),
            );
        }
        BadOptions::unless_empty(problems)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};

    #[test]
    fn a_worker_needs_redis() {
        let line = ["shopbeat", "worker", "--store", "acme"];
        match Cli::try_parse_from(line).unwrap().command {
            Command::Worker(options) => {
                assert!(options.check().unwrap_err().to_string().contains("--redis-url"));
            }
            other => panic!("{other:?}"),
        }
        assert!(Cli::try_parse_from(["shopbeat", "worker", "--store", "A B"]).is_err());
    }
}
