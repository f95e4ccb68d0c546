//! The simulated Rackbeat: several accounts, each with everything a shop's sync touches.
//!
//! [`RackbeatSim`] is also the view of a person at the other end: tests look at what arrived, and
//! cancel, delete and bar things the API cannot.

mod account;
mod address;
mod call;
mod control;
mod control_goods;
mod customers;
mod deliveries;
mod goods;
mod groups;
mod hooks;
mod http;
mod invoices;
mod item_list;
mod items;
mod lines;
mod list;
mod locations;
mod number;
mod order_list;
mod orders;
mod person;
mod places;
mod product;
mod products;
mod reference;
mod reserved;
mod rows;
mod shipments;
mod sorted;
mod stock;
mod totals;
mod traffic;
mod transitions;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::request::Parts;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Core;
use crate::seed::Seeded;
use account::Account;
use deliveries::{Counters, Delivery};

pub use account::{AccountSetup, CustomField, Mail};
pub use deliveries::{HookCounts, HookScript};
pub use goods::{NewItem, Quantity};
pub use groups::Group;
pub use locations::Location;
pub use rows::{CustomerRow, HookRow, InvoiceRow, LineRow, OrderRow, ProductRow, ShipmentRow};
pub use totals::Totals;
pub use traffic::{CallRecord, Traffic};

/// The headers by which a client names itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientHeaders {
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Consumer-Name`.
    pub consumer_name: Option<String>,
    /// `Consumer-Contact`.
    pub consumer_contact: Option<String>,
}

struct State {
    accounts: Vec<Account>,
    calls: Vec<CallRecord>,
    headers: BTreeSet<ClientHeaders>,
    script: HookScript,
    stream: Seeded,
}

struct Shared {
    core: Core,
    state: Mutex<State>,
    counters: Arc<Counters>,
    queue: mpsc::UnboundedSender<Delivery>,
    waiting: Mutex<Option<mpsc::UnboundedReceiver<Delivery>>>,
}

/// The simulated Rackbeat of one sandbox. Clones share it.
#[derive(Clone)]
pub struct RackbeatSim(Arc<Shared>);

impl fmt::Debug for RackbeatSim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RackbeatSim")
    }
}

impl RackbeatSim {
    /// A Rackbeat with these accounts.
    #[must_use]
    pub fn new(core: Core, accounts: Vec<AccountSetup>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let seed = core.seed;
        Self(Arc::new(Shared {
            core,
            state: Mutex::new(State {
                accounts: accounts.into_iter().map(|setup| Account::new(setup, seed)).collect(),
                calls: Vec::new(),
                headers: BTreeSet::new(),
                script: HookScript::default(),
                stream: Seeded::labelled(seed, "rackbeat webhooks"),
            }),
            counters: Arc::default(),
            queue,
            waiting: Mutex::new(Some(waiting)),
        }))
    }

    /// The API below `/api`.
    pub fn router(&self) -> Router {
        Router::new().fallback(http::handle).with_state(self.clone())
    }

    /// What `/control/rackbeat/…` offers.
    pub fn control_router(&self) -> Router {
        control::router(self.clone())
    }

    /// Starts sending webhooks until stopped; those noted before are sent then.
    pub(crate) fn run_deliveries(&self, stop: CancellationToken) {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            tokio::spawn(deliveries::run(self.clone(), waiting, stop));
        }
    }

    fn core(&self) -> &Core {
        &self.0.core
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, record: CallRecord) {
        self.lock().calls.push(record);
    }

    fn saw(&self, headers: ClientHeaders) {
        self.lock().headers.insert(headers);
    }

    fn account_of(&self, token: &str) -> Option<i64> {
        let state = self.lock();
        let owns = |account: &&Account| account.setup.tokens.iter().any(|own| own == token);
        state.accounts.iter().find(owns).map(|account| account.setup.id)
    }

    /// Works on the account a token belongs to, then hands its events to the webhooks.
    fn with_token<T>(&self, token: &str, work: impl FnOnce(&mut Account) -> T) -> Option<T> {
        self.with(|account| account.setup.tokens.iter().any(|own| own == token), work)
    }

    /// Works on the account with this id, then hands its events to the webhooks.
    fn with_account<T>(&self, id: i64, work: impl FnOnce(&mut Account) -> T) -> Option<T> {
        self.with(|account| account.setup.id == id, work)
    }

    fn with<T>(&self, which: impl Fn(&Account) -> bool, work: impl FnOnce(&mut Account) -> T) -> Option<T> {
        let mut state = self.lock();
        let State { accounts, script, stream, .. } = &mut *state;
        let account = accounts.iter_mut().find(|account| which(account))?;
        let outcome = work(account);
        let sent = deliveries::collect(account, &self.0.core.facts, *script, stream, &self.0.counters);
        for delivery in sent {
            // The queue is only gone when the sandbox is.
            let _ = self.0.queue.send(delivery);
        }
        Some(outcome)
    }

    fn hook_answered(&self, account: i64, hook: i64, accepted: bool) {
        self.with_account(account, |account| {
            if let Some(hook) = account.hooks.get_mut(&hook) {
                hook.failures = if accepted { 0 } else { hook.failures + 1 };
            }
        });
    }
}

/// `METHOD /path` below the base URL, without the query: what fault rules match.
pub(crate) fn route_name(parts: &Parts, _body: &Bytes) -> String {
    let path = parts.uri.path();
    format!("{} {}", parts.method, path.strip_prefix("/api").unwrap_or(path))
}
