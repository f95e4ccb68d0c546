//! Options of `serve`, and those of the remotes, which it shares with `worker`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use shopbeat_domain::billing::{ProRata, Terms};
use shopbeat_domain::ids::BadId;
use shopbeat_domain::limits::WORKER_LEASE;
use shopbeat_domain::money::Currency;
use shopbeat_engine::connect::STOCK_EVENT;
use url::{Host, Url};

use super::BadOptions;
use super::state::{StateChoice, StateOptions};
use crate::telemetry::LogFormat;

/// Where the remotes are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Remotes")]
pub struct RemoteOptions {
    /// Where shops are: a template in which `{shop}` becomes the store's `….myshopify.com` domain.
    #[arg(long, env = "SHOPBEAT_SHOPIFY_URL", default_value = "https://{shop}", value_name = "TEMPLATE")]
    pub shopify_url: String,
    /// Where Rackbeat's API is.
    #[arg(
        long,
        env = "SHOPBEAT_RACKBEAT_URL",
        default_value = "https://app.rackbeat.com/api",
        value_name = "URL"
    )]
    pub rackbeat_url: Url,
    /// E-mail address at which the operator of this service is reached: Rackbeat asks integrations to name one.
    #[arg(long, env = "SHOPBEAT_CONTACT", default_value = "shopbeat@localhost", value_name = "E-MAIL")]
    pub contact: String,
    /// Seconds after which a silent worker is taken for dead, 3 to 600. One remote call may take a third of it.
    #[arg(long, env = "SHOPBEAT_LEASE_SECONDS", default_value_t = WORKER_LEASE.as_secs(), value_name = "SECONDS")]
    pub lease_seconds: u64,
    /// Do not keep Rackbeat's limit of 480 calls a minute. For a sandbox without limits, never for Rackbeat itself.
    #[arg(long, env = "SHOPBEAT_RACKBEAT_UNPACED")]
    pub rackbeat_unpaced: bool,
}

/// Shorter leases leave no time for a remote's answer, longer ones leave a dead worker's store alone for too long.
const LEASE_SECONDS: RangeInclusive<u64> = 3..=600;

/// Seconds; whoever has not learned by then that a process ends never will.
const LONGEST_DRAIN: u64 = 300;

/// Who runs the stores' workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WorkerMode {
    /// This process, one per store.
    InProcess,
    /// Processes of their own, `shopbeat worker --store ID`, that somebody starts for each connected store.
    External,
    /// Processes of their own, started by the Kubernetes operator: stores are connected by ShopifyStore resources only.
    Operator,
}

/// Options of `shopbeat serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// Where the state lives.
    #[command(flatten)]
    pub state: StateOptions,
    /// Where the remotes are.
    #[command(flatten)]
    pub remotes: RemoteOptions,
    /// Address of the gRPC API; port 0 takes a free one.
    #[arg(long, env = "SHOPBEAT_GRPC_LISTEN", default_value = "127.0.0.1:50051", value_name = "IP:PORT")]
    pub grpc_listen: SocketAddr,
    /// Address of webhooks, probes and metrics; port 0 takes a free one.
    #[arg(long, env = "SHOPBEAT_HTTP_LISTEN", default_value = "127.0.0.1:8080", value_name = "IP:PORT")]
    pub http_listen: SocketAddr,
    /// Address at which Shopify and Rackbeat reach the HTTP side; webhooks are registered with it. Without it: the
    /// HTTP address itself for a sandbox on this machine, and for real shops no webhooks, only the sweep.
    #[arg(long, env = "SHOPBEAT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Url>,
    /// Name of Rackbeat's webhook event of a changed stock.
    #[arg(long, env = "SHOPBEAT_RACKBEAT_STOCK_EVENT", default_value = STOCK_EVENT, value_name = "EVENT")]
    pub rackbeat_stock_event: String,
    /// Members of that event's body that name the item, the first that is there counts; `data.item` is `item` within
    /// `data`.
    #[arg(
        long,
        env = "SHOPBEAT_RACKBEAT_STOCK_KEYS",
        default_value = "item,key",
        value_delimiter = ',',
        value_name = "KEY,…"
    )]
    pub rackbeat_stock_keys: Vec<String>,
    /// Billing: price of a store and month.
    #[arg(long, env = "SHOPBEAT_BILLING_PRICE", default_value = "100", value_name = "AMOUNT")]
    pub billing_price: Decimal,
    /// Billing: currency of the price, ISO 4217.
    #[arg(long, env = "SHOPBEAT_BILLING_CURRENCY", default_value = "DKK", value_name = "CODE", value_parser = parse_currency)]
    pub billing_currency: Currency,
    /// Billing: so many stores of each agreement are free, those that were connected first.
    #[arg(long, env = "SHOPBEAT_BILLING_FREE_STORES", default_value_t = 1, value_name = "N")]
    pub billing_free_stores: u32,
    /// Billing: how a month that was not used whole is billed, `by-day` or `whole-months`.
    #[arg(long, env = "SHOPBEAT_BILLING_RULE", default_value_t = ProRata::ByDay, value_name = "RULE")]
    pub billing_rule: ProRata,
    /// Who runs the workers. Default: in-process on the embedded state, external on Redis.
    #[arg(long, env = "SHOPBEAT_WORKERS", value_enum)]
    pub workers: Option<WorkerMode>,
    /// File of the bearer tokens that open the API: a JSON list of name, token or token_sha256, role, agreements.
    #[arg(long, env = "SHOPBEAT_AUTH_TOKENS_FILE", value_name = "PATH")]
    pub auth_tokens_file: Option<PathBuf>,
    /// Serve other machines without authentication, and speak plain http to remotes that are not this machine.
    #[arg(long, env = "SHOPBEAT_INSECURE")]
    pub insecure: bool,
    /// Certificate chain of the gRPC API, PEM.
    #[arg(long, env = "SHOPBEAT_TLS_CERT", value_name = "PATH")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM.
    #[arg(long, env = "SHOPBEAT_TLS_KEY", value_name = "PATH")]
    pub tls_key: Option<PathBuf>,
    /// Seconds between being told to end and ending, 0 to 300: meanwhile `/readyz` says so and all else goes on, so that
    /// whatever sends requests here (a load balancer, a Kubernetes Service) has time to stop.
    #[arg(
        long,
        env = "SHOPBEAT_DRAIN_SECONDS",
        default_value_t = 0,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(..=LONGEST_DRAIN)
    )]
    pub drain_seconds: u64,
    /// How log lines look.
    #[arg(long, env = "SHOPBEAT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

fn parse_currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|bad| bad.to_string())
}

impl ServeOptions {
    /// Who runs the workers, as said or by the state.
    #[must_use]
    pub fn workers(&self) -> WorkerMode {
        self.workers.unwrap_or(match self.state.choice() {
            StateChoice::Memory | StateChoice::File(_) => WorkerMode::InProcess,
            StateChoice::Redis(..) => WorkerMode::External,
        })
    }

    /// What stores cost.
    ///
    /// # Errors
    /// A price that cannot stand.
    pub fn terms(&self) -> Result<Terms, BadId> {
        Terms::new(self.billing_price, self.billing_currency, self.billing_free_stores, self.billing_rule)
    }

    /// Checks all options against each other.
    ///
    /// # Errors
    /// Every contradiction and gap.
    pub fn check(&self) -> Result<(), BadOptions> {
        let mut problems = self.state.problems();
        problems.extend(self.remotes.problems(self.insecure));
        if let Err(bad) = self.terms() {
            problems.push(format!("--billing-price: {bad}"));
        }
        if !is_event(&self.rackbeat_stock_event) {
            problems.push(format!(
                "--rackbeat-stock-event {:?} is no name of an event such as {STOCK_EVENT}",
                self.rackbeat_stock_event
            ));
        }
        if self.rackbeat_stock_keys.iter().any(|key| key.trim().is_empty()) {
            problems
                .push("--rackbeat-stock-keys names an empty member: give some such as item,key".to_owned());
        }
        let elsewhere = match self.workers {
            None | Some(WorkerMode::InProcess) => None,
            Some(WorkerMode::External) => Some("external"),
            Some(WorkerMode::Operator) => Some("operator"),
        };
        if let Some(mode) = elsewhere.filter(|_| self.state.redis_url.is_none()) {
            problems
                .push(format!("--workers {mode} needs --redis-url: an embedded state serves one process"));
        }
        if !self.grpc_listen.ip().is_loopback() && self.auth_tokens_file.is_none() && !self.insecure {
            problems.push(format!(
                "--grpc-listen {} lets other machines in without authentication: give --auth-tokens-file, or \
                 --insecure if that is meant",
                self.grpc_listen
            ));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            problems.push("--tls-cert and --tls-key belong together: give both or none".to_owned());
        }
        if let Some(url) = &self.public_url {
            problems.extend(url_problems("--public-url", url, self.insecure));
        }
        BadOptions::unless_empty(problems)
    }
}

impl RemoteOptions {
    /// Whether shops are on this machine: then its own addresses are good enough for their webhooks.
    #[must_use]
    pub fn are_local(&self) -> bool {
        self.sample_shop().is_ok_and(|url| is_loopback(&url))
    }

    fn sample_shop(&self) -> Result<Url, url::ParseError> {
        Url::parse(&self.shopify_url.replace("{shop}", "a.myshopify.com"))
    }

    pub(super) fn problems(&self, insecure: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.shopify_url.contains("{shop}") {
            problems.push("--shopify-url must hold {shop}, which becomes the store's domain".to_owned());
        }
        match self.sample_shop() {
            Ok(url) => problems.extend(url_problems("--shopify-url", &url, insecure)),
            Err(_) => problems.push("--shopify-url is no address".to_owned()),
        }
        problems.extend(url_problems("--rackbeat-url", &self.rackbeat_url, insecure));
        // It travels in a header.
        if !self.contact.contains('@') || !self.contact.bytes().all(|b| b.is_ascii_graphic()) {
            problems.push("--contact must be an e-mail address".to_owned());
        }
        if !LEASE_SECONDS.contains(&self.lease_seconds) {
            problems.push("--lease-seconds must be 3 to 600".to_owned());
        }
        if self.rackbeat_unpaced
            && self.rackbeat_url.host_str().is_some_and(|host| host.ends_with("rackbeat.com"))
        {
            problems.push(
                "--rackbeat-unpaced would get the account locked out of Rackbeat: leave it out".to_owned(),
            );
        }
        problems
    }
}

/// The event becomes part of a key in the state: small letters, dots and underscores only.
fn is_event(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_lowercase() || b == b'.' || b == b'_';
    !text.is_empty() && text.len() <= 60 && text.bytes().all(letters)
}

fn url_problems(option: &str, url: &Url, insecure: bool) -> Vec<String> {
    let mut problems = Vec::new();
    match url.scheme() {
        "https" => {}
        "http" if insecure || is_loopback(url) => {}
        "http" => problems.push(format!(
            "{option} is plain http to another machine, which shows tokens to everyone on the way: use https, or \
             --insecure if that is meant"
        )),
        _ => problems.push(format!("{option} must be an http or https address")),
    }
    if url.query().is_some() || url.fragment().is_some() {
        problems.push(format!("{option} must have no query and no fragment"));
    }
    problems
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn serve(args: &[&str]) -> ServeOptions {
        let line = ["shopbeat", "serve"].iter().chain(args).copied();
        match Cli::try_parse_from(line).unwrap().command {
            Command::Serve(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    fn problems(args: &[&str]) -> String {
        serve(args).check().err().map(|bad| bad.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_defaults_stand() {
        assert_eq!(problems(&[]), "");
        assert_eq!(serve(&[]).workers(), WorkerMode::InProcess);
        let redis = ["--redis-url", "redis://localhost", "--master-key-file", "k"];
        assert_eq!(problems(&redis), "");
        assert_eq!(serve(&redis).workers(), WorkerMode::External);
        let operator = [redis.as_slice(), &["--workers", "operator"]].concat();
        assert_eq!((problems(&operator), serve(&operator).workers()), (String::new(), WorkerMode::Operator));
        let embedded = problems(&["--workers", "operator"]);
        assert!(embedded.contains("--workers operator needs --redis-url"), "{embedded}");
    }

    #[test]
    fn other_machines_are_not_let_in_without_authentication() {
        assert!(problems(&["--grpc-listen", "0.0.0.0:1"]).contains("--auth-tokens-file"));
        assert!(problems(&["--grpc-listen", "[::]:1"]).contains("--auth-tokens-file"));
        for good in [["--insecure", "--insecure"], ["--auth-tokens-file", "f"]] {
            let good: Vec<_> = if good[0] == good[1] { vec![good[0]] } else { good.to_vec() };
            assert_eq!(problems(&[&["--grpc-listen", "0.0.0.0:1"], good.as_slice()].concat()), "");
        }
    }

    #[test]
    fn every_contradiction_is_told_at_once() {
        let told = problems(&[
            "--workers",
            "external",
            "--tls-cert",
            "c",
            "--shopify-url",
            "http://shops.example",
            "--rackbeat-url",
            "ftp://x/",
            "--public-url",
            "http://example.com/?a=b",
            "--lease-seconds",
            "1",
            "--billing-price",
            "0.001",
            "--rackbeat-stock-event",
            "Stock Changed",
            "--rackbeat-stock-keys",
            "item,,key",
        ]);
        for part in [
            "--workers",
            "--tls-key",
            "{shop}",
            "plain http",
            "--rackbeat-url",
            "no query",
            "--lease-seconds",
            "--billing-price",
            "--rackbeat-stock-event",
            "--rackbeat-stock-keys",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }

    #[test]
    fn a_sandbox_on_this_machine_may_speak_plain_http() {
        let args = [
            "--shopify-url",
            "http://127.0.0.1:9/{shop}",
            "--rackbeat-url",
            "http://localhost:9/api",
            "--public-url",
            "http://[::1]:9",
        ];
        assert_eq!(problems(&args), "");
        assert_eq!(problems(&["--shopify-url", "http://{shop}.localhost:9"]), "");
    }

    #[test]
    fn rackbeat_itself_is_never_called_without_its_pace() {
        assert!(problems(&["--rackbeat-unpaced"]).contains("--rackbeat-unpaced"));
        assert_eq!(problems(&["--rackbeat-unpaced", "--rackbeat-url", "http://127.0.0.1:9/api"]), "");
    }
}
