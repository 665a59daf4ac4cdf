//! An engine that is told by commands.

use schemars::JsonSchema;
use serde::Deserialize;

use super::seats::{self, JobDevice, Seats};
use super::{Settings, Storage};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, SweepError};

/// An engine with a queue, on a file system that it shares with this machine, or by way of a `storage`. The commands are for `sh -c`; docs/commands.md
/// explains them and has examples.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandExecutor {
    /// Gives the job `$ISOFLOP_JOB`, which needs `$ISOFLOP_THREADS` processors, to the engine under the name `$ISOFLOP_TAG`.
    pub submit: At<String>,
    /// Prints the names of jobs that wait or run, white space between them.
    pub poll: At<String>,
    /// Ends the job `$ISOFLOP_TAG`, or takes it back.
    pub cancel: At<String>,
    /// What a job trains on; the CPU if absent.
    #[serde(default)]
    pub device: JobDevice,
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

impl Settings for CommandExecutor {
    fn name(&self) -> &'static str {
        "command"
    }

    fn seats(&self) -> Option<Seats> {
        Some(Seats::new(
            self.device,
            &self.threads_per_run,
            &self.max_pending,
        ))
    }

    fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    fn outlives_coordinator(&self) -> bool {
        true
    }

    fn check(&self, check: &Check<'_>) -> Result<(), SweepError> {
        let Self {
            submit,
            poll,
            cancel,
            ..
        } = self;
        for (name, words) in [("`submit`", submit), ("`poll`", poll), ("`cancel`", cancel)] {
            if words.value.trim().is_empty() {
                let hint = "give the engine's command; docs/commands.md has examples";
                return Err(check.at(words, format!("{name} is empty"), hint));
            }
        }
        // By way of a storage, what to execute is one line.
        let job: &[&str] = if self.storage.is_some() {
            &["ISOFLOP_COMMAND", "ISOFLOP_JOB"]
        } else {
            &["ISOFLOP_JOB"]
        };
        check.uses("`submit`", submit, job)?;
        check.uses("`submit`", submit, &["ISOFLOP_TAG"])?;
        check.uses("`cancel`", cancel, &["ISOFLOP_TAG"])?;
        check.seats(&self.threads_per_run, &self.max_pending)
    }
}

impl Check<'_> {
    /// A command must name one of these variables.
    fn uses(&self, name: &str, words: &At<String>, variables: &[&str]) -> Result<(), SweepError> {
        if variables
            .iter()
            .any(|variable| words.value.contains(variable))
        {
            return Ok(());
        }
        let variable = variables[0];
        let message = format!(
            "{name} does not use `${variable}`, without which the engine cannot know which job is meant"
        );
        let hint = format!("use \"${variable}\" in it; docs/commands.md has examples");
        Err(self.at(words, message, hint))
    }
}
