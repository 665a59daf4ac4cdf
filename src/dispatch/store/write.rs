//! Write access to the store. The coordinator is the only writer.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Transaction, params};

use super::database::Database;
use super::error::StoreError;
use super::record::{AttemptFailure, RunRecord};
use isoflop_core::run::RunId;

/// The store, opened for writing.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) database: Database,
    origin: String,
}

/// A fencing token. The store issues one with each lease, greater than all before it, and never the
/// same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FencingToken(pub(super) i64);

/// A change of one run.
#[derive(Clone, Debug)]
pub(crate) struct RunChange {
    /// The run.
    pub(crate) run: RunId,
    /// Its new record. The record of a new lease counts the attempt.
    pub(crate) record: RunRecord,
    /// The change of its lease.
    pub(crate) lease: LeaseChange,
}

/// The change of a run's lease.
///
/// The write is stale, and changes nothing, if the run's current lease differs from what the
/// variant states.
#[derive(Clone, Debug)]
pub(crate) enum LeaseChange {
    /// The run has no lease, and gets one for this slot.
    Acquired(usize),
    /// The attempt with this token has the lease, and keeps it.
    Kept(FencingToken),
    /// The attempt with this token has the lease, and has ended.
    Ended(FencingToken, LeaseEnd),
    /// The run has no lease, and gets none. The loss of its outcome, nats/token.
    Absent(Option<f64>),
}

/// The end of an attempt: the loss of its outcome, nats/token, or its failure.
pub(crate) type LeaseEnd = Result<Option<f64>, AttemptFailure>;

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeResult {
    /// It is written.
    Yes,
    /// It is written, with this token for the new lease.
    Leased(FencingToken),
    /// It is not written: the run's lease is another.
    Stale,
}

impl Store {
    pub(super) fn of(database: Database) -> Result<Self, StoreError> {
        let origin = database.value("SELECT id FROM origin", [])?;
        Ok(Self { database, origin })
    }

    /// The token as an attempt's launch file contains it.
    pub(crate) fn token(&self, fence: FencingToken) -> String {
        format!("{}-{}", self.origin, fence.0)
    }

    /// Writes all changes in one transaction, and returns the result of each.
    pub(crate) fn write(&mut self, changes: &[RunChange]) -> Result<Vec<ChangeResult>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.database.transaction(|transaction| {
            let written = changes.iter().map(|change| write(transaction, change));
            written.collect()
        })
    }

    /// Writes the log back and closes the database, which leaves one file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.database.close()
    }
}

fn write(transaction: &Transaction<'_>, change: &RunChange) -> rusqlite::Result<ChangeResult> {
    let RunChange { run, record, lease } = change;
    let now = now();
    let (before, after, loss) = match lease {
        LeaseChange::Acquired(slot) => (None, Some(claim(transaction, change, *slot, now)?), None),
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
        return Ok(ChangeResult::Stale);
    }
    Ok(match (lease, after) {
        (LeaseChange::Acquired(_), Some(fence)) => ChangeResult::Leased(fence),
        (LeaseChange::Ended(fence, end), _) => {
            conclude(transaction, *fence, end, now)?;
            ChangeResult::Yes
        }
        _ => ChangeResult::Yes,
    })
}

/// Inserts the row of a new attempt, which issues its token.
fn claim(
    transaction: &Transaction<'_>,
    change: &RunChange,
    slot: usize,
    now: i64,
) -> rusqlite::Result<FencingToken> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO attempts (run, number, slot, claimed_at) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let number = change.record.attempts;
    let fence = statement.insert(params![change.run.as_str(), number, slot as i64, now])?;
    Ok(FencingToken(fence))
}

/// Writes the end of an attempt.
fn conclude(
    transaction: &Transaction<'_>,
    fence: FencingToken,
    end: &LeaseEnd,
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

/// Serialization cannot fail: a record has only strings and numbers.
pub(super) fn json(record: &RunRecord) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

/// Seconds since 1970, for display only.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
