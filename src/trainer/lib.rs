//! One run, one process: reads the launch file of an attempt, trains, leaves an outcome.
//!
//! ```text
//! isoflop-trainer run ATTEMPT_DIR            train
//! isoflop-trainer calibrate                  measurements: questions on stdin, answers on stdout
//! isoflop-trainer compare FIXTURES DEVICE    a device's numbers beside the reference's, a line a model on stdout
//! ```
//!
//! A crash, an out-of-memory kill or a CUDA fault ends this process and one run, never the coordinator.

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

use failure::Failure;
use isoflop_core::run::{AttemptDir, TrainerExit};

/// Does what the arguments of the process say. `git_revision` is of the checkout that the program was built from, for
/// the provenance of outcomes.
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
        _ => Err(Failure::bad_launch(
            "usage: isoflop-trainer run ATTEMPT_DIR | isoflop-trainer calibrate | isoflop-trainer compare FIXTURES DEVICE",
        )),
    };
    let exit = match result {
        Ok(()) => TrainerExit::Outcome,
        Err(failure) => {
            // Standard error is the attempt's log; if even that cannot be written, the exit code tells.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
