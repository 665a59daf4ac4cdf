//! Files cut off at any byte, as after a crash of the machine: what they were of use for is made again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal::SIGKILL;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::checks::files_under;
use super::round::{Fault, Round, Trainer, signal, small};
use super::shim::{Moment, Shim, Variables};
use crate::sandbox::{Sandbox, until};

fn files(round: &Round<'_>) -> Vec<PathBuf> {
    files_under(&round.sandbox.path("results/sweep"))
}

/// Cuts a file off. A result that rests on it is one no more.
fn truncate(round: &mut Round<'_>, file: &Path, length: u64) {
    File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_len(length)
        .unwrap();
    let name = file
        .strip_prefix(round.sandbox.path("results/sweep"))
        .unwrap()
        .to_string_lossy()
        .into_owned();
    if let ["runs", run, rest @ ..] = name.split('/').collect::<Vec<_>>().as_slice()
        && (*rest == ["outcome.json"] || matches!(rest, ["attempts", _, "metrics.jsonl"]))
    {
        round.forget(run);
    }
    round.struck();
}

fn random_length(round: &mut Round<'_>, file: &Path) -> u64 {
    let length = fs::metadata(file).unwrap().len();
    round.random.random_range(0..length.max(1))
}

/// Each file of a finished sweep in its turn, cut off at some byte and emptied.
#[test]
fn any_file_of_a_finished_sweep_may_be_truncated() {
    let mut fault = Fault::new("a file of a finished sweep truncated", small, Trainer::Noop);
    for emptied in [false, true] {
        for turn in 0.. {
            let mut round = fault.round(&format!("file {turn}, emptied: {emptied}"));
            round.run(&Variables::new());
            let Some(file) = files(&round).get(turn).cloned() else {
                assert!(turn > 12, "{turn} files");
                break;
            };
            let length = if emptied {
                0
            } else {
                random_length(&mut round, &file)
            };
            truncate(&mut round, &file, length);
            round.ends_as_if_nothing_had_happened();
        }
    }
}

/// Some file of a sweep whose coordinator was killed somewhere.
#[test]
fn any_file_of_an_unfinished_sweep_may_be_truncated() {
    let (shim, name) = (
        Shim::compiled(),
        "a file of a sweep truncated whose coordinator was killed",
    );
    let mut fault = Fault::new(name, small, Trainer::Noop);
    for _ in 0..Fault::rounds(40) {
        let mut round = fault.round("killed and truncated");
        let (results, mark) = (round.results(), round.sandbox.path("killed"));
        let change = round.random.random_range(6..80);
        round.run(&shim.kills("isoflop", &results, (Moment::Before, change), &mark));
        let files = files(&round);
        let Some(file) = files.choose(&mut round.random) else {
            continue;
        };
        let length = random_length(&mut round, file);
        truncate(&mut round, file, length);
        round.ends_as_if_nothing_had_happened();
    }
}

/// Two runs of seconds, with checkpoints.
fn long() -> Sandbox {
    let sandbox = small();
    sandbox.edit("[2e8]", "[4e9]");
    sandbox.edit("slots: 1", "slots: 2");
    sandbox.policy(&["checkpoint_seconds: 0.05"]);
    sandbox
}

/// The latest checkpoint of every run is cut off: the one before it is used, or none, to the same bits.
#[test]
fn checkpoints_may_be_truncated() {
    let mut fault = Fault::new("checkpoints truncated", long, Trainer::Real);
    for _ in 0..Fault::rounds(4) {
        let mut round = fault.round("checkpoints");
        let running = round.start(&Variables::new());
        let checkpoints = |round: &Round<'_>| {
            let is_whole = |file: &PathBuf| {
                file.ends_with("manifest.json") || file.ends_with("state.safetensors")
            };
            let unfinished = |file: &PathBuf| file.iter().any(|part| part == "unfinished");
            files(round)
                .into_iter()
                .filter(|file| is_whole(file) && !unfinished(file))
                .collect::<Vec<_>>()
        };
        until("there are checkpoints", || checkpoints(&round).len() >= 8);
        signal(running.pid(), SIGKILL);
        round.end_of(running);
        for file in checkpoints(&round) {
            if round.random.random_bool(0.6) {
                let length = random_length(&mut round, &file);
                truncate(&mut round, &file, length);
            }
        }
        round.ends_as_if_nothing_had_happened();
    }
}
