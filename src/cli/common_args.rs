//! Options of several commands.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// Folder of results
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(super) results: PathBuf,
    /// Folder of reports
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub(super) reports: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct TrainerArgs {
    /// Trainer program [default: isoflop-trainer next to this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(super) trainer: Option<PathBuf>,
}

/// Sweeps that are searched for the runs of a command.
#[derive(Debug, Args)]
pub(super) struct SweepFilter {
    /// Search only the runs of this sweep
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<String>,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
}
