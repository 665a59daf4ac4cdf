//! What a worker keeps: tokens by digest, and an attempt until it is acknowledged.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::WorkerError;
use crate::exchange::{dropped, read_json};
use crate::protocol::{Digest, Held, Offer};
use isoflop_core::run::{AttemptDir, RunDir, write_json};

/// The folder of a worker.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Held while the worker lives: two would take each other's attempts for their own.
    _lock: File,
}

/// An attempt in it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) offer: Offer,
    pub(super) run: RunDir,
    pub(super) attempt: AttemptDir,
}

impl Folder {
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

    /// Attempts.
    pub(super) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Tokens of a digest.
    pub(super) fn tokens(&self, digest: &Digest) -> PathBuf {
        self.root.join("tokens").join(digest.as_str())
    }

    /// Keeps an attempt from here on, over this process's death too.
    pub(super) fn keep(&self, offer: Offer) -> io::Result<Kept> {
        let kept = self.place(offer);
        fs::create_dir_all(kept.attempt.root())?;
        write_json(&offer_file(kept.run.root()), &kept.offer)?;
        Ok(kept)
    }

    /// What an earlier process of this worker has kept. What is no attempt is no loss: nothing was trained in it yet.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let folders = fs::read_dir(self.runs()).into_iter().flatten().flatten();
        let offers = folders.filter_map(|folder| read_json(&offer_file(&folder.path())));
        offers.map(|offer| self.place(offer)).collect()
    }

    fn place(&self, offer: Offer) -> Kept {
        let Held {
            run,
            attempt,
            fence,
        } = &offer.held;
        let run = RunDir::at(self.runs().join(format!("{run}-{fence}")));
        Kept {
            attempt: run.attempt(*attempt),
            run,
            offer,
        }
    }
}

impl Kept {
    /// Forgets the attempt; what cannot be removed costs only space.
    pub(super) fn forget(&self) {
        let offer = fs::remove_file(offer_file(self.run.root()));
        dropped(offer, "an offer was not removed");
        let folder = fs::remove_dir_all(self.run.root());
        dropped(folder, "an attempt was not removed");
    }
}

fn offer_file(folder: &Path) -> PathBuf {
    folder.join("offer.json")
}
