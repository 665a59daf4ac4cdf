//! The SQLite database: settings, migrations, creation and opening.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, Params, Row, Transaction};
use tracing::debug;

use super::error::StoreError;
use isoflop_core::run::if_exists;

/// Time between two tries of a statement while another process holds the database's lock.
const TRY: Duration = Duration::from_millis(5);
/// Longest wait of a statement for another process.
const BUSY: Duration = Duration::from_secs(10);

/// Steps of the schema; `PRAGMA user_version` counts those that were applied. A released step is
/// never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];

/// Endings of the files that SQLite keeps next to a database.
const SQLITE_FILE_ENDINGS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A database, and the path that it has or will have.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    /// Opens the database for writing, checks it and applies missing migrations; `None` if it does
    /// not exist yet.
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

    /// Opens the database while a coordinator writes to it; `None` if it does not exist yet.
    pub(super) fn open_beside(path: &Path) -> Result<Option<Self>, StoreError> {
        // An older version lacks tables or columns. It cannot be read until a coordinator migrates
        // it.
        let opened = Self::existing(path)?.filter(|(_, made)| *made == MIGRATIONS.len());
        Ok(opened.map(|(database, _)| database))
    }

    /// Creates a database under a temporary name, where no reader looks.
    ///
    /// At its final path, SQLite would fail at once to switch to a write-ahead log while another
    /// process reads, and a reader would find no tables, or empty ones.
    pub(super) fn make(path: &Path) -> Result<Self, StoreError> {
        let unfinished = unfinished(path);
        // A coordinator that was killed before it published its store may have left one.
        if_exists(fs::remove_file(&unfinished))
            .and_then(|_| remove_beside(&unfinished))
            .map_err(|e| StoreError::unwritable(path, e))?;
        let mut database = Self::with(path, Connection::open(&unfinished))?;
        database.make_durable()?;
        database.migrate(0)?;
        Ok(database)
    }

    /// Renames a new database to its final path, as one complete file, and opens it there.
    pub(super) fn publish(self) -> Result<Self, StoreError> {
        let path = self.path.clone();
        // Closing writes the log back into the file.
        self.close()?;
        // Otherwise SQLite would apply the log of a deleted store to this one.
        remove_beside(&path)
            .and_then(|()| fs::rename(unfinished(&path), &path))
            .and_then(|()| File::open(path.parent().unwrap_or(&path))?.sync_all())
            .map_err(|e| StoreError::unwritable(&path, e))?;
        let gone = || StoreError::unwritable(&path, io::ErrorKind::NotFound.into());
        Self::open(&path)?.ok_or_else(gone)
    }

    /// Writes the log back and closes the database, which leaves one file.
    pub(super) fn close(self) -> Result<(), StoreError> {
        let closed = self.connection.close();
        closed.map_err(|(_, source)| StoreError::of(&self.path, source))
    }

    /// Opens the database and reads its version, which is 0 if a coordinator was killed while
    /// creating its tables.
    fn existing(path: &Path) -> Result<Option<(Self, usize)>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        // A reader of a write-ahead log must be able to create the index file next to it.
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

    /// Configures the database so that a commit is on the disk when it returns. Readers never wait
    /// for a commit.
    fn make_durable(&self) -> Result<(), StoreError> {
        self.classify_error(self.connection.execute_batch(
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

    /// Returns the value in the only row of a query's result.
    pub(super) fn value<T: FromSql>(
        &self,
        query: &str,
        parameters: impl Params,
    ) -> Result<T, StoreError> {
        let connection = &self.connection;
        self.classify_error(connection.query_row(query, parameters, |row| row.get(0)))
    }

    /// Reads each row of a query's result with `read`.
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
        self.classify_error(rows())
    }

    /// Runs `work` in a transaction: all of it takes effect, or none.
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

    fn classify_error<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|source| StoreError::of(&self.path, source))
    }
}

/// Busy handler: waits for another process's statement, for the `times`-th time.
fn waits(times: i32) -> bool {
    if times == 0 {
        debug!("waiting for the store: another process is writing to it");
    }
    std::thread::sleep(TRY);
    TRY * times.unsigned_abs() < BUSY
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("sqlite.new")
}

/// Removes the files that SQLite left next to a database.
fn remove_beside(path: &Path) -> io::Result<()> {
    let mut endings = SQLITE_FILE_ENDINGS.iter();
    endings.try_for_each(|ending| if_exists(fs::remove_file(beside(path, ending))).map(drop))
}

/// Moves a damaged database out of the way, with the files that SQLite keeps next to it.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = beside(path, ".damaged");
    for ending in [""].iter().chain(&SQLITE_FILE_ENDINGS) {
        let moved = if_exists(fs::rename(beside(path, ending), beside(&aside, ending)));
        moved.map_err(|e| StoreError::damaged(path, format!("failed to set it aside: {e}")))?;
    }
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}
