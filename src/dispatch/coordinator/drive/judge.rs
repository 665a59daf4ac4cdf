//! What an attempt's end means.

use super::active::Active;
use super::options::Options;
use crate::coordinator::schedule::RunIndex;
use crate::executor::{Asked, ExecutionError, error_line};
use crate::store::{Failure, FailureClass};
use isoflop_core::run::{AttemptEnd, Fate, TrainerExit};
use isoflop_core::units::bytes;

/// Whether an attempt says that it left an outcome, or why there is none.
pub(super) fn judge(
    run: RunIndex,
    active: &Active,
    end: Result<AttemptEnd, ExecutionError>,
    options: &Options,
) -> Result<(), Failure> {
    let end = end.map_err(|error| {
        let class = match error {
            ExecutionError::Wait(_) => FailureClass::Crash,
            ExecutionError::Refused(_) => FailureClass::Refused,
            ExecutionError::Unwritable(..) => FailureClass::Unwritable,
        };
        Failure::new(class, error.to_string())
    })?;
    // It may have ended by itself before it could be stopped.
    if end == AttemptEnd::Exit(TrainerExit::Outcome as i32) {
        return Ok(());
    }
    if let Some(overdue) = &active.overdue {
        return Err(overdue.clone());
    }
    let said = error_line(&active.attempt).map_or_else(String::new, |line| format!(": {line}"));
    let mut message = format!("{}{said}", end.words());
    if *active.asked.borrow() > Asked::Nothing {
        return Err(Failure::new(FailureClass::Preempted, message));
    }
    if let AttemptEnd::KilledForMemory { .. }
    | AttemptEnd::Lost {
        fate: Some(Fate::OutOfMemory),
        ..
    } = end
    {
        message += &format!("; estimated {}", bytes(options.memory[run]));
    }
    Err(Failure::new(class(end), message))
}

fn class(end: AttemptEnd) -> FailureClass {
    match end {
        AttemptEnd::Exit(code) => match TrainerExit::from_code(code) {
            TrainerExit::BadLaunch | TrainerExit::NoDevice => FailureClass::UserError,
            TrainerExit::CannotWrite => FailureClass::Unwritable,
            TrainerExit::OutOfMemory => FailureClass::OutOfMemory,
            TrainerExit::Preempted => FailureClass::Preempted,
            TrainerExit::Outcome
            | TrainerExit::Crash
            | TrainerExit::Orphaned
            | TrainerExit::DeviceLost => FailureClass::Crash,
        },
        AttemptEnd::KilledForMemory { certain: true } => FailureClass::OutOfMemory,
        // A kill that nobody explains may have been for memory, but need not: to train in other passes would be a guess.
        AttemptEnd::KilledForMemory { certain: false } | AttemptEnd::Signal(_) => {
            FailureClass::Crash
        }
        AttemptEnd::Lost {
            fate: Some(Fate::OutOfMemory),
            ..
        } => FailureClass::OutOfMemory,
        // Whose turn it was is the engine's to say, and none of the run's doing.
        AttemptEnd::Lost {
            fate: Some(Fate::Preempted | Fate::Requeued | Fate::TakenBack(_)),
            ..
        } => FailureClass::Preempted,
        // A run that takes its machine down with it, or whose machine cannot start isoflop, is lost every time: that must come to
        // an end.
        AttemptEnd::Lost { .. } => FailureClass::Crash,
    }
}
