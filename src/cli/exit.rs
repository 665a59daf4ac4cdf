//! Exit codes.

use isoflop_app::ErrorKind;

/// Exit codes of `isoflop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitReason {
    /// Success.
    Ok,
    /// Stopped by the user. Running the command again continues.
    Interrupted,
    /// Failed, with an error of this kind.
    Failed(ErrorKind),
}

impl ExitReason {
    /// The exit code of the process.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed(ErrorKind::Bug) => 1,
            Self::Failed(ErrorKind::Usage) => 2,
            Self::Failed(ErrorKind::BadSweep) => 3,
            Self::Failed(ErrorKind::RunsFailed) => 4,
            Self::Failed(ErrorKind::FitImpossible) => 5,
            Self::Failed(ErrorKind::ExecutorUnreachable) => 6,
            Self::Interrupted => 130,
        }
    }
}
