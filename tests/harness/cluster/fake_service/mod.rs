//! The sync service as the operator sees it: it keeps the stores it is told of, records every call, and fails or is away
//! when it is told to.

mod answering;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shopbeat_proto::v1;
use shopbeat_proto::v1::sync_service_server::SyncServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::server::TcpIncoming;

use answering::Answering;

use crate::proxy::Proxy;

/// A call that it got.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// A store was connected.
    Connect(Box<v1::ConnectStoreRequest>),
    /// A store was changed.
    Update(Box<v1::UpdateStoreRequest>),
    /// A store was ended.
    Disconnect(v1::DisconnectStoreRequest),
    /// An initial sync was asked for.
    InitialSync(v1::RunInitialSyncRequest),
    /// A replay was asked for.
    Replay(v1::ReplayStoreRequest),
    /// The stream was begun.
    Watch,
}

#[derive(Default)]
struct State {
    stores: BTreeMap<String, v1::StoreStatus>,
    calls: Vec<Call>,
    failing: BTreeMap<&'static str, Status>,
}

struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.send_modify(|changes| *changes += 1);
        changed
    }

    fn record(&self, rpc: &'static str, call: Call) -> Result<(), Status> {
        let mut state = self.state();
        state.calls.push(call);
        state.failing.get(rpc).map_or(Ok(()), |status| Err(status.clone()))
    }
}

/// The service; it ends with the test.
pub struct FakeService {
    inner: Arc<Inner>,
    proxy: Proxy,
    task: JoinHandle<()>,
}

impl FakeService {
    /// A service that knows no store.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner { state: Mutex::default(), changed: watch::Sender::new(0) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let service = SyncServiceServer::new(Answering(Arc::clone(&inner)));
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpIncoming::from(listener));
        let task = tokio::spawn(async move { serving.await.expect("it serves") });
        Self { inner, proxy: Proxy::start(address).await, task }
    }

    /// Where it listens, as the operator is told it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// Goes away: what was connected breaks off, and nobody gets through.
    pub fn go_away(&self) {
        self.proxy.cut();
    }

    /// Comes back at the same place, with what it knew.
    pub fn come_back(&self) {
        self.proxy.mend();
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.inner.state().calls.clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.inner.state().calls.clear();
    }

    /// The store as it has it.
    #[must_use]
    pub fn store(&self, id: &str) -> Option<v1::StoreStatus> {
        self.inner.state().stores.get(id).cloned()
    }

    /// Changes what it tells of a store.
    ///
    /// # Panics
    /// When it does not know the store.
    pub fn tell(&self, id: &str, change: impl FnOnce(&mut v1::StoreStatus)) {
        self.inner.change(|state| change(state.stores.get_mut(id).expect("it knows the store")));
    }

    /// Lets a call fail from now on; `None`: not any more.
    pub fn fail(&self, rpc: &'static str, status: Option<Status>) {
        self.inner.change(|state| match status {
            Some(status) => state.failing.insert(rpc, status),
            None => state.failing.remove(rpc),
        });
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for FakeService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeService").field("address", &self.proxy.address()).finish_non_exhaustive()
    }
}
