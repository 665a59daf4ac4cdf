//! Execution of an attempt by a job, from a folder or a storage.

use tokio::signal::unix::SignalKind;
use tokio::sync::watch;
use tracing::debug;

use super::super::error::WorkerError;
use super::claim::JobResult;
use super::{shared, stored};
use crate::exchange::{Note, StorageAddress, runtime};
use crate::executor::{Signals, StopRequest, TrainerProgram, raise_request};
use isoflop_core::run::AttemptDir;

/// Location of an attempt.
#[derive(Clone, Debug)]
pub enum JobAddress {
    /// In a folder that is shared with the coordinator.
    Folder(AttemptDir),
    /// In a storage, under its tag.
    Storage(StorageAddress, String),
}

/// Executes an attempt and writes its results to its location, the end last. SIGTERM, SIGINT,
/// SIGUSR1 and the coordinator can request a checkpoint and the end.
///
/// # Errors
/// [`WorkerError`]. The coordinator then learns from the engine that the job is over.
pub fn attend(
    address: &JobAddress,
    trainer: TrainerProgram,
    note: Note,
) -> Result<JobResult, WorkerError> {
    runtime()?.block_on(async {
        // Install the handlers before the claim. Otherwise a signal from the engine could kill the
        // job before the trainer has started.
        let mut signals = Signals::new(&[SignalKind::user_defined1()])?;
        let asked = watch::channel(StopRequest::Nothing).0;
        let attended = async {
            match address {
                JobAddress::Folder(attempt) => {
                    shared::execute_shared(attempt, &trainer, &asked, note).await
                }
                JobAddress::Storage(storage, tag) => {
                    stored::execute_stored(storage, tag, trainer, &asked, note).await
                }
            }
        };
        tokio::pin!(attended);
        loop {
            tokio::select! {
                attended = &mut attended => return attended,
                () = signals.next() => {
                    debug!("signal received: requesting a checkpoint and the end");
                    raise_request(&asked, StopRequest::Stop);
                }
            }
        }
    })
}
