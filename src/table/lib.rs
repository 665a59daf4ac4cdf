//! Outcomes and metrics as tables, and the tables as Parquet. The other way, tables of
//! runs that others measured. The only home of polars.

mod collect;
mod foreign;
mod parquet;
mod rows;
mod study;

pub use collect::{Tables, collect};
pub use foreign::{Foreign, ForeignError, Note, Role, column_names, is_table, read_foreign};
pub use parquet::TableError;
pub use rows::{CurveRow, Measured, RunRow, RunStatus};
