//! Trainer: reads the launch file of an attempt, trains the run and writes the outcome.
//!
//! ```text
//! isoflop-trainer run ATTEMPT_DIR            train
//! isoflop-trainer calibrate                  answer requests for step times: stdin to stdout
//! isoflop-trainer compare FIXTURES DEVICE    compare a device with the reference, by model
//! ```
//!
//! The trainer is a separate process, so that a crash, an out-of-memory kill or a CUDA fault ends
//! one attempt and never the coordinator.

mod attempt;
mod calibrate;
mod checkpoint;
mod cuda;
mod evaluate;
mod failure;
mod fused;
mod host;
mod model;
mod optimizer;
mod parameters;
mod readings;
mod record;
mod reference;
mod train;
mod training;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use failure::TrainerFailure;
use isoflop_core::run::{AttemptDir, TrainerExit};

/// Executes the command in the arguments of the process. `git_revision` is the revision that the
/// program was built from, for the provenance of outcomes.
pub fn main(git_revision: &str) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fused::keep_memory();
    let result = match words.as_slice() {
        ["run", folder] => failure::catch(|| attempt::run(&AttemptDir::at(folder), git_revision)),
        ["calibrate"] => failure::catch(calibrate::serve),
        ["compare", folder, device] => {
            failure::catch(|| reference::compare(Path::new(folder), device))
        }
        _ => Err(TrainerFailure::bad_launch(
            "usage: isoflop-trainer run ATTEMPT_DIR | isoflop-trainer calibrate | isoflop-trainer compare FIXTURES DEVICE",
        )),
    };
    let exit = match result {
        Ok(()) => TrainerExit::Outcome,
        Err(failure) => {
            // Standard error is the attempt's log. If that cannot be written, the exit code still
            // identifies the failure.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
