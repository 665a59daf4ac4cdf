//! Shared state of the routes for workers, and the routes for heartbeats and for the ends of
//! attempts.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Json, State};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tracing::debug;

use super::authentication::AuthenticatedWorker;
use super::lease_table::LeaseTable;
use super::request_error::RequestError;
use crate::exchange::{Blobs, append, deliver, write_note};
use crate::protocol::{
    AttemptKey, AttemptOrder, Digest, EndRequest, EndResponse, Heartbeat, HeartbeatResponse,
};
use isoflop_core::run::AttemptDir;

/// Shared state of the routes for workers.
#[derive(Debug)]
pub(super) struct LeaseService {
    /// Name of the sweep.
    pub(super) sweep: String,
    /// Leases. Each change is a single assignment, so the table is consistent after a panic.
    pub(super) leases: Mutex<LeaseTable>,
    blobs: Mutex<HashMap<Digest, PathBuf>>,
    /// Wakes claims that wait for an attempt.
    pub(super) news: Notify,
    /// Locked while an end is written: ends are written one at a time.
    delivering: AsyncMutex<()>,
}

impl LeaseService {
    pub(super) fn new(sweep: String, office: LeaseTable) -> Self {
        Self {
            sweep,
            leases: Mutex::new(office),
            blobs: Mutex::default(),
            news: Notify::new(),
            delivering: AsyncMutex::default(),
        }
    }

    /// Lets workers fetch files.
    pub(super) fn offer_blobs(&self, blobs: Blobs) {
        self.blobs.lock().extend(blobs);
    }

    /// Path of the blob with a digest, if workers may fetch it.
    pub(super) fn blob(&self, digest: &Digest) -> Option<PathBuf> {
        self.blobs.lock().get(digest).cloned()
    }

    /// Folder of an attempt, if the worker holds its lease.
    pub(super) fn attempt(&self, worker: &str, held: &AttemptKey) -> Option<AttemptDir> {
        let known = self.leases.lock().renew(held, worker, Instant::now())?;
        Some(known.attempt)
    }
}

/// Handles a heartbeat, with events of the trainer.
pub(super) async fn beat(
    State(desk): State<Arc<LeaseService>>,
    Extension(caller): Extension<AuthenticatedWorker>,
    Json(beat): Json<Heartbeat>,
) -> Result<Json<HeartbeatResponse>, RequestError> {
    let AuthenticatedWorker { worker } = caller;
    // Locked while events are written. Otherwise a heartbeat and its retry could be written out of
    // order.
    let mut office = desk.leases.lock();
    let Some(known) = office.renew(&beat.held, &worker, Instant::now()) else {
        debug!(held = %beat.held, "lease not held by this worker: ordering it to drop the attempt");
        return Ok(Json(HeartbeatResponse {
            order: AttemptOrder::Forget,
            offset: 0,
        }));
    };
    let who = serde_json::json!({ "worker": worker });
    write_note(&known.attempt.worker(), &who)?;
    if beat.began {
        write_note(&known.attempt.began(), &who)?;
    }
    let order = known.order;
    let offset = append(&known.attempt, beat.offset, beat.events.as_bytes())?;
    Ok(Json(HeartbeatResponse { order, offset }))
}

/// Handles the end of an attempt. After the response, the worker may delete it.
pub(super) async fn end(
    State(desk): State<Arc<LeaseService>>,
    Extension(caller): Extension<AuthenticatedWorker>,
    Json(end): Json<EndRequest>,
) -> Result<Json<EndResponse>, RequestError> {
    let _one_at_a_time = desk.delivering.lock().await;
    let now = Instant::now();
    let known = desk.leases.lock().renew(&end.held, &caller.worker, now);
    let Some(known) = known else {
        debug!(held = %end.held, "lease not held by this worker: its end is ignored");
        return Ok(Json(EndResponse::Unwanted));
    };
    let (held, how) = (end.held.clone(), end.end.clone());
    let delivered = tokio::task::spawn_blocking(move || deliver(&known.attempt, &end)).await;
    let answer = delivered.map_err(io::Error::from)??;
    debug!(%held, end = how.message(), ?answer, "attempt ended");
    if answer == EndResponse::Taken {
        desk.leases.lock().end(&held, how);
    }
    Ok(Json(answer))
}
