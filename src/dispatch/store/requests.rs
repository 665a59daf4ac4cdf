//! What other commands ask of the coordinator, and its answers.

use rusqlite::params;

use super::rows::Reader;
use super::schema::{StoreError, of};
use super::write::{Store, now};

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: i64,
    /// What is asked for.
    pub kind: RequestKind,
    /// Of which run.
    pub run: String,
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
        let path = self.path.clone();
        let mut ask = || {
            let transaction = self.connection.transaction()?;
            let mut ids = Vec::new();
            for run in runs {
                let row = params![kind.name(), run, now()];
                transaction.execute(
                    "INSERT INTO requests (kind, run, made_at) VALUES (?1, ?2, ?3)",
                    row,
                )?;
                ids.push(transaction.last_insert_rowid());
            }
            transaction.commit().map(|()| ids)
        };
        ask().map_err(of(&path))
    }

    /// The answer to a request, once it is carried out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn answer(&self, id: i64) -> Result<Option<String>, StoreError> {
        let query = "SELECT answer FROM requests WHERE id = ?1";
        self.connection
            .query_row(query, [id], |row| row.get(0))
            .map_err(of(&self.path))
    }
}

impl Store {
    /// Requests that are not carried out yet, in the order in which they were made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn requests(&self) -> Result<Vec<Request>, StoreError> {
        let query = || {
            let mut statement = self.connection().prepare_cached(
                "SELECT id, kind, run FROM requests WHERE answer IS NULL ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                let kind: String = row.get(1)?;
                Ok(RequestKind::of(&kind).map(|kind| (row.get(0), kind, row.get(2))))
            })?;
            let mut requests = Vec::new();
            for row in rows {
                // A kind that a later version may know waits for it.
                if let Some((id, kind, run)) = row? {
                    requests.push(Request {
                        id: id?,
                        kind,
                        run: run?,
                    });
                }
            }
            Ok(requests)
        };
        query().map_err(of(self.path()))
    }

    /// Answers requests that are carried out.
    ///
    /// # Errors
    /// [`StoreError`]: none is answered.
    pub fn answer(&mut self, answers: &[(i64, String)]) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        self.transaction(|transaction| {
            let mut statement =
                transaction.prepare_cached("UPDATE requests SET answer = ?2 WHERE id = ?1")?;
            answers
                .iter()
                .try_for_each(|(id, answer)| statement.execute(params![id, answer]).map(drop))
        })
    }
}
