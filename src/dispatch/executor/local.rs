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

use super::engine::{
    Execution, ExecutionError, Executor, SpawnError, StopRequest, wait_for_request,
};
use super::log::capture;
use super::memory::kills_for_memory;
use super::memory_kills::MemoryKills;
use crate::exchange::dropped;
use isoflop_core::run::{AttemptDir, AttemptEnd, TrainerExit};
use parking_lot::Mutex;

/// Time from SIGTERM to SIGKILL: enough for the current step and a checkpoint.
const GRACE: Duration = Duration::from_secs(10);

/// Longest wait for the rest of a process's output, after its end.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The trainer program.
#[derive(Clone, Debug)]
pub struct TrainerProgram {
    program: PathBuf,
    /// Shared by all attempts, because each counted kill explains one end.
    kills: Arc<Mutex<MemoryKills>>,
}

/// Error of a missing trainer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trainer `{0}` does not exist")]
pub struct TrainerMissing(pub PathBuf);

impl TrainerProgram {
    /// Finds the given trainer, or the one next to this program.
    ///
    /// # Errors
    /// [`TrainerMissing`].
    pub fn find(given: Option<&Path>) -> Result<Self, TrainerMissing> {
        let beside = || {
            let here = dropped(
                std::env::current_exe(),
                "cannot find the path of this program",
            )?;
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

    /// Path of the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts an attempt in its own process group, so that Ctrl-C reaches only the coordinator.
    fn start(&self, attempt: &AttemptDir, threads: u32) -> Result<LocalProcess, SpawnError> {
        let fail = |source| SpawnError::of(&self.program, attempt)(source);
        let (said, says) = io::pipe().map_err(fail)?;
        let logged = capture(said, attempt).map_err(fail)?;
        let child = Command::new(&self.program)
            .arg("run")
            .arg(attempt.root())
            // libtorch's thread pools read these at start.
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

/// Executor of this machine. An attempt is a child process, which the kernel kills when the
/// coordinator ends.
impl Executor for TrainerProgram {
    fn begin(
        &self,
        attempt: &AttemptDir,
        threads: u32,
        mut asked: watch::Receiver<StopRequest>,
    ) -> Result<Execution, SpawnError> {
        let (kills, at_start) = (self.kills.clone(), kills_for_memory());
        let mut process = self.start(attempt, threads)?;
        let pid = process.id;
        let end = async move {
            let end = tokio::select! {
                end = process.wait() => end,
                () = wait_for_request(&mut asked, StopRequest::Stop) => process.stop(wait_for_request(&mut asked, StopRequest::EndNow)).await,
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
    /// Process ID, which is also the ID of its group.
    id: u32,
    /// Receives the end of its log.
    logged: oneshot::Receiver<()>,
}

impl LocalProcess {
    /// Waits for the end of the process and of its log.
    async fn wait(&mut self) -> io::Result<AttemptEnd> {
        let end = self.child.wait().await.map(AttemptEnd::from_status);
        // Kill child processes that it left running.
        self.signal(Signal::SIGKILL);
        // A process that left the group may keep the log open forever, so the wait is limited.
        let logged = tokio::time::timeout(OUTPUT_TIMEOUT, &mut self.logged).await;
        dropped(logged, "a child process of the trainer keeps the log open");
        end
    }

    /// Ends the process and its group: SIGTERM, a grace period, SIGKILL. The grace period ends
    /// early when `hurry` does. Returns after the end of the process.
    async fn stop(&mut self, hurry: impl Future<Output = ()>) -> io::Result<AttemptEnd> {
        self.signal(Signal::SIGTERM);
        tokio::select! {
            end = self.wait() => return end.map(as_preempted),
            () = tokio::time::sleep(GRACE) => {}
            () = hurry => {}
        }
        self.signal(Signal::SIGKILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.id).ok().filter(|pid| *pid > 0) {
            // This fails only if the group has ended already.
            dropped(
                killpg(Pid::from_raw(pid), signal),
                "the process group has ended",
            );
        }
    }
}

/// Converts an end by SIGTERM to a preemption. SIGTERM kills a trainer that has not installed its
/// handler yet, and then there is no checkpoint.
fn as_preempted(end: AttemptEnd) -> AttemptEnd {
    if end == AttemptEnd::Signal(Signal::SIGTERM as i32) {
        AttemptEnd::Exit(TrainerExit::Preempted as i32)
    } else {
        end
    }
}

/// Finds the last `error:` line of an attempt's log.
pub(crate) fn error_line(attempt: &AttemptDir) -> Option<String> {
    let log = dropped(std::fs::read(attempt.log()), "cannot read a log")?;
    let text = String::from_utf8_lossy(&log);
    text.lines()
        .rev()
        .find_map(|line| line.strip_prefix("error: "))
        .map(str::to_owned)
}
