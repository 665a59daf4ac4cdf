//! Trainer processes on this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};

use super::engine::{Asked, Execution, ExecutionError, Executor, SpawnError, heard};
use super::kills::Kills;
use super::log::capture;
use super::memory::kills_for_memory;
use crate::exchange::dropped;
use isoflop_core::run::{AttemptDir, AttemptEnd, TrainerExit};
use parking_lot::Mutex;

/// From SIGTERM to SIGKILL: time for the step under way and a checkpoint.
const GRACE: Duration = Duration::from_secs(10);

/// Longest wait for what a process printed, once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The trainer program.
#[derive(Clone, Debug)]
pub struct Trainer {
    program: PathBuf,
    /// Shared by all that it trains: each kill explains one end.
    kills: Arc<Mutex<Kills>>,
}

/// The trainer is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trainer `{0}` is not there")]
pub struct TrainerMissing(pub PathBuf);

impl Trainer {
    /// The trainer given, or the one that lies beside this program.
    ///
    /// # Errors
    /// [`TrainerMissing`].
    pub fn find(given: Option<&Path>) -> Result<Self, TrainerMissing> {
        let beside = || {
            let here = dropped(std::env::current_exe(), "this program has no path")?;
            Some(here.parent()?.join("isoflop-trainer"))
        };
        let program = given
            .map(Path::to_owned)
            .or_else(beside)
            .unwrap_or_else(|| PathBuf::from("isoflop-trainer"));
        if !program.is_file() {
            return Err(TrainerMissing(program));
        }
        let kills = Arc::default();
        Ok(Self { program, kills })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts an attempt in a process group of its own, so that Ctrl-C reaches the coordinator alone.
    fn start(&self, attempt: &AttemptDir, threads: u32) -> Result<LocalProcess, SpawnError> {
        let fail = |source| SpawnError::of(&self.program, attempt)(source);
        let (said, says) = io::pipe().map_err(fail)?;
        let logged = capture(said, attempt).map_err(fail)?;
        let child = Command::new(&self.program)
            .arg("run")
            .arg(attempt.root())
            // Read by the thread pools within libtorch as they start.
            .env("OMP_NUM_THREADS", threads.to_string())
            .env("MKL_NUM_THREADS", threads.to_string())
            .stdin(Stdio::null())
            .stdout(says.try_clone().map_err(fail)?)
            .stderr(says)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(fail)?;
        let id = child.id().unwrap_or(0);
        Ok(LocalProcess { child, id, logged })
    }
}

/// This machine: an attempt is a child process, which the kernel ends with the coordinator.
impl Executor for Trainer {
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        mut asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError> {
        let (kills, at_start) = (self.kills.clone(), kills_for_memory());
        let mut process = self.start(attempt, threads)?;
        let pid = process.id;
        let end = async move {
            let end = tokio::select! {
                end = process.wait() => end,
                () = heard(&mut asked, Asked::Stop) => process.stop(heard(&mut asked, Asked::EndNow)).await,
            };
            let mut kills = kills.lock();
            let end = end.map_err(ExecutionError::Wait)?;
            Ok(kills.explain(end, at_start, kills_for_memory()))
        };
        Ok(Execution {
            pid: Some(pid),
            taken: watch::channel(false).1,
            end: Box::pin(end),
        })
    }
}

/// A trainer process.
#[derive(Debug)]
struct LocalProcess {
    child: Child,
    /// It is its group's leader.
    id: u32,
    /// Hears of the end of its log.
    logged: oneshot::Receiver<()>,
}

impl LocalProcess {
    /// Waits for the end, and for the end of what it printed.
    async fn wait(&mut self) -> io::Result<AttemptEnd> {
        let end = self.child.wait().await.map(AttemptEnd::of);
        // What it has started and left behind has no business any more.
        self.signal(Signal::SIGKILL);
        // A process that left the group may hold the log open for ever: it is not waited for.
        let logged = tokio::time::timeout(LAST_WORDS, &mut self.logged).await;
        dropped(logged, "a process of its own holds its log open");
        end
    }

    /// Ends the process and its group: SIGTERM, a grace period that ends early when `hurry` does, SIGKILL; returns when it is gone.
    async fn stop(&mut self, hurry: impl Future<Output = ()>) -> io::Result<AttemptEnd> {
        self.signal(Signal::SIGTERM);
        tokio::select! {
            end = self.wait() => return end.map(as_told),
            () = tokio::time::sleep(GRACE) => {}
            () = hurry => {}
        }
        self.signal(Signal::SIGKILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.id).ok().filter(|pid| *pid > 0) {
            // It fails only when the group is gone already, which is what was wanted.
            dropped(killpg(Pid::from_raw(pid), signal), "its group is gone");
        }
    }
}

/// A trainer that is told to end before it listens for that is ended by the signal: it has done as it was told, without a checkpoint.
fn as_told(end: AttemptEnd) -> AttemptEnd {
    if end == AttemptEnd::Signal(Signal::SIGTERM as i32) {
        AttemptEnd::Exit(TrainerExit::Preempted as i32)
    } else {
        end
    }
}

/// The last `error:` line of an attempt's log.
pub(crate) fn error_line(attempt: &AttemptDir) -> Option<String> {
    let log = dropped(std::fs::read(attempt.log()), "a log was not read")?;
    let text = String::from_utf8_lossy(&log);
    text.lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .map(str::to_owned)
}
