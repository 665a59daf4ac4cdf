//! Outcomes that come too late, twice, or from an attempt that was given up long ago: none of them is taken.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal::SIGKILL;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;

use super::round::{Fault, Round, Trainer, signal, small};
use super::shim::Variables;
use crate::sandbox::{Sandbox, until};

/// Two runs, at which a third attempt may be made, each at once.
fn patient() -> Sandbox {
    let sandbox = small();
    sandbox.policy(&["max_attempts: 5", "retry_seconds: 0"]);
    sandbox
}

/// A trainer that trains nothing for some seconds, and whose first attempts go wrong.
fn faulty(faults: &str, seconds: &str) -> Variables {
    vec![
        ("NOOP_FAULTS", faults.into()),
        ("NOOP_SECONDS", seconds.into()),
    ]
}

fn read(path: PathBuf) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn run_folders(round: &Round<'_>) -> Vec<PathBuf> {
    let entries = fs::read_dir(round.sandbox.path("results/sweep/runs"))
        .into_iter()
        .flatten()
        .flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The late outcome of the first attempt lies in the second's folder.
fn was_late(run: &std::path::Path) -> bool {
    let fence = |file: &str, attempt: &str| {
        Some(read(run.join("attempts").join(attempt).join(file))?["fence"].clone())
    };
    let first = fence("launch.json", "1");
    first.is_some() && fence("outcome.json", "2") == first && fence("outcome.json", "1") == first
}

/// The first attempt leaves a process that delivers, to its own folder and to the second's, while the second attempt runs;
/// the second claims an outcome and has written none. The late one is refused, and the third attempt's is taken.
#[test]
fn an_outcome_of_an_attempt_that_was_given_up_is_refused() {
    let mut fault = Fault::new("late outcome of an escaped trainer", patient, Trainer::Noop);
    for _ in 0..Fault::rounds(2) {
        let mut round = fault.round("late");
        let ended = round.run(&faulty("late,idle", "0.3"));
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        for run in run_folders(&round) {
            assert!(
                was_late(&run),
                "the fault did not happen in {}",
                run.display()
            );
            assert_eq!(
                read(run.join("outcome.json")).unwrap()["attempt"],
                3,
                "a late outcome was committed"
            );
        }
        round.struck();
        round.ends_as_if_nothing_had_happened();
    }
}

/// The same, and the coordinator is killed while the late outcome lies in the folder of the attempt under way. The next
/// coordinator finds it there and does not commit it.
#[test]
fn a_late_outcome_that_a_dead_coordinator_left_is_refused() {
    let mut fault = Fault::new(
        "late outcome, and the coordinator killed",
        patient,
        Trainer::Noop,
    );
    for _ in 0..Fault::rounds(2) {
        let mut round = fault.round("late and killed");
        let running = round.start(&faulty("late", "30"));
        until("a late outcome has come", || {
            run_folders(&round).iter().any(|run| was_late(run))
        });
        signal(running.pid(), SIGKILL);
        round.end_of(running);
        let run = run_folders(&round)
            .into_iter()
            .find(|run| was_late(run))
            .unwrap();
        assert!(
            !run.join("outcome.json").exists(),
            "a late outcome was committed"
        );
        round.struck();
        let again = round.run(&Variables::new());
        assert_eq!(again.code, Some(0), "{}", again.said);
        assert_eq!(
            read(run.join("outcome.json")).unwrap()["attempt"],
            3,
            "a late outcome was committed"
        );
        round.ends_as_if_nothing_had_happened();
    }
}

/// What was delivered is delivered once more, or to an attempt that never was: the committed outcomes stay, byte for byte.
#[test]
fn a_second_delivery_changes_nothing() {
    let mut fault = Fault::new("second delivery of an outcome", small, Trainer::Noop);
    for _ in 0..Fault::rounds(6) {
        let mut round = fault.round("delivered again");
        round.run(&Variables::new());
        let before = round.sandbox.outcomes();
        let runs = run_folders(&round);
        let attempts = runs.choose(&mut round.random).unwrap().join("attempts");
        let (outcome, invented) = (
            fs::read_to_string(attempts.join("1/outcome.json")).unwrap(),
            attempts.join("2"),
        );
        if round.random.random_bool(0.5) {
            // Written anew, with another loss.
            fs::write(
                attempts.join("1/outcome.json"),
                outcome.replacen("\"loss_val\": ", "\"loss_val\": 1", 1),
            )
            .unwrap();
        } else {
            fs::create_dir(&invented).unwrap();
            for file in ["launch.json", "metrics.jsonl", "outcome.json"] {
                fs::copy(attempts.join("1").join(file), invented.join(file)).unwrap();
            }
        }
        round.struck();
        round.run(&Variables::new());
        assert_eq!(round.sandbox.outcomes(), before);
        // What the test has invented is no attempt of the coordinator's.
        let _ = fs::remove_dir_all(&invented);
        round.ends_as_if_nothing_had_happened();
    }
}
