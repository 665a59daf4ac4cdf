//! Read access to the store for commands, with or without a coordinator.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use rusqlite::types::Type;
use tracing::debug;

use super::database::Database;
use super::error::StoreError;
use super::record::RunRecord;
use isoflop_core::run::{Budget, SweepDir};

/// The store, opened to read from it and to leave requests in it.
#[derive(Debug)]
pub struct StoreReader(pub(super) Database);

/// A run of the store, with its state.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Identity.
    pub id: String,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the size.
    pub size: String,
    /// Seed.
    pub seed: u64,
    /// Budget of the run.
    pub budget: Budget,
    /// Learning-rate factor, if the sweep has several.
    pub lr_factor: Option<f64>,
    /// The run's record.
    pub record: RunRecord,
    /// The outcome's loss, nats/token.
    pub loss: Option<f64>,
    /// Time of the last change of the state, seconds since 1970.
    pub changed_at: i64,
}

/// Number of runs in each state, by the state's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCounts(BTreeMap<String, u32>);

impl FromIterator<&'static str> for StateCounts {
    fn from_iter<T: IntoIterator<Item = &'static str>>(states: T) -> Self {
        let mut counts = Self::default();
        for state in states {
            *counts.0.entry(state.to_owned()).or_default() += 1;
        }
        counts
    }
}

impl StateCounts {
    /// Runs in the state `name`.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |count| u64::from(*count))
    }

    /// All runs.
    pub fn total(&self) -> u64 {
        self.0.values().copied().map(u64::from).sum()
    }
}

impl StoreReader {
    /// Opens the store of a sweep; `None` if it does not exist yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(sweep: &SweepDir) -> Result<Option<Self>, StoreError> {
        Ok(Database::open_beside(&sweep.store())?.map(Self))
    }

    /// Counts the runs of the plan, by state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn counts(&self) -> Result<StateCounts, StoreError> {
        let query = "SELECT state, count(*) FROM runs WHERE place IS NOT NULL GROUP BY state";
        let counts = self
            .0
            .rows(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(StateCounts(counts))
    }

    /// Counts the runs of the plan by arm and state, in the plan's order of arms.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_arm(&self) -> Result<Vec<(String, StateCounts)>, StoreError> {
        let query = "SELECT arm, state, count(*) FROM runs WHERE place IS NOT NULL GROUP BY arm, state ORDER BY min(place)";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows: Vec<(String, String, u32)> = self.0.rows(query, [], read)?;
        let mut arms: Vec<(String, StateCounts)> = Vec::new();
        for (arm, state, count) in rows {
            let place = arms.iter().position(|(name, _)| *name == arm);
            let place = place.unwrap_or_else(|| {
                arms.push((arm, StateCounts::default()));
                arms.len() - 1
            });
            arms[place].1.0.insert(state, count);
        }
        Ok(arms)
    }

    /// Reads the runs of the plan, in its order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn runs(&self) -> Result<Vec<RunEntry>, StoreError> {
        self.entries("place IS NOT NULL ORDER BY place", [])
    }

    /// Reads at most `most` runs of the plan that are in one of the states `names`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn in_states(&self, names: &[&str], most: usize) -> Result<Vec<RunEntry>, StoreError> {
        let names = serde_json::json!(names).to_string();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let are = "place IS NOT NULL AND state IN (SELECT value FROM json_each(?1))";
        self.entries(&format!("{are} ORDER BY place LIMIT ?2"), (names, most))
    }

    /// Reads the runs whose identity begins with `prefix`, in the plan or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn named(&self, prefix: &str) -> Result<Vec<RunEntry>, StoreError> {
        // `g` comes after every hexadecimal digit.
        self.entries("id >= ?1 AND id < ?1 || 'g' ORDER BY id", [prefix])
    }

    /// Reads the records of all runs that have one, by run id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn records(&self) -> Result<HashMap<String, RunRecord>, StoreError> {
        self.0.records()
    }

    fn entries(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<RunEntry>, StoreError> {
        let columns =
            "id, arm, size, seed, budget, budget_kind, lr_factor, loss_val, changed_at, record";
        let query = format!("SELECT {columns} FROM runs WHERE {condition}");
        self.0.rows(&query, parameters, entry)
    }
}

impl Database {
    /// See [`StoreReader::records`].
    pub(super) fn records(&self) -> Result<HashMap<String, RunRecord>, StoreError> {
        let query = "SELECT id, record FROM runs WHERE record IS NOT NULL";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(String, String)> = self.rows(query, [], read)?;
        let known = |(id, text): (String, String)| Some((id, record(&text)?));
        Ok(rows.into_iter().filter_map(known).collect())
    }
}

/// Parses a record. A record that cannot be parsed counts as missing: the run's folder is read
/// instead.
fn record(text: &str) -> Option<RunRecord> {
    serde_json::from_str(text)
        .inspect_err(|error| debug!(%error, text, "failed to parse a record"))
        .ok()
}

fn budget(row: &Row<'_>) -> rusqlite::Result<Budget> {
    let kind: String = row.get(5)?;
    let budget = Budget::from_kind(&kind, row.get(4)?);
    budget.ok_or(rusqlite::Error::InvalidColumnType(5, kind, Type::Text))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<RunEntry> {
    let text: Option<String> = row.get(9)?;
    Ok(RunEntry {
        id: row.get(0)?,
        arm: row.get(1)?,
        size: row.get(2)?,
        seed: row.get::<_, i64>(3)? as u64,
        budget: budget(row)?,
        lr_factor: row.get(6)?,
        loss: row.get(7)?,
        changed_at: row.get(8)?,
        // A run without a record has had no attempt yet.
        record: text.and_then(|text| record(&text)).unwrap_or_default(),
    })
}
