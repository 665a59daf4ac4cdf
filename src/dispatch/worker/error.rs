//! Errors that end a worker or a job.

use std::io;
use std::path::PathBuf;

use crate::exchange::{AddressError, ExchangeError, StorageError};
use crate::executor::SpawnError;
use crate::protocol::{RequestRefusal, SAME_ISOFLOP};
use isoflop_core::run::WriteError;

/// Error that ends a worker or a job.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The address of the coordinator is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The storage cannot be used.
    #[error("cannot use the storage `{0}`: {1}")]
    Storage(String, StorageError),
    /// The folder cannot be used.
    #[error("cannot use the folder `{0}`: {1}")]
    Folder(PathBuf, io::Error),
    /// The attempt's launch file cannot be read.
    #[error("cannot read the launch file `{0}`: {1}")]
    NoLaunch(PathBuf, io::Error),
    /// The folder of an attempt cannot be written to.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
    /// Another worker uses the folder.
    #[error("the folder `{0}` is in use by another worker")]
    Locked(PathBuf),
    /// The coordinator or the storage refused a request.
    #[error("{}", .0.error)]
    Refused(RequestRefusal),
    /// The trainer cannot be started.
    #[error("{0}")]
    Trainer(#[from] SpawnError),
    /// I/O error of this machine.
    #[error("I/O error on this machine: {0}")]
    Here(#[from] io::Error),
    /// Trainers of an earlier worker process are still running.
    #[error("cannot kill the trainers of an earlier worker in this folder: processes {0:?}")]
    Survivors(Vec<i32>),
}

impl WorkerError {
    /// Makes a refusal whose hint is to install the same isoflop on both machines.
    pub(super) fn other_isoflop(error: impl ToString) -> Self {
        Self::Refused(RequestRefusal::new(error, SAME_ISOFLOP))
    }
}

impl From<ExchangeError> for WorkerError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(refusal) => Self::Refused(refusal),
            ExchangeError::Io(error) => Self::Here(error),
            ExchangeError::NoResponse(said) => Self::other_isoflop(said),
            ExchangeError::Missing => {
                Self::other_isoflop("the coordinator does not know this request")
            }
        }
    }
}
