//! The use cases of isoflop, as functions that return values.
//!
//! The command line calls them; a web page or a language binding can do the same. They print no
//! output: notes, warnings and progress go to a [`Listener`].
//!
//! ```no_run
//! use isoflop_app::{AppError, PlanRequest, SilentListener, StudySource, fit, plan, study};
//! use isoflop_fit::FitSettings;
//!
//! fn main() -> Result<(), AppError> {
//!     let estimate = plan(
//!         &PlanRequest {
//!             file: "sweeps/quickstart.yaml".into(),
//!             results: "results".into(),
//!             ..PlanRequest::default()
//!         },
//!         &mut SilentListener,
//!     )?;
//!     assert_eq!(estimate.sweep.plan.runs.len(), 36);
//!
//!     let source = StudySource {
//!         name: "quickstart".into(),
//!         results: "results".into(),
//!         ..StudySource::default()
//!     };
//!     let studied = study(&source, &mut SilentListener)?;
//!     let fits = fit(&studied, &FitSettings::new(&studied.baseline))?;
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
pub use changes::{ObsoleteRun, SweepChanges};
pub use drive_request::DriveRequest;
pub use engine::{engine_difference, slots_by_engine};
pub use error::{AppError, ErrorKind};
pub use fit::{fit, fit_refusal};
pub use import::{ImportRequest, ImportSummary, import};
pub use listen::ListenOptions;
pub use listener::{Listener, SilentListener};
pub use plan::{PlanEstimate, PlanRequest, plan};
pub use predict::{predict, prediction_refusal};
pub use report::{ReportFiles, report};
pub use requests::{AnswerListener, RunSelection, send_requests};
pub use resume::resume;
pub use run::run;
pub use runs::{RunLocation, find_run, run_label};
pub use session::Session;
pub use session_end::SessionEnd;
pub use status::{DeviceTime, SweepStatus, status};
pub use study::{NamedStudy, StudyOrigin, StudySource, study};
pub use suggest::{BoundedSuggestion, SuggestRequest, suggest};
pub use sweep::PlannedSweep;
