//! Starts both remotes and the control API.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::clock::SandboxClock;
use crate::control;
use crate::facts::Facts;
use crate::fault::{Faults, Remote};
use crate::rackbeat::{AccountSetup, RackbeatSim};
use crate::server::{App, RouteNamer, Server};
use crate::shopify::{self, ShopifySim};

/// What both simulated remotes share.
#[derive(Debug, Clone)]
pub struct Core {
    /// What nobody could verify, one switch each.
    pub facts: Facts,
    /// What goes wrong.
    pub faults: Faults,
    /// The seed everything random starts from.
    pub seed: u64,
    /// Whether the remotes' rate limits hold; soak and crash suites lift them.
    pub limits: bool,
    /// Added to every call.
    pub latency: Duration,
    /// Upper bound on page sizes whatever a call asks for, so that small catalogues still page; `None`
    /// leaves the remotes' own bounds.
    pub page_cap: Option<usize>,
    /// The sandbox's time.
    pub clock: SandboxClock,
}

impl Core {
    /// The shared core as `config` describes it, with no fault rule yet.
    #[must_use]
    pub fn new(config: &SandboxConfig) -> Self {
        Self {
            facts: config.facts.clone(),
            faults: Faults::new(config.seed),
            seed: config.seed,
            limits: config.limits,
            latency: config.latency,
            page_cap: config.page_cap,
            clock: SandboxClock::default(),
        }
    }
}

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The seed everything random starts from.
    pub seed: u64,
    /// What nobody could verify, one switch each.
    pub facts: Facts,
    /// Whether the remotes' rate limits hold.
    pub limits: bool,
    /// Added to every call.
    pub latency: Duration,
    /// Upper bound on page sizes, see [`Core::page_cap`].
    pub page_cap: Option<usize>,
    /// Accounts the simulated Rackbeat starts with.
    pub rackbeat_accounts: Vec<AccountSetup>,
    /// Port of the simulated Shopify; `None` for a free one.
    pub shopify_port: Option<u16>,
    /// Port of the simulated Rackbeat; `None` for a free one.
    pub rackbeat_port: Option<u16>,
    /// Port of the control API; `None` for a free one.
    pub control_port: Option<u16>,
}

impl Default for SandboxConfig {
    /// Seed 1, default facts, limits on, no latency, free ports, one Rackbeat account.
    fn default() -> Self {
        Self {
            seed: 1,
            facts: Facts::defaults(),
            limits: true,
            latency: Duration::ZERO,
            page_cap: None,
            rackbeat_accounts: vec![AccountSetup::default()],
            shopify_port: None,
            rackbeat_port: None,
            control_port: None,
        }
    }
}

/// Why a sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be bound.
    #[error("the sandbox cannot listen")]
    Listen(#[from] io::Error),
}

/// Both remotes, running.
#[derive(Debug)]
pub struct Sandbox {
    core: Core,
    rackbeat: RackbeatSim,
    rackbeat_server: Server,
    shopify: ShopifySim,
    shopify_server: Server,
    control_server: Server,
    stop: CancellationToken,
}

impl Sandbox {
    /// Starts both remotes and the control API on loopback.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start(config: SandboxConfig) -> Result<Self, StartError> {
        // reqwest panics without a provider, even for plain HTTP; an error means one is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let core = Core::new(&config);
        let rackbeat = RackbeatSim::new(core.clone(), config.rackbeat_accounts);
        let stop = CancellationToken::new();
        rackbeat.run_deliveries(stop.clone());
        let rackbeat_server = Server::start(
            config.rackbeat_port,
            app(&core, rackbeat.router(), Some(Remote::Rackbeat), Arc::new(crate::rackbeat::route_name)),
        )
        .await?;
        let shopify = ShopifySim::new(core.clone());
        let shopify_server = Server::start(
            config.shopify_port,
            app(&core, shopify.router(), Some(Remote::Shopify), Arc::new(shopify::route_name)),
        )
        .await?;
        let control =
            control::router(core.clone()).merge(rackbeat.control_router()).merge(shopify.control_router());
        let control_server =
            Server::start(config.control_port, app(&core, control, None, Arc::new(|_, _| String::new())))
                .await?;
        Ok(Self { core, rackbeat, rackbeat_server, shopify, shopify_server, control_server, stop })
    }

    /// Facts, faults, seed and clock.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The simulated Rackbeat.
    #[must_use]
    pub fn rackbeat(&self) -> &RackbeatSim {
        &self.rackbeat
    }

    /// The simulated Shopify; it starts without shops.
    #[must_use]
    pub fn shopify(&self) -> &ShopifySim {
        &self.shopify
    }

    /// Base URL of a shop in the simulated Shopify, with `{shop}` standing for its domain.
    #[must_use]
    pub fn shopify_url(&self) -> String {
        format!("http://{}/{{shop}}", self.shopify_server.address())
    }

    /// Base URL of the simulated Rackbeat, as `https://app.rackbeat.com/api` is of the real one.
    #[must_use]
    pub fn rackbeat_url(&self) -> String {
        format!("http://{}/api", self.rackbeat_server.address())
    }

    /// Base URL of the control API; its paths start with `/control`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control_server.address())
    }

    /// Stops all servers and closes their connections.
    pub fn shutdown(&self) {
        self.stop.cancel();
        self.shopify_server.shutdown();
        self.rackbeat_server.shutdown();
        self.control_server.shutdown();
    }
}

fn app(core: &Core, router: Router, remote: Option<Remote>, namer: RouteNamer) -> App {
    App { router, core: core.clone(), remote, namer }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::{Sandbox, SandboxConfig};

    #[tokio::test]
    async fn both_remotes_and_the_control_api_answer_until_shut_down() {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let client = reqwest::Client::new();
        let rackbeat = format!("{}/self", sandbox.rackbeat_url());
        let shop = sandbox.shopify_url().replace("{shop}", "nobody.myshopify.com");
        let status = async |url: &str| client.get(url).send().await.map(|answer| answer.status().as_u16());
        assert_eq!(status(&rackbeat).await.unwrap(), 401);
        assert_eq!(status(&shop).await.unwrap(), 404);
        assert_eq!(status(&format!("{}/control/facts", sandbox.control_url())).await.unwrap(), 200);
        sandbox.shutdown();
        // The listener goes when its task sees the signal; until then a call may still be taken and dropped.
        while !status(&rackbeat).await.is_err_and(|error| error.is_connect()) {
            tokio::task::yield_now().await;
        }
    }
}
