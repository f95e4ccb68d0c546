//! What can be said on the command line and in the environment, checked as a whole before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::release::ReleaseOptions;
use crate::resource::WorkerResources;

/// Version, commit and build, as `--version` tells them.
pub const BUILD: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("SHOPBEAT_COMMIT"),
    ", ",
    env!("SHOPBEAT_TARGET"),
    ")"
);

/// Connects the shops that ShopifyStore resources name and runs a worker for each.
#[derive(Debug, Parser)]
#[command(name = "shopbeat-operator", version = BUILD, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the definition of the resource ShopifyStore, as YAML for `kubectl apply`.
    Crd,
    /// Run the operator.
    Run(Box<RunOptions>),
    /// Before the release is removed: stop the operator, remove the workers, take our finalizer off every store.
    Release(ReleaseOptions),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Options of `shopbeat-operator run`.
#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// Namespace whose stores are looked after: resources, Secrets and workers are all there. In a pod, its own.
    #[arg(long, env = "SHOPBEAT_OPERATOR_NAMESPACE", value_name = "NAME")]
    pub namespace: String,
    /// The service, through which stores are connected: its gRPC address, http or https.
    #[arg(long, env = "SHOPBEAT_OPERATOR_SERVICE_URL", value_name = "URL")]
    pub service_url: String,
    /// File with the bearer token for the service; its role must be operator. Read anew for each call.
    #[arg(long, env = "SHOPBEAT_OPERATOR_SERVICE_TOKEN_FILE", value_name = "PATH")]
    pub service_token_file: Option<PathBuf>,
    /// File with the certificates, PEM, of who may have signed the service's. Without it: those of the system.
    #[arg(long, env = "SHOPBEAT_OPERATOR_SERVICE_CA_FILE", value_name = "PATH")]
    pub service_ca_file: Option<PathBuf>,
    /// Speak plain http to a service on another machine although a token goes with it.
    #[arg(long, env = "SHOPBEAT_OPERATOR_INSECURE")]
    pub insecure: bool,
    /// How the workers are run.
    #[command(flatten)]
    pub worker: WorkerOptions,
    /// Address of probes and metrics; port 0 takes a free one.
    #[arg(
        long,
        env = "SHOPBEAT_OPERATOR_HTTP_LISTEN",
        default_value = "0.0.0.0:8082",
        value_name = "IP:PORT"
    )]
    pub http_listen: SocketAddr,
    /// Let one of several operators lead, by a Lease in the namespace. Without it this one always does.
    #[arg(
        long,
        env = "SHOPBEAT_OPERATOR_LEADER_ELECT",
        default_value_t = true,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    pub leader_elect: bool,
    /// Name of that Lease.
    #[arg(
        long,
        env = "SHOPBEAT_OPERATOR_LEASE_NAME",
        default_value = "shopbeat-operator",
        value_name = "NAME"
    )]
    pub lease_name: String,
    /// How log lines look.
    #[arg(long, env = "SHOPBEAT_OPERATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How the workers are run, one Deployment per store.
#[derive(Debug, Clone, Args)]
pub struct WorkerOptions {
    /// Image of the workers.
    #[arg(long = "worker-image", env = "SHOPBEAT_OPERATOR_WORKER_IMAGE", value_name = "IMAGE")]
    pub image: String,
    /// The command in it, a JSON list; `worker --store ID` is added.
    #[arg(
        long = "worker-command",
        env = "SHOPBEAT_OPERATOR_WORKER_COMMAND",
        default_value = r#"["/usr/local/bin/shopbeat"]"#,
        value_name = "JSON",
        value_parser = parse_command
    )]
    pub command: WorkerCommand,
    /// Service account of the workers. They use no rights: no token is mounted.
    #[arg(
        long = "worker-service-account",
        env = "SHOPBEAT_OPERATOR_WORKER_SERVICE_ACCOUNT",
        value_name = "NAME"
    )]
    pub service_account: Option<String>,
    /// ConfigMap whose keys become the workers' environment.
    #[arg(
        long = "worker-env-config-map",
        env = "SHOPBEAT_OPERATOR_WORKER_ENV_CONFIG_MAP",
        value_name = "NAME"
    )]
    pub env_config_map: Option<String>,
    /// Secret whose keys become the workers' environment: SHOPBEAT_REDIS_URL and SHOPBEAT_MASTER_KEY among them.
    #[arg(long = "worker-env-secret", env = "SHOPBEAT_OPERATOR_WORKER_ENV_SECRET", value_name = "NAME")]
    pub env_secret: Option<String>,
    /// Compute resources of the workers, JSON with requests and limits, where a store's resource says nothing.
    #[arg(
        long = "worker-resources",
        env = "SHOPBEAT_OPERATOR_WORKER_RESOURCES",
        default_value = r#"{"requests":{"cpu":"5m","memory":"24Mi"},"limits":{"memory":"128Mi"}}"#,
        value_name = "JSON",
        value_parser = parse_resources
    )]
    pub resources: WorkerResources,
    /// Make a NetworkPolicy for each worker: out to DNS, https and Redis, in to the metrics.
    #[arg(
        long = "worker-network-policy",
        env = "SHOPBEAT_OPERATOR_WORKER_NETWORK_POLICY",
        default_value_t = false,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    pub network_policy: bool,
    /// Port of Redis, for that policy.
    #[arg(
        long = "worker-redis-port",
        env = "SHOPBEAT_OPERATOR_WORKER_REDIS_PORT",
        default_value_t = 6379,
        value_name = "PORT"
    )]
    pub redis_port: u16,
    /// At most so many workers are taken to another image or environment at once, 1 to 1000.
    #[arg(
        long = "worker-rollout-at-most",
        env = "SHOPBEAT_OPERATOR_WORKER_ROLLOUT_AT_MOST",
        default_value_t = 5,
        value_name = "N"
    )]
    pub rollout_at_most: u32,
}

/// Program and first arguments of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand(pub Vec<String>);

fn parse_command(text: &str) -> Result<WorkerCommand, String> {
    let parts: Vec<String> = serde_json::from_str(text)
        .map_err(|_| r#"must be a JSON list of texts such as ["/usr/local/bin/shopbeat"]"#.to_owned())?;
    if parts.first().is_none_or(String::is_empty) {
        return Err("must name a program".to_owned());
    }
    Ok(WorkerCommand(parts))
}

fn parse_resources(text: &str) -> Result<WorkerResources, String> {
    let example =
        r#"must be JSON such as {"requests":{"cpu":"5m","memory":"24Mi"},"limits":{"memory":"128Mi"}}"#;
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| example.to_owned())?;
    if let Some(other) = object.keys().find(|key| !["requests", "limits"].contains(&key.as_str())) {
        return Err(format!("{other:?} is neither requests nor limits"));
    }
    serde_json::from_value(Value::Object(object)).map_err(|bad| format!("{example}: {bad}"))
}

/// Contradictions and gaps in what was said, each with its remedy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .0.join("\n"))]
pub struct BadOptions(pub Vec<String>);

impl RunOptions {
    /// Checks all options against each other.
    ///
    /// # Errors
    /// Every contradiction and gap.
    pub fn check(&self) -> Result<(), BadOptions> {
        let mut problems = Vec::new();
        self.check_service(&mut problems);
        self.worker.check(&mut problems);
        name_problem("--namespace", &self.namespace, 63, &mut problems);
        name_problem("--lease-name", &self.lease_name, 253, &mut problems);
        if problems.is_empty() { Ok(()) } else { Err(BadOptions(problems)) }
    }

    fn check_service(&self, problems: &mut Vec<String>) {
        let Ok(uri) = self.service_url.parse::<tonic::transport::Uri>() else {
            problems.push("--service-url is no address: give one such as http://shopbeat:50051".to_owned());
            return;
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) || uri.host().is_none() {
            problems.push(
                "--service-url must be an http or https address such as http://shopbeat:50051".to_owned(),
            );
            return;
        }
        let plain_path = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if !plain_path {
            problems.push("--service-url must have no path and no query".to_owned());
        }
        if scheme == "http" && self.service_ca_file.is_some() {
            problems.push(
                "--service-ca-file is for https, and --service-url is plain http: make it https, or leave the file \
                 out"
                    .to_owned(),
            );
        }
        let near = uri.host().is_some_and(is_loopback);
        if scheme == "http" && self.service_token_file.is_some() && !near && !self.insecure {
            problems.push(
                "--service-url is plain http to another machine, which shows the token and the stores' credentials to \
                 everyone on the way: use https, or --insecure if that is meant"
                    .to_owned(),
            );
        }
    }
}

impl WorkerOptions {
    fn check(&self, problems: &mut Vec<String>) {
        if self.image.trim().is_empty() || self.image.contains(char::is_whitespace) {
            problems
                .push("--worker-image must be an image such as registry.example/shopbeat:0.1.0".to_owned());
        }
        if self.env_config_map.is_none() && self.env_secret.is_none() {
            problems.push(
                "workers need to know their Redis and their master key: give --worker-env-secret, \
                 --worker-env-config-map or both"
                    .to_owned(),
            );
        }
        for (option, name) in [
            ("--worker-service-account", &self.service_account),
            ("--worker-env-config-map", &self.env_config_map),
            ("--worker-env-secret", &self.env_secret),
        ] {
            if let Some(name) = name {
                name_problem(option, name, 253, problems);
            }
        }
        if !(1..=1000).contains(&self.rollout_at_most) {
            problems.push("--worker-rollout-at-most must be 1 to 1000".to_owned());
        }
        if self.redis_port == 0 {
            problems.push("--worker-redis-port must be 1 to 65535".to_owned());
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Kubernetes refuses other names; said here it is said at once.
fn name_problem(option: &str, name: &str, longest: usize, problems: &mut Vec<String>) {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let good = bytes.len() <= longest
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| inner(*b));
    if !good {
        problems.push(format!("{option} {name:?} is no name of Kubernetes': a-z, 0-9, - and . only"));
    }
}

#[cfg(test)]
mod tests;
