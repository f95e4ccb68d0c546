//! The open database. After an input or output error redb refuses everything until it is opened again; a full disk
//! must not outlast its cause, so the file is then closed, and opened again by the next call.

use std::sync::{PoisonError, RwLock};

use redb::{Database, DatabaseError};

use super::{Done, Fault};

type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

pub(super) struct Disk {
    /// None for memory, which ends when it is closed.
    opener: Option<Opener>,
    database: RwLock<Option<Database>>,
}

impl Disk {
    /// A database that can be opened again.
    pub(super) fn open(opener: Opener) -> Result<Self, DatabaseError> {
        let database = opener()?;
        Ok(Self { opener: Some(opener), database: RwLock::new(Some(database)) })
    }

    /// A database that cannot.
    pub(super) fn once(database: Database) -> Self {
        Self { opener: None, database: RwLock::new(Some(database)) }
    }

    pub(super) fn is_file(&self) -> bool {
        self.opener.is_some()
    }

    /// Runs a step on the open database.
    pub(super) fn run<T>(&self, step: impl FnOnce(&Database) -> Done<T>) -> Done<T> {
        let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*open {
            let done = step(database);
            drop(open);
            if let Err(Fault::Database(error)) = &done
                && matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
            {
                self.close();
            }
            return done;
        }
        drop(open);
        let mut closed = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let database = match (closed.take(), &self.opener) {
            (Some(database), _) => database,
            (None, Some(opener)) => opener().map_err(|error| Fault::Database(Box::new(error.into())))?,
            (None, None) => return Err(Fault::Database(Box::new(redb::Error::DatabaseClosed))),
        };
        step(closed.insert(database))
    }

    fn close(&self) {
        if self.opener.is_some() {
            self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use redb::{ReadableDatabase, StorageBackend, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<u64, u64> = TableDefinition::new("numbers");

    /// Bytes that stay when the database is closed, on a disk that is full when told so.
    #[derive(Debug, Clone, Default)]
    struct Full {
        bytes: Arc<RwLock<Vec<u8>>>,
        full: Arc<AtomicBool>,
    }

    impl Full {
        fn check(&self) -> io::Result<()> {
            if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl StorageBackend for Full {
        fn len(&self) -> io::Result<u64> {
            Ok(self.bytes.read().unwrap().len() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let offset = usize::try_from(offset).unwrap();
            out.copy_from_slice(&self.bytes.read().unwrap()[offset..offset + out.len()]);
            Ok(())
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.check()?;
            self.bytes.write().unwrap().resize(usize::try_from(len).unwrap(), 0);
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            self.check()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.check()?;
            let offset = usize::try_from(offset).unwrap();
            self.bytes.write().unwrap()[offset..offset + data.len()].copy_from_slice(data);
            Ok(())
        }
    }

    fn put(disk: &Disk, number: u64) -> Done<()> {
        disk.run(|database| {
            let transaction = database.begin_write()?;
            transaction.open_table(TABLE)?.insert(number, number)?;
            Ok(transaction.commit()?)
        })
    }

    fn holds(disk: &Disk, number: u64) -> Done<bool> {
        disk.run(|database| Ok(database.begin_read()?.open_table(TABLE)?.get(number)?.is_some()))
    }

    #[test]
    fn a_full_disk_fails_whole_calls_and_is_forgotten_once_there_is_room() {
        let backend = Full::default();
        let opened = backend.clone();
        let disk =
            Disk::open(Box::new(move || Database::builder().create_with_backend(opened.clone()))).unwrap();
        assert!(put(&disk, 1).is_ok());
        backend.full.store(true, Ordering::SeqCst);
        assert!(put(&disk, 2).is_err());
        assert!(put(&disk, 2).is_err());
        backend.full.store(false, Ordering::SeqCst);
        assert!(put(&disk, 3).is_ok());
        for (number, expected) in [(1, true), (3, true)] {
            assert_eq!(holds(&disk, number).ok(), Some(expected), "{number}");
        }
    }
}
