//! Errors of the coordinator, its store and its engines.

use super::{AppError, ErrorKind};
use isoflop_dispatch::coordinator::{DriveError, ImportError, LockError, ResumeError};
use isoflop_dispatch::exchange::TokenError;
use isoflop_dispatch::executor::{DeviceError, TrainerMissing};
use isoflop_dispatch::store::StoreError;

impl From<LockError> for AppError {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held { .. } => "wait for it to end, or choose another `--results` folder",
            LockError::Unwritable { .. } => "choose a writable `--results` folder",
        };
        Self::bug(error, hint)
    }
}

impl From<TrainerMissing> for AppError {
    fn from(error: TrainerMissing) -> Self {
        Self::new(
            ErrorKind::ExecutorUnreachable,
            error,
            "build it with `make build`, or give its path with `--trainer`",
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
                Self::bug(error, "run the same command again; finished runs are kept")
            }
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Newer { .. } => "use the isoflop version that wrote it, or a newer one",
            StoreError::Database { .. } | StoreError::Unwritable { .. } => {
                "free space and check that the folder is writable; finished runs are kept"
            }
            StoreError::Damaged { .. } => {
                "move the file away; `isoflop run` rebuilds it from the results folder, and finished runs are kept"
            }
        };
        Self::bug(error, hint)
    }
}

impl From<ResumeError> for AppError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Store(error) => error.into(),
            ResumeError::Survivors(_) => Self::bug(
                error,
                "end these processes with `kill -9`, then run the same command again",
            ),
        }
    }
}

impl From<ImportError> for AppError {
    fn from(error: ImportError) -> Self {
        let hint = match &error {
            ImportError::Unreadable { .. } => "make it readable, then run the same command again",
            ImportError::Unwritable { .. } => {
                "free space or choose another `--results` folder, then run the same command again; imported runs are kept"
            }
        };
        Self::bug(error, hint)
    }
}

impl From<TokenError> for AppError {
    fn from(error: TokenError) -> Self {
        let hint = match &error {
            TokenError::Unreadable(..) => "give a file that you can read".to_owned(),
            TokenError::Open(path, _) => {
                format!(
                    "run `chmod 600 {}`, and make a new token if other users may have read it",
                    path.display()
                )
            }
            TokenError::NoToken(_) => "write the token into it, without any other text".to_owned(),
        };
        Self::new(ErrorKind::ExecutorUnreachable, error, hint)
    }
}
