//! Reader of tables of other people's runs, in CSV or Parquet.
//!
//! A row is a run. Columns are found by their usual names (docs/fitting.md lists them) or by
//! `--map`. Notes report assumptions and values that look wrong. A value that a run cannot have is
//! an error with its line.

mod delimited;
mod encoding;
mod error;
mod file;
mod find;
mod hint;
mod names;
mod note;
mod outliers;
mod parquet;
mod placement;
mod repeats;
mod roles;
mod rows;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod training_logs;
mod value;
mod warnings;

pub use error::{ForeignError, ForeignFault};
pub use file::is_table;
pub use note::TableNote;
pub use roles::{ColumnRole, column_names};
pub use table::{ForeignTable, read_foreign};
