//! Opening the database: its settings, its migrations, and what is wrong with it.

use std::fs::{self, File};
use std::io;
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
        source: io::Error,
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
                Err(source) => unwritable(path)(source),
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
fn can_write_beside(path: &Path) -> io::Result<()> {
    let probe = path.with_extension("probe");
    fs::write(&probe, "x")?;
    fs::remove_file(&probe)
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    |source| StoreError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// Opens the database to write, checks that it is whole, and brings it up to date; none where there is none yet.
pub(super) fn open(path: &Path) -> Result<Option<Connection>, StoreError> {
    let Some((mut connection, made)) = open_existing(path)? else {
        return Ok(None);
    };
    if made == 0 {
        return Ok(None);
    }
    make_durable(&connection).map_err(of(path))?;
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(of(path))?;
    if found != "ok" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: found,
        });
    }
    migrate(&mut connection, made).map_err(of(path))?;
    Ok(Some(connection))
}

/// Makes a new database beside its place, where no reader looks: SQLite refuses at once to switch to a write-ahead log
/// while another process reads, and a reader would find no tables, or tables with nothing in them.
pub(super) fn make(path: &Path) -> Result<Connection, StoreError> {
    let unfinished = unfinished(path);
    // Of a coordinator that died before it put its store into place.
    remove(&unfinished, &["", "-journal", "-wal", "-shm"]).map_err(unwritable(path))?;
    let mut connection = Connection::open(&unfinished).map_err(of(path))?;
    settle(&connection).map_err(of(path))?;
    make_durable(&connection).map_err(of(path))?;
    migrate(&mut connection, 0).map_err(of(path))?;
    Ok(connection)
}

/// Puts a new database into its place, whole and by a rename, and opens it there.
pub(super) fn publish(connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    // This writes the log back into the file.
    connection.close().map_err(|(_, source)| of(path)(source))?;
    // SQLite would take the log of another store, whose file is gone, for this one's.
    remove(path, &["-journal", "-wal", "-shm"])
        .and_then(|()| fs::rename(unfinished(path), path))
        .and_then(|()| File::open(path.parent().unwrap_or(path))?.sync_all())
        .map_err(unwritable(path))?;
    open(path)?.ok_or_else(|| unwritable(path)(io::ErrorKind::NotFound.into()))
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("sqlite.new")
}

/// Removes a database's files with these endings.
fn remove(path: &Path, endings: &[&str]) -> io::Result<()> {
    for ending in endings {
        match fs::remove_file(format!("{}{ending}", path.display())) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Opens the database beside a coordinator that writes to it; none where there is none yet.
pub(super) fn open_beside(path: &Path) -> Result<Option<Connection>, StoreError> {
    // An older version lacks tables or columns: it is of use when a coordinator has brought it up to date.
    let opened = open_existing(path)?.filter(|(_, made)| *made == MIGRATIONS.len());
    Ok(opened.map(|(connection, _)| connection))
}

/// Opens the database and reads its version, which is 0 where a coordinator died as it made its tables.
fn open_existing(path: &Path) -> Result<Option<(Connection, usize)>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    // A reader of a write-ahead log must be able to make the index file beside it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match Connection::open_with_flags(path, flags) {
        // A coordinator has just set it aside.
        Err(_) if !path.exists() => return Ok(None),
        opened => opened.map_err(of(path))?,
    };
    settle(&connection).map_err(of(path))?;
    let made = known_version(&connection, path)?;
    Ok(Some((connection, made)))
}

/// Makes a commit be on the disk when it returns; readers never wait for it.
fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;",
    )
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

fn migrate(connection: &mut Connection, made: usize) -> rusqlite::Result<()> {
    for (number, migration) in (1u32..).zip(MIGRATIONS).skip(made) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}
