//! An attempt in a folder that its coordinator sees too: the trainer writes where the coordinator reads.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{Instrument, debug};

use super::super::error::WorkerError;
use super::super::trace::attempt_span;
use super::claim::{Attended, claimant};
use crate::exchange::{Note, launch};
use crate::executor::{Asked, Executor, Trainer, ask};
use crate::protocol::Held;
use isoflop_core::run::{
    AttemptDir, AttemptEnd, TrainerExit, replace_json, unwritable, write_json,
};

/// How often it is asked whether the attempt is still wanted.
const LOOK: Duration = Duration::from_secs(1);

/// Executes an attempt and leaves `end.json`. A file `stop` in its folder asks for a checkpoint and the end; a later attempt at the same
/// run ends it at once.
pub(super) async fn attend(
    attempt: &AttemptDir,
    trainer: &Trainer,
    asked: &watch::Sender<Asked>,
    note: Note,
) -> Result<Attended, WorkerError> {
    let launch = launch(attempt);
    let mut launch = launch.map_err(|error| WorkerError::NoLaunch(attempt.launch(), error))?;
    if !claim(attempt)? {
        return Ok(Attended::Elsewhere);
    }
    let end = if wanted(attempt) > Asked::Nothing {
        AttemptEnd::Exit(TrainerExit::Preempted as i32)
    } else {
        // The trainer shall die with this process.
        launch.parent_pid = Some(std::process::id());
        replace_json(&attempt.launch(), &launch).map_err(unwritable(&attempt.launch()))?;
        let executed = execute(attempt, trainer, launch.threads, asked);
        executed
            .instrument(attempt_span(&Held::from(&launch)))
            .await?
    };
    write_json(&attempt.end(), &end).map_err(unwritable(&attempt.end()))?;
    note(&end.words());
    Ok(Attended::Ended)
}

/// Makes the attempt this process's; says whether it was nobody's.
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
    trainer: &Trainer,
    threads: u32,
    asked: &watch::Sender<Asked>,
) -> Result<AttemptEnd, WorkerError> {
    let execution = match trainer.begin(attempt, threads, asked.subscribe()) {
        Ok(execution) => execution,
        Err(error) => {
            let log = format!("error: {error}\n");
            std::fs::write(attempt.log(), log).map_err(unwritable(&attempt.log()))?;
            return Ok(AttemptEnd::Exit(TrainerExit::Crash as i32));
        }
    };
    debug!(pid = execution.pid, threads, "the trainer is started");
    tokio::select! {
        end = execution.end => Ok(end.map_err(io::Error::other)?),
        never = look(attempt, asked) => match never {},
    }
}

/// Passes on what the coordinator wants.
async fn look(attempt: &AttemptDir, asked: &watch::Sender<Asked>) -> Infallible {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        ask(asked, wanted(attempt));
    }
}

fn wanted(attempt: &AttemptDir) -> Asked {
    if attempt.is_superseded() {
        Asked::EndNow
    } else if attempt.stop().exists() {
        Asked::Stop
    } else {
        Asked::Nothing
    }
}
