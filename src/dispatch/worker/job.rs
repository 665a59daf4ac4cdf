//! One attempt that an engine executes, as `isoflop attempt` does it.

mod shared;
mod stored;

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Value, json};
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;
use tracing::debug;

use super::error::WorkerError;
use super::host::host;
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

/// What became of an attempt here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It is over, which its coordinator finds where the attempt lies.
    Ended,
    /// It is executed elsewhere, or was: the engine has started it twice.
    Elsewhere,
    /// It is not there: it was given up, or is over.
    Unwanted,
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

/// Who claims an attempt: this process, by a mark that no other has. A job that an engine queues again after its node has died finds
/// the attempt claimed: the coordinator sees that job end and makes an attempt of its own, with a token of its own.
fn claimant() -> io::Result<Value> {
    let mut mark = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut mark))?;
    let mark = u128::from_le_bytes(mark).to_string();
    Ok(json!({ "host": host(), "process": std::process::id(), "mark": mark }))
}
