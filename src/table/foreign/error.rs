//! Errors of tables that are not usable.

use std::path::PathBuf;

use super::names::clause;
use super::roles::ColumnRole;

/// A table that is not usable, with the fault.
#[derive(Debug, thiserror::Error)]
#[error("{}{fault}", self.prefix())]
pub struct ForeignError {
    /// Path of the file.
    pub path: PathBuf,
    /// Fault of the file.
    pub fault: Box<ForeignFault>,
}

impl ForeignError {
    /// Returns the start of the message: the file and the location in it.
    fn prefix(&self) -> String {
        use ForeignFault as F;
        let path = self.path.display();
        match &*self.fault {
            F::UnknownRole { .. } | F::DuplicateMapping { .. } => String::new(),
            F::Unreadable(_) => format!("cannot read `{path}`: "),
            F::NotUtf8(line) | F::Nul(line) => format!("`{path}:{line}`: "),
            F::OneColumn { line, .. } | F::Ragged { line, .. } => format!("`{path}:{line}`: "),
            F::Value { row, .. }
            | F::AmbiguousComma { row, .. }
            | F::ParamsWithoutEmbeddingTooLarge { row, .. } => {
                format!("`{path}{row}`: ")
            }
            F::UnknownColumn { .. }
            | F::MissingColumn { .. }
            | F::ColumnTaken { .. }
            | F::Ambiguous { .. }
            | F::DuplicateColumn(_)
            | F::UnsupportedType { .. } => format!("`{path}`: "),
            _ => format!("`{path}` "),
        }
    }
}

/// Fault of a table: the message after the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum ForeignFault {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(std::io::Error),
    /// The file name has no supported extension.
    #[error(
        "is not a table: its name must end in `.csv`, `.tsv`, `.csv.zst`, `.tsv.zst` or `.parquet`"
    )]
    Extension,
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// The file has no rows.
    #[error("has a header but no rows")]
    HeaderOnly,
    /// The file has another encoding, or is not text. Contains the line of the first invalid byte.
    #[error("invalid UTF-8")]
    NotUtf8(u64),
    /// The file is UTF-16, which spreadsheets call Unicode. Contains iconv's name of the encoding.
    #[error("is encoded in UTF-16: expected UTF-8")]
    Utf16(&'static str),
    /// The file has a NUL byte. Contains its line.
    #[error("unexpected NUL byte")]
    Nul(u64),
    /// The header has only one column.
    #[error("the header has only one column, `{header}`: expected columns separated by commas, semicolons or tabs{}", seeming.description())]
    OneColumn {
        /// Line of the header.
        line: u64,
        /// Start of the header.
        header: String,
        /// Probable cause.
        seeming: OneColumn,
    },
    /// A row has too many or too few values.
    #[error("expected {expected} values, as in the header, found {found}")]
    Ragged {
        /// Line of the row.
        line: u64,
        /// Number of values.
        found: usize,
        /// Number of columns.
        expected: usize,
    },
    /// The file is not Parquet, or is damaged. Contains the error of polars.
    #[error("is not a valid Parquet file: {0}")]
    NotParquet(String),
    /// The file is not compressed by zstd, or is damaged.
    #[error("is not a valid zstd file: {0}")]
    NotZstd(std::io::Error),
    /// `--map` names an unknown role.
    #[error("`--map {role}={column}`: unknown name `{role}`{nearest}; expected one of {known}")]
    UnknownRole {
        /// Role that was given.
        role: String,
        /// Column that was given.
        column: String,
        /// Roles with a similar name, as the end of the message.
        nearest: String,
        /// All roles, for the message.
        known: String,
    },
    /// `--map` names two columns for one role.
    #[error("`--map` names two columns for `{role}`: `{one}` and `{other}`")]
    DuplicateMapping {
        /// Role.
        role: &'static str,
        /// First column.
        one: String,
        /// Second column.
        other: String,
    },
    /// `--map` names an unknown column.
    #[error(
        "unknown column `{column}` in `--map {role}={column}`{nearest}\n  its columns are {has}"
    )]
    UnknownColumn {
        /// Role that was given.
        role: &'static str,
        /// Column that was given.
        column: String,
        /// Columns with a similar name, as the end of the message.
        nearest: String,
        /// All columns.
        has: String,
    },
    /// A required role has no column.
    #[error("missing column for `{}` ({}){}\n  its columns are {has}", role.name(), role.known().meaning, clause(nearest))]
    MissingColumn {
        /// Role without a column.
        role: ColumnRole,
        /// Columns with a similar name, the most similar first.
        nearest: Vec<String>,
        /// All columns.
        has: String,
    },
    /// A required role has no column, because `--map` assigns it to another role.
    #[error(
        "missing column for `{role}`: `--map` uses its column `{column}` for `{by}`\n  its columns are {has}"
    )]
    ColumnTaken {
        /// Role without a column.
        role: &'static str,
        /// Column with the name of the role.
        column: String,
        /// Role that `--map` assigns to the column.
        by: &'static str,
        /// All columns.
        has: String,
    },
    /// Several columns match a role.
    #[error("several columns match `{role}`: {candidates}")]
    Ambiguous {
        /// Role.
        role: &'static str,
        /// Matching columns, for the message.
        candidates: String,
        /// First of them, for the hint.
        example: String,
    },
    /// Two columns have one name.
    #[error("duplicate column `{0}`")]
    DuplicateColumn(String),
    /// A value that a run cannot have.
    #[error("invalid `{column}`: expected {allowed}, found `{found}`")]
    Value {
        /// Line or row, as printed after the name of the file.
        row: String,
        /// Column.
        column: String,
        /// Value in the table.
        found: String,
        /// Values that are allowed.
        allowed: &'static str,
    },
    /// A number with a comma that may be a decimal point.
    #[error("invalid `{column}`: {} `{found}`{}", match whole {
        Some(_) => "the comma in",
        None => "expected a decimal point, found the comma in",
    }, match whole {
        Some(_) => " may be a decimal point or separate thousands",
        None => "",
    })]
    AmbiguousComma {
        /// Line or row, as printed after the name of the file.
        row: String,
        /// Column.
        column: String,
        /// Value in the table.
        found: String,
        /// The number with a decimal point.
        decimal: String,
        /// The number without the comma, if that may separate thousands.
        whole: Option<String>,
    },
    /// A column of a Parquet file has an unsupported type.
    #[error("column `{column}` has an unsupported type: expected {}, found {kind}", if *named { "text" } else { "numbers" })]
    UnsupportedType {
        /// Column.
        column: String,
        /// Its type.
        kind: String,
        /// True if its role needs names, not numbers.
        named: bool,
    },
    /// The parameters without the embedding exceed all parameters.
    #[error("`{part}` is {of_part}, larger than `{all}`, which is {of_all}")]
    ParamsWithoutEmbeddingTooLarge {
        /// Line or row, as printed after the name of the file.
        row: String,
        /// Column of the parameters without the embedding.
        part: String,
        /// Its value.
        of_part: f64,
        /// Column of all parameters.
        all: String,
        /// Its value.
        of_all: f64,
    },
    /// Every row is left out.
    #[error("has no usable run in {rows} rows\n{reasons}")]
    NoRuns {
        /// Number of rows.
        rows: usize,
        /// Reasons with the number of rows, one per line.
        reasons: String,
    },
}

/// Probable cause of a header with only one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneColumn {
    /// The header has another separator.
    Separated(char),
    /// The line is in quotes.
    Quoted,
    /// A comment precedes the header.
    Comment,
    /// Another cause.
    Unknown,
}

impl OneColumn {
    fn description(self) -> String {
        match self {
            Self::Separated(' ') => ", found spaces".to_owned(),
            Self::Separated(separator) => {
                format!(", found `{separator}`")
            }
            Self::Quoted => ", found the whole line in quotes".to_owned(),
            Self::Comment => ", found a comment before the header".to_owned(),
            Self::Unknown => String::new(),
        }
    }
}
