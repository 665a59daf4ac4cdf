//! Opening the database: its settings, its migrations, and what is wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a statement waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// One step of the schema each; `PRAGMA user_version` counts those that were made. A step that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says why.
    #[error("cannot use the store `{path}`: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The system lets nothing be written beside it, and says why.
    #[error("cannot write beside the store `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was made by a program that knows more.
    #[error("the store `{path}` has version {found}, this isoflop knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest this program knows.
        known: usize,
    },
    /// It is damaged.
    #[error("the store `{path}` is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
}

/// What SQLite said, and of which file.
pub(super) fn of(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            StoreError::Damaged {
                path: path.to_owned(),
                reason: source.to_string(),
            }
        }
        // SQLite keeps the system's reason to itself.
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::SystemIoFailure) => {
            match can_write_beside(path) {
                Err(source) => StoreError::Unwritable {
                    path: path.to_owned(),
                    source,
                },
                Ok(()) => StoreError::Database {
                    path: path.to_owned(),
                    source,
                },
            }
        }
        _ => StoreError::Database {
            path: path.to_owned(),
            source,
        },
    }
}

/// Whether a file can be made beside another.
fn can_write_beside(path: &Path) -> std::io::Result<()> {
    let probe = path.with_extension("probe");
    std::fs::write(&probe, "x")?;
    std::fs::remove_file(&probe)
}

/// Opens the database to write, checks that it is whole, and brings it up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(of(path))?;
    settle(&connection).map_err(of(path))?;
    // A commit is on the disk when it returns; readers never wait for it.
    let durable =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";
    connection.execute_batch(durable).map_err(of(path))?;
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(of(path))?;
    if found != "ok" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: found,
        });
    }
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the database beside a coordinator that writes to it.
pub(super) fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    // A reader of a write-ahead log must be able to make the index file beside it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(of(path))?;
    settle(&connection).map_err(of(path))?;
    known_version(&connection, path)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn known_version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let found = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map_err(of(path))? as usize;
    let known = MIGRATIONS.len();
    if found > known {
        Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        })
    } else {
        Ok(found)
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let made = known_version(connection, path)?;
    for (number, migration) in (1u32..).zip(MIGRATIONS).skip(made) {
        let mut step = || {
            let transaction = connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        };
        step().map_err(of(path))?;
    }
    Ok(())
}
