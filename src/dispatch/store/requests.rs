//! What other commands ask of the coordinator, and its answers.

use rusqlite::{Row, params};

use super::error::StoreError;
use super::reader::Reader;
use super::write::{Store, now};

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Its number.
    pub(crate) id: i64,
    /// What is asked for.
    pub(crate) kind: RequestKind,
    /// Of which run.
    pub(crate) run: String,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// To give a run up.
    Cancel,
    /// To try a run again that was given up.
    Retry,
}

impl RequestKind {
    /// The request in a word.
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

impl Reader {
    /// Leaves a request for the coordinator, for each of the runs; returns their numbers.
    ///
    /// # Errors
    /// [`StoreError`]: none is left.
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
    /// Requests that are not carried out yet, in the order in which they were made.
    pub(crate) fn requests(&self) -> Result<Vec<Request>, StoreError> {
        let query = "SELECT id, kind, run FROM requests WHERE answer IS NULL ORDER BY id";
        let read = |row: &Row<'_>| {
            let (id, run) = (row.get(0)?, row.get(2)?);
            let kind = RequestKind::of(&row.get::<_, String>(1)?);
            Ok(kind.map(|kind| Request { id, kind, run }))
        };
        // A kind that a later version may know waits for it.
        let known: Vec<Option<Request>> = self.database.rows(query, [], read)?;
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
