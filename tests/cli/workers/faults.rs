//! Coordinators, workers and the connections between them, killed and paused.

use nix::sys::signal::Signal;

use super::delivery::resumed;
use super::{Site, in_the_middle, kept, trains, under_way_on, while_it_trains, with_workers};
use crate::faults::{kill_at_once, slow};
use crate::queue::attempts;
use crate::sandbox::{Sandbox, outcome_field, until, untouched};

/// The coordinator dies and is started again: to its workers that is a pause. No run is repeated.
#[test]
fn a_coordinators_death_is_a_pause() {
    let sandbox = with_workers(slow(), &["one", "two"]);
    let mut site = Site::new(&sandbox);
    let coordinator = site.coordinator();
    site.worker("one");
    site.worker("two");
    // The one stands when the other does.
    let both_train = || under_way_on(&sandbox, "one") && under_way_on(&sandbox, "two");
    let is_midway = || !sandbox.outcomes().is_empty() && both_train();
    while_it_trains(&sandbox, "one", is_midway, || {
        while_it_trains(&sandbox, "two", both_train, || kill_at_once(coordinator));
    });
    until("a worker has a result to deliver", || {
        super::has_ended(&sandbox.path("worker-one/runs"))
    });
    assert!(site.coordinator().wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(
        begun(&site.said("one")) + begun(&site.said("two")),
        8,
        "a run was trained twice"
    );
    assert!(
        site.said("one").contains("the coordinator answers again"),
        "{}",
        site.said("one")
    );
}

/// A result waits for the coordinator over the worker's own death.
#[test]
fn a_result_outlives_its_worker() {
    let sandbox = with_workers(slow(), &["one"]);
    let mut site = Site::new(&sandbox);
    let coordinator = site.coordinator();
    let one = site.worker("one");
    in_the_middle(&sandbox, "one", || kill_at_once(coordinator));
    let done = sandbox.outcomes().len();
    until("the worker has a result to deliver", || {
        super::has_ended(&sandbox.path("worker-one/runs"))
    });
    site.kill(one);
    assert_eq!(kept(&sandbox, "one"), 1);
    let mut coordinator = site.coordinator();
    site.worker("one");
    until("it is delivered", || {
        site.said("one")
            .contains("left by an earlier worker in this folder: delivered")
    });
    // It is acknowledged when it is durable; the commit follows.
    until("it is committed", || sandbox.outcomes().len() > done);
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(begun(&site.said("one")), 8, "a run was trained twice");
}

/// Runs that a worker has begun.
fn begun(said: &str) -> usize {
    said.lines()
        .filter(|line| line.ends_with(": started"))
        .count()
}

/// A worker dies with its machine: another takes its run, and goes on from the last checkpoint that was delivered.
#[test]
fn a_dead_workers_run_is_gone_on_with() {
    let sandbox = with_workers(slow(), &["one", "two"]);
    sandbox.edit(
        "lease_seconds: 1",
        "lease_seconds: 1\n    deliver_checkpoints: true",
    );
    sandbox.policy(&["checkpoint_seconds: 0.2"]);
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    let one = site.worker("one");
    let is_delivered = || under_way_on(&sandbox, "one") && delivered_checkpoints(&sandbox) > 0;
    while_it_trains(&sandbox, "one", is_delivered, || site.kill(one));
    until("its trainer has died with it", || !trains(&sandbox, "one"));
    site.worker("two");
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 9);
    assert_eq!(resumed(&sandbox), 1);
}

fn delivered_checkpoints(sandbox: &Sandbox) -> usize {
    let runs = std::fs::read_dir(sandbox.path("results/sweep/runs"))
        .into_iter()
        .flatten()
        .flatten();
    let checkpoints = runs.flat_map(|run| {
        std::fs::read_dir(run.path().join("checkpoints"))
            .into_iter()
            .flatten()
            .flatten()
    });
    checkpoints
        .filter(|step| {
            step.path().join("manifest.json").exists()
                && step.file_name().to_str().unwrap().parse::<u64>().is_ok()
        })
        .count()
}

/// A worker stands still for longer than its lease, and comes back with a result that is not wanted any more: the run has one, and it
/// is the other's.
#[test]
fn what_comes_too_late_is_refused() {
    let sandbox = with_workers(slow(), &["one", "two"]);
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.edit("[transformer, primer_ez]", "[transformer]");
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    let one = site.worker("one");
    in_the_middle(&sandbox, "one", || site.strike(one, Signal::SIGSTOP));
    site.worker("two");
    assert!(coordinator.wait().unwrap().success());
    let before = sandbox.outcomes();
    assert_eq!(attempts(&sandbox).iter().sum::<u64>(), 3);
    // The sweep is done: a coordinator that is there for others refuses it.
    sandbox.edit("[2e8, 4e9]", "[2e8, 4e9, 5e9]");
    let mut coordinator = site.coordinator();
    // It is there for as long as the other worker's trainer stands.
    while_it_trains(
        &sandbox,
        "two",
        || true,
        || {
            site.strike(one, Signal::SIGCONT);
            until("the worker has forgotten it", || {
                site.said("one").contains("no longer needed") && kept(&sandbox, "one") <= 1
            });
        },
    );
    assert!(coordinator.wait().unwrap().success());
    assert!(
        before
            .iter()
            .all(|outcome| sandbox.outcomes().contains(outcome)),
        "a finished run was repeated"
    );
}

/// A worker that is out of touch for longer than its lease keeps its run where nobody else has time for it.
#[test]
fn a_pause_costs_nothing_while_others_are_busy() {
    let sandbox = with_workers(slow(), &["one"]);
    let mut site = Site::new(&sandbox);
    let mut coordinator = site.coordinator();
    let one = site.worker("one");
    in_the_middle(&sandbox, "one", || site.strike(one, Signal::SIGSTOP));
    // Longer than the lease, which nothing else shows.
    std::thread::sleep(std::time::Duration::from_secs(2));
    site.strike(one, Signal::SIGCONT);
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(sandbox.losses("results"), untouched(slow));
    assert_eq!(attempts(&sandbox), [1; 8]);
}

/// Not an issue of the network: the tokens of a sweep are fetched once, and what is damaged is fetched again.
#[test]
fn tokens_are_fetched_once_and_verified() {
    let sandbox = with_workers(Sandbox::new(), &["one"]);
    let mut site = Site::new(&sandbox);
    site.worker("one");
    assert!(site.coordinator().wait().unwrap().success());
    let tokens = || {
        std::fs::read_dir(sandbox.path("worker-one/tokens"))
            .unwrap()
            .flatten()
            .map(|e| e.path())
            .collect::<Vec<_>>()
    };
    assert_eq!(tokens().len(), 2);
    for path in tokens() {
        std::fs::write(path, "damaged").unwrap();
    }
    sandbox.edit("seeds: [1]", "seeds: [1, 2]");
    assert!(site.coordinator().wait().unwrap().success());
    let (sixteen, first) = (sandbox.outcomes(), sandbox.outcomes()[0].0.clone());
    assert_eq!(sixteen.len(), 16);
    let id = first
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(outcome_field(&sandbox, &id, "steps").as_u64().unwrap() > 0);
    assert_eq!(tokens().len(), 2);
}
