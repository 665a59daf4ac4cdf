//! An engine with a queue, as the coordinator has it.

use std::sync::Arc;

use tokio::sync::watch;

use super::dialect::Dialect;
use super::job::{Job, JobFiles, tag};
use super::listing::Listing;
use super::patience::Patience;
use crate::exchange::{BackendError, Depot, ExchangeError, dropped};
use crate::executor::{Asked, Execution, ExecutionError, Executor, SpawnError, Trouble, heard};
use isoflop_core::run::{AttemptDir, AttemptEnd, TrainerExit, unwritable};
use isoflop_sweep::QueuePolicy;

/// An engine with a queue.
#[derive(Debug)]
pub(super) struct Queue<D>(Arc<Engine<D>>);

#[derive(Debug)]
pub(super) struct Engine<D> {
    pub(super) dialect: D,
    pub(super) policy: QueuePolicy,
    files: JobFiles,
    pub(super) listing: Listing,
    pub(super) patience: Patience,
}

impl<D: Dialect> Queue<D> {
    pub(super) fn new(dialect: D, policy: &QueuePolicy, files: JobFiles) -> Self {
        Self(Arc::new(Engine {
            patience: Patience::new(dialect.deadline()),
            dialect,
            policy: policy.clone(),
            files,
            listing: Listing::default(),
        }))
    }
}

impl<D: Dialect> Executor for Queue<D> {
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError> {
        let (engine, attempt) = (self.0.clone(), attempt.clone());
        let job = Job::write(&attempt, threads, &engine.files);
        let job = job.map_err(SpawnError::of(engine.files.trainer(), &attempt))?;
        let (takes, taken) = watch::channel(false);
        let mut hears = asked.clone();
        let end = async move {
            if let Some(depot) = engine.depot() {
                tokio::select! {
                    brought = depot.bring(&attempt, &job.tag) => brought.map_err(|error| unbrought(&attempt, error))?,
                    () = heard(&mut hears, Asked::Stop) => return Ok(AttemptEnd::Exit(TrainerExit::Preempted as i32)),
                }
            }
            let given = engine.give(&attempt, &job, &mut hears).await;
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

    fn adopt(&self, attempt: &AttemptDir, asked: watch::Receiver<Asked>) -> Option<Execution> {
        let (engine, attempt) = (self.0.clone(), attempt.clone());
        let tag = dropped(tag(&attempt), "its launch file was not read")?;
        let end = Box::pin(async move {
            let end = engine.follow(&attempt, &tag, asked).await;
            engine.clear(&tag).await;
            end
        });
        // If it was not, it is lost, as it would be with any coordinator there.
        Some(Execution {
            pid: None,
            taken: watch::channel(true).1,
            end,
        })
    }

    fn has_a_queue(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<Trouble> {
        let storage = || self.0.depot()?.silence().map(Trouble::StorageAway);
        let silent = self.0.listing.silence().map(Trouble::Silent);
        silent.or_else(storage)
    }
}

impl<D: Dialect> Engine<D> {
    pub(super) fn depot(&self) -> Option<&Depot> {
        match &self.files {
            JobFiles::Stored(depot) => Some(depot),
            JobFiles::Shared { .. } => None,
        }
    }

    /// Forgets a job that is over: one that is there after all finds that nobody wants it.
    async fn clear(&self, tag: &str) {
        if let Some(depot) = self.depot() {
            depot.clear(tag).await;
        }
    }

    /// Fetches what a job has brought, where that does not lie in the attempt's folder by itself.
    pub(super) async fn fetch(
        &self,
        attempt: &AttemptDir,
        tag: &str,
    ) -> Result<(), ExecutionError> {
        let Some(depot) = self.depot() else {
            return Ok(());
        };
        let looked = depot.look(attempt, tag).await;
        looked.map_err(|error| unbrought(attempt, error))
    }
}

/// What a storage has against an attempt: it would have it against all.
fn unbrought(attempt: &AttemptDir, error: ExchangeError) -> ExecutionError {
    match error {
        ExchangeError::Here(source) => unwritable(attempt.root())(source).into(),
        other => ExecutionError::Refused(BackendError::Rejected(format!(
            "the storage does not take it: {other}"
        ))),
    }
}
