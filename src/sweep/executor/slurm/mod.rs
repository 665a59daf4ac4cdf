//! Slurm.

mod options;
mod written;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RunOrder, Storage, defaults};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, Number, SweepError};
pub use written::{SlurmMemory, SlurmTime};

/// Slurm, on a file system that it shares with this machine: each run is a task of a job array. docs/slurm.md is a guide.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlurmExecutor {
    /// Partition, or several with commas between them; the cluster's default if absent.
    #[serde(default, deserialize_with = "given")]
    pub partition: Option<At<String>>,
    /// Account that is charged; yours by default if absent.
    #[serde(default, deserialize_with = "given")]
    pub account: Option<At<String>>,
    /// Quality of service; none is asked for if absent.
    #[serde(default, deserialize_with = "given")]
    pub qos: Option<At<String>>,
    /// Time limit of a job: minutes, or as Slurm writes it. A run that needs longer takes several jobs.
    pub time: At<SlurmTime>,
    /// Seconds before the time limit at which a job is told to write a checkpoint and end; 120 if absent.
    #[serde(default = "signal_seconds")]
    pub signal_seconds: At<Count>,
    /// GPUs of a job: 0 trains on the CPU, 1 on that GPU; 0 if absent.
    #[serde(default = "gpus")]
    pub gpus: At<Count>,
    /// Memory of a job, as `sbatch --mem` takes it; the cluster's default if absent.
    #[serde(default, deserialize_with = "given")]
    pub memory: Option<At<SlurmMemory>>,
    /// More options of `sbatch`, each one word such as `--constraint=a100`.
    #[serde(default)]
    pub options: Vec<At<String>>,
    /// CPU threads of a run; 1 if absent.
    #[serde(default = "defaults::threads_per_run")]
    pub threads_per_run: At<Count>,
    /// By which attempts are exchanged with jobs that share no file system with this machine; they share one if absent.
    #[serde(default, deserialize_with = "given")]
    pub storage: Option<Storage>,
    /// Most jobs that are submitted and not over; 100 if absent.
    #[serde(default = "defaults::max_pending")]
    pub max_pending: At<Count>,
    /// Seconds between calls of `squeue`; 10 if absent.
    #[serde(default = "defaults::poll_seconds")]
    pub poll_seconds: At<Number>,
    /// Seconds for which Slurm may not know a job before it is lost; 60 if absent.
    #[serde(default = "defaults::grace_seconds")]
    pub grace_seconds: At<Number>,
    /// Which runs are submitted first; `longest_first` if absent.
    #[serde(default = "defaults::order")]
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined; 5 if absent.
    #[serde(default = "defaults::max_attempts")]
    pub max_attempts: At<Count>,
    /// Seconds before a run that crashed is tried again, doubled each time, up to 5 minutes; 1 if absent.
    #[serde(default = "defaults::retry_seconds")]
    pub retry_seconds: At<Number>,
    /// Seconds between checkpoints of a run; 300 if absent.
    #[serde(default = "defaults::checkpoint_seconds")]
    pub checkpoint_seconds: At<Number>,
    /// Seconds of silence after which a run that has begun is stopped as hung; 300 if absent.
    #[serde(default = "defaults::stall_seconds")]
    pub stall_seconds: At<Number>,
    /// Seconds that one attempt at a run may take once it has begun; no limit if absent.
    #[serde(default, deserialize_with = "given")]
    pub max_run_seconds: Option<At<Number>>,
    /// Room on the disk below which no run is submitted, bytes; if absent, what checkpoints of the runs side by side can take,
    /// and 100 MB.
    #[serde(default, deserialize_with = "given")]
    pub disk_reserve_bytes: Option<At<Count>>,
}

fn signal_seconds() -> At<Count> {
    At::nowhere(Count(120))
}

fn gpus() -> At<Count> {
    At::nowhere(Count(0))
}

impl Check<'_> {
    pub(super) fn slurm(&self, slurm: &SlurmExecutor) -> Result<(), SweepError> {
        let SlurmExecutor {
            threads_per_run,
            max_pending,
            poll_seconds,
            grace_seconds,
            ..
        } = slurm;
        for (name, word) in [
            ("partition", &slurm.partition),
            ("account", &slurm.account),
            ("qos", &slurm.qos),
        ] {
            if let Some(word) = word {
                self.slurm_word(name, word)?;
            }
        }
        if slurm.gpus.value.0 > 1 {
            let message = format!("`gpus` is {}, allowed is 0 or 1", slurm.gpus.value.0);
            let hint = "a run trains on one GPU: give each job one, and `max_pending` says how many there are side by side";
            return Err(self.at(&slurm.gpus, message, hint));
        }
        self.signal(slurm)?;
        slurm
            .options
            .iter()
            .try_for_each(|option| self.slurm_option(option))?;
        self.queue(threads_per_run, max_pending, poll_seconds, grace_seconds)
    }

    fn slurm_word(&self, name: &str, word: &At<String>) -> Result<(), SweepError> {
        if !word.value.is_empty() && !word.value.contains(char::is_whitespace) {
            return Ok(());
        }
        let message = format!("`{name}` is `{}`, allowed is one word", word.value);
        Err(self.at(
            word,
            message,
            format!("name one that the cluster has, or leave `{name}` out for its default"),
        ))
    }

    /// The signal must come while the job runs.
    fn signal(&self, slurm: &SlurmExecutor) -> Result<(), SweepError> {
        let (before, limit) = (
            self.count("`signal_seconds`", &slurm.signal_seconds, 1..=65_535)?,
            slurm.time.value.0,
        );
        if before < limit {
            return Ok(());
        }
        let message = format!(
            "`signal_seconds` is {before}, and the whole time of a job, `time`, is {limit} s"
        );
        // Where it stands by default, the time is what was written.
        let hint = "give a job more `time`, or less of it to end in";
        let at_time = slurm.time.with(());
        let place = if slurm.signal_seconds.line > 0 {
            slurm.signal_seconds.with(())
        } else {
            at_time
        };
        Err(self.at(&place, message, hint))
    }
}
