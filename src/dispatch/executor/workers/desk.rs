//! What the calls of workers share: the office, the files that they may fetch, and where things are written.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tracing::debug;

use super::office::Office;
use crate::exchange::{Blobs, append, deliver, note};
use crate::protocol::{Beat, BeatAnswer, Digest, End, EndAnswer, Held, Order};
use isoflop_core::run::AttemptDir;

/// What the calls of workers share.
#[derive(Debug)]
pub(super) struct Desk {
    /// What the sweep is called.
    pub(super) sweep: String,
    /// Its changes are single assignments: it is whole after any panic.
    pub(super) office: Mutex<Office>,
    blobs: Mutex<HashMap<Digest, PathBuf>>,
    /// Something may be there for those who wait.
    pub(super) news: Notify,
    /// Ends are written down one at a time.
    delivering: AsyncMutex<()>,
}

impl Desk {
    pub(super) fn new(sweep: String, office: Office) -> Self {
        Self {
            sweep,
            office: Mutex::new(office),
            blobs: Mutex::default(),
            news: Notify::new(),
            delivering: AsyncMutex::default(),
        }
    }

    /// Lets workers fetch files.
    pub(super) fn show(&self, blobs: Blobs) {
        self.blobs.lock().extend(blobs);
    }

    /// Where the bytes of a digest lie, if workers may have them.
    pub(super) fn blob(&self, digest: &Digest) -> Option<PathBuf> {
        self.blobs.lock().get(digest).cloned()
    }

    /// A worker is there, and brings what its trainer said.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn beat(&self, worker: &str, beat: &Beat) -> io::Result<BeatAnswer> {
        // Held while it is written: two beats of one attempt, the second for want of an answer to the first, stay in order.
        let mut office = self.office.lock();
        let Some(known) = office.heard(&beat.held, worker, Instant::now()) else {
            debug!(held = %beat.held, "nobody wants it from this worker: it is to forget it");
            return Ok(BeatAnswer {
                order: Order::Forget,
                offset: 0,
            });
        };
        let who = serde_json::json!({ "worker": worker });
        note(&known.attempt.worker(), &who)?;
        if beat.began {
            note(&known.attempt.began(), &who)?;
        }
        let offset = append(&known.attempt, beat.offset, beat.events.as_bytes())?;
        Ok(BeatAnswer {
            order: known.order,
            offset,
        })
    }

    /// An attempt is over: once this has returned, its worker may forget it.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) async fn end(&self, worker: &str, end: End) -> io::Result<EndAnswer> {
        let _one_at_a_time = self.delivering.lock().await;
        let known = self.office.lock().heard(&end.held, worker, Instant::now());
        let Some(known) = known else {
            debug!(held = %end.held, "nobody wants its end from this worker");
            return Ok(EndAnswer::Unwanted);
        };
        let (held, how) = (end.held.clone(), end.end.clone());
        let answer = tokio::task::spawn_blocking(move || deliver(&known.attempt, &end)).await??;
        debug!(%held, end = how.words(), ?answer, "a worker tells of its end");
        if answer == EndAnswer::Taken {
            self.office.lock().end(&held, how);
        }
        Ok(answer)
    }

    /// The folder of an attempt that a worker holds.
    pub(super) fn attempt(&self, worker: &str, held: &Held) -> Option<AttemptDir> {
        let known = self.office.lock().heard(held, worker, Instant::now())?;
        Some(known.attempt)
    }
}
