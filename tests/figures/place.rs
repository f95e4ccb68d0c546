//! What is measured: the program that ships on a real Redis, with workers of their own; one store connected, no
//! worker yet.

use std::sync::Mutex;

use rust_decimal::Decimal;
use serde_json::json;
use shopbeat_proto::v1;
use shopbeat_sandbox::catalog::generated;
use shopbeat_sandbox::shopify::ShopSpec;
use shopbeat_sandbox::{Sandbox, SandboxConfig};
use shopbeat_tests::{FREIGHT, Process, ROUNDING, Redis, Service, StateAt, settings};
use tempfile::TempDir;

/// The store.
pub(crate) const STORE: &str = "fjeld";
/// What its webhooks are signed with.
pub(crate) const SECRET: &str = "shpss_fjeld";
const SEED: u64 = 11;

/// Everything that runs.
pub(crate) struct Place {
    pub(crate) sandbox: Sandbox,
    pub(crate) redis: Redis,
    pub(crate) service: Service,
    pub(crate) process: Process,
    pub(crate) dir: TempDir,
}

impl Place {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let config = SandboxConfig { seed: SEED, limits: false, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
        sandbox.shopify().add_shop(ShopSpec::new(STORE, generated(60, SEED)));
        let account = account(&sandbox);
        assert!(sandbox.rackbeat().add_service(account, FREIGHT, "Freight", Decimal::ZERO));
        let rounding = json!({ "number": ROUNDING, "name": "Rounding", "group": 5, "sales_price": 0 });
        let made = sandbox.rackbeat().act(account, http::Method::POST, "/products", rounding);
        assert_eq!(made.0, 201, "the rounding product is made");
        let redis = Redis::start().await;
        let mut service = Service::new(StateAt::Redis(redis.address()), dir.path().to_owned());
        service.env = vec![
            ("SHOPBEAT_SHOPIFY_URL".to_owned(), sandbox.shopify_url()),
            ("SHOPBEAT_RACKBEAT_URL".to_owned(), sandbox.rackbeat_url()),
            // As in production, not as in tests.
            ("RUST_LOG".to_owned(), "info,h2=warn,hyper=warn,tower=warn".to_owned()),
        ];
        service.args = vec!["--workers".to_owned(), "external".to_owned()];
        let process = service.serve().await;
        ends_with_us(process.id());
        let place = Self { sandbox, redis, service, process, dir };
        ends_with_us(place.redis_process());
        place.connect(STORE).await;
        place
    }

    /// Connects a store that is there as a shop.
    pub(crate) async fn connect(&self, store: &str) {
        let credentials = v1::ClientCredentials {
            client_id: format!("client-{store}"),
            client_secret: format!("shpss_{store}"),
        };
        let tokens = self.sandbox.rackbeat().tokens(account(&self.sandbox));
        let request = v1::ConnectStoreRequest {
            shop: format!("{store}.myshopify.com"),
            agreement_id: "nordlys".to_owned(),
            credentials: Some(v1::connect_store_request::Credentials::ClientCredentials(credentials)),
            rackbeat_token: tokens.first().cloned().expect("the account has a token"),
            settings: Some(settings()),
            ..v1::ConnectStoreRequest::default()
        };
        self.service.api().connect_store(request).await.expect("the store is connected");
    }

    /// A number that Redis tells of itself.
    pub(crate) fn redis_tells(&self, section: &str, name: &str) -> u32 {
        let script = "return tonumber(string.match(redis.call('info', ARGV[1]), ARGV[2] .. ':(%d+)'))";
        let answer = self.redis.run(&["EVAL", script, "0", section, name]);
        answer.strip_prefix(':').and_then(|number| number.parse().ok()).expect("Redis tells it")
    }

    /// The server's process id.
    pub(crate) fn redis_process(&self) -> u32 {
        self.redis_tells("server", "process_id")
    }
}

fn account(sandbox: &Sandbox) -> i64 {
    sandbox.rackbeat().account_ids().first().copied().expect("the sandbox has an account")
}

/// Processes to kill when this one panics: in the profile that ships nothing is dropped then.
static OURS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Ends a process with this one, however that ends.
pub(crate) fn ends_with_us(process: u32) {
    OURS.lock().expect("nobody panicked yet").push(process);
}

/// Kills what was started when this process panics.
pub(crate) fn clean_up_after_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        for process in OURS.lock().map(|ours| ours.clone()).unwrap_or_default() {
            // It may have ended by itself.
            let _ended = std::process::Command::new("kill").arg("-9").arg(process.to_string()).status();
        }
    }));
}
