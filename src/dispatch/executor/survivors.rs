//! Trainers that outlived their coordinator. Each trainer asks the kernel to kill it with its
//! parent. A trainer that has not done so yet, or whose kernel is slow, must not train at the same
//! time as the next attempt.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::exchange::dropped;
use isoflop_core::run::AttemptDir;
use tracing::info;

/// Longest wait for the end of a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// Kills every process of this machine that was started on a folder under `runs`, and waits for
/// their end. Returns their number.
///
/// # Errors
/// The processes that did not end.
pub(crate) fn kill_survivors(runs: &Path) -> Result<usize, Vec<i32>> {
    let Some(runs) = dropped(runs.canonicalize(), "cannot resolve the folder of runs") else {
        return Ok(0);
    };
    let found = processes_on(&runs);
    for pid in &found {
        // This fails only if the process has ended already.
        info!(pid, reason = "its coordinator is gone", "trainer ended");
        dropped(
            kill(Pid::from_raw(*pid), Signal::SIGKILL),
            "the process has ended",
        );
    }
    let began = Instant::now();
    let mut left = found.clone();
    while !left.is_empty() {
        if began.elapsed() > KILL_TIMEOUT {
            return Err(left);
        }
        std::thread::sleep(Duration::from_millis(5));
        left.retain(|pid| is_alive(*pid));
    }
    Ok(found.len())
}

/// Finds trainer processes that work on a folder under `runs`.
fn processes_on(runs: &Path) -> Vec<i32> {
    let entries = dropped(fs::read_dir("/proc"), "cannot list processes");
    let pids = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let own = std::process::id() as i32;
    pids.filter(|pid| *pid != own && is_alive(*pid) && works_on(*pid, runs) == Some(true))
        .collect()
}

/// Reports whether a process exists and is not a zombie. `kill` cannot detect that, because it
/// succeeds on zombies.
fn is_alive(pid: i32) -> bool {
    let is_zombie = |line: &str| line.starts_with("State:") && line.contains('Z');
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.lines().any(is_zombie))
}

/// Reports whether a trainer works on a folder under `runs`. `None` if the process is not a
/// trainer, has ended, or belongs to another user.
fn works_on(pid: i32, runs: &Path) -> Option<bool> {
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let from = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    // A trainer is started as `isoflop-trainer run FOLDER`, perhaps by an interpreter. A process
    // that only reads a file in the folder must not match.
    let words = String::from_utf8_lossy(&words);
    let mut words = words.trim_end_matches('\0').rsplit('\0');
    let folder = words.next()?;
    if words.next()? != "run" {
        return None;
    }
    let folder = from.join(folder).canonicalize().ok()?;
    // A trainer in the queue of an engine may outlive its coordinator.
    let is_trained = folder.starts_with(runs) && folder.is_dir();
    Some(is_trained && !AttemptDir::at(folder).was_submitted())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_works_on_a_folder_of_the_sweep_is_killed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let sleep_on = |sweep: &str, verb: &str| {
            let attempt = folder.path().join(sweep).join("runs/ab/attempts/1");
            fs::create_dir_all(&attempt).unwrap();
            // A process whose argument is the attempt, relative to its working directory.
            let relative = format!("{sweep}/runs/ab/attempts/1");
            let mut process = Command::new("sh");
            process
                .args(["-c", "read line", "trainer", verb, &relative])
                .current_dir(folder.path());
            process.stdin(std::process::Stdio::piped()).spawn().unwrap()
        };
        let (mut ours, mut other, mut reader) = (
            sleep_on("ours", "run"),
            sleep_on("other", "run"),
            sleep_on("ours", "show"),
        );
        // `wait` closes its input, and it would end without being killed.
        let _input = ours.stdin.take();
        let waited = std::thread::spawn(move || ours.wait().unwrap());
        assert_eq!(kill_survivors(&folder.path().join("ours/runs")), Ok(1));
        assert_eq!(waited.join().unwrap().signal(), Some(9));
        for process in [&mut other, &mut reader] {
            assert_eq!(
                process.try_wait().unwrap(),
                None,
                "a process that is not a trainer of this sweep was killed"
            );
        }
        assert_eq!(kill_survivors(&folder.path().join("ours/runs")), Ok(0));
        for mut process in [other, reader] {
            drop(process.stdin.take());
            process.wait().unwrap();
        }
    }
}
