//! What the service told last of each store, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shopbeat_proto::v1::{Run, StoreStatus, WatchStoresResponse};
use tokio::sync::watch;
use tokio::time::Instant;

/// Where the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// All stores were told; what is on the shelf is so.
    Complete,
    /// It broke off, or never began, at this moment.
    Broken(Instant),
}

/// What an answer of the stream changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Ids of the stores that stand otherwise than before.
    pub stores: Vec<String>,
    /// The stream has told all stores, for the first time since it began.
    pub complete: bool,
}

/// What is told of the stores; cheap to clone.
#[derive(Debug, Clone)]
pub struct Shelf {
    stores: Arc<Mutex<HashMap<String, Arc<StoreStatus>>>>,
    stream: Arc<watch::Sender<Stream>>,
}

impl Default for Shelf {
    fn default() -> Self {
        let (stream, _) = watch::channel(Stream::Broken(Instant::now()));
        Self { stores: Arc::default(), stream: Arc::new(stream) }
    }
}

impl Shelf {
    fn stores(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<StoreStatus>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told last of a store.
    #[must_use]
    pub fn get(&self, store_id: &str) -> Option<Arc<StoreStatus>> {
        self.stores().get(store_id).cloned()
    }

    /// Since when the stream is broken; `None`: it stands, and all stores were told.
    #[must_use]
    pub fn broken_since(&self) -> Option<Instant> {
        match *self.stream.borrow() {
            Stream::Complete => None,
            Stream::Broken(since) => Some(since),
        }
    }

    /// Whether the service's word is complete: a store that is not on the shelf is not connected.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.broken_since().is_none()
    }

    /// A call told of a store, before the stream does: the next look must not call again.
    pub fn put_store(&self, store: shopbeat_proto::v1::Store) {
        let mut stores = self.stores();
        let status = stores.entry(store.id.clone()).or_default();
        let known = status.store.as_ref().map_or(0, |store| store.revision);
        if known <= store.revision {
            Arc::make_mut(status).store = Some(store);
        }
    }

    /// A call told of a store's run, before the stream does.
    pub fn put_run(&self, store_id: &str, run: Run) {
        let mut stores = self.stores();
        let Some(status) = stores.get_mut(store_id) else { return };
        let known = status.latest_run.as_ref();
        // The stream may have been faster, and tells no more of a run that is through.
        if known.is_none_or(|known| known.id != run.id && begun(known) <= begun(&run)) {
            Arc::make_mut(status).latest_run = Some(run);
        }
    }

    /// A store was disconnected.
    pub fn remove(&self, store_id: &str) {
        self.stores().remove(store_id);
    }

    /// Takes up an answer of the stream. `told` gathers the ids of the stores since it began: when it is complete, the
    /// others are gone.
    pub fn take(&self, answer: WatchStoresResponse, told: &mut Vec<String>) -> Change {
        let mut stores = self.stores();
        let mut change = Change::default();
        let was_complete = self.is_complete();
        for mut status in answer.stores {
            let Some(id) = status.store.as_ref().map(|store| store.id.clone()) else { continue };
            if !was_complete {
                told.push(id.clone());
            }
            if let Some(before) = stores.get(&id) {
                keep_newer_run(&mut status, before);
            }
            if stores.get(&id).is_none_or(|before| **before != status) {
                stores.insert(id.clone(), Arc::new(status));
                change.stores.push(id);
            }
        }
        for id in answer.gone {
            if stores.remove(&id).is_some() {
                change.stores.push(id);
            }
        }
        if answer.complete && !was_complete {
            let all: std::collections::HashSet<String> = told.drain(..).collect();
            stores.retain(|id, _| {
                let kept = all.contains(id);
                if !kept {
                    change.stores.push(id.clone());
                }
                kept
            });
            self.stream.send_replace(Stream::Complete);
            change.complete = true;
        }
        change
    }

    /// The stream broke off. What is on the shelf stays: it is the best that is known.
    pub fn broke(&self) {
        self.stream.send_if_modified(|stream| match stream {
            Stream::Complete => {
                *stream = Stream::Broken(Instant::now());
                true
            }
            Stream::Broken(_) => false,
        });
    }
}

fn begun(run: &Run) -> Option<(i64, i32)> {
    run.started_at.map(|at| (at.seconds, at.nanos))
}

/// What the service looked at before a call began a run does not know of it yet.
fn keep_newer_run(status: &mut StoreStatus, before: &StoreStatus) {
    if let (Some(told), Some(known)) = (&status.latest_run, &before.latest_run)
        && begun(told) < begun(known)
    {
        status.latest_run = Some(known.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopbeat_proto::v1::{JobCounts, Store};

    fn status(id: &str, ready: u64) -> StoreStatus {
        StoreStatus {
            store: Some(Store { id: id.to_owned(), revision: 3, ..Store::default() }),
            jobs: Some(JobCounts { ready, ..JobCounts::default() }),
            ..StoreStatus::default()
        }
    }

    fn answer(stores: Vec<StoreStatus>, complete: bool) -> WatchStoresResponse {
        WatchStoresResponse { stores, gone: Vec::new(), complete }
    }

    #[tokio::test]
    async fn only_stores_that_changed_are_told() {
        let (shelf, mut told) = (Shelf::default(), Vec::new());
        let first = shelf.take(answer(vec![status("a", 0), status("b", 0)], true), &mut told);
        assert_eq!(first, Change { stores: vec!["a".to_owned(), "b".to_owned()], complete: true });
        let second = shelf.take(answer(vec![status("a", 0), status("b", 1)], true), &mut told);
        assert_eq!(second, Change { stores: vec!["b".to_owned()], complete: false });
    }

    #[tokio::test]
    async fn a_stream_that_begins_anew_finds_out_who_is_gone() {
        let (shelf, mut told) = (Shelf::default(), Vec::new());
        shelf.take(answer(vec![status("a", 0), status("b", 0)], true), &mut told);
        shelf.broke();
        assert!(!shelf.is_complete() && shelf.get("a").is_some());
        let mut told = Vec::new();
        assert_eq!(shelf.take(answer(vec![status("b", 0)], false), &mut told), Change::default());
        let change = shelf.take(answer(Vec::new(), true), &mut told);
        assert_eq!(change, Change { stores: vec!["a".to_owned()], complete: true });
        assert!(shelf.get("a").is_none() && shelf.get("b").is_some() && shelf.is_complete());
    }

    #[tokio::test]
    async fn a_run_that_an_answer_told_of_is_not_taken_back_by_an_older_look() {
        let run = |token: &str, seconds| Run {
            id: token.to_owned(),
            token: token.to_owned(),
            started_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..Run::default()
        };
        let with = |run: Run| StoreStatus { latest_run: Some(run), ..status("a", 0) };
        let (shelf, mut told) = (Shelf::default(), Vec::new());
        shelf.take(answer(vec![with(run("first", 10))], true), &mut told);
        shelf.put_run("a", run("second", 20));
        shelf.take(answer(vec![StoreStatus { ..with(run("first", 10)) }], true), &mut told);
        assert_eq!(shelf.get("a").unwrap().latest_run.as_ref().unwrap().token, "second");
        let third = Run { failure: "through".to_owned(), ..run("third", 30) };
        shelf.take(answer(vec![with(third.clone())], true), &mut told);
        // Its answer comes after what the stream told of it.
        shelf.put_run("a", run("third", 30));
        assert_eq!(shelf.get("a").unwrap().latest_run, Some(third));
    }

    #[tokio::test]
    async fn an_answered_call_counts_until_the_stream_knows_better() {
        let shelf = Shelf::default();
        let store = |revision| Store { id: "a".to_owned(), revision, ..Store::default() };
        shelf.put_store(store(5));
        shelf.put_store(store(4));
        assert_eq!(shelf.get("a").unwrap().store.as_ref().unwrap().revision, 5);
        shelf.remove("a");
        assert!(shelf.get("a").is_none());
    }
}
