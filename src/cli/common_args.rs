//! Options that several commands have.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Folders {
    /// Folder of results
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(super) results: PathBuf,
    /// Folder of reports
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub(super) reports: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct TrainerArgs {
    /// Trainer program [default: isoflop-trainer beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(super) trainer: Option<PathBuf>,
}

/// Where the runs that a command names are looked for.
#[derive(Debug, Args)]
pub(super) struct SweepFilter {
    /// Look among the runs of this sweep alone
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<String>,
    #[command(flatten)]
    pub(super) folders: Folders,
}
