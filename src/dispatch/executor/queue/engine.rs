//! Executor for engines with a queue.

use std::sync::Arc;

use tokio::sync::watch;

use super::backend::QueueBackend;
use super::job::{JobFiles, QueueJob, tag};
use super::job_listing::JobListing;
use super::pending_timeout::PendingTimeout;
use crate::exchange::{BackendError, ExchangeError, StorageExchange, dropped};
use crate::executor::{
    Execution, ExecutionError, Executor, Outage, SpawnError, StopRequest, wait_for_request,
};
use isoflop_core::run::{AttemptDir, AttemptEnd, TrainerExit, unwritable};
use isoflop_sweep::QueuePolicy;

/// Executor for an engine with a queue.
#[derive(Debug)]
pub(super) struct QueueExecutor<D>(Arc<QueueEngine<D>>);

#[derive(Debug)]
pub(super) struct QueueEngine<D> {
    pub(super) backend: D,
    pub(super) policy: QueuePolicy,
    files: JobFiles,
    pub(super) listing: JobListing,
    pub(super) pending_timeout: PendingTimeout,
}

impl<D: QueueBackend> QueueExecutor<D> {
    pub(super) fn new(dialect: D, policy: &QueuePolicy, files: JobFiles) -> Self {
        Self(Arc::new(QueueEngine {
            pending_timeout: PendingTimeout::new(dialect.deadline()),
            backend: dialect,
            policy: policy.clone(),
            files,
            listing: JobListing::default(),
        }))
    }
}

impl<D: QueueBackend> Executor for QueueExecutor<D> {
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        asked: watch::Receiver<StopRequest>,
    ) -> Result<Execution, SpawnError> {
        let (engine, attempt) = (self.0.clone(), attempt.clone());
        let job = QueueJob::write(&attempt, threads, &engine.files);
        let job = job.map_err(SpawnError::of(engine.files.trainer(), &attempt))?;
        let (takes, taken) = watch::channel(false);
        let mut hears = asked.clone();
        let end = async move {
            if let Some(depot) = engine.storage() {
                tokio::select! {
                    brought = depot.upload(&attempt, &job.tag) => brought.map_err(|error| storage_error(&attempt, error))?,
                    () = wait_for_request(&mut hears, StopRequest::Stop) => return Ok(AttemptEnd::Exit(TrainerExit::Preempted as i32)),
                }
            }
            let given = engine.submit_job(&attempt, &job, &mut hears).await;
            takes.send_replace(given.is_ok());
            let end = match given {
                Ok(()) => engine.follow(&attempt, &job.tag, asked).await,
                Err(error) => Err(error),
            };
            engine.clear(&job.tag).await;
            end
        };
        Ok(Execution {
            pid: None,
            taken,
            end: Box::pin(end),
        })
    }

    fn adopt(
        &self,
        attempt: &AttemptDir,
        asked: watch::Receiver<StopRequest>,
    ) -> Option<Execution> {
        let (engine, attempt) = (self.0.clone(), attempt.clone());
        let tag = dropped(tag(&attempt), "cannot read the launch file of an attempt")?;
        let end = Box::pin(async move {
            let end = engine.follow(&attempt, &tag, asked).await;
            engine.clear(&tag).await;
            end
        });
        // Assumed: if the engine never accepted the job, it counts as lost.
        Some(Execution {
            pid: None,
            taken: watch::channel(true).1,
            end,
        })
    }

    fn has_a_queue(&self) -> bool {
        true
    }

    fn outage(&self) -> Option<Outage> {
        let storage = || self.0.storage()?.silence().map(Outage::StorageAway);
        let silent = self.0.listing.last_error().map(Outage::Silent);
        silent.or_else(storage)
    }
}

impl<D: QueueBackend> QueueEngine<D> {
    pub(super) fn storage(&self) -> Option<&StorageExchange> {
        match &self.files {
            JobFiles::Stored(depot) => Some(depot),
            JobFiles::Shared { .. } => None,
        }
    }

    /// Removes the objects of a job that is over. If the job still starts, it finds no assignment
    /// and ends.
    async fn clear(&self, tag: &str) {
        if let Some(depot) = self.storage() {
            depot.clear(tag).await;
        }
    }

    /// Fetches the results of a job, unless it writes to the attempt's folder itself.
    pub(super) async fn fetch(
        &self,
        attempt: &AttemptDir,
        tag: &str,
    ) -> Result<(), ExecutionError> {
        let Some(depot) = self.storage() else {
            return Ok(());
        };
        let looked = depot.fetch_results(attempt, tag).await;
        looked.map_err(|error| storage_error(attempt, error))
    }
}

/// Converts an error of the storage, which would affect any attempt.
fn storage_error(attempt: &AttemptDir, error: ExchangeError) -> ExecutionError {
    match error {
        ExchangeError::Io(source) => unwritable(attempt.root())(source).into(),
        other => ExecutionError::Refused(BackendError::Rejected(format!(
            "the storage refused it: {other}"
        ))),
    }
}
