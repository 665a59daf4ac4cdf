//! Queue backend for Slurm, by its own commands.
//!
//! Each attempt is a task of a job array. An array is identified by its name, and its tasks by a
//! manifest in the results folder. Slurm's job numbers are not stored, because a controller that
//! crashed may reuse them.

mod arguments;
mod batch;
mod batches;
mod fields;
mod sacct;
mod squeue;

use std::collections::{BTreeMap, HashSet};
use std::io;

use tokio::process::Command;

use super::QueueBackend;
use crate::exchange::{BackendError, dropped};
use crate::executor::queue::call::{background_command, run_command};
use crate::executor::queue::call_batcher::CallBatcher;
use crate::executor::queue::job::QueueJob;
use batch::SlurmBatch;
use batches::{ArrayTask, SlurmBatches};
use isoflop_core::run::{SweepDir, TerminationReason};
use isoflop_sweep::SlurmExecutor;

/// Maximum tasks of an array. Slurm's default limit is 1001.
const MOST: usize = 500;

/// Start of the period for which accounts are requested. Jobs that ended earlier get no termination
/// reason.
const SINCE: &str = "now-7days";

/// Queue backend for Slurm, for the runs of one sweep.
#[derive(Debug)]
pub(crate) struct SlurmBackend {
    /// Arguments of `sbatch` for every job.
    arguments: Vec<String>,
    batches: SlurmBatches,
    submissions: CallBatcher<QueueJob, Result<(), BackendError>>,
    cancellations: CallBatcher<String, Result<(), BackendError>>,
    fates: CallBatcher<String, Option<TerminationReason>>,
}

impl SlurmBackend {
    /// Makes the backend for a sweep's settings. Manifests are stored in the sweep's folder.
    ///
    /// # Errors
    /// When the folder has no absolute path.
    pub(crate) fn new(wanted: &SlurmExecutor, sweep: &SweepDir) -> io::Result<Self> {
        let sweep = SweepDir::at(&std::path::absolute(sweep.root())?);
        Ok(Self {
            arguments: arguments::of(wanted),
            batches: SlurmBatches::new(sweep),
            submissions: CallBatcher::new(MOST),
            cancellations: CallBatcher::new(MOST),
            fates: CallBatcher::new(MOST),
        })
    }

    /// Submits jobs as one array, after writing the manifest of its tasks to disk.
    async fn submit_batch(&self, jobs: &[QueueJob]) -> Result<(), BackendError> {
        let batch = self.batches.add(SlurmBatch::of(jobs)?)?;
        let folder = self.batches.folder(&batch.name);
        // Without a shared folder, the output of tasks is discarded.
        let printed = (!batch.is_by_command()).then_some(&folder);
        let mut sbatch = call("sbatch");
        sbatch
            .args(&self.arguments)
            .args(arguments::of_array(&batch.name, jobs.len(), printed))
            .arg(folder.job());
        run_command(sbatch, "sbatch").await.map(drop)
    }

    /// Lists the array tasks that wait or run.
    async fn rows(&self) -> Result<Vec<squeue::SqueueRow>, BackendError> {
        let mut ask = call("squeue");
        ask.args(["--me", "--noheader", "--array", squeue::FORMAT]);
        let answer = run_command(ask, "squeue").await?;
        squeue::rows(&answer).ok_or_else(|| {
            BackendError::Malformed("cannot parse the output of `squeue`".to_owned())
        })
    }

    /// Cancels tasks. Their numbers are looked up by the names of their arrays each time, and not
    /// stored. (`scancel --name` would check the name too, but for one waiting task it cancels all
    /// waiting tasks of the array.)
    async fn cancel_tasks(&self, tags: &[String]) -> Result<(), BackendError> {
        let places = tags.iter().filter_map(|tag| self.batches.place(tag));
        let places: HashSet<ArrayTask> = places.collect();
        let mut rows = self.rows().await?;
        rows.retain(|row| places.contains(&(row.name.clone(), row.task)));
        if rows.is_empty() {
            return Ok(());
        }
        let mut scancel = call("scancel");
        scancel.args(rows.iter().map(|row| format!("{}_{}", row.array, row.task)));
        run_command(scancel, "scancel").await.map(drop)
    }

    /// Finds the termination reasons of tasks that have ended, in Slurm's accounts. All are `None`
    /// if Slurm has no accounts.
    async fn fates_of(&self, tags: Vec<String>) -> Vec<Option<TerminationReason>> {
        let places: Vec<Option<ArrayTask>> =
            tags.iter().map(|tag| self.batches.place(tag)).collect();
        let names = places.iter().flatten().map(|(name, _)| name.as_str());
        let known = self.accounts(names.collect()).await;
        let known = dropped(known, "cannot read Slurm's accounts").unwrap_or_default();
        let fates = places.into_iter().map(|place| known.get(&place?).cloned());
        fates.collect()
    }

    async fn accounts(
        &self,
        names: HashSet<&str>,
    ) -> Result<BTreeMap<ArrayTask, TerminationReason>, BackendError> {
        let mut ask = call("sacct");
        let names = names.into_iter().collect::<Vec<_>>().join(",");
        ask.args(["-P", "-n", "-X", sacct::FORMAT])
            .arg(format!("--starttime={SINCE}"))
            .arg(format!("--name={names}"));
        Ok(sacct::fates(&run_command(ask, "sacct").await?))
    }
}

impl QueueBackend for SlurmBackend {
    async fn submit(&self, job: &QueueJob) -> Result<(), BackendError> {
        let all =
            |jobs: Vec<QueueJob>| async move { vec![self.submit_batch(&jobs).await; jobs.len()] };
        let submitted = self.submissions.join(job.clone(), all).await;
        submitted.unwrap_or_else(|| {
            Err(BackendError::Rejected(
                "the job was not submitted".to_owned(),
            ))
        })
    }

    async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let rows = self.rows().await?;
        let tags = rows
            .iter()
            .filter_map(|row| Some(self.batches.get(&row.name)?.tag(row.task)?.to_owned()))
            .collect();
        let arrays = rows.into_iter().map(|row| row.name).collect();
        self.batches.remove_finished(&arrays);
        Ok(tags)
    }

    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let all =
            |tags: Vec<String>| async move { vec![self.cancel_tasks(&tags).await; tags.len()] };
        let cancelled = self.cancellations.join(tag.to_owned(), all).await;
        cancelled.unwrap_or_else(|| {
            Err(BackendError::Rejected(
                "the job was not cancelled".to_owned(),
            ))
        })
    }

    async fn fate(&self, tag: &str) -> Option<TerminationReason> {
        let all = |tags| self.fates_of(tags);
        self.fates.join(tag.to_owned(), all).await.flatten()
    }
}

/// Makes a command of Slurm, without the user's variables that would change its output.
fn call(program: &str) -> Command {
    let mut command = background_command(program);
    let theirs = ["SQUEUE_", "SCANCEL_", "SACCT_"];
    for (name, _) in std::env::vars_os() {
        let words = name.to_str().unwrap_or_default();
        if theirs.iter().any(|prefix| words.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}
