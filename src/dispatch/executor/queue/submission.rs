//! How a job is given to its engine.

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::dialect::Dialect;
use super::engine::Engine;
use super::following::unwant;
use super::job::Job;
use crate::executor::{Asked, ExecutionError, heard};
use isoflop_core::run::AttemptDir;

impl<D: Dialect> Engine<D> {
    /// Gives a job to the engine. One that was there before and does not answer now is waited for, unless the attempt is to stop: its
    /// controller may be starting again.
    ///
    /// # Errors
    /// [`ExecutionError::Refused`], when it is there and does not take it, or was never there.
    pub(super) async fn give(
        &self,
        attempt: &AttemptDir,
        job: &Job,
        asked: &mut watch::Receiver<Asked>,
    ) -> Result<(), ExecutionError> {
        let (tag, every) = (&job.tag, self.policy.poll_seconds.value.seconds());
        let mut refused = false;
        loop {
            let Err(error) = self.dialect.submit(job).await else {
                self.listing.it_answers();
                debug!(tag, "the engine has taken it");
                return Ok(());
            };
            let (kind, words) = (error.kind(), error.to_string());
            debug!(tag, kind, error = words, "the engine has not taken it");
            let (listing, now) = (&self.listing, Instant::now());
            let known = listing.knows(&self.dialect, tag, now, every).await;
            // The answer was lost, and not the job.
            if known == Some(true) || attempt.began().exists() {
                return Ok(());
            }
            // It may have come back between the two questions: what it refuses, it refuses twice.
            if !self.listing.has_answered() || (known.is_some() && refused) {
                // If it was taken after all, it is not to begin.
                unwant(attempt)?;
                return Err(ExecutionError::Refused(error));
            }
            refused = known.is_some();
            if known.is_none() {
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    () = heard(asked, Asked::Stop) => return Ok(()),
                }
            }
        }
    }
}
