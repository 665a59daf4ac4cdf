//! A store in the making, stopped at each of its steps: what other commands see of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::signal::Signal;

use super::round::small;
use super::shim::{Moment, Shim, Variables};
use super::{kill_at_once, strike};
use crate::sandbox::{Sandbox, until};

/// A coordinator, under the shim.
fn coordinator(sandbox: &Sandbox, shimmed: &Variables) -> Child {
    sandbox
        .command(&["run", "sweep.yaml"])
        .envs(shimmed.iter().cloned())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn fresh() -> (Sandbox, PathBuf) {
    let sandbox = small();
    let results = sandbox.path("results");
    fs::create_dir(&results).unwrap();
    (sandbox, results)
}

/// The coordinator's changes on the disk from the first of its store to the last before it starts a run.
fn steps(shim: &Shim) -> std::ops::Range<usize> {
    let (sandbox, results) = fresh();
    let log = sandbox.path("changes");
    let process = coordinator(&sandbox, &shim.writes_down("isoflop", &results, &log));
    let first = |part: &str| {
        let changes = sandbox.lines("changes");
        changes.iter().position(|change| change.contains(part))
    };
    until("a run is started", || first("/runs/").is_some());
    kill_at_once(process);
    first("state.sqlite").unwrap() + 1..first("/runs/").unwrap() + 1
}

fn is_stopped(process: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    status.contains(") T ")
}

/// Commands see no store or the whole list of runs, whenever they look: none of them fails.
#[test]
fn a_store_in_the_making_is_none_or_whole() {
    let (shim, other) = (Shim::compiled(), small());
    other.ok(&["run", "sweep.yaml"]);
    let losses = other.losses("results");
    let there = other.path("results/sweep");
    let import = ["import", there.to_str().unwrap()];
    let steps = steps(&shim);
    assert!(steps.len() > 10, "{steps:?}");
    for step in steps {
        let (sandbox, results) = fresh();
        let mark = sandbox.path("stopped");
        let shimmed = shim.stops("isoflop", &results, (Moment::After, step), &mark);
        let process = coordinator(&sandbox, &shimmed);
        until("the coordinator is stopped", || is_stopped(&process));
        let is_listed = sandbox.path("results/sweep/state.sqlite").exists();
        if is_listed {
            // As it opens the store, it may hold SQLite's locks: readers would wait for it.
            strike(&process, Signal::SIGKILL);
        } else {
            let held = sandbox.run(&import);
            assert!(held.err.contains("is in use by another"), "{}", held.err);
        }

        let plan = sandbox.plan();
        let run = plan["runs"][0]["id"].as_str().unwrap();
        let statuses = sandbox.json(&["status", "sweep"]);
        assert_eq!(statuses.as_array().unwrap().len(), 2, "step {step}");
        let said = sandbox.ok(&["status", "sweep"]).out;
        assert!(said.contains("0 of 2 runs finished"), "step {step}: {said}");
        let no_run = format!("has a run `{run}`");
        let logs = sandbox.run(&["logs", run]);
        assert_eq!(logs.code, 2, "step {step}: {}", logs.err);
        assert_ne!(logs.err.contains(&no_run), is_listed, "{}", logs.err);
        kill_at_once(process);
        for request in ["cancel", "retry"] {
            let asked = sandbox.run(&[request, run]);
            assert_eq!(asked.code == 0, is_listed, "step {step}: {}", asked.err);
            assert_ne!(asked.err.contains(&no_run), is_listed, "{}", asked.err);
        }
        let failed = sandbox.run(&["retry", "--failed", "sweep"]);
        let no_results = failed.err.contains("no results for the sweep");
        assert_ne!(no_results, is_listed, "step {step}: {}", failed.err);
        let imported = sandbox.ok(&import).out;
        assert!(imported.contains("2 runs imported"), "{imported}");
        assert_eq!(sandbox.losses("results"), losses);
    }
}
