//! Several engines at once on one sweep: this machine, an engine with a queue, and a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::faults::{slow, strike, while_they_stand};
use crate::queue::{ENGINE, EXECUTOR as QUEUE, LOCAL, attempts, processes_on, under_way};
use crate::sandbox::{Sandbox, one_line, text, until, untouched};
use crate::workers::{EXECUTOR as WORKERS, Site};

/// An engine's keys, as one of a list.
fn listed(executor: &str) -> String {
    let first = |(i, line)| {
        if i == 0 {
            format!("  - {}\n", str::trim(line))
        } else {
            format!("  {line}\n")
        }
    };
    executor.lines().enumerate().map(first).collect()
}

/// The sweep given to these engines.
fn given_to(sandbox: Sandbox, engines: &[&str]) -> Sandbox {
    let engines: String = engines.iter().map(|engine| listed(engine)).collect();
    sandbox.edit(LOCAL, &engines);
    sandbox.policy(&["retry_seconds: 0"]);
    sandbox
}

/// A sweep on this machine with one seat, an engine with two, and a worker.
fn three(sweep: Sandbox) -> Sandbox {
    let sandbox = also_on(
        sweep,
        &QUEUE.replace("max_pending: 3", "max_pending: 2"),
        &["poll_seconds: 0.1", "grace_seconds: 0.5"],
    );
    sandbox.write("engine.sh", ENGINE);
    sandbox
}

/// Runs that all take seconds, so that every engine is soon in the middle of one.
fn long() -> Sandbox {
    let sandbox = slow();
    sandbox.edit("[2e8, 4e9]", "[8e9, 1.2e10]");
    sandbox.write("train.txt", text(0..40_000));
    sandbox
}

/// The long sweep on this machine, an engine and a worker.
pub(crate) fn here_and_on(engine: &str, queue: &[&str]) -> Sandbox {
    also_on(long(), engine, queue)
}

fn also_on(sweep: Sandbox, engine: &str, queue: &[&str]) -> Sandbox {
    let here = LOCAL.replace("slots: 2", "slots: 1");
    let sandbox = given_to(
        sweep,
        &[&here, engine, &format!("{WORKERS}    max_pending: 2\n")],
    );
    sandbox.queue(queue);
    sandbox.ok(&["worker-token", "new", "one"]);
    sandbox
}

/// How many runs each engine has a result of.
fn shares(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for (outcome, _) in sandbox.outcomes() {
        *shares
            .entry(engine_of(&result(outcome.parent().unwrap())))
            .or_default() += 1;
    }
    shares
}

/// Three engines at once: one result a run, the local executor's, bit for bit; each has its share, and goes on with what it had when the
/// coordinator is killed.
#[test]
fn three_engines_give_the_bits_of_this_machine() {
    let sandbox = three(long());
    let plan = one_line(&sandbox.ok(&["plan", "sweep.yaml"]).out);
    assert!(
        plan.contains(
            "5 runs side by side (cpu), 1 CPU threads each: 1 on local, 2 on command, 2 on workers"
        ),
        "{plan}"
    );
    run_with_a_death(&sandbox, "command");
}

/// A sweep on three engines, whose coordinator is killed while each of them trains. What the engine and the worker train stands until the
/// next coordinator has found it, and ends there.
pub(crate) fn run_with_a_death(sandbox: &Sandbox, engine: &str) {
    let mut site = Site::new(sandbox);
    let mut coordinator = site.coordinator();
    site.worker("one");
    let said = sandbox.path("said.txt");
    let followed = || {
        let said = fs::read_to_string(&said).unwrap_or_default();
        said.contains("attempts that an earlier session gave to the engine")
    };
    let mut stood = BTreeMap::new();
    while_they_stand(
        || Some(training(sandbox)).filter(|attempts| distinct(attempts) == 3),
        |attempts| {
            attempts
                .keys()
                .flat_map(|attempt| processes_on(sandbox, attempt))
                .collect()
        },
        |attempts| {
            strike(&coordinator, Signal::SIGKILL);
            coordinator.wait().unwrap();
            coordinator = site.coordinator_that_says(&said);
            until("the next coordinator has found what they train", followed);
            stood = attempts.clone();
        },
    );
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(long));
    for (attempt, _) in stood.iter().filter(|(_, engine)| *engine != "local") {
        assert_eq!(
            result(attempt.ancestors().nth(2).unwrap()),
            *attempt,
            "it was made again"
        );
    }
    let shares = shares(sandbox);
    assert_eq!(shares.values().sum::<usize>(), 8);
    assert!(
        [engine, "local", "workers"]
            .iter()
            .all(|name| shares.contains_key(*name)),
        "{shares:?}"
    );
    // A coordinator's death costs this machine's attempt, and those that were offered to no worker yet.
    assert!(
        attempts(sandbox).iter().sum::<u64>() <= 8 + 1 + 2,
        "{:?}",
        attempts(sandbox)
    );
}

/// Attempts that train, and the engine of each.
fn training(sandbox: &Sandbox) -> BTreeMap<PathBuf, String> {
    under_way(sandbox)
        .into_iter()
        .map(|attempt| (attempt.clone(), engine_of(&attempt)))
        .collect()
}

fn distinct(attempts: &BTreeMap<PathBuf, String>) -> usize {
    attempts.values().collect::<BTreeSet<_>>().len()
}

/// The attempt whose result is a run's.
fn result(run: &Path) -> PathBuf {
    let outcome: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("outcome.json")).unwrap()).unwrap();
    run.join("attempts").join(outcome["attempt"].to_string())
}

fn engine_of(attempt: &Path) -> String {
    fs::read_to_string(attempt.join("engine")).unwrap()
}

/// Attempts that have not ended, by engine.
fn held(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let runs = fs::read_dir(sandbox.path("results/sweep/runs"))
        .into_iter()
        .flatten()
        .flatten();
    let without_outcome = runs.filter(|run| !run.path().join("outcome.json").exists());
    let attempts = without_outcome
        .flat_map(|run| {
            fs::read_dir(run.path().join("attempts"))
                .into_iter()
                .flatten()
                .flatten()
        })
        .filter(|attempt| !attempt.path().join("end.json").exists());
    let mut held = BTreeMap::new();
    for engine in
        attempts.filter_map(|attempt| fs::read_to_string(attempt.path().join("engine")).ok())
    {
        *held.entry(engine).or_default() += 1;
    }
    held
}

/// Engines that are taken out of the sweep file: what they had is given up, and trained by those that are left.
#[test]
fn an_engine_that_is_gone_loses_its_runs_to_others() {
    let sandbox = three(slow());
    let site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    // No worker calls: its runs wait.
    until("each engine has an attempt", || held(&sandbox).len() == 3);
    strike(&coordinator, Signal::SIGKILL);
    coordinator.wait().unwrap();
    let sweep = fs::read_to_string(sandbox.path("sweep.yaml")).unwrap();
    sandbox.write("sweep.yaml", sweep.split("executor:").next().unwrap());
    sandbox.ok(&["run", "sweep.yaml"]);
    assert_eq!(sandbox.losses("results"), untouched(slow));
}

#[test]
fn what_several_engines_may_not_be() {
    let sandbox = Sandbox::new();
    sandbox.edit(LOCAL, "  - local: {slots: 1}\n  - workers: {}\n");
    let wrong = [
        ("  - local: {slots: 1}\n  - workers: {}\n", "  []\n"),
        ("workers: {}", "local: {}"),
        ("workers: {}", "workers: {retry_seconds: 3}"),
        ("workers: {}", "ray: {order: as_listed}"),
        ("workers: {}", "several: {engines: [local: {}]}"),
        ("workers: {}", "worker: {}"),
        ("workers: {}", "slurm"),
        ("slots: 1", "slots: 0"),
        (
            "  - local: {slots: 1}",
            "  - local: {slots: 1}\n    ray: {}",
        ),
    ];
    let mut said = String::new();
    for (from, to) in wrong {
        sandbox.edit(from, to);
        let ran = sandbox.run(&["plan", "sweep.yaml"]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        said += &ran.err;
        said += "\n";
        sandbox.edit(to, from);
    }
    sandbox.ok(&["worker-token", "new", "one"]);
    let ran = sandbox.run(&["run", "sweep.yaml", "--detach"]);
    assert_ne!(ran.code, 0);
    insta::assert_snapshot!(said + &ran.err);
}

/// Two engines under one key are told apart.
#[test]
fn engines_of_one_kind_are_numbered() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        LOCAL,
        "  - slurm: {time: 60, max_pending: 4}\n  - slurm: {time: 10, max_pending: 2}\n",
    );
    let plan = sandbox.ok(&["plan", "sweep.yaml"]).out;
    assert!(plan.contains("4 on slurm, 2 on slurm-2"), "{plan}");
}

/// Seats with other threads train with other last bits: that is said.
#[test]
fn engines_that_are_unlike_are_told() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        LOCAL,
        "  - local: {slots: 1, threads_per_run: 2}\n  - workers\n",
    );
    assert!(
        sandbox
            .ok(&["plan", "sweep.yaml"])
            .err
            .contains("the last bits of a loss depend on the engine")
    );
}
