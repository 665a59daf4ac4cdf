//! An engine with a queue, told by commands: a few lines of shell that lose jobs, start them twice and die, as real ones do.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::book::yaml_blocks;
use crate::faults::{kill_at_once, slow, start, strike, while_they_stand};
use crate::sandbox::{Sandbox, one_line, processes_of, until, untouched};

/// One job at a time, and no further one while there is a file `closed`. A job's file in `queue` is there as long as the engine knows it, and holds the process group that executes it.
pub(crate) const ENGINE: &str = r#"#!/bin/sh
case $1 in
submit)
  [ -e mute ] && { echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2; exit 1; }
  [ -e refuses ] && { echo "sbatch: error: invalid partition specified: gpus" >&2; exit 1; }
  mkdir -p queue; echo "$ISOFLOP_TAG" >> submitted; : > "queue/$ISOFLOP_TAG"
  setsid sh -c 'echo $$ > "queue/$ISOFLOP_TAG"
    flock engine.lock sh -c "while [ -e closed ]; do sleep 0.05; done; exec sh \"$ISOFLOP_JOB\""; rm -f "queue/$ISOFLOP_TAG"' >> said 2>&1 < /dev/null & ;;
poll) [ -e down ] && exit 1; ls queue ;;
cancel) [ -e mute ] && exit 1; echo "$ISOFLOP_TAG" >> cancelled; group=$(cat "queue/$ISOFLOP_TAG") && rm "queue/$ISOFLOP_TAG"; kill -TERM -- "-$group" ;;
esac
"#;

pub(crate) const EXECUTOR: &str = "  command:
    submit: 'sh engine.sh submit # $ISOFLOP_JOB $ISOFLOP_TAG'
    poll: sh engine.sh poll
    cancel: 'sh engine.sh cancel # $ISOFLOP_TAG'
    max_pending: 3
";

pub(crate) const LOCAL: &str = "  local:\n    device: cpu\n    slots: 2\n    threads_per_run: 1\n";

/// The sweep given to the engine.
pub(crate) fn queued(sandbox: Sandbox) -> Sandbox {
    sandbox.edit(LOCAL, EXECUTOR);
    sandbox.policy(&["retry_seconds: 0"]);
    sandbox.queue(&["poll_seconds: 0.1", "grace_seconds: 0.5"]);
    sandbox.write("engine.sh", ENGINE);
    sandbox
}

/// A coordinator at a moment when a run is done and another runs, which stands for as long as `then` takes.
pub(crate) fn midway(sandbox: &Sandbox, then: impl FnOnce(&mut Child)) -> Child {
    let mut coordinator = start(sandbox);
    while_a_job_stands(sandbox, || then(&mut coordinator));
    coordinator
}

/// Kills a coordinator at such a moment; `then` sees what it left.
pub(crate) fn killed_midway(sandbox: &Sandbox, then: impl FnOnce()) {
    let mut coordinator = start(sandbox);
    while_a_job_stands(sandbox, || {
        kill_coordinator(&mut coordinator);
        then();
    });
}

/// Stops what the engine executes where a run is done and another runs, for as long as `then` takes.
pub(crate) fn while_a_job_stands(sandbox: &Sandbox, then: impl FnOnce()) {
    while_they_stand(
        || {
            Some(under_way(sandbox))
                .filter(|jobs| !jobs.is_empty() && !sandbox.outcomes().is_empty())
        },
        |jobs| {
            let processes = |attempt: &PathBuf| processes_on(sandbox, attempt);
            jobs.iter().flat_map(processes).collect()
        },
        |_| then(),
    );
}

/// Kills it, and waits until it is gone.
pub(crate) fn kill_coordinator(coordinator: &mut Child) {
    strike(coordinator, Signal::SIGKILL);
    coordinator.wait().unwrap();
}

/// A coordinator whose first three jobs wait, for an engine that starts none yet.
fn waiting(sandbox: &Sandbox) -> Child {
    sandbox.write("closed", "");
    let coordinator = start(sandbox);
    until("three jobs wait", || known(sandbox).len() == 3);
    coordinator
}

/// Jobs that the engine knows.
fn known(sandbox: &Sandbox) -> Vec<PathBuf> {
    fs::read_dir(sandbox.path("queue"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// The folders of attempts that have begun and not ended.
pub(crate) fn under_way(sandbox: &Sandbox) -> Vec<PathBuf> {
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
    let attempts = attempts.map(|attempt| attempt.path());
    attempts
        .filter(|path| path.join("metrics.jsonl").exists() && !path.join("end.json").exists())
        .collect()
}

/// What executes an attempt, here or for a worker of this sandbox.
pub(crate) fn processes_on(sandbox: &Sandbox, attempt: &std::path::Path) -> Vec<i32> {
    // As a word of a command line, relative to whichever folder.
    let name: PathBuf = attempt
        .components()
        .skip_while(|part| part.as_os_str() != "runs")
        .collect();
    sandbox.processes(&name)
}

pub(crate) fn attempts(sandbox: &Sandbox) -> Vec<u64> {
    let status: Value = sandbox.json(&["status", "sweep"]);
    status
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["attempts"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_queue_gives_the_bits_of_this_machine() {
    let sandbox = queued(Sandbox::new());
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(sandbox.lines("submitted").len(), 8);
    assert!(sandbox.lines("cancelled").is_empty());
    let plan = sandbox.ok(&["plan", "sweep.yaml"]);
    assert!(
        plan.out
            .contains("3 runs side by side (cpu), 1 CPU threads each"),
        "{}",
        plan.out
    );
}

/// The coordinator is killed with jobs that run and jobs that wait. The next one follows them: none is submitted twice.
#[test]
fn jobs_outlive_their_coordinator() {
    let sandbox = queued(slow());
    let (mut coordinator, mut running) = (start(&sandbox), Vec::new());
    while_a_job_stands(&sandbox, || {
        // A job that it was about to submit when it died would be lost, and submitted again.
        until("the engine has all that it may have", || {
            known(&sandbox).len() == 3.min(8 - sandbox.outcomes().len())
        });
        kill_coordinator(&mut coordinator);
        running = under_way(&sandbox);
        sandbox.write("closed", "");
    });
    // With nobody there, a job ends and delivers; the others wait.
    until("a job has ended", || {
        running
            .iter()
            .any(|attempt| attempt.join("end.json").exists())
    });
    // What other commands find is left alone.
    sandbox.ok(&["status", "sweep"]);
    let said = fs::File::create(sandbox.path("resumed.txt")).unwrap();
    let mut resumed = sandbox
        .command(&["resume", "sweep"])
        .stderr(said)
        .spawn()
        .unwrap();
    until("they are followed", || {
        let said = sandbox.lines("resumed.txt").concat();
        said.contains("attempts that an earlier session gave to the engine")
    });
    fs::remove_file(sandbox.path("closed")).unwrap();
    assert!(resumed.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(attempts(&sandbox), [1; 8]);
    assert_eq!(sandbox.lines("submitted").len(), 8);
}

/// A node dies: neither word nor job is left. The run goes on in another attempt.
#[test]
fn a_job_that_is_killed_is_tried_again() {
    let sandbox = queued(slow());
    let mut coordinator = start(&sandbox);
    let processes = |jobs: &Vec<PathBuf>| -> Vec<i32> {
        jobs.iter()
            .flat_map(|attempt| processes_on(&sandbox, attempt))
            .collect()
    };
    let find = || Some(under_way(&sandbox)).filter(|jobs| processes(jobs).len() > 1);
    while_they_stand(find, processes, |jobs| {
        for pid in processes(jobs) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        }
    });
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    let attempts = attempts(&sandbox);
    assert_eq!(attempts.iter().sum::<u64>(), 9, "{attempts:?}");
}

/// The engine forgets all it knows while a job runs, and cannot be asked for a while before: the job is given up after the grace period
/// alone, trains no more once it is, and the run has one result.
#[test]
fn a_job_that_the_engine_forgets_is_given_up() {
    let sandbox = queued(slow());
    sandbox.write("down", "");
    let mut coordinator = midway(&sandbox, |_| {
        assert_eq!(
            attempts(&sandbox).iter().max(),
            Some(&1),
            "an engine that does not answer has lost nothing"
        );
        let forgotten = known(&sandbox);
        assert!(!forgotten.is_empty());
        forgotten
            .iter()
            .for_each(|job| fs::remove_file(job).unwrap());
        fs::remove_file(sandbox.path("down")).unwrap();
        until("a run is begun again", || {
            attempts(&sandbox).iter().any(|attempts| *attempts > 1)
        });
    });
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert!(attempts(&sandbox).iter().any(|attempts| *attempts > 1));
    until("what was given up has ended", || {
        processes_of(&sandbox.path("")).is_empty()
    });
}

/// One job is started twice, and once more when all is over: it trains once.
#[test]
fn a_job_that_is_started_twice_trains_once() {
    let sandbox = queued(Sandbox::new());
    let twice = ENGINE.replace(r#"exec sh \"$ISOFLOP_JOB\""#, "exec sh twice.sh");
    assert!(twice.contains("twice.sh"));
    sandbox.write(
        "twice.sh",
        "sh \"$ISOFLOP_JOB\" & sh \"$ISOFLOP_JOB\"; wait\n",
    );
    sandbox.write("engine.sh", twice);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    let elsewhere = |line: &&String| line.contains("another job executes this attempt");
    assert_eq!(sandbox.lines("said").iter().filter(elsewhere).count(), 8);
    let before = sandbox.outcomes();
    let job = before[0].0.with_file_name("attempts").join("1/job.sh");
    let again = std::process::Command::new("sh").arg(job).output().unwrap();
    assert!(again.status.success());
    assert_eq!(sandbox.outcomes(), before);
}

/// No machine of the engine can start isoflop: that comes to an end, with the reason.
#[test]
fn jobs_that_never_begin_come_to_an_end() {
    let sandbox = queued(Sandbox::new());
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("grace_seconds: 0.5", "grace_seconds: 0.1");
    sandbox.policy(&["max_attempts: 2"]);
    sandbox.write("engine.sh", "exit 0");
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("4 of 4 runs failed"), "{}", ran.err);
    assert!(
        ran.err
            .contains("before it began: the engine lost it, or its machine cannot start isoflop"),
        "{}",
        ran.err
    );
    assert_eq!(attempts(&sandbox), [2; 4]);
}

/// An interrupt takes back what waits and stops what runs, with a checkpoint; run again, it goes on from there.
#[test]
fn an_interrupt_takes_jobs_back() {
    let sandbox = queued(slow());
    let mut coordinator = midway(&sandbox, |coordinator| {
        strike(coordinator, Signal::SIGINT);
    });
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    until("the engine knows no job", || known(&sandbox).is_empty());
    until("no process is left", || {
        processes_of(&sandbox.path("")).is_empty()
    });
    let kept = sandbox.outcomes();
    sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        kept.iter()
            .all(|outcome| sandbox.outcomes().contains(outcome))
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

/// A run whose job waits is cancelled: the job is taken back, and the others go on.
#[test]
fn a_job_that_waits_is_cancelled() {
    let sandbox = queued(Sandbox::new());
    let mut coordinator = waiting(&sandbox);
    let status = sandbox.json(&["status", "sweep"]);
    let waits = status
        .as_array()
        .unwrap()
        .iter()
        .find(|run| run["status"] == "leased")
        .unwrap();
    let run = waits["id"].as_str().unwrap().to_owned();
    let answer = sandbox.ok(&["cancel", &run]);
    assert!(answer.out.contains("cancelled"), "{}", answer.out);
    assert!(sandbox.lines("cancelled")[0].contains(&run));
    fs::remove_file(sandbox.path("closed")).unwrap();
    coordinator.wait().unwrap();
    assert_eq!(sandbox.outcomes().len(), 7);
}

/// The engine preempts: it sends SIGTERM to the job, which leaves a checkpoint. That is no crash, and the next attempt goes on from it.
#[test]
fn a_preempted_job_goes_on_from_its_checkpoint() {
    let sandbox = queued(slow());
    sandbox.policy(&["max_attempts: 1"]);
    let mut coordinator = start(&sandbox);
    let training = || {
        let attempt = under_way(&sandbox).pop()?;
        let said = fs::read_to_string(attempt.join("metrics.jsonl")).ok()?;
        let began: Value =
            serde_json::from_slice(&fs::read(attempt.join("began.json")).ok()?).ok()?;
        let process = began["process"].as_i64().unwrap() as i32;
        (said.lines().count() > 1).then_some((attempt, process))
    };
    while_they_stand(
        training,
        |(attempt, _)| processes_on(&sandbox, attempt),
        |(_, process)| kill(Pid::from_raw(*process), Signal::SIGTERM).unwrap(),
    );
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

/// It preempts a job whose trainer has only begun, and does not listen yet: that is no crash either.
#[test]
fn a_job_that_is_preempted_as_it_begins_is_no_crash() {
    let sandbox = queued(Sandbox::new());
    sandbox.policy(&["max_attempts: 1"]);
    let trainer = env!("CARGO_BIN_EXE_isoflop-trainer");
    let deaf = sandbox.broken_trainer(&format!(
        "[ -e deaf ] && exec {trainer} \"$@\"\n: > deaf; exec sleep 1000"
    ));
    let run = ["run", "sweep.yaml", "--trainer", deaf.to_str().unwrap()];
    let mut coordinator = sandbox
        .command(&run)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("a trainer has begun", || sandbox.path("deaf").exists());
    let job = sandbox.processes(std::path::Path::new("/attempts/1"));
    let isoflop = |pid: &&i32| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ends_with("isoflop"))
    };
    kill(
        Pid::from_raw(*job.iter().find(isoflop).unwrap()),
        Signal::SIGUSR1,
    )
    .unwrap();
    assert!(
        coordinator.wait().unwrap().success(),
        "{}",
        sandbox.run(&["status", "sweep"]).out
    );
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 9);
}

/// Without a coordinator, a run that an engine has is asked to end, and the next coordinator sees it end. A run that the sweep does not
/// ask for any more is taken back alike.
#[test]
fn what_an_engine_has_is_taken_back() {
    let sandbox = queued(Sandbox::new());
    kill_at_once(waiting(&sandbox));
    let status = sandbox.json(&["status", "sweep"]);
    let leased: Vec<&Value> = status
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["status"] == "leased")
        .collect();
    let run = leased
        .iter()
        .find(|run| run["arm"] == "transformer")
        .unwrap()["id"]
        .as_str()
        .unwrap();
    let answer = one_line(&sandbox.ok(&["cancel", run]).out);
    assert!(
        answer.contains(
            "its engine still has the job, and `isoflop resume sweep` follows it to its end"
        ),
        "{}",
        answer
    );
    // The other arm's are not wanted any more: it has two of the dearest four.
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    fs::remove_file(sandbox.path("closed")).unwrap();
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    until("the engine knows no job", || known(&sandbox).is_empty());
    let status = sandbox.json(&["status", "sweep", "--results", "results"]);
    let of = |word: &str| {
        status
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["status"] == word)
            .count()
    };
    assert_eq!((of("cancelled"), of("finished")), (1, 3), "{status}");
    let trained = sandbox.outcomes();
    assert_eq!(
        trained.len(),
        3,
        "a run that was taken back was trained: {trained:?}"
    );
}

/// A sweep that goes on on this machine: what the engine has is asked to end, and is not waited for.
#[test]
fn another_engine_takes_over() {
    let sandbox = queued(slow());
    killed_midway(&sandbox, || sandbox.write("closed", ""));
    sandbox.edit(EXECUTOR, LOCAL);
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        ran.err
            .contains("the engine that has the attempt is not in the sweep file any more"),
        "{}",
        ran.err
    );
    assert_eq!(sandbox.losses("results"), untouched(slow));
    fs::remove_file(sandbox.path("closed")).unwrap();
    until("no process is left", || {
        processes_of(&sandbox.path("")).is_empty()
    });
}

/// The user leaves as soon as the engine has its jobs, and looks in now and then.
#[test]
fn a_detached_sweep_is_collected() {
    let sandbox = queued(Sandbox::new());
    sandbox.write("closed", "");
    let said = sandbox.ok(&["run", "sweep.yaml", "--detach"]).err;
    assert!(
        said.contains("the engine has 3 jobs, 5 runs are queued; `isoflop resume sweep` collects"),
        "{said}"
    );
    assert_eq!((known(&sandbox).len(), sandbox.outcomes().len()), (3, 0));
    let again = sandbox.ok(&["resume", "sweep", "--detach"]).err;
    assert!(
        again.contains("the engine has 3 jobs, 5 runs are queued"),
        "{again}"
    );
    fs::remove_file(sandbox.path("closed")).unwrap();
    until("what the engine has is done", || known(&sandbox).is_empty());
    sandbox.write("closed", "");
    let more = sandbox.ok(&["resume", "sweep", "--detach"]).err;
    assert!(more.contains("3 of them already done"), "{more}");
    assert!(
        more.contains("the engine has 3 jobs, 2 runs are queued"),
        "{more}"
    );
    fs::remove_file(sandbox.path("closed")).unwrap();
    sandbox.ok(&["resume", "sweep"]);
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
    assert_eq!(attempts(&sandbox), [1; 8]);
    let local = Sandbox::new().run(&["run", "sweep.yaml", "--detach"]);
    assert_eq!(local.code, 2);
    assert!(
        local
            .err
            .contains("needs an engine that continues without isoflop"),
        "{}",
        local.err
    );
}

/// The parts of sweep files that begin with a section and that a document shows.
pub(crate) fn examples(document: &str, section: &str) -> Vec<String> {
    let examples = yaml_blocks(&format!("docs/{document}.md")).into_iter();
    examples
        .filter(|example| example.starts_with(section))
        .collect()
}

/// The first of them.
pub(crate) fn example(document: &str) -> String {
    examples(document, "executor:").remove(0)
}

/// The engine is away for a while, with jobs of ours and while more are to be given to it: that is said and waited for. An interrupt does not
/// wait for it, and one that was never there is a mistake.
#[test]
fn an_engine_that_is_away_is_waited_for() {
    let sandbox = queued(Sandbox::new());
    sandbox.edit("max_pending: 3", "max_pending: 1");
    let away = |is: bool| {
        for file in ["down", "mute"] {
            if is {
                sandbox.write(file, "")
            } else {
                fs::remove_file(sandbox.path(file)).unwrap()
            }
        }
    };
    away(true);
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(
        ran.err.contains("Unable to contact slurm controller"),
        "{}",
        ran.err
    );
    away(false);
    let run = |file: &str| {
        let said = fs::File::create(sandbox.path(file)).unwrap();
        sandbox
            .command(&["run", "sweep.yaml"])
            .stderr(said)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut coordinator = run("first.txt");
    until("two runs are done", || sandbox.outcomes().len() >= 2);
    away(true);
    let said = |file: &str| fs::read_to_string(sandbox.path(file)).unwrap();
    until("that is said", || {
        said("first.txt").contains("command: the engine does not answer: `poll` failed")
    });
    let struck = Instant::now();
    strike(&coordinator, Signal::SIGINT);
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    assert!(
        struck.elapsed() < Duration::from_secs(30),
        "{:?}",
        struck.elapsed()
    );
    away(false);
    let before = sandbox.outcomes().len();
    let mut coordinator = run("second.txt");
    until("another run is done", || sandbox.outcomes().len() > before);
    away(true);
    until("that is said", || {
        said("second.txt").contains("the engine does not answer")
    });
    away(false);
    assert!(
        coordinator.wait().unwrap().success(),
        "{}",
        said("second.txt")
    );
    assert!(
        said("second.txt").contains("command: the engine answers again"),
        "{}",
        said("second.txt")
    );
    assert_eq!(sandbox.losses("results"), untouched(Sandbox::new));
}

#[test]
fn what_an_engine_refuses() {
    let sandbox = queued(Sandbox::new());
    // Side by side, any of them may be the first to be refused.
    sandbox.edit("max_pending: 3", "max_pending: 1");
    sandbox.write("refuses", "");
    let ran = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(ran.code, 4);
    let mut said = ran.err[ran.err.find("error: the sweep").unwrap()..].to_owned();
    fs::remove_file(sandbox.path("refuses")).unwrap();
    for (from, to) in [
        (
            "'sh engine.sh submit # $ISOFLOP_JOB $ISOFLOP_TAG'",
            "sbatch $ISOFLOP_JOB",
        ),
        ("sh engine.sh poll", "''"),
        ("    poll: sh engine.sh poll\n", ""),
        ("max_pending: 3", "max_pending: 0"),
        ("poll_seconds: 0.1", "poll_seconds: often"),
    ] {
        let mistaken = queued(Sandbox::new());
        mistaken.edit(from, to);
        let ran = mistaken.run(&["plan", "sweep.yaml"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        said += &ran.err;
    }
    let nowhere = sandbox.run(&["attempt", "nowhere"]);
    said += &nowhere.err;
    insta::assert_snapshot!(said);
    sandbox.ok(&["run", "sweep.yaml"]);
}
