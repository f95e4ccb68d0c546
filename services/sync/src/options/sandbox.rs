//! Options of `shopbeat sandbox`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::telemetry::LogFormat;

/// What nobody could verify about the remotes: which answers the simulated ones give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FactChoice {
    /// The likelier ones.
    Defaults,
    /// The others.
    Flipped,
    /// A mix by the seed.
    Seeded,
}

/// Options of `shopbeat sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxOptions {
    /// Everything random starts from it.
    #[arg(long, env = "SHOPBEAT_SANDBOX_SEED", default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Handle of a shop to simulate; may be given several times.
    #[arg(long = "shop", default_values = ["fjeld", "nordlys"], value_name = "HANDLE")]
    pub shops: Vec<String>,
    /// Catalogue of the shops in Shopify's product CSV export format. Default: one that comes with the sandbox.
    #[arg(long, value_name = "PATH")]
    pub catalog: Option<PathBuf>,
    /// Share of variants that get a SKU where the catalogue has none; some are doubled and over-long on purpose.
    #[arg(long, default_value = "0.9", value_parser = parse_share, value_name = "0 to 1")]
    pub skus: Share,
    /// Token of the simulated Rackbeat account.
    #[arg(long, default_value = "sandbox-rackbeat-token", value_name = "TOKEN")]
    pub rackbeat_token: String,
    /// Port of the simulated Shopify; 0 takes a free one.
    #[arg(long, default_value_t = 9101, value_name = "PORT")]
    pub shopify_port: u16,
    /// Port of the simulated Rackbeat; 0 takes a free one.
    #[arg(long, default_value_t = 9102, value_name = "PORT")]
    pub rackbeat_port: u16,
    /// Port of the control API, by which faults and orders are made; 0 takes a free one.
    #[arg(long, default_value_t = 9103, value_name = "PORT")]
    pub control_port: u16,
    /// Lift the remotes' rate limits.
    #[arg(long)]
    pub no_limits: bool,
    /// Milliseconds added to every call.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub latency: u64,
    /// Largest page that the remotes answer, so that small catalogues page, too.
    #[arg(long, value_name = "ROWS")]
    pub page_cap: Option<usize>,
    /// Which answers to give where nobody knows what the real remotes do.
    #[arg(long, value_enum, default_value_t = FactChoice::Defaults)]
    pub facts: FactChoice,
    /// One such answer by name, such as `rackbeat.rounding=per-line`; may be given several times.
    #[arg(long = "fact", value_name = "NAME=OPTION")]
    pub single_facts: Vec<String>,
    /// How log lines look.
    #[arg(long, env = "SHOPBEAT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// A share in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u32);

fn parse_share(text: &str) -> Result<Share, String> {
    let share =
        Decimal::from_str_exact(text).ok().filter(|share| (Decimal::ZERO..=Decimal::ONE).contains(share));
    let millionths = share.and_then(|share| (share * Decimal::from(1_000_000)).trunc().to_u32());
    millionths.map(Share).ok_or_else(|| "give a number from 0 to 1, such as 0.9".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_without_a_float() {
        assert_eq!(parse_share("0.9"), Ok(Share(900_000)));
        assert_eq!(parse_share("1"), Ok(Share(1_000_000)));
        for bad in ["", "1.1", "-0.1", "x"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }
}
