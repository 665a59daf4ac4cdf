//! Classification of an attempt's end.

use super::active::ActiveAttempt;
use super::options::DriveOptions;
use crate::coordinator::schedule::RunIndex;
use crate::executor::{ExecutionError, StopRequest, error_line};
use crate::store::{AttemptFailure, FailureClass};
use isoflop_core::run::{AttemptEnd, TerminationReason, TrainerExit};
use isoflop_core::units::bytes;

/// Returns `Ok` if the attempt claims to have left an outcome, or the failure otherwise.
pub(super) fn classify_exit(
    run: RunIndex,
    active: &ActiveAttempt,
    end: Result<AttemptEnd, ExecutionError>,
    options: &DriveOptions,
) -> Result<(), AttemptFailure> {
    let end = end.map_err(|error| {
        let class = match error {
            ExecutionError::Wait(_) => FailureClass::Crash,
            ExecutionError::Refused(_) => FailureClass::Refused,
            ExecutionError::Unwritable(..) => FailureClass::Unwritable,
        };
        AttemptFailure::new(class, error.to_string())
    })?;
    // It may have finished before it could be stopped.
    if end == AttemptEnd::Exit(TrainerExit::Outcome as i32) {
        return Ok(());
    }
    if let Some(overdue) = &active.overdue {
        return Err(overdue.clone());
    }
    let said = error_line(&active.attempt).map_or_else(String::new, |line| format!(": {line}"));
    let mut message = format!("{}{said}", end.message());
    if *active.asked.borrow() > StopRequest::Nothing {
        return Err(AttemptFailure::new(FailureClass::Preempted, message));
    }
    if let AttemptEnd::KilledForMemory { .. }
    | AttemptEnd::Lost {
        fate: Some(TerminationReason::OutOfMemory),
        ..
    } = end
    {
        message += &format!("; estimated {}", bytes(options.memory[run]));
    }
    Err(AttemptFailure::new(class(end), message))
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
        // The cause of such a kill is unknown: do not split passes on a guess.
        AttemptEnd::KilledForMemory { certain: false } | AttemptEnd::Signal(_) => {
            FailureClass::Crash
        }
        AttemptEnd::Lost {
            fate: Some(TerminationReason::OutOfMemory),
            ..
        } => FailureClass::OutOfMemory,
        // The engine ended the job for its own reasons, which must not count against the run.
        AttemptEnd::Lost {
            fate:
                Some(
                    TerminationReason::Preempted
                    | TerminationReason::Requeued
                    | TerminationReason::TakenBack(_),
                ),
            ..
        } => FailureClass::Preempted,
        // A run that crashes its machine, or whose machine cannot start isoflop, is lost every
        // time. Count it as a crash, so that the retries end.
        AttemptEnd::Lost { .. } => FailureClass::Crash,
    }
}
