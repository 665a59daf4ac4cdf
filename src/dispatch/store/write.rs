//! What the coordinator writes down. It is the one writer.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Transaction, params};

use super::database::Database;
use super::error::StoreError;
use super::record::{Failure, Record};
use isoflop_core::run::RunId;

/// The store, to write to.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) database: Database,
    origin: String,
}

/// A fencing token: made by the store with the lease, larger for every one after, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub(super) i64);

/// What is written down of one run.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The run.
    pub(crate) run: RunId,
    /// Its record from now on; where it is leased, its attempt is counted in it.
    pub(crate) record: Record,
    /// What becomes of its lease.
    pub(crate) lease: LeaseChange,
}

/// What becomes of a run's lease. Nothing is written where something else holds the run than is said here.
#[derive(Clone, Debug)]
pub(crate) enum LeaseChange {
    /// Nothing holds it, and it is given this slot.
    Made(usize),
    /// The attempt of this token holds it, and goes on to.
    Kept(Fence),
    /// The attempt of this token holds it, and has ended.
    Ended(Fence, End),
    /// Nothing holds it, and nothing is to. What loss its outcome has, nats/token.
    Absent(Option<f64>),
}

/// How an attempt ended: with an outcome, which has this loss, nats/token, or without one.
pub(crate) type End = Result<Option<f64>, Failure>;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is written down.
    Yes,
    /// It is, and this is the lease's token.
    Leased(Fence),
    /// It is not: something else holds the run.
    Stale,
}

impl Store {
    pub(super) fn of(database: Database) -> Result<Self, StoreError> {
        let origin = database.value("SELECT id FROM origin", [])?;
        Ok(Self { database, origin })
    }

    /// The token as an attempt's launch file carries it.
    pub(crate) fn token(&self, fence: Fence) -> String {
        format!("{}-{}", self.origin, fence.0)
    }

    /// Writes changes down in one transaction: all of them, or none. Says what became of each.
    pub(crate) fn write(&mut self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.database.transaction(|transaction| {
            let written = changes.iter().map(|change| write(transaction, change));
            written.collect()
        })
    }

    /// Writes the log back and ends: what is left is one file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.database.close()
    }
}

fn write(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<Written> {
    let Change { run, record, lease } = change;
    let now = now();
    let (before, after, loss) = match lease {
        LeaseChange::Made(slot) => (None, Some(claim(transaction, change, *slot, now)?), None),
        LeaseChange::Kept(fence) => (Some(*fence), Some(*fence), None),
        LeaseChange::Ended(fence, end) => {
            (Some(*fence), None, end.as_ref().ok().copied().flatten())
        }
        LeaseChange::Absent(loss) => (None, None, *loss),
    };
    let mut update = transaction.prepare_cached(
        "UPDATE runs SET state = ?3, record = ?4, loss_val = ?5, changed_at = ?6, fence = ?7
         WHERE id = ?1 AND fence IS ?2",
    )?;
    let [held, holds] = [before, after].map(|fence| fence.map(|fence| fence.0));
    let (state, record) = (record.state.name(), json(record));
    let row = params![run.as_str(), held, state, record, loss, now, holds];
    if update.execute(row)? == 0 {
        return Ok(Written::Stale);
    }
    Ok(match (lease, after) {
        (LeaseChange::Made(_), Some(fence)) => Written::Leased(fence),
        (LeaseChange::Ended(fence, end), _) => {
            conclude(transaction, *fence, end, now)?;
            Written::Yes
        }
        _ => Written::Yes,
    })
}

/// Writes down that an attempt begins, which makes its token.
fn claim(
    transaction: &Transaction<'_>,
    change: &Change,
    slot: usize,
    now: i64,
) -> rusqlite::Result<Fence> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO attempts (run, number, slot, claimed_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let number = change.record.attempts;
    let fence = statement.insert(params![change.run.as_str(), number, slot as i64, now])?;
    Ok(Fence(fence))
}

/// Writes down how an attempt has ended.
fn conclude(
    transaction: &Transaction<'_>,
    fence: Fence,
    end: &End,
    now: i64,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "UPDATE attempts SET ended_at = ?2, failure = ?3, message = ?4 WHERE fence = ?1",
    )?;
    let failure = end.as_ref().err();
    let class = failure.map(|failure| failure.class.name());
    let message = failure.map(|failure| &failure.message);
    let row = params![fence.0, now, class, message];
    statement.execute(row).map(drop)
}

/// A record holds words and numbers: it has a JSON.
pub(super) fn json(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// Seconds since 1970, for people: nothing is decided by it.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
