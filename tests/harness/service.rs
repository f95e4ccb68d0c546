//! The service under test: the real binary, and a client of its API.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shopbeat_proto::v1::sync_service_client::SyncServiceClient;
use tonic::transport::{Channel, Endpoint};

use crate::binary::{shopbeat, worker};
use crate::http::HttpClient;
use crate::process::Process;
use crate::redis::free_port;
use crate::wait::{SHORT, until};

/// A client of the API.
pub type Api = SyncServiceClient<Channel>;

/// Where the state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateAt {
    /// In the process.
    Memory,
    /// In a file of the test's directory.
    File,
    /// In a Redis at this address.
    Redis(SocketAddr),
}

/// How `shopbeat` is called, and its addresses, which stay the same when it is started again.
#[derive(Debug, Clone)]
pub struct Service {
    /// Where the gRPC API listens.
    pub grpc: SocketAddr,
    /// Where webhooks, probes and metrics are.
    pub http: SocketAddr,
    /// Where the state is.
    pub state: StateAt,
    /// More arguments of `serve`.
    pub args: Vec<String>,
    /// More environment of all processes.
    pub env: Vec<(String, String)>,
    /// Directory of logs and state files.
    pub dir: PathBuf,
}

impl Service {
    /// A service on free ports that is not started yet.
    #[must_use]
    pub fn new(state: StateAt, dir: PathBuf) -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (grpc, http) = (local(free_port()), local(free_port()));
        Self { grpc, http, state, args: Vec::new(), env: Vec::new(), dir }
    }

    /// `shopbeat` with a verb and the environment that all its processes share.
    #[must_use]
    pub fn command(&self, verb: &str) -> Command {
        let program = if verb == "worker" { worker() } else { shopbeat().to_owned() };
        let mut command = Command::new(program);
        command.arg(verb).current_dir(&self.dir);
        // What the developer has set must not decide a test.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHOPBEAT_"))
        {
            command.env_remove(name);
        }
        command.env("RUST_LOG", "info,h2=warn,hyper=warn,tower=warn,shopbeat_engine=debug");
        command.env("RUST_BACKTRACE", "1");
        match &self.state {
            StateAt::Memory => command.env("SHOPBEAT_STATE", "memory"),
            StateAt::File => command.env("SHOPBEAT_STATE", "state.redb"),
            StateAt::Redis(address) => command
                .env("SHOPBEAT_REDIS_URL", format!("redis://{address}/0"))
                .env("SHOPBEAT_MASTER_KEY", STANDARD.encode([7_u8; 32])),
        };
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `shopbeat serve` and waits until it is ready.
    pub async fn serve(&self) -> Process {
        let mut process = self.serve_unready();
        let mut client = HttpClient::new(self.http);
        until("the service is ready", SHORT, async || {
            if let Some(status) = process.ended() {
                panic!("the service ended, {status}: {}", process.log());
            }
            match client.get("/readyz").await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.text),
                Err(error) => Err(error),
            }
        })
        .await;
        process
    }

    /// Starts `shopbeat serve`, whatever becomes of it.
    #[must_use]
    pub fn serve_unready(&self) -> Process {
        let mut command = self.command("serve");
        command.args(["--grpc-listen", &self.grpc.to_string(), "--http-listen", &self.http.to_string()]);
        command.arg("--public-url").arg(format!("http://{}", self.http));
        command.args(&self.args);
        Process::start("serve", command, &self.dir)
    }

    /// Starts `shopbeat worker` for a store.
    #[must_use]
    pub fn worker(&self, store: &str) -> Process {
        let mut command = self.command("worker");
        command.args(["--store", store]);
        Process::start("worker", command, &self.dir)
    }

    /// A client of the API that connects when it is used, and again when it has to.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn api(&self) -> Api {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).expect("an address");
        SyncServiceClient::new(endpoint.connect_lazy())
    }

    /// A client of the HTTP side.
    #[must_use]
    pub fn web(&self) -> HttpClient {
        HttpClient::new(self.http)
    }
}
