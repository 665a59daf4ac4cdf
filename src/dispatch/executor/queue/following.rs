//! Following of submitted jobs until their end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::backend::QueueBackend;
use super::engine::QueueEngine;
use super::pending_timeout::LOOK;
use crate::exchange::{StorageExchange, dropped, read_json};
use crate::executor::{ExecutionError, StopRequest, wait_for_request};
use isoflop_core::run::{AttemptDir, AttemptEnd, WriteError, unwritable};

/// Time from the file `stop` to the cancellation: enough for the current step, a checkpoint, and
/// the delay of a shared file system.
const GRACE: Duration = Duration::from_secs(60);

impl<D: QueueBackend> QueueEngine<D> {
    /// Waits for the end of a job, which may not have been submitted. Ends it on request.
    pub(super) async fn follow(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        mut asked: watch::Receiver<StopRequest>,
    ) -> Result<AttemptEnd, ExecutionError> {
        let grace = self.policy.grace_seconds.value.seconds();
        tokio::select! {
            end = self.wait_for_end(attempt, tag, grace) => return self.settle(attempt, tag, end).await,
            () = wait_for_request(&mut asked, StopRequest::Stop) => {}
        }
        // A job that starts from now on finds the file and does not train.
        request_stop(attempt)?;
        if attempt.began().exists() {
            tokio::select! {
                end = self.wait_for_end(attempt, tag, grace) => return end,
                () = tokio::time::sleep(GRACE) => {}
                () = wait_for_request(&mut asked, StopRequest::EndNow) => {}
            }
        }
        // The result of the cancellation matters only for a job that has not started. The end of a
        // started job is awaited below.
        if !self.cancel_job(tag).await && !attempt.began().exists() {
            // The job has ended, or the engine does not answer. In both cases it will not train any
            // more.
            return Ok(lost(attempt));
        }
        tokio::select! {
            end = self.wait_for_end(attempt, tag, Duration::ZERO) => end,
            () = tokio::time::sleep(GRACE) => Ok(lost(attempt)),
            () = wait_for_request(&mut asked, StopRequest::EndNow) => Ok(lost(attempt)),
        }
    }

    /// Completes the end of a job that was not asked to end. A job that is lost, or has waited for
    /// too long, may still be in the queue and must not start.
    async fn settle(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        end: Result<AttemptEnd, ExecutionError>,
    ) -> Result<AttemptEnd, ExecutionError> {
        match end {
            Ok(AttemptEnd::Lost { began, .. }) => {
                request_stop(attempt)?;
                let fate = self.backend.fate(tag).await;
                Ok(AttemptEnd::Lost { began, fate })
            }
            Ok(_) => end,
            Err(_) => {
                request_stop(attempt)?;
                // The file `stop` keeps it from training even if the cancellation fails.
                self.cancel_job(tag).await;
                end
            }
        }
    }

    /// Cancels a job. Returns true if the engine did so.
    async fn cancel_job(&self, tag: &str) -> bool {
        dropped(self.backend.cancel(tag).await, "cannot cancel a job").is_some()
    }

    /// Waits until the job has written its end, or the engine has not listed it for `grace`.
    ///
    /// # Errors
    /// [`ExecutionError::Refused`], if all jobs have waited for too long.
    async fn wait_for_end(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        grace: Duration,
    ) -> Result<AttemptEnd, ExecutionError> {
        let (began, every) = (Instant::now(), self.policy.poll_seconds.value.seconds());
        let beat = self.storage().map_or(Duration::MAX, StorageExchange::beat);
        let (mut missing, mut fetched): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            if fetched.is_none_or(|at| at.elapsed() >= beat) {
                self.fetch(attempt, tag).await?;
                fetched = Some(Instant::now());
            }
            if let Some(end) = read_json(&attempt.end()) {
                self.pending_timeout.job_started();
                return Ok(end);
            }
            match self.listing.lists(&self.backend, tag, began, every).await {
                Some(false) => {
                    let since = *missing.get_or_insert_with(Instant::now);
                    if since.elapsed() >= grace {
                        debug!(tag, ?grace, "the engine no longer lists the job");
                        // The job may have ended between the last fetch and the listing.
                        self.fetch(attempt, tag).await?;
                        return Ok(read_json(&attempt.end()).unwrap_or_else(|| lost(attempt)));
                    }
                }
                Some(true) => {
                    missing = None;
                    self.check_waiting(attempt)?;
                }
                // In an outage of the engine, no job counts as lost.
                None => {}
            }
            tokio::time::sleep(LOOK.min(every)).await;
        }
    }

    /// Checks that the wait for a listed job may continue: the job has started, or the limit on
    /// waiting is not reached.
    fn check_waiting(&self, attempt: &AttemptDir) -> Result<(), ExecutionError> {
        if attempt.began().exists() {
            self.pending_timeout.job_started();
            return Ok(());
        }
        self.pending_timeout
            .job_waits()
            .map_err(ExecutionError::Refused)
    }
}

/// Requests, by the file `stop`, that an attempt end with a checkpoint or not start. The job that
/// executes the attempt reads the file.
///
/// # Errors
/// [`WriteError`].
pub fn request_stop(attempt: &AttemptDir) -> Result<(), WriteError> {
    std::fs::write(attempt.stop(), "").map_err(unwritable(&attempt.stop()))
}

fn lost(attempt: &AttemptDir) -> AttemptEnd {
    AttemptEnd::lost(attempt.began().exists())
}
