//! Exit codes.

use std::process::ExitCode;

use isoflop_app::ErrorKind;

/// Exit codes of `isoflop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// All went well.
    Ok = 0,
    /// A fault of isoflop, or of the machine.
    Bug = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The sweep file, a corpus that it names, or a table of runs is not usable.
    BadSweep = 3,
    /// Some runs failed; the others are done.
    RunsFailed = 4,
    /// There is too little to fit.
    FitImpossible = 5,
    /// Nothing can be executed: no trainer, no device, too little memory.
    ExecutorUnreachable = 6,
    /// Stopped by the user; running it again goes on.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Bug => Self::Bug,
            ErrorKind::Usage => Self::Usage,
            ErrorKind::BadSweep => Self::BadSweep,
            ErrorKind::RunsFailed => Self::RunsFailed,
            ErrorKind::FitImpossible => Self::FitImpossible,
            ErrorKind::ExecutorUnreachable => Self::ExecutorUnreachable,
        }
    }
}
