//! Execution of an attempt in a shared folder: the trainer writes where the coordinator reads.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{Instrument, debug};

use super::super::error::WorkerError;
use super::super::trace::attempt_span;
use super::claim::{JobResult, claimant};
use crate::exchange::{Note, launch};
use crate::executor::{Executor, StopRequest, TrainerProgram, raise_request};
use crate::protocol::AttemptKey;
use isoflop_core::run::{
    AttemptDir, AttemptEnd, TrainerExit, unwritable, write_json, write_json_unsynced,
};

/// Time between two checks for a request to stop.
const LOOK: Duration = Duration::from_secs(1);

/// Executes an attempt and writes `end.json`. A file `stop` in its folder requests a checkpoint and
/// the end. A newer attempt at the same run ends it at once.
pub(super) async fn execute_shared(
    attempt: &AttemptDir,
    trainer: &TrainerProgram,
    asked: &watch::Sender<StopRequest>,
    note: Note,
) -> Result<JobResult, WorkerError> {
    let launch = launch(attempt);
    let mut launch = launch.map_err(|error| WorkerError::NoLaunch(attempt.launch(), error))?;
    if !claim(attempt)? {
        return Ok(JobResult::AlreadyClaimed);
    }
    let end = if requested(attempt) > StopRequest::Nothing {
        AttemptEnd::Exit(TrainerExit::Preempted as i32)
    } else {
        // The trainer asks the kernel to kill it with this process.
        launch.parent_pid = Some(std::process::id());
        write_json_unsynced(&attempt.launch(), &launch).map_err(unwritable(&attempt.launch()))?;
        let executed = execute(attempt, trainer, launch.threads, asked);
        executed
            .instrument(attempt_span(&AttemptKey::from(&launch)))
            .await?
    };
    write_json(&attempt.end(), &end).map_err(unwritable(&attempt.end()))?;
    note(&end.message());
    Ok(JobResult::Ended)
}

/// Claims the attempt for this process. Returns false if another process has claimed it.
fn claim(attempt: &AttemptDir) -> Result<bool, WorkerError> {
    let claimant = claimant()?.to_string();
    let path = attempt.began();
    match File::create_new(&path).and_then(|mut file| file.write_all(claimant.as_bytes())) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(&path)(error).into()),
    }
}

async fn execute(
    attempt: &AttemptDir,
    trainer: &TrainerProgram,
    threads: u32,
    asked: &watch::Sender<StopRequest>,
) -> Result<AttemptEnd, WorkerError> {
    let execution = match trainer.begin(attempt, threads, asked.subscribe()) {
        Ok(execution) => execution,
        Err(error) => {
            let log = format!("error: {error}\n");
            std::fs::write(attempt.log(), log).map_err(unwritable(&attempt.log()))?;
            return Ok(AttemptEnd::Exit(TrainerExit::Crash as i32));
        }
    };
    debug!(pid = execution.pid, threads, "trainer process started");
    tokio::select! {
        end = execution.end => Ok(end.map_err(io::Error::other)?),
        never = look(attempt, asked) => match never {},
    }
}

/// Forwards the coordinator's requests.
async fn look(attempt: &AttemptDir, asked: &watch::Sender<StopRequest>) -> Infallible {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        raise_request(asked, requested(attempt));
    }
}

fn requested(attempt: &AttemptDir) -> StopRequest {
    if attempt.is_superseded() {
        StopRequest::EndNow
    } else if attempt.stop().exists() {
        StopRequest::Stop
    } else {
        StopRequest::Nothing
    }
}
