//! The coordinator's log: every decision can be read back, with its run, its attempt and its reason.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::coordinator::noop;
use crate::faults::slow;
use crate::queue::{killed_midway, queued};
use crate::sandbox::Sandbox;

/// A line of the log.
#[derive(Debug)]
struct Decision {
    run: Option<String>,
    attempt: Option<u32>,
    /// What was decided.
    choice: String,
    line: String,
}

impl Decision {
    fn read(line: &str) -> Self {
        let between = |from: &str, to: &str| {
            let (_, rest) = line.split_once(from)?;
            Some(rest.split_once(to)?.0.to_owned())
        };
        // Spans end with the last `}: `; what was decided stands before the first field.
        let said = line.rsplit_once("}: ").map_or(line, |(_, said)| said);
        let fields = said.find('=').unwrap_or(said.len());
        let choice = said[..fields]
            .rsplit_once(' ')
            .map_or(said, |(words, _)| words);
        Self {
            run: between("run{id=\"", "\""),
            attempt: between("attempt{number=", " ").and_then(|number| number.parse().ok()),
            choice: choice.to_owned(),
            line: line.to_owned(),
        }
    }
}

/// The lines of the log, each whole and of a known form.
fn decisions(sandbox: &Sandbox) -> Vec<Decision> {
    let log = fs::read_to_string(sandbox.path("results/sweep/coordinator.log")).unwrap();
    for line in log.lines() {
        assert!(line.contains("sweep{name=\"sweep\"}"), "{line}");
    }
    log.lines().map(Decision::read).collect()
}

/// What was decided of each run, with the number of the attempt, in order.
fn of_runs(decisions: &[Decision]) -> Vec<Vec<String>> {
    let mut runs: Vec<&str> = decisions
        .iter()
        .filter_map(|one| one.run.as_deref())
        .collect();
    runs.sort_unstable();
    runs.dedup();
    let of = |run: &&str| {
        let about = decisions
            .iter()
            .filter(|one| one.run.as_deref() == Some(run));
        about
            .map(|one| format!("{} {}", one.attempt.unwrap_or(0), one.choice))
            .collect()
    };
    runs.iter().map(of).collect()
}

fn run_with(sandbox: &Sandbox, faults: &str) -> i32 {
    let mut command = sandbox.command(&["run", "sweep.yaml", "--trainer", &noop()]);
    let command = command.env("NOOP_FAULTS", faults).stdout(Stdio::null());
    command
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .code()
        .unwrap()
}

/// Eight runs that crash once each, then four that crash until they are given up.
#[test]
fn a_retry_and_a_quarantine_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.policy(&["max_attempts: 2", "retry_seconds: 0.01"]);
    assert_eq!(run_with(&sandbox, "crash"), 0);
    let log = decisions(&sandbox);
    let expected = [
        "1 leased",
        "1 running",
        "1 queued again",
        "2 leased",
        "2 running",
        "2 committing",
        "2 done",
    ];
    assert_eq!(of_runs(&log), vec![expected.to_vec(); 8]);
    for again in log.iter().filter(|one| one.choice == "queued again") {
        for words in ["crash 1 of 2: ", "a crash was asked for", "retried in "] {
            assert!(again.line.contains(words), "{again:?}");
        }
    }
    let leased = log.iter().find(|one| one.choice == "leased").unwrap();
    for words in ["slot=", "label=\"", "longest first", "fence=\""] {
        assert!(leased.line.contains(words), "{leased:?}");
    }

    sandbox.edit("[2e8, 4e8]", "[6e8]");
    assert_eq!(run_with(&sandbox, "crash,crash"), 4);
    let log = decisions(&sandbox);
    let given_up: Vec<&Decision> = log
        .iter()
        .filter(|one| one.choice == "quarantined")
        .collect();
    assert_eq!(given_up.len(), 4);
    for one in given_up {
        assert_eq!(one.attempt, Some(2));
        for words in [
            "a crash was asked for",
            "it has crashed 2 times",
            "`max_attempts`",
        ] {
            assert!(one.line.contains(words), "{one:?}");
        }
    }
    let taken_up = log
        .iter()
        .filter(|one| one.choice == "sweep opened")
        .count();
    assert_eq!(taken_up, 2);

    // The user's wish, while nobody runs the sweep.
    sandbox.ok(&["retry", "--failed", "sweep"]);
    let log = decisions(&sandbox);
    let asked = log.iter().filter(|one| one.choice == "request carried out");
    assert_eq!(asked.count(), 4);
}

/// What an engine had while the coordinator was killed.
#[test]
fn attempts_that_are_followed_are_explained() {
    let sandbox = queued(slow());
    killed_midway(&sandbox, || {});
    sandbox.ok(&["resume", "sweep"]);
    let log = decisions(&sandbox);
    let count = |choice: &str| log.iter().filter(|one| one.choice == choice).count();
    assert_eq!(count("submitted to its engine"), 8);
    let adopted: Vec<&Decision> = log.iter().filter(|one| one.choice == "adopted").collect();
    assert!(!adopted.is_empty() && count("lease kept") >= adopted.len());
    for one in adopted {
        assert!(
            one.attempt == Some(1) && one.line.contains("an earlier coordinator"),
            "{one:?}"
        );
    }
    assert_eq!(count("done"), 8);
}

/// What a job says of the attempt that it executes.
#[test]
fn jobs_tell_of_their_attempts() {
    let sandbox = queued(Sandbox::new());
    let mut command = sandbox.command(&["run", "sweep.yaml", "--trainer", &noop()]);
    let command = command.env("ISOFLOP_LOG", "isoflop_dispatch::worker=debug");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    let said = fs::read_to_string(sandbox.path("said")).unwrap();
    let started: Vec<Decision> = said
        .lines()
        .filter(|line| line.contains("trainer process started"))
        .map(Decision::read)
        .collect();
    assert_eq!(started.len(), 8, "{said}");
    for one in started {
        let run = one.line.contains("attempt{run=\"");
        assert!(
            run && one.line.contains("number=1 ") && one.line.contains("pid="),
            "{one:?}"
        );
    }
}

#[test]
fn a_full_log_is_set_aside() {
    let sandbox = Sandbox::new();
    assert_eq!(run_with(&sandbox, "none"), 0);
    let [log, older] = ["coordinator.log", "coordinator.1.log"]
        .map(|name| sandbox.path(&format!("results/sweep/{name}")));
    let lines = "a line of some length, as there are many\n".repeat(120_000);
    fs::write(&log, &lines).unwrap();
    sandbox.edit("[2e8, 4e8]", "[6e8]");
    assert_eq!(run_with(&sandbox, "none"), 0);
    assert_eq!(fs::read_to_string(&older).unwrap(), lines);
    assert_eq!(
        decisions(&sandbox)
            .iter()
            .filter(|one| one.choice == "done")
            .count(),
        4
    );
    fs::write(&log, &lines).unwrap();
    sandbox.edit("[6e8]", "[7e8]");
    assert_eq!(run_with(&sandbox, "none"), 0);
    assert_eq!(fs::read_to_string(&older).unwrap(), lines);
}

/// A log that cannot be opened is said; one that cannot be written is gone without. Neither stops a sweep.
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let sandbox = Sandbox::new();
    let log = sandbox.path("results/sweep/coordinator.log");
    fs::create_dir_all(&log).unwrap();
    let ran = sandbox.ok(&["run", "sweep.yaml", "--trainer", &noop()]);
    assert!(ran.err.contains("decisions are not logged"), "{}", ran.err);
    fs::remove_dir(&log).unwrap();
    symlink("/dev/full", &log).unwrap();
    sandbox.edit("[2e8, 4e8]", "[6e8]");
    let ran = sandbox.ok(&["run", "sweep.yaml", "--trainer", &noop()]);
    assert!(!ran.err.contains("coordinator.log"), "{}", ran.err);
}

/// What a trainer repeats of the user's secrets is told to the user, and left out of what lies in the results.
#[test]
fn secrets_are_left_out() {
    let sandbox = Sandbox::new();
    sandbox.policy(&["max_attempts: 1"]);
    let says =
        "echo \"error: https://me:pass-word@host/ wants $AWS_SECRET_ACCESS_KEY\" >&2; exit 9";
    let trainer = sandbox.broken_trainer(says);
    let mut command = sandbox.command(&["run", "sweep.yaml", "-vv", "--trainer"]);
    let output = command
        .arg(trainer)
        .env("AWS_SECRET_ACCESS_KEY", "wJalr/XUtn+FEMI")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    let seen = shown
        .lines()
        .filter(|line| line.contains("quarantined") && line.contains("run{"));
    let log = fs::read_to_string(sandbox.path("results/sweep/coordinator.log")).unwrap();
    let lines: Vec<&str> = log.lines().chain(seen).collect();
    assert!(
        lines
            .iter()
            .filter(|line| line.contains("https://***@host/ wants ***"))
            .count()
            >= 16
    );
    for line in lines {
        assert!(
            !line.contains("pass-word") && !line.contains("wJalr"),
            "{line}"
        );
    }
}

/// What `-v` and `ISOFLOP_LOG` show.
#[test]
fn decisions_are_shown_where_they_are_asked_for() {
    let sandbox = Sandbox::new();
    let shown = |arguments: &[&str], filter: Option<&str>| {
        let mut command =
            sandbox.command(&[&["run", "sweep.yaml", "--trainer", &noop()], arguments].concat());
        if let Some(filter) = filter {
            command.env("ISOFLOP_LOG", filter);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains('\u{1b}'), "{text}");
        let count = |word: &str| text.lines().filter(|line| line.contains(word)).count();
        (count(" INFO "), count(" DEBUG "))
    };
    assert_eq!(shown(&[], None), (0, 0));
    sandbox.edit("[2e8, 4e8]", "[6e8]");
    let (info, debug) = shown(&["-v"], None);
    assert!(info >= 4 * 4 && debug == 0, "{info} {debug}");
    sandbox.edit("[6e8]", "[7e8]");
    assert_eq!(shown(&["-v"], Some("off")), (0, 0));
    sandbox.edit("[7e8]", "[8e8]");
    let (info, _) = shown(&[], Some("isoflop_dispatch::coordinator=info"));
    assert!(info >= 4 * 4, "{info}");
}

#[test]
fn a_filter_that_is_misspelt_is_refused() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["status", "sweep"]);
    let output = command.env("ISOFLOP_LOG", "debg").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.starts_with("error: invalid filter `debg` in `ISOFLOP_LOG`: unknown level `debg`\n"),
        "{said}"
    );
    assert!(said.contains("\nhint: give a level"), "{said}");
}
