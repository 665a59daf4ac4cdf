//! What commands read while a coordinator writes, or after.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Row;
use rusqlite::types::Type;
use tracing::debug;

use super::database::Database;
use super::error::StoreError;
use super::record::Record;
use isoflop_core::run::{Budget, SweepDir};

/// The store, to read from, and to leave requests in.
#[derive(Debug)]
pub struct Reader(pub(super) Database);

/// How a run stands, with what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Identity.
    pub id: String,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the shape.
    pub size: String,
    /// Seed.
    pub seed: u64,
    /// Budget asked for.
    pub budget: Budget,
    /// Factor on the learning rate, where the sweep has several.
    pub lr_factor: Option<f64>,
    /// What is remembered of it.
    pub record: Record,
    /// The outcome's loss, nats/token.
    pub loss: Option<f64>,
    /// When that changed last, seconds since 1970.
    pub changed_at: i64,
}

/// Runs by the name of their state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u32>);

impl Counts {
    /// Runs in the state of this name.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |count| u64::from(*count))
    }

    /// All runs.
    pub fn total(&self) -> u64 {
        self.0.values().copied().map(u64::from).sum()
    }
}

impl Reader {
    /// Opens the store of a sweep; none where there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(sweep: &SweepDir) -> Result<Option<Self>, StoreError> {
        Ok(Database::open_beside(&sweep.store())?.map(Self))
    }

    /// Runs that the plan asks for, by state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let query = "SELECT state, count(*) FROM runs WHERE place IS NOT NULL GROUP BY state";
        let counts = self
            .0
            .rows(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Counts(counts))
    }

    /// The same for each arm, in the plan's order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_arm(&self) -> Result<Vec<(String, Counts)>, StoreError> {
        let query = "SELECT arm, state, count(*) FROM runs WHERE place IS NOT NULL GROUP BY arm, state ORDER BY min(place)";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows: Vec<(String, String, u32)> = self.0.rows(query, [], read)?;
        let mut arms: Vec<(String, Counts)> = Vec::new();
        for (arm, state, count) in rows {
            let place = arms.iter().position(|(name, _)| *name == arm);
            let place = place.unwrap_or_else(|| {
                arms.push((arm, Counts::default()));
                arms.len() - 1
            });
            arms[place].1.0.insert(state, count);
        }
        Ok(arms)
    }

    /// Runs that the plan asks for, in its order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn runs(&self) -> Result<Vec<RunEntry>, StoreError> {
        self.entries("place IS NOT NULL ORDER BY place", [])
    }

    /// Runs that the plan asks for in a state of these names, at most `most`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn in_states(&self, names: &[&str], most: usize) -> Result<Vec<RunEntry>, StoreError> {
        let names = serde_json::json!(names).to_string();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let are = "place IS NOT NULL AND state IN (SELECT value FROM json_each(?1))";
        self.entries(&format!("{are} ORDER BY place LIMIT ?2"), (names, most))
    }

    /// Runs whose identity begins so, wanted or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn named(&self, prefix: &str) -> Result<Vec<RunEntry>, StoreError> {
        // `g` comes after every hexadecimal digit.
        self.entries("id >= ?1 AND id < ?1 || 'g' ORDER BY id", [prefix])
    }

    /// What is remembered of every run of which something is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn records(&self) -> Result<HashMap<String, Record>, StoreError> {
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
    /// See [`Reader::records`].
    pub(super) fn records(&self) -> Result<HashMap<String, Record>, StoreError> {
        let query = "SELECT id, record FROM runs WHERE record IS NOT NULL";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(String, String)> = self.rows(query, [], read)?;
        let known = |(id, text): (String, String)| Some((id, record(&text)?));
        Ok(rows.into_iter().filter_map(known).collect())
    }
}

/// A record that cannot be read is as good as none: the folder is looked at.
fn record(text: &str) -> Option<Record> {
    serde_json::from_str(text)
        .inspect_err(|error| debug!(%error, text, "a record was not read"))
        .ok()
}

fn budget(row: &Row<'_>) -> rusqlite::Result<Budget> {
    let kind: String = row.get(5)?;
    let budget = Budget::of_kind(&kind, row.get(4)?);
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
        // No record: nothing has happened yet.
        record: text.and_then(|text| record(&text)).unwrap_or_default(),
    })
}
