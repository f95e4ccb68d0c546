//! The simulated Shopify and Rackbeat, and what people have set up in them.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http::Method;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::catalog::Catalog;
use shopbeat_sandbox::fault::{Fault, Remote, Rule, When};
use shopbeat_sandbox::shopify::{DeliveryOptions, ShopSpec};
use shopbeat_sandbox::{Sandbox, SandboxConfig};

use super::DemoOptions;

/// One of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DemoStore {
    pub(super) handle: &'static str,
    pub(super) trigger: v1::Trigger,
    pub(super) target: v1::Target,
}

/// Two stores that do it differently.
pub(super) const STORES: [DemoStore; 2] = [
    DemoStore { handle: "fjeld", trigger: v1::Trigger::Paid, target: v1::Target::Booked },
    DemoStore { handle: "nordlys", trigger: v1::Trigger::Received, target: v1::Target::ShippedAndInvoiced },
];

/// Their agreement.
pub(super) const AGREEMENT: &str = "nordlys-gear";
/// Items that a person has made in Rackbeat before.
const FREIGHT: &str = "FRAGT";
const ROUNDING: &str = "AFRUNDING";

/// Added to every call, so that calls take their time as they do out there.
const LATENCY: Duration = Duration::from_millis(2);
/// Of a million webhooks so many come twice.
const DOUBLED: u32 = 100_000;
/// Of a million webhooks so many are overtaken by later ones.
const OVERTAKEN: u32 = 50_000;
/// The create that meets the trap, counted from 1 ...
const TRAPPED: u64 = 3;
/// ... and where there are too few orders to be sure of three.
const TRAPPED_EARLY: u64 = 1;
/// So many orders are enough.
const ENOUGH: u32 = 24;
/// How long its answer takes: longer than the worker will live.
const TRAP_MS: u64 = 10_000;

impl DemoStore {
    pub(super) fn domain(&self) -> String {
        format!("{}.myshopify.com", self.handle)
    }
}

/// Both remotes.
pub(super) struct Remotes {
    pub(super) sandbox: Sandbox,
    pub(super) account: i64,
    /// SKUs that are doubled or too long: orders with them wait for somebody to correct them.
    pub(super) defective: Vec<String>,
    specs: Vec<ShopSpec>,
    token: String,
    trapped: u64,
}

impl Remotes {
    pub(super) async fn start(options: &DemoOptions) -> anyhow::Result<Self> {
        let catalog = catalog(options)?;
        let defects = catalog.sku_defects();
        let config = SandboxConfig {
            seed: options.seed,
            // Four hundred calls at Rackbeat's eight a second would be a minute of looking at nothing.
            limits: false,
            latency: LATENCY,
            ..SandboxConfig::default()
        };
        let sandbox = Sandbox::start(config).await?;
        let specs: Vec<_> = STORES.iter().map(|store| ShopSpec::new(store.handle, catalog.clone())).collect();
        for spec in &specs {
            sandbox.shopify().add_shop(spec.clone());
            if sandbox.shopify().offers(&spec.domain)?.is_empty() {
                bail!("the catalogue has no variant with a SKU and a price: nothing can be ordered");
            }
        }
        sandbox.shopify().set_delivery(DeliveryOptions {
            duplicate_ppm: DOUBLED,
            reorder_ppm: OVERTAKEN,
            ..DeliveryOptions::default()
        });
        let rackbeat = sandbox.rackbeat();
        let account = *rackbeat.account_ids().first().context("the sandbox has no account")?;
        let token = rackbeat.tokens(account).into_iter().next().context("the account has no token")?;
        set_up(&sandbox, account)?;
        let defective = defects.doubled.into_iter().chain(defects.over_long).collect();
        let trapped = if options.orders < ENOUGH { TRAPPED_EARLY } else { TRAPPED };
        Ok(Self { sandbox, account, defective, specs, token, trapped })
    }

    /// What it takes to connect a store.
    pub(super) fn connect_request(&self, store: &DemoStore) -> anyhow::Result<v1::ConnectStoreRequest> {
        let spec = self.specs.iter().find(|spec| spec.domain == store.domain());
        let credentials = spec.map(|spec| {
            v1::connect_store_request::Credentials::ClientCredentials(v1::ClientCredentials {
                client_id: spec.client_id.clone(),
                client_secret: spec.client_secret.clone(),
            })
        });
        let orders = v1::OrderSettings {
            trigger: store.trigger.into(),
            target: store.target.into(),
            freight_product: Some(FREIGHT.to_owned()),
            rounding_product: Some(ROUNDING.to_owned()),
            ..v1::OrderSettings::default()
        };
        // The shop has several locations: which of them sells what Rackbeat has must be said.
        let route = v1::StockRoute { from: None, to: self.location(store)? };
        let stock = v1::StockSettings { locations: vec![route], ..v1::StockSettings::default() };
        let settings = v1::Settings { orders: Some(orders), stock: Some(stock), ..v1::Settings::default() };
        Ok(v1::ConnectStoreRequest {
            shop: store.domain(),
            agreement_id: AGREEMENT.to_owned(),
            credentials,
            rackbeat_token: self.token.clone(),
            settings: Some(settings),
            ..v1::ConnectStoreRequest::default()
        })
    }

    /// The location of a shop that sells what Rackbeat has: its first, which holds the catalogue's stock.
    pub(super) fn location(&self, store: &DemoStore) -> anyhow::Result<u64> {
        let locations = self.sandbox.shopify().locations(&store.domain())?;
        locations.first().map(|location| location.id).context("the simulated shop has no location")
    }

    /// The currency of both shops and of the account.
    pub(super) fn currency(&self) -> &str {
        self.specs.first().map_or("", |spec| &spec.currency)
    }

    /// From now on one order will be made in Rackbeat with its answer kept back. Answers how often traps have struck
    /// so far.
    pub(super) fn set_trap(&self) -> u64 {
        let faults = &self.sandbox.core().faults;
        let rule =
            Rule::new(Remote::Rackbeat, "POST /orders/drafts", When::Nth(self.trapped), Fault::Slow(TRAP_MS));
        faults.add(rule.at_most(1));
        faults.struck()
    }

    /// Waits until somebody waits for that answer, and the order stands; false if nobody came.
    pub(super) async fn wait_for_trap(&self, struck: u64, patience: Duration) -> bool {
        let trapped = usize::try_from(self.trapped).unwrap_or(usize::MAX);
        let caught = async {
            let orders = || self.sandbox.rackbeat().orders(self.account).len();
            while self.sandbox.core().faults.struck() == struck || orders() < trapped {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(patience, caught).await.is_ok()
    }
}

fn catalog(options: &DemoOptions) -> anyhow::Result<Catalog> {
    let mut catalog = match &options.catalog {
        None => Catalog::nordic_outdoor()?,
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
            Catalog::from_csv(&text).with_context(|| format!("{} is no product export", path.display()))?
        }
    };
    let share = (options.skus * Decimal::from(1_000_000)).trunc().to_u32().unwrap_or(0);
    catalog.fill_skus(share, options.seed);
    Ok(catalog)
}

/// The two items that orders need beside the products: freight, and a line for a residue of rounding without VAT.
fn set_up(sandbox: &Sandbox, account: i64) -> anyhow::Result<()> {
    let rackbeat = sandbox.rackbeat();
    let freight = rackbeat.add_service(account, FREIGHT, "Fragt", Decimal::ZERO);
    let body = json!({ "number": ROUNDING, "name": "Afrunding", "group": 5, "sales_price": 0 });
    let (status, _) = rackbeat.act(account, Method::POST, "/products", body);
    if !freight || status != 201 {
        bail!("the simulated Rackbeat refused the items for freight and rounding");
    }
    Ok(())
}
