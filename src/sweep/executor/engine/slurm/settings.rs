//! What a sweep says of Slurm.

use schemars::JsonSchema;
use serde::Deserialize;

use super::options;
use super::written::{SlurmMemory, SlurmTime};
use crate::error::Fault;
use crate::executor::Storage;
use crate::executor::seats::{self, JobDevice};
use crate::executor::settings::{Jobs, Settings};
use crate::given::given;
use crate::{At, Count};

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
    fn jobs(&self) -> Option<Jobs<'_>> {
        Some(Jobs {
            device: JobDevice::of_gpus(&self.gpus),
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        for (name, word) in [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
        ] {
            word.as_ref()
                .map_or(Ok(()), |word| check_word(name, word))?;
        }
        if self.gpus.value.0 > 1 {
            let message = format!("`gpus` is {}, allowed is 0 or 1", self.gpus.value.0);
            let hint = "a run trains on one GPU: give each job one, and `max_pending` says how many there are side by side";
            return Err(self.gpus.fault(message, hint));
        }
        self.check_signal()?;
        self.options.iter().try_for_each(options::check)
    }
}

fn check_word(name: &str, word: &At<String>) -> Result<(), Fault> {
    if !word.value.is_empty() && !word.value.contains(char::is_whitespace) {
        return Ok(());
    }
    let message = format!("`{name}` is `{}`, allowed is one word", word.value);
    let hint = format!("name one that the cluster has, or leave `{name}` out for its default");
    Err(word.fault(message, hint))
}

impl SlurmExecutor {
    /// The signal must come while the job runs.
    fn check_signal(&self) -> Result<(), Fault> {
        let before = self.signal_seconds.within("`signal_seconds`", 1..=65_535)?;
        let limit = self.time.value.0;
        if before < limit {
            return Ok(());
        }
        let message = format!(
            "`signal_seconds` is {before}, and the whole time of a job, `time`, is {limit} s"
        );
        let hint = "give a job more `time`, or less of it to end in";
        // Where it stands by default, the time is what was written.
        Err(if self.signal_seconds.line > 0 {
            self.signal_seconds.fault(message, hint)
        } else {
            self.time.fault(message, hint)
        })
    }
}
