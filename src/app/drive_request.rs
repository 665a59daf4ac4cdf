//! What a user says of a drive.

use std::path::PathBuf;

use super::ListenOptions;

/// How a sweep is to be driven.
#[derive(Clone, Debug, Default)]
pub struct DriveRequest {
    /// Most runs that are started.
    pub max_runs: Option<usize>,
    /// End when the engine has as many jobs as it may: the next session follows them.
    pub detach: bool,
    /// Trainer program; by itself the one beside this program.
    pub trainer: Option<PathBuf>,
    /// Where workers call.
    pub listen: ListenOptions,
}
