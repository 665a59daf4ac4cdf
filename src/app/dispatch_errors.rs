//! Errors of the coordinator, its store and its engines.

use super::{AppError, ErrorKind};
use isoflop_dispatch::coordinator::{DriveError, ImportError, LockError, ResumeError};
use isoflop_dispatch::exchange::TokenError;
use isoflop_dispatch::executor::{DeviceError, TrainerMissing};
use isoflop_dispatch::store::StoreError;

impl From<LockError> for AppError {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held { .. } => "wait for it to end, or use another `--results` folder",
            LockError::Unwritable { .. } => "choose a `--results` folder that can be written to",
        };
        Self::bug(error, hint)
    }
}

impl From<TrainerMissing> for AppError {
    fn from(error: TrainerMissing) -> Self {
        Self::new(
            ErrorKind::ExecutorUnreachable,
            error,
            "build it with `make build`, or name it with `--trainer`",
        )
    }
}

impl From<DeviceError> for AppError {
    fn from(error: DeviceError) -> Self {
        Self::new(
            ErrorKind::ExecutorUnreachable,
            error,
            "use `device: auto` or `device: cpu`",
        )
    }
}

impl From<DriveError> for AppError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Store(error) => error.into(),
            DriveError::Runtime(_) | DriveError::Stale { .. } => {
                Self::bug(error, "run the same command again: finished runs are kept")
            }
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Newer { .. } => "use the isoflop that made it, or a later one",
            StoreError::Database { .. } | StoreError::Unwritable { .. } => {
                "free space and check that the folder can be written to; finished runs are kept"
            }
            StoreError::Damaged { .. } => {
                "move the file away: `isoflop run` makes it anew from the results folder; finished runs are kept"
            }
        };
        Self::bug(error, hint)
    }
}

impl From<ResumeError> for AppError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Store(error) => error.into(),
            ResumeError::Survivors(_) => {
                Self::bug(error, "end them, then run the same command again")
            }
        }
    }
}

impl From<ImportError> for AppError {
    fn from(error: ImportError) -> Self {
        let hint = match &error {
            ImportError::Unreadable { .. } => "make it readable, then run the same command again",
            ImportError::Unwritable { .. } => {
                "free space or choose another `--results` folder, then run the same command again: what is imported is kept"
            }
        };
        Self::bug(error, hint)
    }
}

impl From<TokenError> for AppError {
    fn from(error: TokenError) -> Self {
        let hint = match &error {
            TokenError::Unreadable(..) => "give the path of a file that you can read".to_owned(),
            TokenError::Open(path, _) => {
                format!(
                    "`chmod 600 {}`, and make a new token if others may have read it",
                    path.display()
                )
            }
            TokenError::NoToken(_) => "put the token into it, and nothing else".to_owned(),
        };
        Self::new(ErrorKind::ExecutorUnreachable, error, hint)
    }
}
