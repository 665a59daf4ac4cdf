//! An engine that is told by commands.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::Fault;
use crate::executor::Storage;
use crate::executor::seats::{self, JobDevice};
use crate::executor::settings::{Jobs, Settings};
use crate::given::given;
use crate::{At, Count};

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
    fn jobs(&self) -> Option<Jobs<'_>> {
        Some(Jobs {
            device: self.device,
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), Fault> {
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
            return Err(words.fault(format!("{name} is empty"), hint));
        }
        // By way of a storage, what to execute is one line.
        let job: &[&str] = match self.storage {
            Some(_) => &["ISOFLOP_COMMAND", "ISOFLOP_JOB"],
            None => &["ISOFLOP_JOB"],
        };
        uses("`submit`", &self.submit, job)?;
        uses("`submit`", &self.submit, &["ISOFLOP_TAG"])?;
        uses("`cancel`", &self.cancel, &["ISOFLOP_TAG"])
    }
}

/// A command must name one of these variables.
fn uses(name: &str, words: &At<String>, variables: &[&str]) -> Result<(), Fault> {
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
    Err(words.fault(message, hint))
}
