//! Opening of the store, before a coordinator has written the state of the plan's runs.

use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::{Transaction, params};

use super::database::{Database, set_aside};
use super::error::StoreError;
use super::record::RunRecord;
use super::write::{FencingToken, Store, json, now};
use isoflop_core::run::SweepDir;
use isoflop_sweep::PlannedRun;

/// A store as the last coordinator left it, or a new one that readers cannot see before it lists
/// the plan's runs.
#[derive(Debug)]
pub(crate) struct OpenStore {
    database: Database,
    is_new: bool,
    /// The path to which a damaged store was moved, and the damage. This store is new in that case.
    pub(crate) set_aside: Option<(PathBuf, String)>,
}

impl OpenStore {
    /// Opens the store of a sweep, or creates it. A damaged store is set aside and replaced by a
    /// new one.
    pub(crate) fn of(sweep: &SweepDir) -> Result<Self, StoreError> {
        let path = sweep.store();
        let (found, set_aside) = match Database::open(&path) {
            Err(StoreError::Damaged { reason, .. }) => (None, Some((set_aside(&path)?, reason))),
            found => (found?, None),
        };
        Ok(Self {
            is_new: found.is_none(),
            database: found.map_or_else(|| Database::make(&path), Ok)?,
            set_aside,
        })
    }

    /// The records of all runs that have one, by run id.
    pub(crate) fn records(&self) -> Result<HashMap<String, RunRecord>, StoreError> {
        self.database.records()
    }

    /// The tokens of current leases, by run id.
    pub(crate) fn fences(&self) -> Result<HashMap<String, FencingToken>, StoreError> {
        let query = "SELECT id, fence FROM runs WHERE fence IS NOT NULL";
        self.database.rows(query, [], |row| {
            Ok((row.get(0)?, FencingToken(row.get(1)?)))
        })
    }

    /// Writes the runs of the plan, each with its record and its outcome's loss, nats/token.
    ///
    /// Runs that are not in the plan any more lose their place. Attempts that the last coordinator
    /// left open are closed as preempted, except those that have a lease in `records`.
    pub(crate) fn adopt(
        mut self,
        runs: &[PlannedRun],
        records: &[RunRecord],
        losses: &[Option<f64>],
    ) -> Result<Store, StoreError> {
        self.database.transaction(|transaction| {
            let now = now();
            list(transaction, runs.iter().zip(records).zip(losses), now)?;
            transaction.execute(
                "UPDATE attempts SET ended_at = ?1, failure = 'preempted', message = 'the coordinator ended'
                 WHERE ended_at IS NULL AND fence NOT IN (SELECT fence FROM runs WHERE fence IS NOT NULL AND place IS NOT NULL)",
                [now],
            )
        })?;
        let database = self.database;
        Store::of(if self.is_new {
            database.publish()?
        } else {
            database
        })
    }
}

/// Gives these runs their places in the plan, in this order, and removes all other places.
fn list<'a>(
    transaction: &Transaction<'_>,
    runs: impl Iterator<Item = ((&'a PlannedRun, &'a RunRecord), &'a Option<f64>)>,
    now: i64,
) -> rusqlite::Result<()> {
    transaction.execute("UPDATE runs SET place = NULL WHERE place IS NOT NULL", [])?;
    let mut statement = transaction.prepare(
        "INSERT INTO runs (id, place, arm, size, seed, budget, budget_kind, lr_factor, state, record, loss_val, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO UPDATE SET place = ?2, arm = ?3, size = ?4, lr_factor = ?8, fence = iif(?13, fence, NULL),
           record = ?10, loss_val = ?11,
           changed_at = iif(state = ?9, changed_at, ?12), state = ?9",
    )?;
    for (place, ((run, record), loss)) in runs.enumerate() {
        let spec = &run.spec;
        statement.execute(params![
            run.id.as_str(),
            place as i64,
            run.arm,
            run.size,
            // SQLite has no unsigned 64-bit integers. Seeds are only displayed.
            spec.seed as i64,
            spec.budget.value(),
            spec.budget.kind(),
            run.lr_factor,
            record.state.name(),
            (*record != RunRecord::default()).then(|| json(record)),
            loss,
            now,
            record.state.lease().is_some(),
        ])?;
    }
    Ok(())
}
