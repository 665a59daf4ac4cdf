//! What the coordinator writes down. It is the one writer.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Transaction, params};

use super::record::{Failure, Record};
use super::rows::records;
use super::schema::{StoreError, make, of, open, publish};
use isoflop_core::run::{Budget, RunId, SweepDir};

/// The store, to write to.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    origin: String,
}

/// A store as the last coordinator left it, or a new one that no reader sees before it lists the plan's runs.
#[derive(Debug)]
pub struct Opened {
    pub(super) store: Store,
    is_new: bool,
    /// Where a damaged one was put, and what was wrong with it; this one is new.
    pub set_aside: Option<(PathBuf, String)>,
}

/// A fencing token: made by the store with the lease, larger for every one after, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub(super) i64);

/// A run of the plan, as the store lists it.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Identity.
    pub id: &'a RunId,
    /// Name of the architecture.
    pub arm: &'a str,
    /// Name of the shape.
    pub size: &'a str,
    /// Seed.
    pub seed: u64,
    /// Budget asked for.
    pub budget: Budget,
    /// Factor on the learning rate, where the sweep has several.
    pub lr_factor: Option<f64>,
}

/// What is written down of one run.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// A slot is given to a run.
    Lease {
        /// The run.
        run: &'a RunId,
        /// Its record, in which the attempt is counted.
        record: &'a Record,
        /// The slot.
        slot: usize,
    },
    /// The record of a run that an attempt holds.
    Held {
        /// The run.
        run: &'a RunId,
        /// The attempt's token: nothing is written if it is not the one that holds the run.
        fence: Fence,
        /// The record.
        record: &'a Record,
    },
    /// The attempt that holds a run has ended.
    Ended {
        /// The run.
        run: &'a RunId,
        /// The attempt's token: nothing is written if it is not the one that holds the run.
        fence: Fence,
        /// The run's record from now on.
        record: &'a Record,
        /// Why it brought no outcome, if it brought none.
        failure: Option<&'a Failure>,
        /// The outcome's loss, nats/token.
        loss: Option<f64>,
    },
    /// The record of a run that nothing holds.
    Free {
        /// The run.
        run: &'a RunId,
        /// The record.
        record: &'a Record,
        /// The outcome's loss, nats/token.
        loss: Option<f64>,
    },
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written down.
    Yes,
    /// It is, and this is the lease's token.
    Leased(Fence),
    /// It is not: the token is not the one that holds the run.
    Stale,
}

impl Opened {
    /// What is remembered of every run of which something is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn records(&self) -> Result<HashMap<String, Record>, StoreError> {
        self.store.records()
    }

    /// The tokens of the attempts that hold a run, by its identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn fences(&self) -> Result<HashMap<String, Fence>, StoreError> {
        self.store.fences()
    }

    /// Writes down what the plan asks for, with how each run stands; what it no longer asks for loses its place.
    /// Attempts that the last coordinator left open are closed as preempted, but for those that hold their run by its record.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is changed.
    pub fn adopt<'a>(
        mut self,
        runs: impl Iterator<Item = (Listed<'a>, &'a Record, Option<f64>)>,
    ) -> Result<Store, StoreError> {
        self.store.adopt(runs)?;
        if self.is_new {
            let Store {
                path, connection, ..
            } = self.store;
            return Store::with(publish(connection, &path)?, path);
        }
        Ok(self.store)
    }
}

impl Store {
    /// Opens the store of a sweep, or makes it. One that is damaged is set aside and made anew: it can be.
    ///
    /// # Errors
    /// [`StoreError`] when it can be neither.
    pub fn open(sweep: &SweepDir) -> Result<Opened, StoreError> {
        let path = sweep.store();
        let (found, set_aside) = match open(&path) {
            Err(StoreError::Damaged { reason, .. }) => (None, Some((set_aside(&path)?, reason))),
            found => (found?, None),
        };
        let is_new = found.is_none();
        let connection = found.map_or_else(|| make(&path), Ok)?;
        Ok(Opened {
            store: Self::with(connection, path)?,
            is_new,
            set_aside,
        })
    }

    fn with(connection: Connection, path: PathBuf) -> Result<Self, StoreError> {
        let origin = connection
            .query_row("SELECT id FROM origin", [], |row| row.get(0))
            .map_err(of(&path))?;
        Ok(Self {
            path,
            connection,
            origin,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The token as an attempt's launch file carries it.
    pub fn token(&self, fence: Fence) -> String {
        format!("{}-{}", self.origin, fence.0)
    }

    pub(super) fn records(&self) -> Result<HashMap<String, Record>, StoreError> {
        records(&self.connection).map_err(of(&self.path))
    }

    pub(super) fn fences(&self) -> Result<HashMap<String, Fence>, StoreError> {
        let query = || {
            let mut statement = self
                .connection
                .prepare("SELECT id, fence FROM runs WHERE fence IS NOT NULL")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, Fence(row.get(1)?))))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        query().map_err(of(&self.path))
    }

    pub(super) fn adopt<'a>(
        &mut self,
        runs: impl Iterator<Item = (Listed<'a>, &'a Record, Option<f64>)>,
    ) -> Result<(), StoreError> {
        let now = now();
        let write = |transaction: &Transaction<'_>| {
            transaction.execute("UPDATE runs SET place = NULL WHERE place IS NOT NULL", [])?;
            let mut statement = transaction.prepare(
                "INSERT INTO runs (id, place, arm, size, seed, budget, budget_kind, lr_factor, state, record, loss_val, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (id) DO UPDATE SET place = ?2, arm = ?3, size = ?4, lr_factor = ?8, fence = iif(?13, fence, NULL),
                   record = ?10, loss_val = ?11,
                   changed_at = iif(state = ?9, changed_at, ?12), state = ?9",
            )?;
            for (place, (run, record, loss)) in runs.enumerate() {
                statement.execute(params![
                    run.id.as_str(),
                    place as i64,
                    run.arm,
                    run.size,
                    // SQLite has no larger numbers than these; seeds are shown, not computed with.
                    run.seed as i64,
                    run.budget.value(),
                    run.budget.kind(),
                    run.lr_factor,
                    record.state.name(),
                    (*record != Record::default()).then(|| json(record)),
                    loss,
                    now,
                    record.state.lease().is_some(),
                ])?;
            }
            transaction.execute(
                "UPDATE attempts SET ended_at = ?1, failure = 'preempted', message = 'the coordinator ended'
                 WHERE ended_at IS NULL AND fence NOT IN (SELECT fence FROM runs WHERE fence IS NOT NULL AND place IS NOT NULL)",
                [now],
            )?;
            Ok(())
        };
        self.transaction(write)
    }

    /// Writes changes down in one transaction: all of them, or none. Says what became of each.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is changed.
    pub fn write(&mut self, changes: &[Change<'_>]) -> Result<Vec<Written>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.transaction(|transaction| {
            changes
                .iter()
                .map(|change| write(transaction, change))
                .collect()
        })
    }

    /// Writes the log back and ends: what is left is one file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn close(self) -> Result<(), StoreError> {
        self.connection
            .close()
            .map_err(|(_, source)| of(&self.path)(source))
    }

    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = &self.path;
        let transaction = self.connection.transaction().map_err(of(path))?;
        let result = work(&transaction).map_err(of(path))?;
        transaction.commit().map_err(of(path))?;
        Ok(result)
    }
}

fn write(transaction: &Transaction<'_>, change: &Change<'_>) -> rusqlite::Result<Written> {
    let now = now();
    let held = |run: &RunId, fence: Fence, record: &Record, loss: Option<f64>, ended: bool| {
        let mut statement = transaction.prepare_cached(
            "UPDATE runs SET state = ?3, record = ?4, loss_val = ?5, changed_at = ?6, fence = iif(?7, NULL, fence)
             WHERE id = ?1 AND fence = ?2",
        )?;
        let row = params![
            run.as_str(),
            fence.0,
            record.state.name(),
            json(record),
            loss,
            now,
            ended
        ];
        statement.execute(row).map(|rows| rows == 1)
    };
    match change {
        Change::Lease { run, record, slot } => {
            let mut claim = transaction.prepare_cached(
                "INSERT INTO attempts (run, number, slot, claimed_at) VALUES (?1, ?2, ?3, ?4)",
            )?;
            claim.execute(params![run.as_str(), record.attempts, *slot as i64, now])?;
            let fence = Fence(transaction.last_insert_rowid());
            let mut statement = transaction.prepare_cached(
                "UPDATE runs SET state = ?2, record = ?3, fence = ?4, changed_at = ?5 WHERE id = ?1 AND fence IS NULL",
            )?;
            let rows = statement.execute(params![
                run.as_str(),
                record.state.name(),
                json(record),
                fence.0,
                now
            ])?;
            Ok(if rows == 1 {
                Written::Leased(fence)
            } else {
                Written::Stale
            })
        }
        Change::Held { run, fence, record } => Ok(if held(run, *fence, record, None, false)? {
            Written::Yes
        } else {
            Written::Stale
        }),
        Change::Ended {
            run,
            fence,
            record,
            failure,
            loss,
        } => {
            if !held(run, *fence, record, *loss, true)? {
                return Ok(Written::Stale);
            }
            let mut statement = transaction.prepare_cached(
                "UPDATE attempts SET ended_at = ?2, failure = ?3, message = ?4 WHERE fence = ?1",
            )?;
            let class = failure.map(|failure| failure.class.name());
            statement.execute(params![
                fence.0,
                now,
                class,
                failure.map(|failure| failure.message.as_str())
            ])?;
            Ok(Written::Yes)
        }
        Change::Free { run, record, loss } => {
            let mut statement = transaction.prepare_cached(
                "UPDATE runs SET state = ?2, record = ?3, loss_val = ?4, changed_at = ?5 WHERE id = ?1 AND fence IS NULL",
            )?;
            let rows = statement.execute(params![
                run.as_str(),
                record.state.name(),
                json(record),
                loss,
                now
            ])?;
            Ok(if rows == 1 {
                Written::Yes
            } else {
                Written::Stale
            })
        }
    }
}

/// A record holds words and numbers: it has a JSON.
fn json(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// Seconds since 1970, for people: nothing is decided by it.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// Moves a damaged store out of the way, with what SQLite keeps beside it.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let beside = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let aside = beside(path, ".damaged");
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (beside(path, suffix), beside(&aside, suffix));
        match fs::rename(&from, &to) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                let reason = format!("and it cannot be set aside: {e}");
                return Err(StoreError::Damaged {
                    path: path.to_owned(),
                    reason,
                });
            }
            _ => {}
        }
    }
    Ok(aside)
}
