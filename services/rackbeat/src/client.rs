//! The client, its parts, and what its clones share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use shopbeat_domain::job::Lane;
use shopbeat_domain::limits::{WORKER_LEASE, remote_deadline};
use shopbeat_domain::ports::{Clock, Pace};
use tokio::sync::Mutex;
use url::Url;

use crate::customers::EmailIndex;
use crate::quirks::Quirks;
use crate::walk::Walks;

/// Rackbeat's address; there is no version in the path.
pub const DEFAULT_BASE: &str = "https://app.rackbeat.com/api";

/// Who calls: Rackbeat asks integrations to name themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The integration's name.
    pub name: String,
    /// An e-mail address at which its operator is reached.
    pub contact: String,
}

/// Told of every call right before it is sent: its lane, and how long it waited for its place in the budget.
pub type Watch = Arc<dyn Fn(Lane, Duration) + Send + Sync>;

/// One Rackbeat account in one lane of its budget. Clones are cheap and share connections, budget and what was
/// learned about the account.
#[derive(Clone)]
pub struct RackbeatClient {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lane: Lane,
    pub(crate) deadline: Duration,
    pub(crate) watch: Option<Watch>,
    /// Where readers of lists are. Not shared between the handles that [`RackbeatClient::in_lane`] gives out: each
    /// has a reader of its own.
    pub(crate) walks: Arc<Walks>,
}

pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) token: SecretString,
    pub(crate) budget: String,
    pub(crate) pace: Arc<dyn Pace>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) consumer: Consumer,
    pub(crate) quirks: Quirks,
    pub(crate) emails: Mutex<EmailIndex>,
}

/// An HTTP client as this adapter wants it: redirects are not followed (followed ones may turn a POST into a GET),
/// nothing is sent twice, a connection must stand within five seconds, and an idle one is given up before the
/// server is likely to close it under a request. A TLS provider must have been installed.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
}

impl RackbeatClient {
    /// A client. `http` best comes from [`http_client`]; `base` is [`DEFAULT_BASE`] or where a test set-up points;
    /// `budget` is the name under which `pace` counts the calls of this token.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "each part is another port or credential; wired in one place"
    )]
    pub fn new(
        http: reqwest::Client,
        base: Url,
        token: SecretString,
        budget: String,
        lane: Lane,
        pace: Arc<dyn Pace>,
        clock: Arc<dyn Clock>,
        consumer: Consumer,
    ) -> Self {
        let shared = Shared {
            http,
            base,
            token,
            budget,
            pace,
            clock,
            consumer,
            quirks: Quirks::default(),
            emails: Mutex::new(EmailIndex::default()),
        };
        let deadline = remote_deadline(WORKER_LEASE);
        Self { shared: Arc::new(shared), lane, deadline, watch: None, walks: Arc::default() }
    }

    /// The same client in another lane, for a reader of lists of its own.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, walks: Arc::default(), ..self.clone() }
    }

    /// The same client, whose calls are told to `watch`.
    #[must_use]
    pub fn watched_by(&self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self.clone() }
    }

    /// The same client with another deadline per call, for leases of another length
    /// ([`remote_deadline`]).
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.clone() }
    }
}

impl fmt::Debug for RackbeatClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RackbeatClient")
            .field("base", &self.shared.base.as_str())
            .field("lane", &self.lane)
            .field("quirks", &self.shared.quirks)
            .finish_non_exhaustive()
    }
}
