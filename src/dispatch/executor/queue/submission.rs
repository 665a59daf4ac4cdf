//! Submission of jobs to their engine.

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::backend::QueueBackend;
use super::engine::QueueEngine;
use super::following::request_stop;
use super::job::QueueJob;
use crate::executor::{ExecutionError, StopRequest, wait_for_request};
use isoflop_core::run::AttemptDir;

impl<D: QueueBackend> QueueEngine<D> {
    /// Submits a job to the engine. If the engine has answered before and does not answer now, its
    /// controller may be restarting. Then this retries until it answers, or the attempt must stop.
    ///
    /// # Errors
    /// [`ExecutionError::Refused`], if the engine rejects the job, or has never answered.
    pub(super) async fn submit_job(
        &self,
        attempt: &AttemptDir,
        job: &QueueJob,
        asked: &mut watch::Receiver<StopRequest>,
    ) -> Result<(), ExecutionError> {
        let (tag, every) = (&job.tag, self.policy.poll_seconds.value.seconds());
        let mut refused = false;
        loop {
            let Err(error) = self.backend.submit(job).await else {
                self.listing.record_answer();
                debug!(tag, "job submitted");
                return Ok(());
            };
            let (kind, words) = (error.kind(), error.to_string());
            debug!(tag, kind, error = words, "cannot submit the job");
            let (listing, now) = (&self.listing, Instant::now());
            let known = listing.lists(&self.backend, tag, now, every).await;
            // The response was lost, but the job was submitted.
            if known == Some(true) || attempt.began().exists() {
                return Ok(());
            }
            // The engine may have come back between the two requests, so only a second rejection
            // counts.
            if !self.listing.has_answered() || (known.is_some() && refused) {
                // If the job was submitted after all, it must not start.
                request_stop(attempt)?;
                return Err(ExecutionError::Refused(error));
            }
            refused = known.is_some();
            if known.is_none() {
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    () = wait_for_request(asked, StopRequest::Stop) => return Ok(()),
                }
            }
        }
    }
}
