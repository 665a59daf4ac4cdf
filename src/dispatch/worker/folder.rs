//! The folder of a worker: tokens by digest, and attempts until the coordinator acknowledges them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::WorkerError;
use crate::exchange::{dropped, read_json};
use crate::protocol::{Assignment, AttemptKey, Digest};
use isoflop_core::run::{AttemptDir, RunDir, write_json};

/// The folder of a worker.
#[derive(Debug)]
pub(super) struct WorkerFolder {
    root: PathBuf,
    /// Locked while the worker runs. Otherwise two workers could deliver the same attempts.
    _lock: File,
}

/// An attempt in the folder of a worker.
#[derive(Clone, Debug)]
pub(super) struct KeptAttempt {
    pub(super) offer: Assignment,
    pub(super) run: RunDir,
    pub(super) attempt: AttemptDir,
}

impl WorkerFolder {
    pub(super) fn open(root: &Path) -> Result<Self, WorkerError> {
        let failed = |error| WorkerError::Folder(root.to_owned(), error);
        fs::create_dir_all(root.join("runs")).map_err(failed)?;
        fs::create_dir_all(root.join("tokens")).map_err(failed)?;
        let lock = File::create(root.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: std::path::absolute(root).map_err(failed)?,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(WorkerError::Locked(root.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Folder of the attempts.
    pub(super) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Path of the tokens with a digest.
    pub(super) fn tokens(&self, digest: &Digest) -> PathBuf {
        self.root.join("tokens").join(digest.as_str())
    }

    /// Stores an attempt, so that a later process can deliver it if this one is killed.
    pub(super) fn keep(&self, offer: Assignment) -> io::Result<KeptAttempt> {
        let kept = self.place(offer);
        fs::create_dir_all(kept.attempt.root())?;
        write_json(&offer_file(kept.run.root()), &kept.offer)?;
        Ok(kept)
    }

    /// Lists attempts that an earlier process of this worker left. A folder without a valid
    /// assignment is skipped: training had not started in it.
    pub(super) fn kept(&self) -> Vec<KeptAttempt> {
        let folders = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        let offers = folders.filter_map(|folder| read_json(&offer_file(&folder.path())));
        offers.map(|offer| self.place(offer)).collect()
    }

    fn place(&self, offer: Assignment) -> KeptAttempt {
        let AttemptKey {
            run,
            attempt,
            fence,
        } = &offer.held;
        let run = RunDir::at(self.runs().join(format!("{run}-{fence}")));
        KeptAttempt {
            attempt: run.attempt(*attempt),
            run,
            offer,
        }
    }
}

impl KeptAttempt {
    /// Deletes the attempt. A failure costs only space.
    pub(super) fn forget(&self) {
        let offer = fs::remove_file(offer_file(self.run.root()));
        dropped(offer, "cannot remove an assignment");
        let folder = fs::remove_dir_all(self.run.root());
        dropped(folder, "cannot remove the folder of an attempt");
    }
}

fn offer_file(folder: &Path) -> PathBuf {
    folder.join("offer.json")
}
