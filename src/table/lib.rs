//! Outcomes and metrics as tables, and the tables as Parquet. The other way, tables of
//! runs that others measured. The only home of polars.

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
    Foreign, ForeignError, ForeignFault, Note, Role, column_names, is_table, read_foreign,
};
pub use live::{collect, follow};
pub use parquet::TableError;
pub use run_status::RunStatus;
pub use runs::RunRow;
pub use tables::Tables;
