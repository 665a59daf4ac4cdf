//! The time of day is set while a sweep runs: nothing is decided by it.

use std::fs;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::round::{Fault, Round, Trainer};
use super::shim::{Shim, Variables};
use crate::sandbox::Sandbox;

/// Between two settings of the clock.
const HOLD: Duration = Duration::from_millis(100);

/// Eight runs, one of which is silent for too long only if somebody asks the wrong clock.
fn clocked() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.policy(&["stall_seconds: 30", "max_attempts: 5"]);
    sandbox
}

fn attempts(round: &Round<'_>) -> usize {
    let runs = fs::read_dir(round.sandbox.path("results/sweep/runs"))
        .unwrap()
        .flatten();
    runs.map(|run| fs::read_dir(run.path().join("attempts")).unwrap().count())
        .sum()
}

/// Runs the sweep with a clock that goes an hour forward and back at random; says how long it took.
fn with_a_wandering_clock(round: &mut Round<'_>, shim: &Shim, noop: Variables) -> Duration {
    let (clock, began) = (round.sandbox.path("clock"), Instant::now());
    let variables = [
        shim.shifts_the_clock("isoflop", &round.sandbox.path(""), &clock),
        noop,
    ]
    .concat();
    let mut running = round.start(&variables);
    while !running.is_over() {
        let hour = *[-3600, 0, 3600].choose(&mut round.random).unwrap();
        fs::write(&clock, hour.to_string()).unwrap();
        std::thread::sleep(HOLD.mul_f64(round.random.random_range(0.1..1.0)));
    }
    round.struck();
    let ended = round.end_of(running);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    began.elapsed()
}

/// No attempt is given up for its silence, and none is made twice.
#[test]
fn a_clock_that_is_set_costs_no_attempt() {
    let (shim, mut fault) = (
        Shim::compiled(),
        Fault::new("clock set by an hour, either way", clocked, Trainer::Noop),
    );
    for _ in 0..Fault::rounds(3) {
        let mut round = fault.round("while runs are trained");
        with_a_wandering_clock(&mut round, &shim, vec![("NOOP_SECONDS", "0.3".into())]);
        assert_eq!(attempts(&round), 8);
        round.ends_as_if_nothing_had_happened();
    }
}

/// An attempt that failed is followed by another within seconds, not an hour later.
#[test]
fn a_clock_that_is_set_delays_no_further_attempt() {
    let name = "clock set by an hour, either way, between attempts";
    let (shim, mut fault) = (Shim::compiled(), Fault::new(name, clocked, Trainer::Noop));
    for _ in 0..Fault::rounds(1) {
        let mut round = fault.round("while attempts fail");
        let noop = vec![
            ("NOOP_SECONDS", "0.1".into()),
            ("NOOP_FAULTS", "crash".into()),
        ];
        let took = with_a_wandering_clock(&mut round, &shim, noop);
        assert!(took < Duration::from_secs(60), "{took:?}");
        assert_eq!(attempts(&round), 16);
        round.ends_as_if_nothing_had_happened();
    }
}
