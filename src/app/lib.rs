//! The use cases of isoflop, as functions that return values: what the command line calls, and what a web page or a
//! binding would. They know no terminal: what there is to tell meanwhile goes to a [`Listener`].
//!
//! ```no_run
//! use isoflop_app::{AppError, Deaf, PlanRequest, StudySource, fit, plan, study};
//! use isoflop_fit::Settings;
//!
//! fn main() -> Result<(), AppError> {
//!     let outlook = plan(
//!         &PlanRequest {
//!             file: "sweeps/quickstart.yaml".into(),
//!             results: "results".into(),
//!             ..PlanRequest::default()
//!         },
//!         &mut Deaf,
//!     )?;
//!     assert_eq!(outlook.sweep.plan.runs.len(), 36);
//!
//!     let source = StudySource {
//!         name: "quickstart".into(),
//!         results: "results".into(),
//!         ..StudySource::default()
//!     };
//!     let studied = study(&source, &mut Deaf)?;
//!     let fits = fit(&studied, &Settings::new(&studied.baseline))?;
//!     for comparison in &fits.comparisons {
//!         println!("{comparison:?}");
//!     }
//!     Ok(())
//! }
//! ```

mod cache;
mod changes;
mod dispatch_errors;
mod drive_request;
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
mod requests;
mod resume;
mod run;
mod runs;
mod session;
mod session_end;
mod sizes;
mod status;
mod study;
mod suggest;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod worker_errors;

pub use cache::cache_folder;
pub use changes::{Changes, Unwanted};
pub use drive_request::DriveRequest;
pub use engine::{by_engine, unlike};
pub use error::{AppError, ErrorKind};
pub use fit::{fit, fit_refusal};
pub use import::{Import, ImportRequest, import};
pub use listen::ListenOptions;
pub use listener::{Deaf, Listener};
pub use plan::{Outlook, PlanRequest, plan};
pub use predict::{predict, prediction_refusal};
pub use report::{Report, report};
pub use requests::{Answered, RunSelection, ask_all};
pub use resume::resume;
pub use run::run;
pub use runs::{Found, find_run, run_label};
pub use session::Session;
pub use session_end::SessionEnd;
pub use status::{Status, status};
pub use study::{Origin, Studied, StudySource, study};
pub use suggest::{SuggestRequest, Suggested, suggest};
pub use sweep::Sweep;
