//! Settings of Slurm.

use schemars::JsonSchema;
use serde::Deserialize;

use super::notation::{SlurmMemory, SlurmTime};
use super::options;
use crate::error::ValueError;
use crate::executor::StorageSettings;
use crate::executor::engine_slots::{self, JobDevice};
use crate::executor::settings::{EngineSettings, JobSettings};
use crate::not_empty::not_empty;
use crate::{LocatedValue, WholeNumber};

/// Slurm: each run is a task of a job array. Jobs share a file system with this machine, or use a
/// `storage`. docs/slurm.md is a guide.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlurmExecutor {
    /// Partition, or several separated by commas; the cluster's default if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub partition: Option<LocatedValue<String>>,
    /// Account that is charged; your default account if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub account: Option<LocatedValue<String>>,
    /// Quality of service; the cluster's default if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub qos: Option<LocatedValue<String>>,
    /// Time limit of a job: minutes, or a time as Slurm writes it. A run that needs longer takes
    /// several jobs.
    pub time: LocatedValue<SlurmTime>,
    /// Seconds before the time limit at which a job must write a checkpoint and end; 120 if absent.
    #[serde(default = "signal_seconds")]
    pub signal_seconds: LocatedValue<WholeNumber>,
    /// GPUs of a job, 0 or 1; with 0 it trains on the CPU; 0 if absent.
    #[serde(default = "gpus")]
    pub gpus: LocatedValue<WholeNumber>,
    /// Memory of a job, as `sbatch --mem` takes it; the cluster's default if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub memory: Option<LocatedValue<SlurmMemory>>,
    /// More options of `sbatch`, each one word such as `--constraint=a100`.
    #[serde(default)]
    pub options: Vec<LocatedValue<String>>,
    /// CPU threads of a run; 1 if absent.
    #[serde(default = "engine_slots::threads_per_run")]
    pub threads_per_run: LocatedValue<WholeNumber>,
    /// Storage for jobs that share no file system with this machine; they share one if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub storage: Option<StorageSettings>,
    /// Largest number of jobs that wait or run; 100 if absent.
    #[serde(default = "engine_slots::max_pending")]
    pub max_pending: LocatedValue<WholeNumber>,
}

fn signal_seconds() -> LocatedValue<WholeNumber> {
    LocatedValue::without_location(WholeNumber(120))
}

fn gpus() -> LocatedValue<WholeNumber> {
    LocatedValue::without_location(WholeNumber(0))
}

impl EngineSettings for SlurmExecutor {
    fn jobs(&self) -> Option<JobSettings<'_>> {
        Some(JobSettings {
            device: JobDevice::of_gpus(&self.gpus),
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), ValueError> {
        for (name, word) in [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
        ] {
            word.as_ref()
                .map_or(Ok(()), |word| check_word(name, word))?;
        }
        if self.gpus.value.0 > 1 {
            let message = format!(
                "`gpus` is out of range: expected 0 or 1, found {}",
                self.gpus.value.0
            );
            let hint = "a run trains on one GPU: set `gpus: 1`, and limit the number of jobs by `max_pending`";
            return Err(self.gpus.error(message, hint));
        }
        self.check_signal()?;
        self.options.iter().try_for_each(options::check)
    }
}

fn check_word(name: &str, word: &LocatedValue<String>) -> Result<(), ValueError> {
    if !word.value.is_empty() && !word.value.contains(char::is_whitespace) {
        return Ok(());
    }
    let message = format!("invalid `{name}` `{}`: expected one word", word.value);
    let hint = format!("write one that the cluster has, or remove `{name}` to use its default");
    Err(word.error(message, hint))
}

impl SlurmExecutor {
    /// Checks that the signal is sent while the job runs.
    fn check_signal(&self) -> Result<(), ValueError> {
        let before = self.signal_seconds.within("`signal_seconds`", 1..=65_535)?;
        let limit = self.time.value.0;
        if before < limit {
            return Ok(());
        }
        let message = format!(
            "`signal_seconds` is out of range: expected less than `time` ({limit} s), found {before}"
        );
        let hint = "increase `time`, or reduce `signal_seconds`";
        // A default has no location. Then `time` is the key in the file.
        Err(if self.signal_seconds.line > 0 {
            self.signal_seconds.error(message, hint)
        } else {
            self.time.error(message, hint)
        })
    }
}
