//! A real Slurm, told by the commands that docs/commands.md shows. scripts/test-slurm starts one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::faults::{slow, start, strike};
use crate::queue::{attempts, example, under_way};
use crate::sandbox::{Sandbox, skipped, until};

/// The folder of the Slurm that scripts/test-slurm has started.
fn slurm() -> Option<PathBuf> {
    let root = std::env::var_os("ISOFLOP_TEST_SLURM").map(PathBuf::from);
    if root.is_none() {
        skipped("no Slurm: scripts/test-slurm starts one");
    }
    root
}

/// The slow sweep with the document's executor, in shorter times.
fn on_slurm() -> Sandbox {
    let sandbox = slow();
    let shorter = "    poll_seconds: 0.5\n    grace_seconds: 5\n    retry_seconds: 0\n    max_pending: 4\n";
    sandbox.edit(&format!("executor:\n{}", crate::queue::LOCAL), &format!("{}{shorter}", example()));
    sandbox
}

fn untouched() -> String {
    let local = slow();
    local.ok(&["run", "sweep.yaml"]);
    local.losses("results")
}

/// Kills the controller, whatever it had not written down, and starts it again.
fn controller_dies(root: &Path) {
    let pid = fs::read_to_string(root.join("slurmctld.pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    until("the controller is gone", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
    });
    assert!(Command::new("slurmctld").stdin(Stdio::null()).status().unwrap().success());
}

/// Coordinator and controller are killed with jobs that run and jobs that wait, some of which the controller may have forgotten.
#[test]
fn slurm_gives_the_bits_of_this_machine_whatever_is_killed() {
    let Some(root) = slurm() else { return };
    let sandbox = on_slurm();
    let mut coordinator = start(&sandbox);
    until("a job runs", || !under_way(&sandbox).is_empty());
    controller_dies(&root);
    until("a run is done and another runs", || !sandbox.outcomes().is_empty() && !under_way(&sandbox).is_empty());
    strike(&coordinator, Signal::SIGKILL);
    coordinator.wait().unwrap();
    controller_dies(&root);
    let kept = sandbox.outcomes();
    sandbox.ok(&["resume", "sweep"]);
    assert!(kept.iter().all(|outcome| sandbox.outcomes().contains(outcome)));
    assert_eq!(sandbox.outcomes().len(), 8);
    assert_eq!(sandbox.losses("results"), untouched());
}

/// What Slurm sends before a time limit is over: a checkpoint, and another job that goes on from it. It counts as no crash.
#[test]
fn a_time_limit_is_no_crash() {
    let Some(_) = slurm() else { return };
    let sandbox = on_slurm();
    sandbox.edit("max_pending: 4", "max_pending: 4\n    max_attempts: 1");
    let mut coordinator = start(&sandbox);
    until("a job that trains is sent USR1", || {
        let Some(attempt) = under_way(&sandbox).pop() else { return false };
        let said = fs::read_to_string(attempt.join("metrics.jsonl")).unwrap_or_default();
        let launch: serde_json::Value =
            serde_json::from_slice(&fs::read(attempt.join("launch.json")).unwrap()).unwrap();
        let [run, fence] = ["run", "fence"].map(|key| launch[key].as_str().unwrap().to_owned());
        let name = format!("--name=isoflop-{run}-{}-{fence}", launch["attempt"]);
        let sent = || Command::new("scancel").args(["--batch", "--signal=USR1", &name]).status().unwrap().success();
        said.lines().count() > 1 && sent()
    });
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched());
    assert!(attempts(&sandbox).iter().sum::<u64>() >= 8);
}
