//! Queue backend for any engine with three commands. The sweep file has the commands, which are
//! executed by `sh -c`.
//!
//! Environment variables describe the job: `ISOFLOP_TAG`, and for `submit` also `ISOFLOP_JOB`,
//! `ISOFLOP_ATTEMPT`, `ISOFLOP_THREADS`, and, with a storage, `ISOFLOP_COMMAND`. `submit` exits
//! with 0 if the engine accepted the job. `poll` exits with another code if it cannot list the
//! jobs.

use std::collections::HashSet;

use tokio::process::Command;

use super::QueueBackend;
use crate::exchange::BackendError;
use crate::executor::queue::call::{background_command, run_command};
use crate::executor::queue::job::QueueJob;
use isoflop_sweep::CommandExecutor;

impl QueueBackend for CommandExecutor {
    async fn submit(&self, job: &QueueJob) -> Result<(), BackendError> {
        let mut command = shell(&self.submit.value, &job.tag);
        command
            .env("ISOFLOP_JOB", &job.script)
            .env("ISOFLOP_ATTEMPT", &job.folder)
            .env("ISOFLOP_THREADS", job.threads.to_string());
        command.envs(job.command.iter().map(|line| ("ISOFLOP_COMMAND", line)));
        run_command(command, "submit").await.map(drop)
    }

    async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let out = run_command(shell(&self.poll.value, ""), "poll").await?;
        Ok(out.split_whitespace().map(str::to_owned).collect())
    }

    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let command = shell(&self.cancel.value, tag);
        run_command(command, "cancel").await.map(drop)
    }
}

fn shell(command: &str, tag: &str) -> Command {
    let mut shell = background_command("sh");
    shell.arg("-c").arg(command).env("ISOFLOP_TAG", tag);
    shell
}
