//! Engines with a queue of their own, whichever way they are spoken to: what they have in common. They forget jobs, start them twice and
//! use numbers again; so a job is known by its tag, its end by the file that it leaves, and it is lost only after a grace period.

mod call;
mod dialect;
mod job;
mod listing;
mod patience;
mod together;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::asked::{Asked, heard};
use super::dropped;
use super::engine::{Execution, ExecutionError, Executor, SpawnError, Trouble};
use super::local::Trainer;
use crate::exchange::{BackendError, Depot, ExchangeError};
pub use dialect::{Dialect, DialectError};
use isoflop_core::run::{AttemptDir, AttemptEnd, TrainerExit};
use job::{Job, tag};
use listing::Listing;
use patience::Patience;

/// Longest time between looks for the file that tells of an attempt's end.
const LOOK: Duration = Duration::from_secs(1);

/// From `stop` to `cancel`: time for the step under way, a checkpoint, and a file system between two machines.
const GRACE: Duration = Duration::from_secs(60);

/// An engine with a queue.
#[derive(Clone, Debug)]
pub struct Queue {
    engine: Arc<Engine>,
}

#[derive(Debug)]
struct Engine {
    dialect: Dialect,
    /// Time between questions to the engine.
    every: Duration,
    /// Time for which an engine may not know a job before it is lost.
    grace: Duration,
    isoflop: PathBuf,
    trainer: PathBuf,
    listing: Listing,
    /// How long all may wait, where there is an end to that.
    patience: Option<Patience>,
    /// By which attempts are exchanged, where jobs do not share this machine's files.
    depot: Option<Depot>,
}

impl Queue {
    /// An engine that is asked `every` so often for its jobs, and has lost one that it does not know for the time of `grace`.
    ///
    /// # Errors
    /// When the programs have no path that another machine could use.
    pub fn new(
        dialect: Dialect,
        every: Duration,
        grace: Duration,
        trainer: &Trainer,
    ) -> std::io::Result<Self> {
        let trainer = std::path::absolute(trainer.program())?;
        Ok(Self::of(
            dialect,
            (every, grace),
            (std::env::current_exe()?, trainer),
            None,
        ))
    }

    /// The same, for jobs that share no files with this machine.
    pub fn by_way_of(depot: Depot, dialect: Dialect, every: Duration, grace: Duration) -> Self {
        // The programs are those of the machines that train.
        Self::of(
            dialect,
            (every, grace),
            ("isoflop".into(), "isoflop-trainer".into()),
            Some(depot),
        )
    }

    fn of(
        dialect: Dialect,
        (every, grace): (Duration, Duration),
        (isoflop, trainer): (PathBuf, PathBuf),
        depot: Option<Depot>,
    ) -> Self {
        let listing = Listing::default();
        let patience = dialect
            .deadline()
            .map(|(limit, wanted)| Patience::new(limit, wanted));
        Self {
            engine: Arc::new(Engine {
                dialect,
                every,
                grace,
                isoflop,
                trainer,
                listing,
                patience,
                depot,
            }),
        }
    }
}

impl Executor for Queue {
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError> {
        let engine = self.engine.clone();
        let job = engine.job(attempt, threads).map_err(|source| SpawnError {
            program: engine.trainer.clone(),
            attempt: attempt.root().to_owned(),
            source,
        })?;
        let attempt = attempt.clone();
        let (takes, taken) = watch::channel(false);
        let mut hears = asked.clone();
        let end = async move {
            if let Some(depot) = &engine.depot {
                tokio::select! {
                    brought = depot.bring(&attempt, &job.tag) => brought.map_err(|error| unbrought(&attempt, error))?,
                    () = heard(&mut hears, Asked::Stop) => return Ok(AttemptEnd::exit(TrainerExit::Preempted as i32)),
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
        let (engine, attempt) = (self.engine.clone(), attempt.clone());
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
        let storage = || {
            self.engine
                .depot
                .as_ref()
                .and_then(Depot::silence)
                .map(Trouble::StorageAway)
        };
        self.engine
            .listing
            .silence()
            .map(Trouble::Silent)
            .or_else(storage)
    }
}

impl Engine {
    /// Gives a job to the engine. One that was there before and does not answer now is waited for, unless the attempt is to stop: its
    /// controller may be starting again.
    ///
    /// # Errors
    /// [`ExecutionError::Refused`], when it is there and does not take it, or was never there.
    async fn give(
        &self,
        attempt: &AttemptDir,
        job: &Job,
        asked: &mut watch::Receiver<Asked>,
    ) -> Result<(), ExecutionError> {
        let mut refused = false;
        loop {
            let Err(error) = self.dialect.submit(job).await else {
                self.listing.it_answers();
                debug!(tag = job.tag, "the engine has taken it");
                return Ok(());
            };
            debug!(
                kind = error.kind(),
                error = error.to_string(),
                "the engine has not taken it"
            );
            let known = self
                .listing
                .knows(&self.dialect, &job.tag, Instant::now(), self.every)
                .await;
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
                    () = tokio::time::sleep(self.every) => {}
                    () = heard(asked, Asked::Stop) => return Ok(()),
                }
            }
        }
    }

    fn job(&self, attempt: &AttemptDir, threads: u32) -> std::io::Result<Job> {
        match &self.depot {
            Some(depot) => Job::by_command(attempt, threads, depot.command(&tag(attempt)?)),
            None => Job::write(attempt, threads, &self.isoflop, &self.trainer),
        }
    }

    /// Forgets a job that is over: one that is there after all finds that nobody wants it.
    async fn clear(&self, tag: &str) {
        if let Some(depot) = &self.depot {
            depot.clear(tag).await;
        }
    }

    /// Fetches what a job has brought, where that does not lie in the attempt's folder by itself.
    async fn fetch(&self, attempt: &AttemptDir, tag: &str) -> Result<(), ExecutionError> {
        let Some(depot) = &self.depot else {
            return Ok(());
        };
        depot
            .look(attempt, tag)
            .await
            .map_err(|error| unbrought(attempt, error))
    }

    /// Waits for the end of a job that was submitted, perhaps; ends it if that is asked for.
    async fn follow(
        &self,
        attempt: &AttemptDir,
        tag: &str,
        mut asked: watch::Receiver<Asked>,
    ) -> Result<AttemptEnd, ExecutionError> {
        tokio::select! {
            end = self.over(attempt, tag, self.grace) => return self.settle(attempt, tag, end).await,
            () = heard(&mut asked, Asked::Stop) => {}
        }
        // A job that begins from here on finds the file and does not train.
        unwant(attempt)?;
        if attempt.began().exists() {
            tokio::select! {
                end = self.over(attempt, tag, self.grace) => return end,
                () = tokio::time::sleep(GRACE) => {}
                () = heard(&mut asked, Asked::EndNow) => {}
            }
        }
        // What it says of one that has begun is of no interest; whether it is gone is asked below.
        let cancelled = self.dialect.cancel(tag).await;
        let is_cancelled = dropped(cancelled, "a job was not cancelled").is_some();
        if !is_cancelled && !attempt.began().exists() {
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
                Ok(AttemptEnd::Lost {
                    began,
                    fate: self.dialect.fate(tag).await,
                })
            }
            Ok(_) => end,
            Err(_) => {
                unwant(attempt)?;
                // Whether it is gone or only told to, it does not train.
                dropped(self.dialect.cancel(tag).await, "a job was not cancelled");
                end
            }
        }
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
        let began = Instant::now();
        let mut missing: Option<Instant> = None;
        let mut fetched: Option<Instant> = None;
        loop {
            if let Some(depot) = &self.depot
                && fetched.is_none_or(|at| at.elapsed() >= depot.beat())
            {
                self.fetch(attempt, tag).await?;
                fetched = Some(Instant::now());
            }
            if let Some(end) = read_end(attempt) {
                self.one_began().await;
                return Ok(end);
            }
            match self
                .listing
                .knows(&self.dialect, tag, began, self.every)
                .await
            {
                Some(false) => {
                    let since = *missing.get_or_insert_with(Instant::now);
                    if since.elapsed() >= grace {
                        debug!(
                            tag,
                            grace_seconds = grace.as_secs_f64(),
                            "the engine does not know it any more"
                        );
                        // It may have ended between the last look and the answer.
                        self.fetch(attempt, tag).await?;
                        return Ok(read_end(attempt).unwrap_or_else(|| lost(attempt)));
                    }
                }
                Some(true) => {
                    missing = None;
                    self.have_patience(attempt).await?;
                }
                // An engine that does not answer has lost nothing.
                None => {}
            }
            tokio::time::sleep(LOOK.min(self.every)).await;
        }
    }

    /// Waits on with a job that the engine has, if it or another has begun lately enough.
    async fn have_patience(&self, attempt: &AttemptDir) -> Result<(), ExecutionError> {
        let Some(patience) = &self.patience else {
            return Ok(());
        };
        if attempt.began().exists() {
            patience.one_began().await;
            return Ok(());
        }
        patience.one_waits().await.map_err(ExecutionError::Refused)
    }

    async fn one_began(&self) {
        if let Some(patience) = &self.patience {
            patience.one_began().await;
        }
    }
}

/// Asks an attempt that an engine has, or had, to end with a checkpoint, or not to begin. It is done by whoever executes it.
///
/// # Errors
/// [`ExecutionError::Unwritable`].
pub fn unwant(attempt: &AttemptDir) -> Result<(), ExecutionError> {
    std::fs::write(attempt.stop(), "")
        .map_err(|source| ExecutionError::Unwritable(attempt.stop(), source))
}

/// What a storage has against an attempt: it would have it against all.
fn unbrought(attempt: &AttemptDir, error: ExchangeError) -> ExecutionError {
    match error {
        ExchangeError::Here(source) => {
            ExecutionError::Unwritable(attempt.root().to_owned(), source)
        }
        other => ExecutionError::Refused(BackendError::Rejected(format!(
            "the storage does not take it: {other}"
        ))),
    }
}

/// How an attempt ended, once it has left word of that, whole.
fn read_end(attempt: &AttemptDir) -> Option<AttemptEnd> {
    let word = dropped(std::fs::read(attempt.end()), "its end was not read")?;
    dropped(serde_json::from_slice(&word), "its end is damaged")
}

fn lost(attempt: &AttemptDir) -> AttemptEnd {
    AttemptEnd::Lost {
        began: attempt.began().exists(),
        fate: None,
    }
}
