//! Options of a drive.

use std::path::PathBuf;

use super::ListenOptions;

/// Options of a drive over a sweep.
#[derive(Clone, Debug, Default)]
pub struct DriveRequest {
    /// Limit on the number of runs that are started.
    pub max_runs: Option<usize>,
    /// True to exit when the engine has as many jobs as it accepts. The next session follows them.
    pub detach: bool,
    /// Trainer program; `isoflop-trainer` next to this program if `None`.
    pub trainer: Option<PathBuf>,
    /// Options of the server for workers.
    pub listen: ListenOptions,
}
