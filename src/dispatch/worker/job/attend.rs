//! An attempt, wherever it lies.

use tokio::signal::unix::SignalKind;
use tokio::sync::watch;
use tracing::debug;

use super::super::error::WorkerError;
use super::claim::Attended;
use super::{shared, stored};
use crate::exchange::{Note, StorageAddress, runtime};
use crate::executor::{Asked, Signals, Trainer, ask};
use isoflop_core::run::AttemptDir;

/// Where an attempt lies.
#[derive(Clone, Debug)]
pub enum JobAddress {
    /// In a folder that its coordinator sees too.
    Folder(AttemptDir),
    /// In a storage, under its tag.
    Storage(StorageAddress, String),
}

/// Executes an attempt and leaves there what it brought, its end last. SIGTERM, SIGINT, SIGUSR1 and the coordinator ask for a checkpoint
/// and the end.
///
/// # Errors
/// [`WorkerError`]; its coordinator then learns from the engine that it is over.
pub fn attend(address: &JobAddress, trainer: Trainer, note: Note) -> Result<Attended, WorkerError> {
    runtime()?.block_on(async {
        // Before anything is claimed: what the engine sends from here on is heard when the trainer is there, and kills nothing before.
        let mut signals = Signals::new(&[SignalKind::user_defined1()])?;
        let asked = watch::channel(Asked::Nothing).0;
        let attended = async {
            match address {
                JobAddress::Folder(attempt) => {
                    shared::attend(attempt, &trainer, &asked, note).await
                }
                JobAddress::Storage(storage, tag) => {
                    stored::attend(storage, tag, trainer, &asked, note).await
                }
            }
        };
        tokio::pin!(attended);
        loop {
            tokio::select! {
                attended = &mut attended => return attended,
                () = signals.next() => {
                    debug!("a signal asks for a checkpoint and the end");
                    ask(&asked, Asked::Stop);
                }
            }
        }
    })
}
