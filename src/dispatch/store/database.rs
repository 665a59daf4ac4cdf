//! The database: its settings, its migrations, how it is made and opened.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, Params, Row, Transaction};
use tracing::debug;

use super::error::StoreError;
use isoflop_core::run::if_there;

/// Time between two tries of a statement while another process's is under way.
const TRY: Duration = Duration::from_millis(5);
/// How long a statement waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// One step of the schema each; `PRAGMA user_version` counts those that were made. A step that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];

/// What SQLite keeps beside a database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A database, with the place that it has or will have.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens it to write, checks that it is whole, and brings it up to date; none where there is none yet.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some((mut database, made)) = Self::existing(path)?.filter(|(_, made)| *made > 0) else {
            return Ok(None);
        };
        database.make_durable()?;
        let found: String = database.value("PRAGMA quick_check(1)", [])?;
        if found != "ok" {
            return Err(StoreError::damaged(path, found));
        }
        database.migrate(made)?;
        Ok(Some(database))
    }

    /// Opens it beside a coordinator that writes to it; none where there is none yet.
    pub(super) fn open_beside(path: &Path) -> Result<Option<Self>, StoreError> {
        // An older version lacks tables or columns: it is of use when a coordinator has brought it up to date.
        let opened = Self::existing(path)?.filter(|(_, made)| *made == MIGRATIONS.len());
        Ok(opened.map(|(database, _)| database))
    }

    /// Makes a new one beside its place, where no reader looks: SQLite refuses at once to switch to a write-ahead log
    /// while another process reads, and a reader would find no tables, or tables with nothing in them.
    pub(super) fn make(path: &Path) -> Result<Self, StoreError> {
        let unfinished = unfinished(path);
        // Of a coordinator that died before it put its store into place.
        if_there(fs::remove_file(&unfinished))
            .and_then(|_| remove_beside(&unfinished))
            .map_err(|e| StoreError::unwritable(path, e))?;
        let mut database = Self::with(path, Connection::open(&unfinished))?;
        database.make_durable()?;
        database.migrate(0)?;
        Ok(database)
    }

    /// Puts a new one into its place, whole and by a rename, and opens it there.
    pub(super) fn publish(self) -> Result<Self, StoreError> {
        let path = self.path.clone();
        // This writes the log back into the file.
        self.close()?;
        // SQLite would take the log of another store, whose file is gone, for this one's.
        remove_beside(&path)
            .and_then(|()| fs::rename(unfinished(&path), &path))
            .and_then(|()| File::open(path.parent().unwrap_or(&path))?.sync_all())
            .map_err(|e| StoreError::unwritable(&path, e))?;
        let gone = || StoreError::unwritable(&path, io::ErrorKind::NotFound.into());
        Self::open(&path)?.ok_or_else(gone)
    }

    /// Writes the log back and ends: what is left is one file.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let closed = self.connection.close();
        closed.map_err(|(_, source)| StoreError::of(&self.path, source))
    }

    /// Opens it with its version, which is 0 where a coordinator died as it made its tables.
    fn existing(path: &Path) -> Result<Option<(Self, usize)>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        // A reader of a write-ahead log must be able to make the index file beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags);
        if opened.is_err() && !path.exists() {
            // A coordinator has just set it aside.
            return Ok(None);
        }
        let database = Self::with(path, opened)?;
        let found = database.value::<u32>("PRAGMA user_version", [])? as usize;
        let known = MIGRATIONS.len();
        if found > known {
            let path = path.to_owned();
            return Err(StoreError::Newer { path, found, known });
        }
        Ok(Some((database, found)))
    }

    fn with(path: &Path, opened: rusqlite::Result<Connection>) -> Result<Self, StoreError> {
        let settled = opened.and_then(|mut connection| {
            connection.busy_handler(Some(waits))?;
            connection.set_prepared_statement_cache_capacity(32);
            Ok(connection)
        });
        let connection = settled.map_err(|source| StoreError::of(path, source))?;
        let path = path.to_owned();
        Ok(Self { path, connection })
    }

    /// Makes a commit be on the disk when it returns; readers never wait for it.
    fn make_durable(&self) -> Result<(), StoreError> {
        self.told(self.connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;",
        ))
    }

    fn migrate(&mut self, made: usize) -> Result<(), StoreError> {
        for (number, migration) in (1u32..).zip(MIGRATIONS).skip(made) {
            self.transaction(|transaction| {
                transaction.execute_batch(migration)?;
                transaction.pragma_update(None, "user_version", number)
            })?;
        }
        Ok(())
    }

    /// The value in the only row that a query finds.
    pub(super) fn value<T: FromSql>(
        &self,
        query: &str,
        parameters: impl Params,
    ) -> Result<T, StoreError> {
        let connection = &self.connection;
        self.told(connection.query_row(query, parameters, |row| row.get(0)))
    }

    /// What is `read` of each row that a query finds.
    pub(super) fn rows<T, C: FromIterator<T>>(
        &self,
        query: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C, StoreError> {
        let rows = || {
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map(parameters, read)?.collect()
        };
        self.told(rows())
    }

    /// Does all of some work, or none.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let all = || {
            let transaction = self.connection.transaction()?;
            let result = work(&transaction)?;
            transaction.commit().map(|()| result)
        };
        all().map_err(|source| StoreError::of(&self.path, source))
    }

    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|source| StoreError::of(&self.path, source))
    }
}

/// Waits for another process's statement, after so many times.
fn waits(times: i32) -> bool {
    if times == 0 {
        debug!("waiting for the store: another process writes to it");
    }
    std::thread::sleep(TRY);
    TRY * times.unsigned_abs() < BUSY
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("sqlite.new")
}

/// Removes what SQLite left beside a database.
fn remove_beside(path: &Path) -> io::Result<()> {
    let mut endings = BESIDE.iter();
    endings.try_for_each(|ending| if_there(fs::remove_file(beside(path, ending))).map(drop))
}

/// Moves a damaged database out of the way, with what SQLite keeps beside it.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = beside(path, ".damaged");
    for ending in [""].iter().chain(&BESIDE) {
        let moved = if_there(fs::rename(beside(path, ending), beside(&aside, ending)));
        moved.map_err(|e| StoreError::damaged(path, format!("and it cannot be set aside: {e}")))?;
    }
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}
