//! A queue that isoflop drives by commands.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::ValueError;
use crate::executor::StorageSettings;
use crate::executor::engine_slots::{self, JobDevice};
use crate::executor::settings::{EngineSettings, JobSettings};
use crate::not_empty::not_empty;
use crate::{LocatedValue, WholeNumber};

/// A queue that isoflop drives by commands. Its jobs share a file system with this machine, or use
/// a `storage`. The commands are for `sh -c`; docs/commands.md explains them and has examples.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandExecutor {
    /// Submits the job `$ISOFLOP_JOB`, which needs `$ISOFLOP_THREADS` processors, under the name
    /// `$ISOFLOP_TAG`.
    pub submit: LocatedValue<String>,
    /// Prints the names of jobs that wait or run, separated by white space.
    pub poll: LocatedValue<String>,
    /// Withdraws the job `$ISOFLOP_TAG` from the queue, or ends it.
    pub cancel: LocatedValue<String>,
    /// Device of a job; the CPU if absent.
    #[serde(default)]
    pub device: JobDevice,
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

impl EngineSettings for CommandExecutor {
    fn jobs(&self) -> Option<JobSettings<'_>> {
        Some(JobSettings {
            device: self.device,
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), ValueError> {
        let commands = [
            ("`submit`", &self.submit),
            ("`poll`", &self.poll),
            ("`cancel`", &self.cancel),
        ];
        if let Some((name, words)) = commands
            .iter()
            .find(|(_, words)| words.value.trim().is_empty())
        {
            let hint = "give the engine's command; docs/commands.md has examples";
            return Err(words.error(format!("{name} is empty"), hint));
        }
        // With a storage, the job can also be one command line.
        let job: &[&str] = match self.storage {
            Some(_) => &["ISOFLOP_COMMAND", "ISOFLOP_JOB"],
            None => &["ISOFLOP_JOB"],
        };
        check_uses("`submit`", &self.submit, job)?;
        check_uses("`submit`", &self.submit, &["ISOFLOP_TAG"])?;
        check_uses("`cancel`", &self.cancel, &["ISOFLOP_TAG"])
    }
}

/// Checks that a command uses one of these variables.
fn check_uses(
    name: &str,
    words: &LocatedValue<String>,
    variables: &[&str],
) -> Result<(), ValueError> {
    if variables
        .iter()
        .any(|variable| words.value.contains(variable))
    {
        return Ok(());
    }
    let variable = variables[0];
    let message = format!("{name} does not use `${variable}`, which identifies the job");
    let hint = format!("use \"${variable}\" in the command; docs/commands.md has examples");
    Err(words.error(message, hint))
}
