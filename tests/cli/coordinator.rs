//! What users see and say while a sweep runs: events, status, logs, requests, limits.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use isoflop_core::run::SweepDir;
use isoflop_dispatch::store::StoreReader;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::messages::said;
use crate::sandbox::{Sandbox, skipped, until};

/// The trainer that trains nothing, as `--trainer` takes it.
pub(crate) fn noop() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_isoflop"))
        .with_file_name("examples")
        .join("noop-trainer");
    assert!(
        program.is_file(),
        "build the examples first: `cargo build --release --examples`"
    );
    program.display().to_string()
}

/// Starts the sweep with runs that take `seconds`.
fn start(sandbox: &Sandbox, seconds: &str) -> Child {
    let mut command = sandbox.command(&["run", "sweep.yaml", "--trainer", &noop()]);
    command
        .env("NOOP_SECONDS", seconds)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn status(sandbox: &Sandbox) -> Vec<Value> {
    match sandbox.json(&["status", "sweep"]) {
        Value::Array(rows) => rows,
        other => panic!("{other}"),
    }
}

fn in_state(sandbox: &Sandbox, state: &str) -> Vec<String> {
    let rows = status(sandbox)
        .into_iter()
        .filter(|row| row["status"] == state);
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

fn has_store(sandbox: &Sandbox) -> bool {
    sandbox.path("results/sweep/state.sqlite").exists()
}

fn interrupt(mut coordinator: Child) {
    kill(Pid::from_raw(coordinator.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(coordinator.wait().unwrap().code(), Some(130));
}

/// Programs read a line an event; each run is started, says something, and is done.
#[test]
fn events_are_json_lines() {
    let sandbox = Sandbox::new();
    let ran = sandbox.ok(&["run", "sweep.yaml", "--json"]);
    let events: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(
        (
            count("sweep_started"),
            count("run_started"),
            count("run_done")
        ),
        (1, 8, 8),
        "{}",
        ran.out
    );
    assert_eq!((count("sweep_ended"), count("report_written")), (1, 1));
    let ended = events
        .iter()
        .find(|event| event["event"] == "sweep_ended")
        .unwrap();
    assert_eq!(
        (&ended["runs"]["done"], &ended["interrupted"]),
        (&8.into(), &false.into())
    );
    for (run, outcome) in sandbox.outcomes() {
        let id = run.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let outcome: Value = serde_json::from_slice(&outcome).unwrap();
        let done = events
            .iter()
            .find(|event| event["event"] == "run_done" && event["run"] == id)
            .unwrap();
        assert_eq!(done["loss_val"], outcome["ending"]["finished"]["loss_val"]);
    }
    // The same where an attempt fails.
    sandbox.edit("[2e8, 4e8]", "[6e8]");
    sandbox.policy(&["max_attempts: 2", "retry_seconds: 0"]);
    let trainer = sandbox.broken_trainer("exit 9");
    let ran = sandbox.run(&[
        "run",
        "sweep.yaml",
        "--json",
        "--trainer",
        trainer.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 4);
    let failed: Vec<Value> = ran
        .out
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let states: Vec<&str> = failed
        .iter()
        .filter_map(|event| event["state"].as_str())
        .collect();
    assert_eq!(
        states
            .iter()
            .filter(|state| **state == "quarantined")
            .count(),
        4,
        "{states:?}"
    );
    assert_eq!(states.len(), 8, "{states:?}");
}

/// Any command reads the store while a coordinator writes to it.
#[test]
fn status_is_read_while_a_sweep_runs() {
    let sandbox = Sandbox::new();
    let coordinator = start(&sandbox, "600");
    until("two runs run", || {
        has_store(&sandbox) && in_state(&sandbox, "running").len() == 2
    });
    let seen = sandbox.ok(&["status", "sweep"]).out;
    for words in [
        "0 of 8 runs finished",
        "8 to do (2 running, 6 queued)",
        "slot 0: ",
        "slot 1: ",
        "coordinator: process ",
    ] {
        assert!(seen.contains(words), "no `{words}` in\n{seen}");
    }
    assert!(
        seen.lines().all(|line| line.chars().count() <= 80),
        "{seen}"
    );
    interrupt(coordinator);
    let seen = sandbox.ok(&["status", "sweep"]).out;
    assert!(
        seen.contains("no coordinator is running; `isoflop resume sweep` continues"),
        "{seen}"
    );
    assert!(seen.contains("8 to do (0 running, 8 queued)"), "{seen}");
}

/// A run is given up while it runs and while it waits; it stays so when the sweep is run again, until it is asked for.
#[test]
fn runs_are_cancelled_and_tried_again() {
    let sandbox = Sandbox::new();
    let coordinator = start(&sandbox, "600");
    until("two runs run", || {
        has_store(&sandbox) && in_state(&sandbox, "running").len() == 2
    });
    let (running, queued) = (
        in_state(&sandbox, "running").remove(0),
        in_state(&sandbox, "queued").remove(0),
    );
    let cancelled = sandbox.ok(&["cancel", &running, &queued[..8]]);
    assert_eq!(
        cancelled.out.matches(": cancelled").count(),
        2,
        "{}",
        cancelled.out
    );
    let mut both = vec![running.clone(), queued];
    both.sort();
    let is_cancelled = || {
        let mut found = in_state(&sandbox, "cancelled");
        found.sort();
        found
    };
    assert_eq!(is_cancelled(), both);
    until("its slot is given to another", || {
        in_state(&sandbox, "running").len() == 2
    });
    interrupt(coordinator);

    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        ran.err
            .contains("2 runs were cancelled and are not retried"),
        "{}",
        ran.err
    );
    assert_eq!(
        (is_cancelled(), sandbox.outcomes().len()),
        (both.clone(), 6)
    );
    // Without a coordinator the command does it itself.
    let asked = sandbox.ok(&["retry", &running]);
    assert!(asked.out.contains(": queued"), "{}", asked.out);
    assert!(
        asked
            .err
            .contains("1 run is queued; `isoflop resume sweep` continues"),
        "{}",
        asked.err
    );
    assert_eq!(in_state(&sandbox, "queued"), [running]);
    sandbox.ok(&["resume", "sweep"]);
    assert_eq!(sandbox.outcomes().len(), 7);
    // What is done is neither cancelled nor tried again.
    let done = in_state(&sandbox, "finished").remove(0);
    assert!(sandbox.ok(&["cancel", &done]).out.contains(": done"));
    assert!(sandbox.ok(&["retry", &done]).out.contains(": done"));
    assert_eq!(sandbox.outcomes().len(), 7);
}

/// A coordinator ends without having seen a request, whose command then does it itself.
#[test]
fn a_request_to_a_coordinator_that_ends_is_carried_out() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml", "--max-runs", "0"]);
    let run = in_state(&sandbox, "queued").remove(0);
    // It holds the lock, and looks no more.
    let lock = fs::File::open(sandbox.path("results/sweep/lock")).unwrap();
    lock.lock().unwrap();
    let mut command = sandbox.command(&["cancel", &run]);
    let cancel = command.stdout(Stdio::piped()).spawn().unwrap();
    let sweep = SweepDir::at(sandbox.path("results/sweep"));
    until("the request is made", || {
        let store = StoreReader::open(&sweep).unwrap().unwrap();
        store.answer(1).is_ok()
    });
    drop(lock);
    let said = cancel.wait_with_output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(said.ends_with(": cancelled\n"), "{said}");
    assert_eq!(in_state(&sandbox, "cancelled"), [run]);
}

/// Runs that failed stay so when the sweep is run again, and are queued by a command.
#[test]
fn failed_runs_wait_to_be_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.policy(&["max_attempts: 1"]);
    let trainer = sandbox.broken_trainer("exit 9");
    assert_eq!(
        sandbox
            .run(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()])
            .code,
        4
    );
    assert_eq!(in_state(&sandbox, "quarantined").len(), 8);
    let again = sandbox.run(&["run", "sweep.yaml"]);
    assert_eq!(again.code, 4, "{}", again.err);
    assert!(
        again
            .err
            .contains("8 runs failed before and are not retried; `isoflop retry --failed sweep`"),
        "{}",
        again.err
    );
    let seen = sandbox.ok(&["status", "sweep"]).out;
    let words = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("8 quarantined") && words.contains("the trainer exited with code 9"),
        "{seen}"
    );
    let asked = sandbox.ok(&["retry", "--failed", "sweep"]);
    assert_eq!(asked.out.matches(": queued").count(), 8, "{}", asked.out);
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(in_state(&sandbox, "finished").len(), 8);
    assert!(
        sandbox
            .ok(&["retry", "--failed", "sweep"])
            .err
            .contains("no failed runs")
    );
}

/// What a run says and prints, after it has ended and while it runs.
#[test]
fn logs_are_shown_and_followed() {
    let sandbox = Sandbox::new();
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    sandbox.ok(&["run", "sweep.yaml"]);
    let id = in_state(&sandbox, "finished").remove(0);
    let shown = sandbox.ok(&["logs", &id[..10]]);
    assert!(
        shown.out.contains("model built: ") && shown.out.contains("validation loss "),
        "{}",
        shown.out
    );
    assert!(
        shown.err.contains("attempt 1: results/sweep/runs/"),
        "{}",
        shown.err
    );

    // Followed from before its start to its end, over two attempts.
    sandbox.edit("[2e8]", "[4e8]");
    sandbox.edit("slots: 2", "slots: 1");
    sandbox.policy(&["retry_seconds: 0"]);
    let script = "echo \"a word of attempt $(basename $2)\"; test -e ../allow || touch \"$2/waits\"\n\
                  while ! test -e allow; do sleep 0.01; done; case $2 in */1) exit 9;; esac; exec ";
    let trainer = sandbox.broken_trainer(&format!(
        "{script}{} \"$@\"",
        env!("CARGO_BIN_EXE_isoflop-trainer")
    ));
    let mut coordinator = sandbox
        .command(&["run", "sweep.yaml", "--trainer", trainer.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("a run runs", || !in_state(&sandbox, "running").is_empty());
    let id = in_state(&sandbox, "running").remove(0);
    let mut follower = sandbox
        .command(&["logs", "-f", &id])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut reader, mut followed) = (
        BufReader::new(follower.stdout.take().unwrap()),
        String::new(),
    );
    // It follows the first attempt before that may end.
    while !followed.contains("a word of attempt 1") {
        assert_ne!(
            reader.read_line(&mut followed).unwrap(),
            0,
            "it ended with\n{followed}"
        );
    }
    sandbox.write("allow", "");
    reader.read_to_string(&mut followed).unwrap();
    assert!(follower.wait().unwrap().success());
    for words in [
        "a word of attempt 1",
        "a word of attempt 2",
        "validation loss ",
    ] {
        assert!(followed.contains(words), "no `{words}` in\n{followed}");
    }
    assert!(coordinator.wait().unwrap().success());
}

/// As many runs as are asked for, then it stops; none plans and queues.
#[test]
fn at_most_so_many_runs_are_started() {
    let sandbox = Sandbox::new();
    let none = sandbox.ok(&["run", "sweep.yaml", "--max-runs", "0"]);
    assert!(
        none.err
            .contains("8 runs are queued; run the same command again to continue"),
        "{}",
        none.err
    );
    assert_eq!(in_state(&sandbox, "queued").len(), 8);
    sandbox.ok(&["run", "sweep.yaml", "--max-runs", "3"]);
    assert_eq!(sandbox.outcomes().len(), 3);
    sandbox.ok(&["resume", "sweep", "--max-runs", "100"]);
    assert_eq!(sandbox.outcomes().len(), 8);
}

/// The order that was asked for: an arm's priority first, then the estimates.
#[test]
fn priorities_and_order_decide_who_is_first() {
    let sandbox = Sandbox::new();
    sandbox.edit("slots: 2", "slots: 1");
    sandbox.policy(&["order: cheapest_first"]);
    let text = fs::read_to_string(sandbox.path("sweep.yaml")).unwrap();
    sandbox.write(
        "sweep.yaml",
        format!("{text}\npriorities: {{ primer_ez: 1 }}\n"),
    );
    let ran = sandbox.ok(&["run", "sweep.yaml", "--json", "--trainer", &noop()]);
    let events = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let started: Vec<Value> = events
        .filter(|event| event["event"] == "run_started")
        .collect();
    let arms: Vec<&str> = started
        .iter()
        .map(|event| event["arm"].as_str().unwrap())
        .collect();
    assert_eq!(arms, [["primer_ez"; 4], ["transformer"; 4]].concat());
    let plan = sandbox.plan();
    let budget = |event: &Value| {
        let run = plan["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["id"] == event["run"])
            .unwrap();
        run["budget"]["flops"].as_f64().unwrap()
    };
    let budgets: Vec<f64> = started.iter().map(budget).collect();
    assert_eq!(budgets, [2e8, 2e8, 4e8, 4e8, 2e8, 2e8, 4e8, 4e8]);
}

/// A run that takes longer than it may is stopped, and the others go on.
#[test]
fn a_run_that_takes_too_long_is_stopped() {
    let sandbox = Sandbox::new();
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[2e8, 4e8]", "[2e8]");
    sandbox.policy(&["max_run_seconds: 1"]);
    let mut command = sandbox.command(&["run", "sweep.yaml", "--trainer", &noop()]);
    let output = command.env("NOOP_SECONDS", "600").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("the attempt took longer than `max_run_seconds` (1.0 s) and was stopped"),
        "{said}"
    );
    assert_eq!(in_state(&sandbox, "failed").len(), 1);
}

/// Little room on the disk: nothing is started, what runs goes on, and with room again the sweep does.
#[test]
fn little_room_on_the_disk_pauses_the_sweep() {
    let sandbox = Sandbox::new();
    sandbox.edit("slots: 2", "slots: 1");
    sandbox.policy(&["disk_reserve_bytes: 4_000_000"]);
    let disk = sandbox.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        skipped("this user may not mount a small disk");
        return;
    }
    let filler = disk.join("filler");
    fs::write(&filler, vec![0; 5 << 20]).unwrap();
    let log = sandbox.path("log");
    let mut coordinator = sandbox
        .command(&["run", "sweep.yaml", "--results", "disk"])
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let heard = |words: &str| fs::read_to_string(&log).unwrap().contains(words);
    until("it says that there is little room", || {
        heard("disk space is low: ")
    });
    assert_eq!(sandbox.outcomes_in("disk").len(), 0);
    assert!(coordinator.try_wait().unwrap().is_none(), "it waits");
    fs::remove_file(&filler).unwrap();
    let ended = coordinator.wait().unwrap();
    let outcomes = sandbox.outcomes_in("disk").len();
    assert!(
        std::process::Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        heard("disk space is sufficient again"),
        "{}",
        fs::read_to_string(&log).unwrap()
    );
    assert_eq!((ended.code(), outcomes), (Some(0), 8));
}

/// A store that is damaged, or gone, is made anew from the results: nothing is repeated.
#[test]
fn a_store_can_be_made_anew() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["run", "sweep.yaml"]);
    let (before, store) = (
        sandbox.outcomes(),
        sandbox.path("results/sweep/state.sqlite"),
    );
    fs::write(
        &store,
        "no database at all, but long enough to be taken for one by its size alone ".repeat(99),
    )
    .unwrap();
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(
        ran.err.contains("the store was damaged (") && ran.err.contains("8 of them already done"),
        "{}",
        ran.err
    );
    assert!(sandbox.path("results/sweep/state.sqlite.damaged").exists());
    fs::remove_file(&store).unwrap();
    let ran = sandbox.ok(&["run", "sweep.yaml"]);
    assert!(ran.err.contains("8 of them already done"), "{}", ran.err);
    assert_eq!(sandbox.outcomes(), before);
}

/// Messages of commands that name what is not there.
#[test]
fn what_cannot_be_asked_for() {
    let sandbox = Sandbox::new();
    let mut said_of = String::new();
    let mut say = |name: &str, arguments: &[&str]| {
        said_of += &format!("## {name}\n{}\n\n", said(&sandbox, arguments))
    };
    say("nothing has results", &["status", "sweep"]);
    say("no sweep has the run", &["logs", "abc"]);
    sandbox.ok(&["run", "sweep.yaml", "--max-runs", "0"]);
    let id = in_state(&sandbox, "queued").remove(0);
    say("a run that is none", &["cancel", "transformer"]);
    say("a run that was not started", &["logs", &id]);
    say("a beginning of no run", &["retry", "0123456789abcdef"]);
    say(
        "failed runs of a sweep that is none",
        &["retry", "--failed", "other"],
    );
    say("nothing to try again", &["retry"]);
    let twin: PathBuf = sandbox.path("results/twin");
    fs::create_dir(&twin).unwrap();
    fs::copy(
        sandbox.path("results/sweep/state.sqlite"),
        twin.join("state.sqlite"),
    )
    .unwrap();
    say("a run of two sweeps", &["cancel", &id]);
    let named = sandbox.run(&["logs", &id, "--sweep", "twin"]);
    assert!(named.err.contains("which is queued"), "{}", named.err);
    assert!(set_version(&twin.join("state.sqlite")));
    say("a store of a later isoflop", &["status", "twin"]);
    insta::assert_snapshot!(said_of);
}

/// Sets the version of a store to 99: the 4 bytes at offset 60 of the file, as its format says.
fn set_version(store: &Path) -> bool {
    let mut bytes = fs::read(store).unwrap();
    let is_sqlite = bytes.starts_with(b"SQLite format 3\0");
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(store, bytes).unwrap();
    is_sqlite
}

/// Started with `nohup`, a sweep outlives its terminal.
#[test]
fn a_sweep_under_nohup_outlives_its_terminal() {
    let sandbox = Sandbox::new();
    let waits = "while ! test -e allow; do sleep 0.01; done; exec";
    let trainer = sandbox.broken_trainer(&format!("{waits} {} \"$@\"", noop()));
    let mut command = std::process::Command::new("nohup");
    command
        .arg(env!("CARGO_BIN_EXE_isoflop"))
        .args(["run", "sweep.yaml", "--trainer"])
        .arg(trainer);
    command
        .current_dir(sandbox.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut coordinator = command.stdin(Stdio::null()).spawn().unwrap();
    until("a run runs", || {
        has_store(&sandbox) && !in_state(&sandbox, "running").is_empty()
    });
    kill(Pid::from_raw(coordinator.id() as i32), Signal::SIGHUP).unwrap();
    sandbox.write("allow", "");
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.outcomes().len(), 8);
}
