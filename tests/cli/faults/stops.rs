//! Processes that are stopped for longer than they may be silent, and go on: a laptop's lid, a debugger, a scheduler.

use std::time::Duration;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use rand::RngExt;

use super::round::{Fault, Trainer, signal};
use crate::sandbox::{Sandbox, until};

/// Longer than `stall_seconds`.
const PAUSE: Duration = Duration::from_millis(1500);

/// Four runs of 0.4 s, two at once; a silence of a second is one too long.
fn impatient() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("[d12-l2, d16-l2]", "[d12-l2]");
    sandbox.policy(&["stall_seconds: 1", "max_attempts: 5"]);
    sandbox
}

fn stopped(name: &'static str, coordinator: bool, trainers: bool) {
    let mut fault = Fault::new(name, impatient, Trainer::Noop);
    for _ in 0..Fault::rounds(1) {
        let mut round = fault.round("stopped");
        let running = round.start(&vec![("NOOP_SECONDS", "0.4".into())]);
        // Of four.
        let done = round.random.random_range(0..3);
        let mut victims = Vec::new();
        until("so many runs are done and others train", || {
            victims = round.trainers(&running);
            round.sandbox.outcomes().len() >= done && !victims.is_empty()
        });
        victims.retain(|_| trainers);
        victims.extend(coordinator.then_some(running.pid()));
        round.acknowledge();
        victims.iter().for_each(|pid| signal(*pid, SIGSTOP));
        std::thread::sleep(PAUSE);
        victims.iter().for_each(|pid| signal(*pid, SIGCONT));
        round.struck();
        let ended = round.end_of(running);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        round.ends_as_if_nothing_had_happened();
    }
}

#[test]
fn a_coordinator_that_was_stopped_goes_on() {
    stopped(
        "SIGSTOP of the coordinator for longer than stall_seconds",
        true,
        false,
    );
}

#[test]
fn trainers_that_were_stopped_are_replaced() {
    stopped(
        "SIGSTOP of trainers for longer than stall_seconds",
        false,
        true,
    );
}

#[test]
fn a_sweep_that_was_stopped_as_a_whole_goes_on() {
    stopped(
        "SIGSTOP of coordinator and trainers for longer than stall_seconds",
        true,
        true,
    );
}
