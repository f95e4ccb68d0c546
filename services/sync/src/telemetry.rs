//! The log: lines for people or JSON for machines, on the standard error. `RUST_LOG` chooses what is shown.
//!
//! Fields are dotted (`order.id`, `shop.domain`); never a name, an address, a token or a body.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is shown when `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "info,h2=warn,hyper=warn,tower=warn";

/// Starts the log of this process; later calls change nothing (tests start several services in one process).
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
}
