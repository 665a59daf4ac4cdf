//! A real Slurm, by the executor that docs/slurm.md shows and by the commands of docs/commands.md. scripts/test-slurm starts one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::faults::{slow, start, strike, while_they_stand};
use crate::queue::{LOCAL, attempts, example, processes_on, under_way};
use crate::sandbox::{Sandbox, is_long, skipped, text, until, untouched};
use crate::several::{here_and_on, run_with_a_death};
use crate::storage::folder_keys;

/// The folder of the Slurm that scripts/test-slurm has started.
fn slurm() -> Option<PathBuf> {
    let root = std::env::var_os("ISOFLOP_TEST_SLURM").map(PathBuf::from);
    if root.is_none() {
        skipped("no Slurm: scripts/test-slurm starts one");
    }
    root
}

/// Both ways to speak to it, as their documents show them.
fn both() -> [String; 2] {
    [example("slurm"), example("commands")]
}

/// The slow sweep with an executor, in shorter times.
fn on_slurm(executor: &str) -> Sandbox {
    on_slurm_of(slow(), executor)
}

fn on_slurm_of(sandbox: Sandbox, executor: &str) -> Sandbox {
    sandbox.edit(
        &format!("executor:\n{LOCAL}"),
        &format!("{executor}    max_pending: 4\n"),
    );
    sandbox.policy(&["retry_seconds: 0"]);
    sandbox.queue(&["poll_seconds: 0.5", "grace_seconds: 5"]);
    sandbox
}

/// What a command of Slurm prints.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Slurm's number of an attempt's job, if it knows one.
fn number(sandbox: &Sandbox, attempt: &Path) -> Option<String> {
    let batches = fs::read_dir(sandbox.path("results/sweep/batches"))
        .into_iter()
        .flatten()
        .flatten();
    let script = attempt.join("job.sh");
    let task = |batch: PathBuf| {
        let tasks = fs::read_to_string(batch.join("tasks.txt")).ok()?;
        let task = tasks
            .lines()
            .position(|line| line.ends_with(script.to_str().unwrap()))?;
        Some((batch.file_name()?.to_str()?.to_owned(), task.to_string()))
    };
    let launch: Value =
        serde_json::from_slice(&fs::read(attempt.join("launch.json")).ok()?).ok()?;
    let [run, fence] = ["run", "fence"].map(|key| launch[key].as_str().unwrap().to_owned());
    let alone = || {
        (
            format!("isoflop-{run}-{}-{fence}", launch["attempt"]),
            "N/A".to_owned(),
        )
    };
    let (name, task) = batches
        .map(|entry| entry.path())
        .find_map(task)
        .unwrap_or_else(alone);
    let jobs = told(
        "squeue",
        &[
            "--noheader",
            "--array",
            &format!("--name={name}"),
            "--format=%K %i",
        ],
    );
    let job = |line: &str| Some(line.trim().strip_prefix(&task)?.trim().to_owned());
    jobs.lines().find_map(job)
}

/// An attempt that trains, and Slurm's number of its job.
fn training(sandbox: &Sandbox) -> Option<(PathBuf, String)> {
    under_way(sandbox).into_iter().find_map(|attempt| {
        let said = fs::read_to_string(attempt.join("metrics.jsonl")).unwrap_or_default();
        let number = number(sandbox, &attempt).filter(|_| said.lines().count() > 1)?;
        Some((attempt, number))
    })
}

/// Cancels a job that trains, or sends it what `how` says.
fn strike_one(sandbox: &Sandbox, how: &[&str]) {
    while_they_stand(
        || training(sandbox),
        |(attempt, _)| processes_on(sandbox, attempt),
        |(_, number)| {
            assert!(
                Command::new("scancel")
                    .args(how)
                    .arg(number)
                    .status()
                    .unwrap()
                    .success()
            )
        },
    );
}

/// Kills the controller, whatever it had not written down, and starts it again.
fn controller_dies(root: &Path) {
    let pid = fs::read_to_string(root.join("slurmctld.pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    until("the controller is gone", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status
            .lines()
            .any(|line| line.starts_with("State:") && !line.contains('Z'))
    });
    assert!(
        Command::new("slurmctld")
            .stdin(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
}

/// Nothing has come of it but what comes of a sweep on this machine, and no run has crashed.
fn ends_well(sandbox: &Sandbox, mut coordinator: Child, untouched: &str) {
    let ended = coordinator.wait().unwrap();
    assert!(
        ended.success(),
        "{}",
        sandbox.run(&["status", "sweep", "--json"]).out
    );
    assert_eq!(sandbox.losses("results"), untouched);
    assert!(
        told("squeue", &["--me", "--noheader"]).is_empty(),
        "a job is left"
    );
}

/// Attempts that ended with a checkpoint because they were told to.
fn preempted(sandbox: &Sandbox) -> usize {
    let runs = fs::read_dir(sandbox.path("results/sweep/runs"))
        .into_iter()
        .flatten()
        .flatten();
    let attempts = runs.flat_map(|run| {
        fs::read_dir(run.path().join("attempts"))
            .into_iter()
            .flatten()
            .flatten()
    });
    let code = |end: &Value| end["exit"].as_i64();
    let ends = attempts.filter_map(|attempt| fs::read(attempt.path().join("end.json")).ok());
    ends.filter(|end| serde_json::from_slice(end).is_ok_and(|end| code(&end) == Some(PREEMPTED)))
        .count()
}

/// How a trainer exits that was told to stop.
const PREEMPTED: i64 = isoflop_core::run::TrainerExit::Preempted as i64;

/// Coordinator and controller are killed: the controller as soon as it has jobs, some of which it may forget, and again with jobs that run
/// and jobs that wait.
#[test]
fn slurm_gives_the_bits_of_this_machine_whatever_is_killed() {
    let Some(root) = slurm() else { return };
    let untouched = untouched(slow);
    for executor in both() {
        let sandbox = on_slurm(&executor);
        let mut coordinator = start(&sandbox);
        until("a job is submitted", || {
            !told("squeue", &["--me", "--noheader"]).is_empty()
        });
        controller_dies(&root);
        until("a run is done and another runs", || {
            !sandbox.outcomes().is_empty() && !under_way(&sandbox).is_empty()
        });
        strike(&coordinator, Signal::SIGKILL);
        coordinator.wait().unwrap();
        controller_dies(&root);
        let kept = sandbox.outcomes();
        sandbox.ok(&["resume", "sweep"]);
        assert!(
            kept.iter()
                .all(|outcome| sandbox.outcomes().contains(outcome))
        );
        assert_eq!(sandbox.outcomes().len(), 8);
        assert_eq!(sandbox.losses("results"), untouched);
    }
}

/// What Slurm sends before a time limit is over: a checkpoint, and another job that goes on from it. It counts as no crash.
#[test]
fn a_time_limit_is_no_crash() {
    let Some(_) = slurm() else { return };
    let untouched = untouched(slow);
    for executor in both() {
        let sandbox = on_slurm(&executor);
        sandbox.policy(&["max_attempts: 1"]);
        let coordinator = start(&sandbox);
        strike_one(&sandbox, &["--batch", "--signal=USR1"]);
        ends_well(&sandbox, coordinator, &untouched);
        assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 9);
    }
}

/// A job of a partition that goes before ours takes all processors: Slurm tells our jobs to end, they leave checkpoints, and the runs go on
/// from there when it is over. It counts as no crash.
#[test]
fn a_preempted_job_goes_on() {
    let Some(_) = slurm() else { return };
    let longer = |sandbox: Sandbox| {
        sandbox.edit("[2e8, 4e9]", "[2e8, 1e10]");
        sandbox.write("train.txt", text(0..60_000));
        sandbox
    };
    let local = longer(slow());
    local.ok(&["run", "sweep.yaml"]);
    let untouched = local.losses("results");
    for executor in both() {
        let sandbox = longer(on_slurm(&executor));
        sandbox.policy(&["max_attempts: 1"]);
        let coordinator = start(&sandbox);
        until("a job is preempted", || {
            if training(&sandbox).is_some() {
                let urgent = [
                    "--wait",
                    "--quiet",
                    "--partition=urgent",
                    "--exclusive",
                    "--output=/dev/null",
                ];
                assert!(
                    Command::new("sbatch")
                        .args(urgent)
                        .arg("--wrap=true")
                        .status()
                        .unwrap()
                        .success()
                );
            }
            preempted(&sandbox) > 0
        });
        ends_well(&sandbox, coordinator, &untouched);
        assert!(attempts(&sandbox).iter().sum::<u64>() > 8);
        let resumed = |(_, outcome): &(PathBuf, Vec<u8>)| {
            String::from_utf8_lossy(outcome).contains("resumed_from_step")
        };
        assert!(
            sandbox.outcomes().iter().any(resumed),
            "no run went on from a checkpoint"
        );
    }
}

/// Somebody takes a job from outside: another one does its run.
#[test]
fn a_job_that_is_taken_is_given_again() {
    let Some(_) = slurm() else { return };
    let untouched = untouched(slow);
    for executor in both() {
        let sandbox = on_slurm(&executor);
        let coordinator = start(&sandbox);
        strike_one(&sandbox, &[]);
        ends_well(&sandbox, coordinator, &untouched);
        assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 9);
    }
}

/// Jobs that see no folder of the sweep: what they need and bring goes by way of a storage.
#[test]
fn slurm_by_way_of_a_storage() {
    let Some(_) = slurm() else { return };
    let slurm = on_slurm_of(Sandbox::new(), &example("slurm"));
    slurm.edit(
        "    max_pending: 4\n",
        &format!("    max_pending: 4\n{}", folder_keys(&slurm)),
    );
    slurm.ok(&["run", "sweep.yaml"]);
    assert_eq!(slurm.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&slurm), [1; 8]);
    until("no job is left", || {
        told("squeue", &["--me", "--noheader"]).is_empty()
    });
}

/// The quickstart, by both ways to speak to it.
#[test]
fn the_quickstart_has_the_same_losses() {
    let Some(_) = slurm() else { return };
    if !is_long() {
        return skipped("ISOFLOP_TEST_LONG is not set: the quickstart takes minutes");
    }
    let local = Sandbox::quickstart();
    local.ok(&["run", "sweep.yaml"]);
    for executor in both() {
        let sandbox = Sandbox::quickstart();
        sandbox.edit(&format!("executor:\n{LOCAL}"), &executor);
        sandbox.ok(&["run", "sweep.yaml"]);
        assert_eq!(sandbox.losses("results"), local.losses("results"));
        assert_eq!(attempts(&sandbox), [1; 36]);
    }
}

/// This machine, Slurm and a worker at once on one sweep.
#[test]
fn slurm_is_one_of_three_engines() {
    let Some(_) = slurm() else { return };
    let sandbox = here_and_on(
        "  slurm:\n    time: 10\n    max_pending: 2\n",
        &["poll_seconds: 0.5", "grace_seconds: 5"],
    );
    run_with_a_death(&sandbox, "slurm");
}

/// One task that waits is taken back; those beside it in its array are not.
#[test]
fn a_task_is_taken_back_alone() {
    let Some(_) = slurm() else { return };
    let untouched = untouched(slow);
    let blocked = [
        "--quiet",
        "--exclusive",
        "--job-name=blocks",
        "--output=/dev/null",
        "--wrap=exec sleep 1000",
    ];
    assert!(
        Command::new("sbatch")
            .args(blocked)
            .status()
            .unwrap()
            .success()
    );
    until("it blocks", || {
        told("squeue", &["--noheader", "--name=blocks", "--format=%t"]).trim() == "R"
    });
    let sandbox = on_slurm(&example("slurm"));
    let mut coordinator = start(&sandbox);
    let waiting = || {
        told(
            "squeue",
            &["--noheader", "--array", "--states=PENDING", "--format=%j"],
        )
    };
    until("four tasks wait", || waiting().lines().count() == 4);
    assert!(
        waiting()
            .lines()
            .all(|name| Some(name) == waiting().lines().next()),
        "one array: {}",
        waiting()
    );
    let status = sandbox.json(&["status", "sweep"]);
    let leased = status
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["status"] == "leased")
        .unwrap();
    let run = leased["id"].as_str().unwrap();
    sandbox.ok(&["cancel", run]);
    let launch = sandbox.path(&format!("results/sweep/runs/{run}/attempts/1"));
    assert!(number(&sandbox, &launch).is_none(), "it waits still");
    assert!(waiting().lines().count() >= 3);
    assert!(
        Command::new("scancel")
            .args(["--name=blocks"])
            .status()
            .unwrap()
            .success()
    );
    coordinator.wait().unwrap();
    sandbox.ok(&["retry", run]);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched);
    assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 9);
}
