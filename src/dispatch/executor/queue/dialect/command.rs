//! An engine by its commands, as the sweep file gives them.

use std::collections::HashSet;

use tokio::process::Command;

use crate::exchange::BackendError;
use crate::executor::queue::call::{quiet, said};
use crate::executor::queue::job::Job;
use isoflop_sweep::CommandExecutor;

/// The commands of an engine, each for `sh -c`. What they are about stands in variables: `ISOFLOP_TAG`, and for `submit` also
/// `ISOFLOP_JOB`, `ISOFLOP_ATTEMPT`, `ISOFLOP_THREADS`, and `ISOFLOP_COMMAND` where attempts are exchanged by a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Gives the job to the engine, and exits with 0 if it was taken.
    pub submit: String,
    /// Prints the tags of jobs that wait or run, white space between them; exits with another code than 0 if that is not known.
    pub poll: String,
    /// Ends the job of a tag, or takes it back.
    pub cancel: String,
}

impl Commands {
    /// The commands that a sweep gives.
    pub(super) fn new(settings: &CommandExecutor) -> Self {
        Self {
            submit: settings.submit.value.clone(),
            poll: settings.poll.value.clone(),
            cancel: settings.cancel.value.clone(),
        }
    }

    /// Submits a job.
    ///
    /// # Errors
    /// [`BackendError`], if it does not take it.
    pub(super) async fn submit(&self, job: &Job) -> Result<(), BackendError> {
        let mut command = shell(&self.submit, &job.tag);
        command
            .env("ISOFLOP_JOB", &job.script)
            .env("ISOFLOP_ATTEMPT", &job.folder);
        command.env("ISOFLOP_THREADS", job.threads.to_string());
        if let Some(line) = &job.command {
            command.env("ISOFLOP_COMMAND", line);
        }
        said(command, "submit").await.map(drop)
    }

    /// The tags of the jobs that wait or run.
    ///
    /// # Errors
    /// [`BackendError`], if it does not say.
    pub(super) async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let out = said(shell(&self.poll, ""), "poll").await?;
        Ok(out.split_whitespace().map(str::to_owned).collect())
    }

    /// Ends a job; one that is gone needs no end.
    pub(super) async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        said(shell(&self.cancel, tag), "cancel").await.map(drop)
    }
}

fn shell(command: &str, tag: &str) -> Command {
    let mut shell = quiet("sh");
    shell.arg("-c").arg(command).env("ISOFLOP_TAG", tag);
    shell
}
