//! Faults: processes really killed, disks really full. Finished runs stay valid, and none is repeated.

mod checks;
mod clock;
mod durable;
mod full;
mod kills;
mod late;
mod making;
mod round;
mod shim;
mod stops;
mod truncation;

use std::fs;
use std::ops::Range;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sandbox::{Sandbox, skipped, until};

/// Budgets of seconds rather than of moments, so that there is time to strike.
pub(crate) fn slow() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("[2e8, 4e8]", "[2e8, 4e9]");
    sandbox.write("train.txt", crate::sandbox::text(0..16_000));
    sandbox
}

pub(crate) fn start(sandbox: &Sandbox) -> Child {
    sandbox
        .command(&["run", "sweep.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) fn strike(process: &Child, signal: Signal) {
    kill(Pid::from_raw(process.id() as i32), signal).unwrap();
}

/// Kills a process, and waits until it is gone.
pub(crate) fn kill_at_once(mut process: Child) {
    strike(&process, Signal::SIGKILL);
    process.wait().unwrap();
}

/// Stops the processes of what `find` has found for as long as `then` takes, if it is found the same once they stand: none of them ends
/// between the look and the blow.
pub(crate) fn while_they_stand<T: PartialEq>(
    find: impl Fn() -> Option<T>,
    processes: impl Fn(&T) -> Vec<i32>,
    then: impl FnOnce(&T),
) {
    let tell = |found: &T, signal| {
        for pid in processes(found) {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    };
    let mut standing = None;
    until("what is to be struck stands", || {
        let Some(found) = find() else { return false };
        tell(&found, Signal::SIGSTOP);
        if find().as_ref() == Some(&found) {
            standing = Some(found);
            return true;
        }
        tell(&found, Signal::SIGCONT);
        false
    });
    let standing = standing.unwrap();
    then(&standing);
    tell(&standing, Signal::SIGCONT);
}

/// The coordinator is killed with runs done and runs under way. No trainer outlives it; run again, it
/// repeats no finished run and ends with the same table as a sweep that nothing happened to.
#[test]
fn a_killed_coordinator_loses_nothing() {
    let (sandbox, untouched) = (slow(), slow());
    untouched.ok(&["run", "sweep.yaml"]);

    let coordinator = start(&sandbox);
    while_others_train(&sandbox, 2..8, || kill_at_once(coordinator));
    until("the trainers have died with it", || {
        trainers(&sandbox).is_empty()
    });

    let before = sandbox.outcomes();
    assert!((2..8).contains(&before.len()), "{}", before.len());
    let again = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        again
            .err
            .contains(&format!("{} of them already done", before.len())),
        "{}",
        again.err
    );
    let after = sandbox.outcomes();
    assert!(
        before.iter().all(|outcome| after.contains(outcome)),
        "a finished run was repeated"
    );
    assert_eq!(sandbox.losses("results"), untouched.losses("results"));
}

/// The same where runs go on from one another's trunks: whichever of them were under way, the bits are those of a sweep that
/// was left alone.
#[test]
fn a_killed_sweep_that_shares_trunks_ends_alike() {
    let sharing = || {
        let sandbox = slow();
        sandbox.edit("  flops: [2e8, 4e9]", "  tokens: [6_400, 25_600, 51_200]");
        sandbox.edit(
            "fixed: 1e-2",
            "fixed: 1e-2\n  schedule: { wsd: { warmup_steps: 3, decay: 0.3, floor: 0 } }",
        );
        sandbox
    };
    let (sandbox, untouched) = (sharing(), sharing());
    untouched.ok(&["run", "sweep.yaml"]);
    for (done, signal) in [
        (1, Signal::SIGKILL),
        (5, Signal::SIGINT),
        (8, Signal::SIGKILL),
    ] {
        let mut coordinator = start(&sandbox);
        while_others_train(&sandbox, done..12, || strike(&coordinator, signal));
        coordinator.wait().unwrap();
        until("the trainers have died with it", || {
            trainers(&sandbox).is_empty()
        });
    }
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched.losses("results"));
}

/// Stops the trainers where so many runs are done and others train, for as long as `then` takes.
pub(crate) fn while_others_train(sandbox: &Sandbox, done: Range<usize>, then: impl FnOnce()) {
    let find = || Some(trainers(sandbox)).filter(|found| !found.is_empty());
    // What has delivered counts as done when the sweep is run again.
    let is_time = || {
        let outcomes = sandbox.outcomes().len();
        done.contains(&outcomes) && delivered(sandbox) == outcomes
    };
    while_they_stand(|| find().filter(|_| is_time()), Vec::clone, |_| then());
}

/// Attempts with an outcome.
fn delivered(sandbox: &Sandbox) -> usize {
    let files = checks::files_under(&sandbox.path("results/sweep/runs"));
    let of_attempts = files.iter().filter(|file| {
        file.ends_with("outcome.json") && file.iter().any(|part| part == "attempts")
    });
    of_attempts.count()
}

/// Trainers of this sandbox: their command line names the attempt's folder.
fn trainers(sandbox: &Sandbox) -> Vec<i32> {
    sandbox.processes(std::path::Path::new("results/sweep/runs"))
}

#[test]
fn an_interrupt_stops_and_keeps() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let sandbox = slow();
        let mut coordinator = start(&sandbox);
        // No other is begun, and those two may come to their ends: fewer than eight are done.
        while_others_train(&sandbox, 1..6, || strike(&coordinator, signal));
        let status = coordinator.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(trainers(&sandbox).is_empty());
        let kept = sandbox.outcomes();
        assert!((1..8).contains(&kept.len()));
        sandbox.ok(&["run", "sweep.yaml"]);
        assert!(
            kept.iter()
                .all(|outcome| sandbox.outcomes().contains(outcome))
        );
    }
}

/// A trainer that does not listen is waited for ten seconds; a second interrupt ends it at once.
#[test]
fn a_second_interrupt_waits_for_nothing() {
    let sandbox = Sandbox::new();
    let trainer =
        sandbox.broken_trainer("trap '' TERM\ntouch \"$2/deaf\"\nwhile true; do sleep 0.1; done");
    let deaf = || {
        let runs = fs::read_dir(sandbox.path("results/sweep/runs"))
            .into_iter()
            .flatten()
            .flatten();
        runs.filter(|run| run.path().join("attempts/1/deaf").exists())
            .count()
    };
    let log = fs::File::create(sandbox.path("log")).unwrap();
    let arguments = ["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()];
    let mut coordinator = sandbox
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let said = |words: &str| {
        fs::read_to_string(sandbox.path("log"))
            .unwrap()
            .contains(words)
    };
    until("two trainers run", || deaf() == 2);
    strike(&coordinator, Signal::SIGINT);
    until("it says that it stops", || {
        said("interrupt again to stop at once")
    });
    let asked_again = std::time::Instant::now();
    strike(&coordinator, Signal::SIGINT);
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
    assert!(
        asked_again.elapsed() < std::time::Duration::from_secs(9),
        "the grace period of ten seconds was waited for"
    );
    assert!(said("stopping at once"));
    assert!(trainers(&sandbox).is_empty());
}

/// Runs that are stopped under way go on from their checkpoints: interrupted, or killed with the coordinator, again and
/// again at whatever step it finds them, the sweep ends with the bits of one that nothing happened to.
#[test]
fn stopped_runs_go_on_from_their_checkpoints() {
    let untouched = slow();
    untouched.ok(&["run", "sweep.yaml"]);
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let sandbox = slow();
        // A kill leaves no time for a checkpoint: what counts is the last one written.
        sandbox.policy(&["checkpoint_seconds: 0.05"]);
        // Runs with a whole checkpoint: one that is being written has another name.
        let checkpoints = || {
            let runs = fs::read_dir(sandbox.path("results/sweep/runs"))
                .into_iter()
                .flatten()
                .flatten();
            let whole =
                |entry: fs::DirEntry| entry.file_name().to_string_lossy().parse::<u64>().is_ok();
            let found = |run: fs::DirEntry| fs::read_dir(run.path().join("checkpoints"));
            runs.filter_map(|run| found(run).ok())
                .map(|entries| entries.flatten().any(whole))
                .filter(|any| *any)
                .count()
        };
        for round in 0..4 {
            let mut coordinator = start(&sandbox);
            until("a run under way has a checkpoint", || {
                checkpoints() > 0 && !trainers(&sandbox).is_empty()
                    || coordinator.try_wait().unwrap().is_some()
            });
            if coordinator.try_wait().unwrap().is_some() {
                assert!(round > 0, "{signal}: it ended before it was struck");
                break;
            }
            strike(&coordinator, signal);
            coordinator.wait().unwrap();
            until("the trainers have ended", || trainers(&sandbox).is_empty());
        }
        sandbox.ok(&["run", "sweep.yaml"]);
        assert_eq!(
            sandbox.losses("results"),
            untouched.losses("results"),
            "{signal}"
        );
        let resumed = sandbox
            .outcomes()
            .iter()
            .filter(|(_, outcome)| String::from_utf8_lossy(outcome).contains("resumed_from_step"))
            .count();
        assert!(resumed > 0, "{signal}: no run went on from a checkpoint");
        assert_eq!(
            checkpoints(),
            0,
            "{signal}: checkpoints of finished runs are removed"
        );
    }
}

/// A trainer killed from outside costs an attempt, not the sweep.
#[test]
fn a_killed_trainer_is_tried_again() {
    let sandbox = slow();
    let mut coordinator = sandbox
        .command(&["run", "sweep.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while_they_stand(
        || trainers(&sandbox).first().copied(),
        |pid| vec![*pid],
        |pid| kill(Pid::from_raw(*pid), Signal::SIGKILL).unwrap(),
    );
    let mut said = String::new();
    std::io::Read::read_to_string(&mut coordinator.stderr.take().unwrap(), &mut said).unwrap();
    assert!(coordinator.wait().unwrap().success(), "{said}");
    assert!(
        said.contains(
            "was killed by SIGKILL (not by the kernel's out-of-memory killer); it will be retried"
        ),
        "{said}"
    );
    assert_eq!(sandbox.outcomes().len(), 8);
}

#[test]
fn two_coordinators_are_one_too_many() {
    let sandbox = slow();
    let mut first = start(&sandbox);
    let mut second = None;
    while_others_train(&sandbox, 0..8, || {
        second = Some(sandbox.run(&["run", "sweep.yaml"]));
        strike(&first, Signal::SIGKILL);
    });
    let second = second.unwrap();
    first.wait().unwrap();
    assert_eq!(second.code, 1);
    assert!(
        second.err.contains(&format!(
            "is in use by another isoflop (process {} on ",
            first.id()
        )),
        "{}",
        second.err
    );
    assert!(
        second.err.contains("hint: wait for it to end"),
        "{}",
        second.err
    );
}

/// What broken trainers leave: a message with the reason, and a sweep whose finished runs stay valid.
#[test]
fn broken_trainers() {
    let mut said_of = String::new();
    for (name, script) in [
        (
            "exits with a code",
            "echo 'error: something is wrong here'; exit 9",
        ),
        ("kills itself", "kill -9 $$"),
        ("claims success and leaves nothing", "exit 0"),
        (
            "leaves an outcome that is no JSON",
            "echo '{' > $2/outcome.json; touch $2/metrics.jsonl; exit 0",
        ),
        (
            "has no device",
            "echo 'error: CUDA device 0 is not available to libtorch (0 found)'; exit 3",
        ),
        (
            "cannot write",
            "echo 'error: cannot write `metrics.jsonl`: No space left on device'; exit 4",
        ),
        ("says nothing for ever", "sleep 1000"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
        sandbox.ok(&["run", "sweep.yaml"]);
        let before = sandbox.outcomes();
        sandbox.edit("[2e8, 4e8]", "[2e8, 6e8]");
        sandbox.edit("slots: 2", "slots: 1");
        sandbox.policy(&["stall_seconds: 1", "max_attempts: 2", "retry_seconds: 0"]);
        let trainer = sandbox.broken_trainer(script);
        let ran = sandbox.run(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()]);
        assert_eq!(ran.code, 4, "{name}: {}", ran.err);
        assert!(
            before
                .iter()
                .all(|outcome| sandbox.outcomes().contains(outcome)),
            "{name}"
        );
        assert!(
            sandbox
                .ok(&["status", "sweep"])
                .out
                .contains("2 of 4 runs finished"),
            "{name}"
        );
        let message = &ran.err[ran.err.find("error: ").unwrap()..];
        said_of += &format!("## a trainer that {name}\n{message}\n");
    }
    insta::assert_snapshot!(said_of);
}

/// An outcome damaged on the disk is no result. Where its attempt still has what it delivered, that is the outcome again;
/// else the run is done again. Both are said.
#[test]
fn damaged_outcomes_are_restored_or_done_again() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let losses = sandbox.losses("results");
    let outcomes = sandbox.outcomes();
    fs::write(&outcomes[0].0, &outcomes[0].1[..outcomes[0].1.len() / 2]).unwrap();
    let metrics = outcomes[1]
        .0
        .with_file_name("attempts")
        .join("1/metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(
        &metrics,
        text.replacen("\"loss_val\":", "\"loss_val\":1", 1),
    )
    .unwrap();
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        ran.err
            .contains("it is restored from the files that its attempt delivered"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("will be trained again"), "{}", ran.err);
    assert_eq!(fs::read(&outcomes[0].0).unwrap(), outcomes[0].1);
    assert!(
        ran.err.contains("does not match the outcome's digest"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("7 of them already done"), "{}", ran.err);
    assert_eq!(sandbox.losses("results"), losses);
}

/// A late outcome of an attempt that no longer holds the run is not taken.
#[test]
fn a_stale_outcome_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let (path, _) = sandbox.outcomes().remove(0);
    let attempt = path.with_file_name("attempts").join("1");
    // The run is given to a second attempt, and the first delivers after all.
    fs::remove_file(&path).unwrap();
    let second = attempt.with_file_name("2");
    fs::create_dir(&second).unwrap();
    let launch = fs::read_to_string(attempt.join("launch.json")).unwrap();
    let fence: serde_json::Value = serde_json::from_str(&launch).unwrap();
    fs::write(
        second.join("launch.json"),
        launch.replace(fence["fence"].as_str().unwrap(), "another"),
    )
    .unwrap();
    for file in ["outcome.json", "metrics.jsonl"] {
        fs::copy(attempt.join(file), second.join(file)).unwrap();
    }
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(ran.err.contains("7 of them already done"), "{}", ran.err);
    let outcome: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(outcome["attempt"], 3, "a stale outcome was committed");
}

/// An outcome that a killed coordinator did not come to commit is committed by the next.
#[test]
fn a_delivered_outcome_is_not_lost() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let before = sandbox.outcomes();
    fs::remove_file(&before[0].0).unwrap();
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(ran.err.contains("8 of them already done"), "{}", ran.err);
    assert_eq!(sandbox.outcomes(), before);
}

/// A disk that fills up stops the sweep with the reason; with space again it goes on.
#[test]
fn a_full_disk_stops_the_sweep() {
    let sandbox = Sandbox::new();
    // One at a time, so that the disk is full after the same run whichever would have been faster.
    sandbox.edit("slots: 2", "slots: 1");
    sandbox.policy(&["disk_reserve_bytes: 0"]);
    let disk = sandbox.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&disk)
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !mount("size=2m") {
        skipped("this user may not mount a small disk");
        return;
    }
    let full = disk.join("filler");
    let run = ["run", "sweep.yaml", "--results", "disk"];
    // Room for the text and the first runs' files, then none.
    let text: u64 = ["train.txt", "val.txt"]
        .iter()
        .map(|name| fs::metadata(sandbox.path(name)).unwrap().len())
        .sum();
    fs::write(&full, vec![0; (2 << 20) - text as usize - (250 << 10)]).unwrap();
    let first = sandbox.run(&run);
    let before = sandbox.outcomes_in("disk");
    fs::remove_file(&full).unwrap();
    let second = sandbox.run(&run);
    let (losses, after) = (sandbox.losses("disk"), sandbox.outcomes_in("disk"));
    let unmounted = Command::new("umount")
        .arg(&disk)
        .status()
        .unwrap()
        .success();

    // The store, the coordinator's file or the trainer's may be the one that finds no room, and then there is none for its log.
    let told = [
        "No space left on device",
        "is the disk full?",
        "database or disk is full",
    ]
    .iter()
    .any(|words| first.err.contains(words));
    assert!(told && first.err.contains("hint: "), "{}", first.err);
    assert!([1, 4].contains(&first.code), "{}", first.err);
    assert_eq!(second.code, 0, "{}", second.err);
    assert!(
        (1..8).contains(&before.len()),
        "the disk was full too early or too late: {} runs",
        before.len()
    );
    assert!(
        before.iter().all(|outcome| after.contains(outcome)),
        "a finished run was repeated"
    );
    let untouched = Sandbox::new();
    untouched.ok(&["run", "sweep.yaml"]);
    assert_eq!(losses, untouched.losses("results"));
    assert!(unmounted);
}
