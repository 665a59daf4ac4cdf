//! Slurm.

mod options;
mod written;

use schemars::JsonSchema;
use serde::Deserialize;

use super::seats::{self, JobDevice, Seats};
use super::{Settings, Storage};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, SweepError};
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
    #[serde(default = "seats::threads_per_run")]
    pub threads_per_run: At<Count>,
    /// By which attempts are exchanged with jobs that share no file system with this machine; they share one if absent.
    #[serde(default, deserialize_with = "given")]
    pub storage: Option<Storage>,
    /// Most jobs that are submitted and not over; 100 if absent.
    #[serde(default = "seats::max_pending")]
    pub max_pending: At<Count>,
}

fn signal_seconds() -> At<Count> {
    At::nowhere(Count(120))
}

fn gpus() -> At<Count> {
    At::nowhere(Count(0))
}

impl Settings for SlurmExecutor {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn seats(&self) -> Option<Seats> {
        let device = JobDevice::of_gpus(&self.gpus);
        Some(Seats::new(device, &self.threads_per_run, &self.max_pending))
    }

    fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    fn outlives_coordinator(&self) -> bool {
        true
    }

    fn check(&self, check: &Check<'_>) -> Result<(), SweepError> {
        for (name, word) in [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
        ] {
            if let Some(word) = word {
                check.slurm_word(name, word)?;
            }
        }
        if self.gpus.value.0 > 1 {
            let message = format!("`gpus` is {}, allowed is 0 or 1", self.gpus.value.0);
            let hint = "a run trains on one GPU: give each job one, and `max_pending` says how many there are side by side";
            return Err(check.at(&self.gpus, message, hint));
        }
        check.signal(self)?;
        self.options
            .iter()
            .try_for_each(|option| check.slurm_option(option))?;
        check.seats(&self.threads_per_run, &self.max_pending)
    }
}

impl Check<'_> {
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
