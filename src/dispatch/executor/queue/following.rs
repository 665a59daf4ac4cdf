//! How a job that an engine has is followed to its end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::dialect::Dialect;
use super::engine::Engine;
use super::patience::LOOK;
use crate::exchange::{Depot, dropped, read_json};
use crate::executor::{Asked, ExecutionError, heard};
use isoflop_core::run::{AttemptDir, AttemptEnd, Unwritable, unwritable};

/// From `stop` to `cancel`: time for the step under way, a checkpoint, and a file system between two machines.
const GRACE: Duration = Duration::from_secs(60);

impl<D: Dialect> Engine<D> {
    /// Waits for the end of a job that was submitted, perhaps; ends it if that is asked for.
    pub(super) async fn follow(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        mut asked: watch::Receiver<Asked>,
    ) -> Result<AttemptEnd, ExecutionError> {
        let grace = self.policy.grace_seconds.value.seconds();
        tokio::select! {
            end = self.over(attempt, tag, grace) => return self.settle(attempt, tag, end).await,
            () = heard(&mut asked, Asked::Stop) => {}
        }
        // A job that begins from here on finds the file and does not train.
        unwant(attempt)?;
        if attempt.began().exists() {
            tokio::select! {
                end = self.over(attempt, tag, grace) => return end,
                () = tokio::time::sleep(GRACE) => {}
                () = heard(&mut asked, Asked::EndNow) => {}
            }
        }
        // What it says of one that has begun is of no interest; whether it is gone is asked below.
        if !self.is_cancelled(tag).await && !attempt.began().exists() {
            // Gone already, or with an engine that does not answer: it begins no more in either case.
            return Ok(lost(attempt));
        }
        tokio::select! {
            end = self.over(attempt, tag, Duration::ZERO) => end,
            () = tokio::time::sleep(GRACE) => Ok(lost(attempt)),
            () = heard(&mut asked, Asked::EndNow) => Ok(lost(attempt)),
        }
    }

    /// What follows from the end of a job that nobody asked to end. One that is lost, or has waited for too long, may be there after
    /// all: it is not to begin any more.
    async fn settle(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        end: Result<AttemptEnd, ExecutionError>,
    ) -> Result<AttemptEnd, ExecutionError> {
        match end {
            Ok(AttemptEnd::Lost { began, .. }) => {
                unwant(attempt)?;
                let fate = self.dialect.fate(tag).await;
                Ok(AttemptEnd::Lost { began, fate })
            }
            Ok(_) => end,
            Err(_) => {
                unwant(attempt)?;
                // Whether it is gone or only told to, it does not train.
                self.is_cancelled(tag).await;
                end
            }
        }
    }

    /// Has the engine end a job; says whether it did.
    async fn is_cancelled(&self, tag: &str) -> bool {
        dropped(self.dialect.cancel(tag).await, "a job was not cancelled").is_some()
    }

    /// Waits until the job has left word of its end, or the engine has not known it for the time of `grace`.
    ///
    /// # Errors
    /// [`ExecutionError::Refused`], when it and all others have waited for too long.
    async fn over(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        grace: Duration,
    ) -> Result<AttemptEnd, ExecutionError> {
        let (began, every) = (Instant::now(), self.policy.poll_seconds.value.seconds());
        let beat = self.depot().map_or(Duration::MAX, Depot::beat);
        let (mut missing, mut fetched): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            if fetched.is_none_or(|at| at.elapsed() >= beat) {
                self.fetch(attempt, tag).await?;
                fetched = Some(Instant::now());
            }
            if let Some(end) = read_json(&attempt.end()) {
                self.patience.one_began();
                return Ok(end);
            }
            match self.listing.knows(&self.dialect, tag, began, every).await {
                Some(false) => {
                    let since = *missing.get_or_insert_with(Instant::now);
                    if since.elapsed() >= grace {
                        debug!(tag, ?grace, "the engine does not know it any more");
                        // It may have ended between the last look and the answer.
                        self.fetch(attempt, tag).await?;
                        return Ok(read_json(&attempt.end()).unwrap_or_else(|| lost(attempt)));
                    }
                }
                Some(true) => {
                    missing = None;
                    self.wait_on(attempt)?;
                }
                // An engine that does not answer has lost nothing.
                None => {}
            }
            tokio::time::sleep(LOOK.min(every)).await;
        }
    }

    /// Waits on with a job that the engine has, if it or another has begun lately enough.
    fn wait_on(&self, attempt: &AttemptDir) -> Result<(), ExecutionError> {
        if attempt.began().exists() {
            self.patience.one_began();
            return Ok(());
        }
        self.patience.one_waits().map_err(ExecutionError::Refused)
    }
}

/// Asks an attempt that an engine has, or had, to end with a checkpoint, or not to begin. It is done by whoever executes it.
///
/// # Errors
/// [`Unwritable`].
pub fn unwant(attempt: &AttemptDir) -> Result<(), Unwritable> {
    std::fs::write(attempt.stop(), "").map_err(unwritable(&attempt.stop()))
}

fn lost(attempt: &AttemptDir) -> AttemptEnd {
    AttemptEnd::lost(attempt.began().exists())
}
