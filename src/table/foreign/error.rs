//! Why a table is not usable.

use std::path::PathBuf;

use super::names::clause;
use super::roles::Role;

/// A table that is not usable, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}{fault}", self.begin())]
pub struct ForeignError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Box<ForeignFault>,
}

impl ForeignError {
    /// The message up to the words of the fault: the file, and where in it.
    fn begin(&self) -> String {
        use ForeignFault as F;
        let path = self.path.display();
        match &*self.fault {
            F::UnknownRole { .. } | F::MappedTwice { .. } => String::new(),
            F::NoSuchColumn { role, column, .. } => format!("`--map {role}={column}`: `{path}` "),
            F::NoRuns { rows, .. } => format!("none of the {rows} rows of `{path}` "),
            F::NotUtf8(line) | F::Nul(line) => format!("`{path}:{line}`: "),
            F::OneColumn { line, .. } | F::Ragged { line, .. } => format!("`{path}:{line}`: "),
            F::Value { row, .. } | F::Comma { row, .. } | F::PartAboveAll { row, .. } => {
                format!("`{path}{row}`: ")
            }
            F::Unread { .. } => format!("`{path}`: "),
            _ => format!("`{path}` "),
        }
    }
}

/// What is wrong with a table: the words behind the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum ForeignFault {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// By its name it is no kind of file that is read.
    #[error(
        "is no table by its name: it must end in `.csv`, `.tsv`, `.csv.zst`, `.tsv.zst` or `.parquet`"
    )]
    Extension,
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// There is no row in it.
    #[error("has a header and no rows")]
    HeaderOnly,
    /// It is in another encoding, or no text: the line of the first byte that is none.
    #[error("not UTF-8 text")]
    NotUtf8(u64),
    /// It is UTF-16, as spreadsheets call Unicode: its encoding's name to iconv.
    #[error("is UTF-16 text, and must be UTF-8")]
    Utf16(&'static str),
    /// It has a byte that no text has: the line of the first.
    #[error("a NUL byte, which no text has")]
    Nul(u64),
    /// The header has one column, by the separators that are known.
    #[error("the header has one column, `{header}`, and columns are separated by commas, semicolons or tabs{}", seeming.seen())]
    OneColumn {
        /// The line of the header.
        line: u64,
        /// The beginning of it.
        header: String,
        /// What it seems to be instead.
        seeming: OneColumn,
    },
    /// A row has too many values or too few.
    #[error("{found} values, where the header has {expected} columns")]
    Ragged {
        /// The line.
        line: u64,
        /// Values there.
        found: usize,
        /// Columns.
        expected: usize,
    },
    /// It is no Parquet, or a damaged one, as polars or zstd said.
    #[error("is no Parquet file that can be read: {0}")]
    NotParquet(String),
    /// It is no zstd file, or a damaged one.
    #[error("is no zstd file that can be read: {0}")]
    NotZstd(std::io::Error),
    /// `--map` names a role that there is not.
    #[error(
        "`--map {role}={column}`: there is no `{role}`{nearest}; the left side is one of {known}"
    )]
    UnknownRole {
        /// What was written.
        role: String,
        /// The column that it should be.
        column: String,
        /// Roles with a similar name, as a clause, or nothing.
        nearest: String,
        /// All roles.
        known: String,
    },
    /// `--map` gives two columns for one role.
    #[error("`--map` gives `{role}` twice: `{one}` and `{other}`")]
    MappedTwice {
        /// The role.
        role: &'static str,
        /// The first column.
        one: String,
        /// The second.
        other: String,
    },
    /// `--map` names a column that there is not.
    #[error("has no column `{column}`{nearest}\n  it has {has}")]
    NoSuchColumn {
        /// The role.
        role: &'static str,
        /// The column.
        column: String,
        /// Columns with a similar name, as a clause, or nothing.
        nearest: String,
        /// All columns.
        has: String,
    },
    /// A role that must have a column has none.
    #[error("has no column for `{}` ({}){}\n  it has {has}", role.name(), role.known().meaning, clause(nearest))]
    MissingColumn {
        /// The role.
        role: Role,
        /// Columns with a similar name, the most similar first.
        nearest: Vec<String>,
        /// All columns.
        has: String,
    },
    /// A role that must have a column has none, because `--map` gives that to another.
    #[error("has no column for `{role}`: `--map` takes its `{column}` as `{by}`\n  it has {has}")]
    ColumnTaken {
        /// The role without a column.
        role: &'static str,
        /// The column that has its name.
        column: String,
        /// The role that has the column.
        by: &'static str,
        /// All columns.
        has: String,
    },
    /// Several columns could have a role.
    #[error("has several columns for `{role}`: {candidates}")]
    Ambiguous {
        /// The role.
        role: &'static str,
        /// The columns.
        candidates: String,
        /// One of them, for the hint.
        example: String,
    },
    /// Two columns have one name.
    #[error("has the column `{0}` twice")]
    ColumnTwice(String),
    /// A value that no run can have.
    #[error("`{column}` is `{found}`, and must be {allowed}")]
    Value {
        /// The line or row, as it stands behind the name of the file.
        row: String,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What may.
        allowed: &'static str,
    },
    /// A number with a comma that may be a decimal point.
    #[error("`{column}` is `{found}`, and {}", match whole {
        Some(_) => "its comma may be a decimal point or part thousands",
        None => "must have a point where its decimals begin",
    })]
    Comma {
        /// The line or row, as it stands behind the name of the file.
        row: String,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// The number with a decimal point.
        decimal: String,
        /// The number where the comma parts thousands, if it may.
        whole: Option<String>,
    },
    /// A column of Parquet has a type that is not read.
    #[error("`{column}` is of the type {kind}, and must be of {}", if *named { "text" } else { "numbers" })]
    Unread {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
        /// Whether it has names.
        named: bool,
    },
    /// A part of the parameters is more than all of them.
    #[error("`{part}` is {of_part}, more than `{all}`, {of_all}")]
    PartAboveAll {
        /// The line or row, as it stands behind the name of the file.
        row: String,
        /// The column of parameters without the embedding.
        part: String,
        /// What stands there.
        of_part: f64,
        /// The column of all parameters.
        all: String,
        /// What stands there.
        of_all: f64,
    },
    /// Every row is left out.
    #[error("can be used\n{reasons}")]
    NoRuns {
        /// Rows.
        rows: usize,
        /// Why each was left out, a line a reason.
        reasons: String,
    },
}

/// What a header is that has one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneColumn {
    /// A header with another separator.
    Separated(char),
    /// A line in quotes.
    Quoted,
    /// A line of something else before the header.
    Comment,
    /// None of these.
    Unknown,
}

impl OneColumn {
    fn seen(self) -> String {
        match self {
            Self::Separated(' ') => "; here they seem to be separated by spaces".to_owned(),
            Self::Separated(separator) => {
                format!("; here they seem to be separated by `{separator}`")
            }
            Self::Quoted => "; here the whole line stands in quotes".to_owned(),
            Self::Comment => "; here a comment seems to stand before it".to_owned(),
            Self::Unknown => String::new(),
        }
    }
}
