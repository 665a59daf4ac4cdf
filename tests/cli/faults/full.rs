//! A disk that is full from some change on: the sweep stops with the reason, and goes on when there is room again.

use std::fs::{self, File};
use std::process::Stdio;

use rand::RngExt;

use super::round::{Fault, Trainer, small};
use super::shim::{Moment, Shim};

/// How many changes an undisturbed sweep makes; for trainers, those of one process.
fn changes(fault: &mut Fault, shim: &Shim, program: &str) -> usize {
    let mut round = fault.round("counting the changes");
    let log = round.sandbox.path("changes");
    round.run(&shim.writes_down(program, &round.sandbox.path(""), &log));
    let numbers = fs::read_to_string(&log).unwrap();
    let last = numbers
        .lines()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .max()
        .unwrap();
    assert!(last > 6, "the shim saw {last} changes");
    last
}

fn full_from_every_change(name: &'static str, program: &str) {
    let (shim, mut fault) = (Shim::compiled(), Fault::new(name, small, Trainer::Noop));
    for change in 1..=changes(&mut fault, &shim, program) {
        let mut round = fault.round(&format!("full from change {change} on"));
        let ended = round.run(&shim.fills_the_disk(program, &round.sandbox.path(""), change));
        round.struck();
        // What was not done may be of no importance: then the sweep has ended well.
        if ended.code != Some(0) {
            let reasons = [
                "No space left on device",
                "is the disk full?",
                "disk is full",
            ];
            assert!(
                reasons.iter().any(|reason| ended.said.contains(reason)),
                "change {change}: {}",
                ended.said
            );
            assert!(
                ended.said.contains("hint: "),
                "change {change}: {}",
                ended.said
            );
        }
        round.ends_as_if_nothing_had_happened();
    }
}

#[test]
fn a_disk_full_at_any_change_of_the_coordinator_loses_nothing() {
    full_from_every_change(
        "disk full from each change of the coordinator on",
        "isoflop",
    );
}

#[test]
fn a_disk_full_at_any_change_of_a_trainer_loses_nothing() {
    full_from_every_change("disk full from each change of a trainer on", "noop-trainer");
}

/// A disk that is full when the sweep goes on, after a death: nothing is made of what cannot be written.
#[test]
fn a_disk_that_is_full_after_a_death_loses_nothing() {
    let (shim, name) = (
        Shim::compiled(),
        "coordinator killed after a random change, then the disk full from one on",
    );
    let mut fault = Fault::new(name, small, Trainer::Noop);
    let last = changes(&mut fault, &shim, "isoflop");
    for _ in 0..Fault::rounds(20) {
        let mut round = fault.round("killed, then full");
        let (folder, mark) = (round.sandbox.path(""), round.sandbox.path("killed"));
        let (death, full) = (
            round.random.random_range(1..=last),
            round.random.random_range(1..=last),
        );
        round.run(&shim.kills("isoflop", &folder, (Moment::After, death), &mark));
        round.run(&shim.fills_the_disk("isoflop", &folder, full));
        round.struck();
        round.ends_as_if_nothing_had_happened();
    }
}

/// Messages go to a file on a full disk, or to a pipe whose reader has gone: that is no reason to stop.
#[test]
fn messages_that_cannot_be_written_end_no_sweep() {
    let mut fault = Fault::new("messages that cannot be written", small, Trainer::Noop);
    let full = || {
        File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .into()
    };
    let unread = || std::io::pipe().unwrap().1.into();
    for messages in [full as fn() -> Stdio, unread] {
        let mut round = fault.round("messages");
        let code = round.command().stderr(messages()).status().unwrap().code();
        assert_eq!(code, Some(0));
        round.struck();
        round.ends_as_if_nothing_had_happened();
    }
}
