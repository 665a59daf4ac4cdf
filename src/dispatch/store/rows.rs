//! What commands read while a coordinator writes, or after.

use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::{Connection, Row};

use super::record::{Record, RunState};
use super::schema::{StoreError, of, open_beside};
use isoflop_core::run::{Budget, SweepDir};

/// The store, to read from, and to leave requests in.
#[derive(Debug)]
pub struct Reader {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

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
pub struct Counts(Vec<(String, u64)>);

impl Counts {
    /// Runs in the state of this name.
    pub fn of(&self, name: &str) -> u64 {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map_or(0, |(_, count)| *count)
    }

    /// All runs.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

const COLUMNS: &str =
    "id, arm, size, seed, budget, budget_kind, lr_factor, record, loss_val, changed_at";

impl Reader {
    /// Opens the store of a sweep; none where there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(sweep: &SweepDir) -> Result<Option<Self>, StoreError> {
        let path = sweep.store();
        let connection = open_beside(&path)?;
        Ok(connection.map(|connection| Self { path, connection }))
    }

    /// Runs that the plan asks for, by state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let query = || {
            let mut statement = self.connection.prepare(
                "SELECT state, count(*) FROM runs WHERE place IS NOT NULL GROUP BY state",
            )?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        query().map(Counts).map_err(of(&self.path))
    }

    /// The same for each arm, in the plan's order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_arm(&self) -> Result<Vec<(String, Counts)>, StoreError> {
        let query = || {
            let mut statement = self.connection.prepare(
                "SELECT arm, state, count(*), min(place) FROM runs WHERE place IS NOT NULL GROUP BY arm, state ORDER BY 4",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, i64>(2)? as u64,
                ))
            })?;
            let mut arms: Vec<(String, Counts)> = Vec::new();
            for row in rows {
                let (arm, state, count) = row?;
                match arms.iter_mut().find(|(name, _)| *name == arm) {
                    Some((_, counts)) => counts.0.push((state, count)),
                    None => arms.push((arm, Counts(vec![(state, count)]))),
                }
            }
            Ok(arms)
        };
        query().map_err(of(&self.path))
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
        let known = names.iter().filter(|name| RunState::NAMES.contains(name));
        let list = known
            .map(|name| format!("'{name}'"))
            .collect::<Vec<_>>()
            .join(", ");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.entries(
            &format!("place IS NOT NULL AND state IN ({list}) ORDER BY place LIMIT {most}"),
            [],
        )
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
        records(&self.connection).map_err(of(&self.path))
    }

    fn entries(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<RunEntry>, StoreError> {
        let query = || {
            let mut statement = self
                .connection
                .prepare(&format!("SELECT {COLUMNS} FROM runs WHERE {condition}"))?;
            let rows = statement.query_map(parameters, entry)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        query().map_err(of(&self.path))
    }
}

/// A record that cannot be read is as good as none: the folder is looked at.
pub(super) fn records(connection: &Connection) -> rusqlite::Result<HashMap<String, Record>> {
    let mut statement =
        connection.prepare("SELECT id, record FROM runs WHERE record IS NOT NULL")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut records = HashMap::new();
    for row in rows {
        let (id, text) = row?;
        records.extend(serde_json::from_str(&text).ok().map(|record| (id, record)));
    }
    Ok(records)
}

fn budget(row: &Row<'_>) -> rusqlite::Result<Budget> {
    let kind: String = row.get(5)?;
    Budget::of_kind(&kind, row.get(4)?).ok_or(rusqlite::Error::InvalidColumnType(
        5,
        kind,
        rusqlite::types::Type::Text,
    ))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<RunEntry> {
    let record: Option<String> = row.get(7)?;
    Ok(RunEntry {
        id: row.get(0)?,
        arm: row.get(1)?,
        size: row.get(2)?,
        seed: row.get::<_, i64>(3)? as u64,
        budget: budget(row)?,
        lr_factor: row.get(6)?,
        // No record: nothing has happened yet.
        record: record
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
        loss: row.get(8)?,
        changed_at: row.get(9)?,
    })
}
