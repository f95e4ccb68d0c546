//! The engine in this process: a redb file, or memory. One writer at a time; each port call is one transaction.
//! Leases and the budget of calls live in plain memory, since no other process can hold any.

mod billing;
mod board;
mod disk;
mod health;
mod heaps;
mod holds;
mod ids;
mod jobs;
mod journal;
mod leases;
mod ledger;
mod pace;
mod pulses;
mod queue;
mod records;
mod registry;
mod replays;
mod row;
mod runs;
mod tables;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redb::{
    Database, ReadTransaction, ReadableDatabase, WriteTransaction,
    backends::{FileBackend, InMemoryBackend},
};
use shopbeat_domain::failure::{Failure, FailureKind};
use shopbeat_domain::ids::AgreementId;
use shopbeat_domain::ports::{Answer, Clock, State};
use tokio::sync::Notify;

use self::disk::Disk;
use crate::record::failed;
use crate::seal::Sealing;

/// Bytes of the file that are kept in memory; redb would take up to a gigabyte.
const FILE_CACHE: usize = 32 << 20;
/// Memory need not be kept in memory twice.
const MEMORY_CACHE: usize = 4 << 20;

/// Opens a state in this process: in a file, or in memory without one.
///
/// # Errors
/// `Unreachable` when the file cannot be opened or created, with what to do about it.
pub fn embedded(path: Option<&Path>, sealing: Sealing, clock: Arc<dyn Clock>) -> Answer<State> {
    let opened = match path.map(Path::to_owned) {
        Some(path) => Disk::open(Box::new(move || {
            let file = private_file(&path)?;
            Database::builder().set_cache_size(FILE_CACHE).create_with_backend(FileBackend::new(file)?)
        })),
        None => {
            let mut builder = Database::builder();
            builder.set_cache_size(MEMORY_CACHE);
            builder.create_with_backend(InMemoryBackend::new()).map(Disk::once)
        }
    };
    let disk = opened.map_err(|error| {
        let place = path.map_or_else(|| "memory".to_owned(), |path| path.display().to_string());
        let message = format!(
            "cannot open the state in {place}: {error}; make sure that its directory exists, can be written to, and \
             that no other process has it open"
        );
        failed("open", FailureKind::Unreachable, message)
    })?;
    let engine = Arc::new(Engine {
        disk: Arc::new(disk),
        sealing,
        clock: Arc::clone(&clock),
        bells: Mutex::default(),
        posters: Arc::default(),
    });
    engine.create_tables()?;
    Ok(State {
        registry: engine.clone(),
        inbox: engine.clone(),
        jobs: engine.clone(),
        journal: engine.clone(),
        leases: Arc::new(leases::InMemory::new(clock)),
        ids: engine.clone(),
        watermarks: engine.clone(),
        pace: Arc::new(pace::InMemory::default()),
        ledger: engine.clone(),
        runs: engine.clone(),
        replays: engine.clone(),
        pulses: engine.clone(),
        heaps: engine.clone(),
        board: engine.clone(),
        holds: engine.clone(),
        records: engine.clone(),
        billing: engine.clone(),
        health: engine,
    })
}

/// The file at this place, made if there is none. It holds sealed credentials, order numbers and amounts: one that is
/// made is for its owner only. Whoever opened an older one to others meant it.
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

struct Engine {
    disk: Arc<Disk>,
    sealing: Sealing,
    clock: Arc<dyn Clock>,
    /// One bell per queue and heap, rung by offers and marks; a ring that nobody waits for is kept for the next to
    /// wait.
    bells: Mutex<HashMap<String, Arc<Notify>>>,
    /// The highest fence that posted on each agreement's board.
    posters: Arc<Mutex<HashMap<AgreementId, u64>>>,
}

/// Why a transaction was not committed.
enum Fault {
    /// The database failed.
    Database(Box<redb::Error>),
    /// The call's own answer.
    Failure(Failure),
}

macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        })+
    };
}

from_redb!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

type Done<T> = Result<T, Fault>;

impl Engine {
    fn create_tables(&self) -> Answer<()> {
        let created = self.disk.run(|database| {
            let transaction = database.begin_write()?;
            tables::create(&transaction)?;
            Ok(transaction.commit()?)
        });
        created.map_err(|fault| told("open", fault))
    }

    /// Runs a step and commits it, whole or not at all.
    async fn write<T: Send + 'static>(
        &self,
        call: &'static str,
        step: impl FnOnce(&WriteTransaction) -> Done<T> + Send + 'static,
    ) -> Answer<T> {
        self.run(call, move |database| {
            let transaction = database.begin_write()?;
            // A step that fails drops its transaction, which undoes it.
            let answer = step(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })
        .await
    }

    /// Reads one moment's state.
    async fn read<T: Send + 'static>(
        &self,
        call: &'static str,
        step: impl FnOnce(&ReadTransaction) -> Done<T> + Send + 'static,
    ) -> Answer<T> {
        self.run(call, move |database| step(&database.begin_read()?)).await
    }

    /// A file is waited for (fsync) beside the runtime's threads; memory is too quick to be worth it.
    async fn run<T: Send + 'static>(
        &self,
        call: &'static str,
        step: impl FnOnce(&Database) -> Done<T> + Send + 'static,
    ) -> Answer<T> {
        let done = if self.disk.is_file() {
            let disk = Arc::clone(&self.disk);
            tokio::task::spawn_blocking(move || disk.run(step))
                .await
                .map_err(|_| failed(call, FailureKind::Unanswered, "the write did not end"))?
        } else {
            self.disk.run(step)
        };
        done.map_err(|fault| told(call, fault))
    }

    fn bell(&self, name: &str) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        match bells.get(name) {
            Some(bell) => Arc::clone(bell),
            None => Arc::clone(bells.entry(name.to_owned()).or_default()),
        }
    }

    fn ring(&self, name: &str) {
        self.bell(name).notify_one();
    }

    async fn wait_for_bell(&self, name: &str, at_most: Duration) {
        let bell = self.bell(name);
        let rung = bell.notified();
        let late = self.clock.sleep(at_most);
        futures::pin_mut!(rung, late);
        futures::future::select(rung, late).await;
    }
}

/// A failed transaction was not committed; only a failed commit leaves it open whether it stands.
fn told(call: &str, fault: Fault) -> Failure {
    match fault {
        Fault::Failure(failure) => failure,
        Fault::Database(error) => {
            let kind = match *error {
                redb::Error::Corrupted(_) => FailureKind::Garbled,
                redb::Error::Io(_) | redb::Error::PreviousIo => FailureKind::Unanswered,
                _ => FailureKind::Unreachable,
            };
            failed(call, kind, error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_state_file_that_is_made_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.redb");
        drop(private_file(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
