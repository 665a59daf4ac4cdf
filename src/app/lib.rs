//! The use cases of isoflop, as functions that return values: what the command line calls, and what a web page or a
//! binding would. They know no terminal.

mod dispatch_errors;
mod error;
mod worker_errors;

pub use error::{AppError, ErrorKind};
