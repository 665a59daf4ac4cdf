//! Deaths at every change on the disk: none of them is a moment at which something can be lost.

use super::round::{Fault, Trainer, small};
use super::shim::{Moment, Shim};

/// Kills one process of `program` around its first change, then around its second, until it makes no more of them.
fn killed_around_every_change(name: &'static str, program: &str, moment: Moment) {
    let (shim, mut fault) = (Shim::compiled(), Fault::new(name, small, Trainer::Noop));
    for change in 1.. {
        let mut round = fault.round(&format!("{moment} change {change}"));
        let (results, mark) = (round.results(), round.sandbox.path("killed"));
        let ended = round.run(&shim.kills(program, &results, (moment, change), &mark));
        if !mark.exists() {
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            assert!(change > 6, "the shim saw {} changes", change - 1);
            break;
        }
        // The coordinator survives a trainer, and not itself.
        let expected = if program == "isoflop" { None } else { Some(0) };
        assert_eq!(ended.code, expected, "{}", ended.said);
        round.struck();
        round.ends_as_if_nothing_had_happened();
    }
}

#[test]
fn a_coordinator_killed_before_any_change_loses_nothing() {
    killed_around_every_change(
        "coordinator killed before each change on the disk",
        "isoflop",
        Moment::Before,
    );
}

#[test]
fn a_coordinator_killed_after_any_change_loses_nothing() {
    killed_around_every_change(
        "coordinator killed after each change on the disk",
        "isoflop",
        Moment::After,
    );
}

#[test]
fn a_trainer_killed_around_any_change_loses_nothing() {
    killed_around_every_change(
        "trainer killed before each change on the disk",
        "noop-trainer",
        Moment::Before,
    );
    killed_around_every_change(
        "trainer killed after each change on the disk",
        "noop-trainer",
        Moment::After,
    );
}
