//! An attempt that a coordinator elsewhere has given to an engine, executed where the engine has put it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::sync::watch;

use super::asked::{Asked, ask};
use super::engine::{Execution, Executor};
use super::local::Trainer;
use super::signals::Signals;
use isoflop_core::run::{AttemptDir, AttemptEnd, Launch, TrainerExit, replace_json, write_json};

/// How often it is asked whether the attempt is still wanted.
const LOOK: Duration = Duration::from_secs(1);

/// What became of an attempt here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attended {
    /// It ended, as `end.json` says.
    Ended(AttemptEnd),
    /// It is executed elsewhere, or was: the engine has started it twice.
    Elsewhere,
}

/// Why an attempt cannot be executed here.
#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    /// There is no such attempt, or it cannot be read.
    #[error("`{path}` is no launch file: {source}")]
    NoLaunch {
        /// The launch file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// Its folder cannot be written to.
    #[error("cannot write `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither runtime nor signals.
    #[error("the attempt cannot be attended to: {0}")]
    Runtime(#[from] io::Error),
}

/// Executes an attempt and leaves `end.json`. SIGTERM, SIGINT, SIGUSR1 and a file `stop` in its folder ask for a checkpoint and the
/// end; a later attempt at the same run ends it at once.
///
/// # Errors
/// [`AttendError`]; without an `end.json`, its coordinator learns from the engine that it is over.
pub fn attend(attempt: &AttemptDir, trainer: &Trainer) -> Result<Attended, AttendError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before anything is claimed: what the engine sends from here on is heard when the trainer is there, and kills nothing before.
    let signals = {
        let _within = runtime.enter();
        Signals::new(&[SignalKind::user_defined1()])?
    };
    let mut launch = read_launch(attempt)?;
    if !claim(attempt)? {
        return Ok(Attended::Elsewhere);
    }
    let end = if is_unwanted(attempt) {
        AttemptEnd::exit(TrainerExit::Preempted as i32)
    } else {
        // The trainer shall die with this process.
        launch.parent_pid = Some(std::process::id());
        replace_json(&attempt.launch(), &launch).map_err(unwritable(attempt.launch()))?;
        runtime.block_on(execute(attempt, trainer, launch.threads, signals))?
    };
    write_json(&attempt.end(), &end).map_err(unwritable(attempt.end()))?;
    Ok(Attended::Ended(end))
}

fn read_launch(attempt: &AttemptDir) -> Result<Launch, AttendError> {
    let path = attempt.launch();
    let launch = std::fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    launch.map_err(|source| AttendError::NoLaunch { path, source })
}

fn unwritable(path: PathBuf) -> impl FnOnce(io::Error) -> AttendError {
    |source| AttendError::Unwritable { path, source }
}

/// Makes the attempt this process's; says whether it was nobody's. A job that an engine queues again after its node has died finds
/// it taken: the coordinator sees that job end and makes an attempt of its own, with a token of its own.
fn claim(attempt: &AttemptDir) -> Result<bool, AttendError> {
    let path = attempt.began();
    let host = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let text = serde_json::json!({ "host": host, "process": std::process::id() }).to_string();
    match File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(AttendError::Unwritable { path, source }),
    }
}

fn is_unwanted(attempt: &AttemptDir) -> bool {
    attempt.stop().exists() || attempt.is_superseded()
}

async fn execute(
    attempt: &AttemptDir,
    trainer: &Trainer,
    threads: u32,
    mut signals: Signals,
) -> io::Result<AttemptEnd> {
    let (asked, hears) = watch::channel(Asked::Nothing);
    let Execution { mut end, .. } = match trainer.begin(attempt, threads, hears) {
        Ok(execution) => execution,
        Err(error) => {
            std::fs::write(attempt.log(), format!("error: {error}\n"))?;
            return Ok(AttemptEnd::exit(TrainerExit::Crash as i32));
        }
    };
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            end = &mut end => return end.map_err(io::Error::other),
            () = signals.next() => ask(&asked, Asked::Stop),
            _ = look.tick() => {
                if attempt.is_superseded() {
                    ask(&asked, Asked::EndNow);
                } else if attempt.stop().exists() {
                    ask(&asked, Asked::Stop);
                }
            }
        }
    }
}
