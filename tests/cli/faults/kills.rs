//! kill -9 at random moments, of a sweep that really trains: it ends with the bits of one that was left alone.

use std::time::Duration;

use nix::sys::signal::Signal::SIGKILL;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::round::{Fault, Round, Running, Trainer, signal};
use super::shim::Variables;
use crate::sandbox::Sandbox;

/// Blows that one sweep takes before it is let finish.
const STRIKES: usize = 6;

/// Eight runs of a few tenths of a second, with checkpoints to go on from.
fn real() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("[2e8, 4e8]", "[4e8, 2e9]");
    sandbox.policy(&["max_attempts: 100", "checkpoint_seconds: 0.05"]);
    sandbox
}

/// Waits for a random moment, and notes what is committed by then. Says whether the sweep is still under way.
fn moment_comes(round: &mut Round<'_>, running: &mut Running) -> bool {
    std::thread::sleep(Duration::from_millis(round.random.random_range(0..700)));
    round.acknowledge();
    !running.is_over()
}

/// Strikes the coordinator, and those that `also` names, until the sweep has ended or has had enough.
fn coordinator_struck(
    name: &'static str,
    usual: usize,
    also: fn(&mut Round<'_>, &Running) -> Vec<i32>,
) {
    let (mut fault, mut left) = (Fault::new(name, real, Trainer::Real), Fault::rounds(usual));
    while left > 0 {
        let mut round = fault.round("random moments");
        for _ in 0..left.min(STRIKES) {
            let mut running = round.start(&Variables::new());
            if !moment_comes(&mut round, &mut running) {
                break;
            }
            let mut victims = also(&mut round, &running);
            victims.push(running.pid());
            victims.shuffle(&mut round.random);
            victims.into_iter().for_each(|pid| signal(pid, SIGKILL));
            round.end_of(running);
            round.struck();
            left -= 1;
        }
        round.ends_as_if_nothing_had_happened();
    }
}

#[test]
fn coordinators_killed_at_random_moments_lose_nothing() {
    coordinator_struck(
        "kill -9 of the coordinator at a random moment",
        20,
        |_, _| Vec::new(),
    );
}

#[test]
fn coordinators_killed_with_their_trainers_lose_nothing() {
    coordinator_struck(
        "kill -9 of the coordinator and its trainers at a random moment",
        15,
        |round, running| round.trainers(running),
    );
}

#[test]
fn trainers_killed_at_random_moments_lose_nothing() {
    let mut left = Fault::rounds(15);
    let mut fault = Fault::new(
        "kill -9 of a trainer at a random moment",
        real,
        Trainer::Real,
    );
    while left > 0 {
        let mut round = fault.round("random moments");
        let mut running = round.start(&Variables::new());
        let mut strikes = left.min(STRIKES);
        while strikes > 0 && moment_comes(&mut round, &mut running) {
            let trainers = round.trainers(&running);
            let Some(victim) = trainers.choose(&mut round.random) else {
                continue;
            };
            signal(*victim, SIGKILL);
            round.struck();
            (left, strikes) = (left - 1, strikes - 1);
        }
        let ended = round.end_of(running);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        round.ends_as_if_nothing_had_happened();
    }
}
