//! What the calls of workers share: the office, the files that they may fetch, and where things are written; and the calls that say how an attempt goes on and how it ended.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Json, State};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tracing::debug;

use super::door::Caller;
use super::failure::Failure;
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

    /// The folder of an attempt that a worker holds.
    pub(super) fn attempt(&self, worker: &str, held: &Held) -> Option<AttemptDir> {
        let known = self.office.lock().heard(held, worker, Instant::now())?;
        Some(known.attempt)
    }
}

/// A worker is there, and brings what its trainer said.
pub(super) async fn beat(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Json(beat): Json<Beat>,
) -> Result<Json<BeatAnswer>, Failure> {
    let Caller { worker } = caller;
    // Held while it is written: two beats of one attempt, the second for want of an answer to the first, stay in order.
    let mut office = desk.office.lock();
    let Some(known) = office.heard(&beat.held, &worker, Instant::now()) else {
        debug!(held = %beat.held, "nobody wants it from this worker: it is to forget it");
        return Ok(Json(BeatAnswer {
            order: Order::Forget,
            offset: 0,
        }));
    };
    let who = serde_json::json!({ "worker": worker });
    note(&known.attempt.worker(), &who)?;
    if beat.began {
        note(&known.attempt.began(), &who)?;
    }
    let order = known.order;
    let offset = append(&known.attempt, beat.offset, beat.events.as_bytes())?;
    Ok(Json(BeatAnswer { order, offset }))
}

/// An attempt is over: once this has returned, its worker may forget it.
pub(super) async fn end(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Json(end): Json<End>,
) -> Result<Json<EndAnswer>, Failure> {
    let _one_at_a_time = desk.delivering.lock().await;
    let now = Instant::now();
    let known = desk.office.lock().heard(&end.held, &caller.worker, now);
    let Some(known) = known else {
        debug!(held = %end.held, "nobody wants its end from this worker");
        return Ok(Json(EndAnswer::Unwanted));
    };
    let (held, how) = (end.held.clone(), end.end.clone());
    let delivered = tokio::task::spawn_blocking(move || deliver(&known.attempt, &end)).await;
    let answer = delivered.map_err(io::Error::from)??;
    debug!(%held, end = how.words(), ?answer, "a worker tells of its end");
    if answer == EndAnswer::Taken {
        desk.office.lock().end(&held, how);
    }
    Ok(Json(answer))
}
