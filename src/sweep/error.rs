//! What is wrong with a sweep file: where, what was found, what is allowed, and what to do.

use std::path::{Path, PathBuf};

/// A fault in a sweep file, or in what it names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.prefix())]
pub struct SweepError {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl SweepError {
    fn prefix(&self) -> String {
        match self.place {
            Some((line, column)) => format!("`{}:{line}:{column}`: ", self.path.display()),
            None => format!("`{}`: ", self.path.display()),
        }
    }
}

/// A fault that is not yet known to be of a file: checks see values and places alone.
#[derive(Debug)]
pub(super) struct Fault {
    /// Line and column, from 1.
    pub(super) place: Option<(u64, u64)>,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Fault {
    /// A fault of the file as a whole.
    pub(super) fn whole(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn in_file(self, path: &Path) -> SweepError {
        SweepError {
            path: path.to_owned(),
            place: self.place,
            message: self.message,
            hint: self.hint,
        }
    }
}

/// A hint: the nearest allowed word, if any is near.
pub fn nearest(found: &str, allowed: &[&str], what: &str) -> String {
    let score = |name: &&&str| (strsim::jaro_winkler(found, name) * 1e6) as u64;
    match allowed
        .iter()
        .max_by_key(score)
        .filter(|name| score(name) > 750_000)
    {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("use an allowed {what}, or remove this one"),
    }
}
