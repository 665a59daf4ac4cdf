//! Requests of other commands to the coordinator, and its answers.

use rusqlite::{Row, params};

use super::error::StoreError;
use super::reader::StoreReader;
use super::write::{Store, now};

/// A request of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserRequest {
    /// Its number.
    pub(crate) id: i64,
    /// Its kind.
    pub(crate) kind: RequestKind,
    /// The identity of the run.
    pub(crate) run: String,
}

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Cancels a run.
    Cancel,
    /// Queues a cancelled, failed or quarantined run again.
    Retry,
}

impl RequestKind {
    /// The name of the request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Cancel, Self::Retry]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl StoreReader {
    /// Leaves a request for the coordinator for each of the runs, and returns their numbers.
    ///
    /// # Errors
    /// [`StoreError`]; no request is left.
    pub fn ask(&mut self, kind: RequestKind, runs: &[String]) -> Result<Vec<i64>, StoreError> {
        self.0.transaction(|transaction| {
            let mut ask = transaction
                .prepare("INSERT INTO requests (kind, run, made_at) VALUES (?1, ?2, ?3)")?;
            runs.iter()
                .map(|run| ask.insert(params![kind.name(), run, now()]))
                .collect()
        })
    }

    /// The answer to a request, once it is carried out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn answer(&self, id: i64) -> Result<Option<String>, StoreError> {
        self.0
            .value("SELECT answer FROM requests WHERE id = ?1", [id])
    }
}

impl Store {
    /// Open requests, in the order in which they were made.
    pub(crate) fn requests(&self) -> Result<Vec<UserRequest>, StoreError> {
        let query = "SELECT id, kind, run FROM requests WHERE answer IS NULL ORDER BY id";
        let read = |row: &Row<'_>| {
            let (id, run) = (row.get(0)?, row.get(2)?);
            let kind = RequestKind::of(&row.get::<_, String>(1)?);
            Ok(kind.map(|kind| UserRequest { id, kind, run }))
        };
        // Leave requests of an unknown kind to a later version.
        let known: Vec<Option<UserRequest>> = self.database.rows(query, [], read)?;
        Ok(known.into_iter().flatten().collect())
    }

    /// Answers requests that are carried out.
    pub(crate) fn answer(&mut self, answers: &[(i64, String)]) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        self.database.transaction(|transaction| {
            let mut answer =
                transaction.prepare_cached("UPDATE requests SET answer = ?2 WHERE id = ?1")?;
            answers
                .iter()
                .try_for_each(|(id, words)| answer.execute(params![id, words]).map(drop))
        })
    }
}
