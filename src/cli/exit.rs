//! Exit codes.

use isoflop_app::ErrorKind;

/// Exit codes of `isoflop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All went well.
    Ok,
    /// Stopped by the user; running it again goes on.
    Interrupted,
    /// It failed, in one of these ways.
    Failed(ErrorKind),
}

impl Exit {
    /// The code.
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
