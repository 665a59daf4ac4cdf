//! Slurm, by its own commands. Each attempt is a task of a job array; an array is known by its name, its tasks by a manifest in the
//! results, and no number of Slurm's is kept: a controller that dies gives them to others.

mod arguments;
mod batch;
mod batches;
mod fields;
mod sacct;
mod squeue;

use std::collections::{BTreeMap, HashSet};
use std::io;

use tokio::process::Command;

use super::Dialect;
use crate::exchange::{BackendError, dropped};
use crate::executor::queue::call::{quiet, said};
use crate::executor::queue::job::Job;
use crate::executor::queue::together::Together;
use batch::Batch;
use batches::{Batches, Place};
use isoflop_core::run::{Fate, SweepDir};
use isoflop_sweep::SlurmExecutor;

/// Most tasks of an array: Slurm takes 1001 where nobody has set it otherwise.
const MOST: usize = 500;

/// How far back accounts are asked for: jobs that nobody looked after for longer are not explained.
const SINCE: &str = "now-7days";

/// Slurm, for the runs of one sweep.
#[derive(Debug)]
pub(crate) struct Slurm {
    /// What every job asks for.
    arguments: Vec<String>,
    batches: Batches,
    submissions: Together<Job, Result<(), BackendError>>,
    cancellations: Together<String, Result<(), BackendError>>,
    fates: Together<String, Option<Fate>>,
}

impl Slurm {
    /// Jobs as the sweep wants them, whose manifests lie in its folder.
    ///
    /// # Errors
    /// When the folder has no path that another machine could use.
    pub(crate) fn new(wanted: &SlurmExecutor, sweep: &SweepDir) -> io::Result<Self> {
        let sweep = SweepDir::at(&std::path::absolute(sweep.root())?);
        Ok(Self {
            arguments: arguments::of(wanted),
            batches: Batches::new(sweep),
            submissions: Together::new(MOST),
            cancellations: Together::new(MOST),
            fates: Together::new(MOST),
        })
    }

    /// Gives jobs to Slurm as one array. What tells which task is which lies on the disk before.
    async fn submit_batch(&self, jobs: &[Job]) -> Result<(), BackendError> {
        let batch = self.batches.add(Batch::of(jobs)?)?;
        let folder = self.batches.folder(&batch.name);
        // What tasks print stays where they are, if that has no folder of ours.
        let printed = (!batch.is_by_command()).then_some(&folder);
        let mut sbatch = call("sbatch");
        sbatch
            .args(&self.arguments)
            .args(arguments::of_array(&batch.name, jobs.len(), printed))
            .arg(folder.job());
        said(sbatch, "sbatch").await.map(drop)
    }

    /// The tasks of arrays that Slurm knows.
    async fn rows(&self) -> Result<Vec<squeue::Row>, BackendError> {
        let mut ask = call("squeue");
        ask.args(["--me", "--noheader", "--array", squeue::FORMAT]);
        let answer = said(ask, "squeue").await?;
        squeue::rows(&answer).ok_or_else(|| {
            BackendError::Malformed("`squeue` said what is not understood".to_owned())
        })
    }

    /// Ends tasks. Their numbers are asked for by their arrays' names at this moment, and forgotten again. (`scancel --name`, which would
    /// hold a number against its name, takes one task that waits for all of its array that do.)
    async fn cancel_tasks(&self, tags: &[String]) -> Result<(), BackendError> {
        let places = tags.iter().filter_map(|tag| self.batches.place(tag));
        let places: HashSet<Place> = places.collect();
        let mut rows = self.rows().await?;
        rows.retain(|row| places.contains(&(row.name.clone(), row.task)));
        if rows.is_empty() {
            return Ok(());
        }
        let mut scancel = call("scancel");
        scancel.args(rows.iter().map(|row| format!("{}_{}", row.array, row.task)));
        said(scancel, "scancel").await.map(drop)
    }

    /// What Slurm's accounts say of tasks that are gone. Where it keeps none, nothing.
    async fn fates_of(&self, tags: Vec<String>) -> Vec<Option<Fate>> {
        let places: Vec<Option<Place>> = tags.iter().map(|tag| self.batches.place(tag)).collect();
        let names = places.iter().flatten().map(|(name, _)| name.as_str());
        let known = self.accounts(names.collect()).await;
        let known = dropped(known, "Slurm has no accounts").unwrap_or_default();
        let fates = places.into_iter().map(|place| known.get(&place?).cloned());
        fates.collect()
    }

    async fn accounts(&self, names: HashSet<&str>) -> Result<BTreeMap<Place, Fate>, BackendError> {
        let mut ask = call("sacct");
        let names = names.into_iter().collect::<Vec<_>>().join(",");
        ask.args(["-P", "-n", "-X", sacct::FORMAT])
            .arg(format!("--starttime={SINCE}"))
            .arg(format!("--name={names}"));
        Ok(sacct::fates(&said(ask, "sacct").await?))
    }
}

impl Dialect for Slurm {
    async fn submit(&self, job: &Job) -> Result<(), BackendError> {
        let all = |jobs: Vec<Job>| async move { vec![self.submit_batch(&jobs).await; jobs.len()] };
        let submitted = self.submissions.join(job.clone(), all).await;
        submitted.unwrap_or_else(|| Err(BackendError::Rejected("it was not submitted".to_owned())))
    }

    async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let rows = self.rows().await?;
        let tags = rows
            .iter()
            .filter_map(|row| Some(self.batches.get(&row.name)?.tag(row.task)?.to_owned()))
            .collect();
        let arrays = rows.into_iter().map(|row| row.name).collect();
        self.batches.sweep_up(&arrays);
        Ok(tags)
    }

    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let all =
            |tags: Vec<String>| async move { vec![self.cancel_tasks(&tags).await; tags.len()] };
        let cancelled = self.cancellations.join(tag.to_owned(), all).await;
        cancelled.unwrap_or_else(|| Err(BackendError::Rejected("it was not cancelled".to_owned())))
    }

    async fn fate(&self, tag: &str) -> Option<Fate> {
        let all = |tags| self.fates_of(tags);
        self.fates.join(tag.to_owned(), all).await.flatten()
    }
}

/// A command of Slurm, without what the user's variables would change in its answers.
fn call(program: &str) -> Command {
    let mut command = quiet(program);
    let theirs = ["SQUEUE_", "SCANCEL_", "SACCT_"];
    for (name, _) in std::env::vars_os() {
        let words = name.to_str().unwrap_or_default();
        if theirs.iter().any(|prefix| words.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}
