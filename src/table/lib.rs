//! Tables of runs: Parquet tables of the outcomes and metrics of a sweep, and readers for tables
//! of runs that other people measured. No other crate uses polars.

mod cell;
#[cfg(test)]
mod committed_tests;
mod curves;
mod documentation;
mod foreign;
mod live;
#[cfg(test)]
mod live_tests;
mod parquet;
mod row;
mod run_status;
mod runs;
mod study;
mod tables;

pub use curves::CurveRow;
pub use documentation::documentation;
pub use foreign::{
    ColumnRole, ForeignError, ForeignFault, ForeignTable, TableNote, column_names, is_table,
    read_foreign,
};
pub use live::{collect, follow};
pub use parquet::TableError;
pub use run_status::RunStatus;
pub use runs::RunRow;
pub use tables::SweepTables;
