//! `shopbeat sandbox`: the simulated Shopify and Rackbeat, for anyone who wants to develop against them.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use shopbeat_sandbox::catalog::Catalog;
use shopbeat_sandbox::facts::Facts;
use shopbeat_sandbox::rackbeat::AccountSetup;
use shopbeat_sandbox::shopify::ShopSpec;
use shopbeat_sandbox::{Sandbox, SandboxConfig};

use crate::app::told_to_end;
use crate::options::{FactChoice, SandboxOptions};
use crate::telemetry;

/// Runs until the process is told to end.
///
/// # Errors
/// When the catalogue cannot be read, a fact is unknown or a port is taken.
pub(crate) async fn run(options: &SandboxOptions) -> anyhow::Result<()> {
    telemetry::start(options.log_format);
    let ended = told_to_end()?;
    let config = SandboxConfig {
        seed: options.seed,
        facts: facts(options)?,
        limits: !options.no_limits,
        latency: Duration::from_millis(options.latency),
        page_cap: options.page_cap,
        rackbeat_accounts: vec![AccountSetup {
            tokens: vec![options.rackbeat_token.clone()],
            ..AccountSetup::default()
        }],
        shopify_port: (options.shopify_port != 0).then_some(options.shopify_port),
        rackbeat_port: (options.rackbeat_port != 0).then_some(options.rackbeat_port),
        control_port: (options.control_port != 0).then_some(options.control_port),
    };
    let mut catalog = match &options.catalog {
        None => Catalog::nordic_outdoor()?,
        Some(path) => {
            let text = std::fs::read_to_string(path);
            Catalog::from_csv(&text.with_context(|| format!("{} cannot be read", path.display()))?)?
        }
    };
    catalog.fill_skus(options.skus.0, options.seed);
    let sandbox = Sandbox::start(config).await?;
    let specs: Vec<_> = options.shops.iter().map(|handle| ShopSpec::new(handle, catalog.clone())).collect();
    for spec in &specs {
        sandbox.shopify().add_shop(spec.clone());
    }
    tell(&sandbox, &specs, &options.rackbeat_token)?;
    ended.await;
    sandbox.shutdown();
    Ok(())
}

fn facts(options: &SandboxOptions) -> anyhow::Result<Facts> {
    let facts = match options.facts {
        FactChoice::Defaults => Facts::defaults(),
        FactChoice::Flipped => Facts::flipped(),
        FactChoice::Seeded => Facts::seeded(options.seed),
    };
    for text in &options.single_facts {
        facts.set_text(text)?;
    }
    Ok(facts)
}

fn tell(sandbox: &Sandbox, specs: &[ShopSpec], token: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "Shopify   {}", sandbox.shopify_url())?;
    writeln!(out, "Rackbeat  {}  (token {token})", sandbox.rackbeat_url())?;
    writeln!(out, "control   {}/control", sandbox.control_url())?;
    for spec in specs {
        writeln!(
            out,
            "shop      {}  client id {}  client secret {}",
            spec.domain, spec.client_id, spec.client_secret
        )?;
    }
    writeln!(out, "\nTo serve against it:")?;
    writeln!(
        out,
        "  shopbeat serve --state memory --shopify-url '{}' --rackbeat-url {}",
        sandbox.shopify_url(),
        sandbox.rackbeat_url()
    )?;
    for spec in specs {
        writeln!(
            out,
            "  SHOPBEAT_CLIENT_SECRET={} SHOPBEAT_RACKBEAT_TOKEN={token} shopbeat store connect {} --agreement sandbox \
             --client-id {}",
            spec.client_secret, spec.domain, spec.client_id
        )?;
    }
    out.flush()
}
