//! An engine that is told by commands.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RunOrder, Storage, defaults};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, Number, SweepError};

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
    #[serde(default = "defaults::threads_per_run")]
    pub threads_per_run: At<Count>,
    /// By which attempts are exchanged with jobs that share no file system with this machine; they share one if absent.
    #[serde(default, deserialize_with = "given")]
    pub storage: Option<Storage>,
    /// Most jobs that are submitted and not over; 100 if absent.
    #[serde(default = "defaults::max_pending")]
    pub max_pending: At<Count>,
    /// Seconds between calls of `poll`; 10 if absent.
    #[serde(default = "defaults::poll_seconds")]
    pub poll_seconds: At<Number>,
    /// Seconds for which `poll` may not name a job before it is lost; 60 if absent.
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

/// What a job trains on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobDevice {
    /// The CPU.
    #[default]
    Cpu,
    /// The one GPU that the engine gives it.
    Cuda,
}

impl Check<'_> {
    pub(super) fn command(&self, command: &CommandExecutor) -> Result<(), SweepError> {
        let CommandExecutor {
            submit,
            poll,
            cancel,
            ..
        } = command;
        for (name, words) in [("`submit`", submit), ("`poll`", poll), ("`cancel`", cancel)] {
            if words.value.trim().is_empty() {
                let hint = "give the engine's command; docs/commands.md has examples";
                return Err(self.at(words, format!("{name} is empty"), hint));
            }
        }
        // By way of a storage, what to execute is one line.
        let job: &[&str] = if command.storage.is_some() {
            &["ISOFLOP_COMMAND", "ISOFLOP_JOB"]
        } else {
            &["ISOFLOP_JOB"]
        };
        for (name, words, variables) in [
            ("`submit`", submit, job),
            ("`submit`", submit, &["ISOFLOP_TAG"]),
            ("`cancel`", cancel, &["ISOFLOP_TAG"]),
        ] {
            if !variables
                .iter()
                .any(|variable| words.value.contains(variable))
            {
                let variable = variables[0];
                let message = format!(
                    "{name} does not use `${variable}`, without which the engine cannot know which job is meant"
                );
                return Err(self.at(
                    words,
                    message,
                    format!("use \"${variable}\" in it; docs/commands.md has examples"),
                ));
            }
        }
        let CommandExecutor {
            threads_per_run,
            max_pending,
            poll_seconds,
            grace_seconds,
            ..
        } = command;
        self.queue(threads_per_run, max_pending, poll_seconds, grace_seconds)
    }
}
