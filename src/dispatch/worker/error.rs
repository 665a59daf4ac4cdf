//! Why nothing more is executed here.

use std::io;
use std::path::PathBuf;

use crate::exchange::{AddressError, ExchangeError, StorageError};
use crate::executor::SpawnError;
use crate::protocol::{Refusal, SAME_ISOFLOP};
use isoflop_core::run::Unwritable;

/// Why a worker ends.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The coordinator cannot be called.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The storage cannot be used.
    #[error("the storage `{0}` cannot be used: {1}")]
    Storage(String, StorageError),
    /// The folder cannot be used.
    #[error("cannot use the folder `{0}`: {1}")]
    Folder(PathBuf, io::Error),
    /// There is no such attempt, or it cannot be read.
    #[error("`{0}` is no launch file: {1}")]
    NoLaunch(PathBuf, io::Error),
    /// The folder of an attempt cannot be written to.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// Another worker uses the folder.
    #[error("another worker uses the folder `{0}`")]
    Locked(PathBuf),
    /// The coordinator will not have it.
    #[error("{}", .0.error)]
    Refused(Refusal),
    /// The trainer cannot be started.
    #[error("{0}")]
    Trainer(#[from] SpawnError),
    /// This machine does not let it work.
    #[error("this machine does not let it work: {0}")]
    Here(#[from] io::Error),
    /// Trainers of an earlier process of it are still there.
    #[error("trainers of an earlier worker in this folder cannot be ended: processes {0:?}")]
    Survivors(Vec<i32>),
}

impl WorkerError {
    /// A refusal that the same isoflop on both machines would cure.
    pub(super) fn other_isoflop(error: impl ToString) -> Self {
        Self::Refused(Refusal::new(error, SAME_ISOFLOP))
    }
}

impl From<ExchangeError> for WorkerError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(refusal) => Self::Refused(refusal),
            ExchangeError::Here(error) => Self::Here(error),
            ExchangeError::Unanswered(said) => Self::other_isoflop(said),
            ExchangeError::Missing => {
                Self::other_isoflop("the coordinator does not know what it is asked")
            }
        }
    }
}
