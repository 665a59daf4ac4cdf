//! An engine by its commands, as the sweep file gives them, each for `sh -c`. What they are about stands in variables: `ISOFLOP_TAG`,
//! and for `submit` also `ISOFLOP_JOB`, `ISOFLOP_ATTEMPT`, `ISOFLOP_THREADS`, and `ISOFLOP_COMMAND` where attempts are exchanged by a
//! storage. `submit` exits with 0 if the job was taken, `poll` with another code if it is not known which jobs there are.

use std::collections::HashSet;

use tokio::process::Command;

use super::Dialect;
use crate::exchange::BackendError;
use crate::executor::queue::call::{quiet, said};
use crate::executor::queue::job::Job;
use isoflop_sweep::CommandExecutor;

impl Dialect for CommandExecutor {
    async fn submit(&self, job: &Job) -> Result<(), BackendError> {
        let mut command = shell(&self.submit.value, &job.tag);
        command
            .env("ISOFLOP_JOB", &job.script)
            .env("ISOFLOP_ATTEMPT", &job.folder)
            .env("ISOFLOP_THREADS", job.threads.to_string());
        command.envs(job.command.iter().map(|line| ("ISOFLOP_COMMAND", line)));
        said(command, "submit").await.map(drop)
    }

    async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let out = said(shell(&self.poll.value, ""), "poll").await?;
        Ok(out.split_whitespace().map(str::to_owned).collect())
    }

    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let command = shell(&self.cancel.value, tag);
        said(command, "cancel").await.map(drop)
    }
}

fn shell(command: &str, tag: &str) -> Command {
    let mut shell = quiet("sh");
    shell.arg("-c").arg(command).env("ISOFLOP_TAG", tag);
    shell
}
