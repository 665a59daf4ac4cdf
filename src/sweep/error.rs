//! Errors of a sweep file: location, message and hint.

use std::path::{Path, PathBuf};

/// An error in a sweep file, or in a file that it names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.prefix())]
pub struct SweepError {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1.
    pub location: Option<(u64, u64)>,
    /// Message, with the value found and the values allowed.
    pub message: String,
    /// Action that fixes the error.
    pub hint: String,
}

impl SweepError {
    fn prefix(&self) -> String {
        match self.location {
            Some((line, column)) => format!("`{}:{line}:{column}`: ", self.path.display()),
            None => format!("`{}`: ", self.path.display()),
        }
    }
}

/// An error without its file: checks see only values and locations.
#[derive(Debug)]
pub(super) struct ValueError {
    /// Line and column, from 1.
    pub(super) place: Option<(u64, u64)>,
    pub(super) message: String,
    pub(super) hint: String,
}

impl ValueError {
    /// An error of the file as a whole.
    pub(super) fn of_file(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn in_file(self, path: &Path) -> SweepError {
        SweepError {
            path: path.to_owned(),
            location: self.place,
            message: self.message,
            hint: self.hint,
        }
    }
}

/// A hint that suggests the nearest allowed word, if one is similar.
pub fn suggestion(found: &str, allowed: &[&str], what: &str) -> String {
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
