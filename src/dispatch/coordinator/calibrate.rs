//! Calibration: step times on this machine, measured by the trainer.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::exchange::dropped;
use crate::executor::{Slot, TrainerProgram};
use isoflop_core::run::{CalibrationRequest, CalibrationResult, RunSpec};

/// A failed calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The trainer cannot be started, or its pipes fail.
    #[error("cannot measure step times with the trainer: {0}")]
    Io(#[from] std::io::Error),
    /// The trainer exited with an error, or with too few answers.
    #[error("the trainer failed to measure step times: {0}")]
    Refused(String),
}

/// Measures the step time of each spec, in order, on all slots at once.
///
/// Concurrent runs share the machine's memory bandwidth and caches: a measurement of a single
/// run would be too optimistic. Takes half a second per spec.
///
/// # Errors
/// [`CalibrationError`].
pub fn calibrate(
    trainer: &TrainerProgram,
    slots: &[Slot],
    specs: &[RunSpec],
) -> Result<Vec<CalibrationResult>, CalibrationError> {
    // Start all trainers before waiting for any, so that they measure at the same time.
    let asked = slots.iter().map(|slot| ask(trainer, *slot, specs));
    let asked = asked.collect::<Result<Vec<Child>, _>>()?.into_iter();
    let answers = asked.map(|child| answers(child, specs.len()));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    let mean = |i: usize, of: fn(&CalibrationResult) -> f64| {
        answers.iter().map(|slot| of(&slot[i])).sum::<f64>() / answers.len() as f64
    };
    let one = |i| CalibrationResult {
        step_seconds: mean(i, |a| a.step_seconds),
        eval_token_seconds: mean(i, |a| a.eval_token_seconds),
    };
    Ok((0..specs.len()).map(one).collect())
}

fn ask(trainer: &TrainerProgram, slot: Slot, specs: &[RunSpec]) -> Result<Child, CalibrationError> {
    let mut child = Command::new(trainer.program())
        .arg("calibrate")
        .env("OMP_NUM_THREADS", slot.threads.to_string())
        .env("MKL_NUM_THREADS", slot.threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        for spec in specs {
            let request = CalibrationRequest {
                spec: spec.clone(),
                device: slot.device,
                threads: slot.threads,
            };
            let line = serde_json::to_string(&request).map_err(std::io::Error::from)?;
            // If the trainer exited early, its exit status and stderr explain the failure better.
            let written = writeln!(input, "{line}");
            if dropped(written, "a trainer closed its standard input").is_none() {
                break;
            }
        }
    }
    Ok(child)
}

fn answers(child: Child, expected: usize) -> Result<Vec<CalibrationResult>, CalibrationError> {
    let output = child.wait_with_output()?;
    let answers: Vec<CalibrationResult> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| dropped(serde_json::from_str(line), "failed to parse a step time"))
        .collect();
    if output.status.success() && answers.len() == expected {
        return Ok(answers);
    }
    let words = String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()
        .unwrap_or("it printed no error")
        .to_owned();
    Err(CalibrationError::Refused(
        words.trim_start_matches("error: ").to_owned(),
    ))
}
