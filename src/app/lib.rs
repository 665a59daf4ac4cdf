//! The use cases of isoflop, as functions that return values: what the command line calls, and what a web page or a
//! binding would. They know no terminal.

mod cache;
mod changes;
mod dispatch_errors;
mod engine;
mod error;
mod fit;
mod import;
mod listen;
mod listener;
mod memory;
mod plan;
mod predict;
mod report;
mod resume;
mod run;
mod session;
mod session_end;
mod sizes;
mod study;
mod suggest;
mod sweep;
mod table;
mod text;
mod worker_errors;

pub use cache::cache;
pub use changes::{Changes, Unwanted};
pub use engine::{by_engine, unlike};
pub use error::{AppError, ErrorKind};
pub use fit::{fit, fit_refusal, is_empty};
pub use import::{Import, ImportRequest, import};
pub use listen::ListenOptions;
pub use listener::{Deaf, Listener};
pub use plan::{Outlook, PlanRequest, plan};
pub use predict::{predict, prediction_refusal};
use report::report_of;
pub use report::{Report, report};
pub use resume::resume;
pub use run::run;
pub use session::{DriveRequest, Session};
pub use session_end::SessionEnd;
pub use study::{Origin, Studied, StudySource, study};
pub use suggest::{SuggestRequest, Suggested, suggest};
pub use sweep::{Sweep, named, recorded};
