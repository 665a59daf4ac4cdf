//! The use cases of isoflop, as functions that return values: what the command line calls, and what a web page or a
//! binding would. They know no terminal.

mod cache;
mod dispatch_errors;
mod error;
mod fit;
mod listener;
mod predict;
mod report;
mod sizes;
mod study;
mod suggest;
mod sweep;
mod table;
mod text;
mod worker_errors;

pub use cache::cache;
pub use error::{AppError, ErrorKind};
pub use fit::{fit, fit_refusal, is_empty};
pub use listener::{Deaf, Listener};
pub use predict::{predict, prediction_refusal};
pub use report::{Report, report, report_of};
pub use study::{Origin, Studied, StudySource, study};
pub use suggest::{SuggestRequest, Suggested, suggest};
pub use sweep::{Sweep, named, open, recorded, remembered};
