//! Asking the trainer how long steps take on this machine.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::exchange::dropped;
use crate::executor::{Slot, Trainer};
use isoflop_core::run::{CalibrationRequest, CalibrationResult, RunSpec};

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The trainer cannot be started or talked to.
    #[error("the trainer cannot be asked for step times: {0}")]
    Io(#[from] std::io::Error),
    /// It refused.
    #[error("the trainer gave no step times: {0}")]
    Refused(String),
}

/// Measures the step time of each spec, in order, on all slots at once: runs side by side share the
/// machine's memory and caches, and a measurement alone would promise too much. Half a second each.
///
/// # Errors
/// [`CalibrationError`].
pub fn calibrate(
    trainer: &Trainer,
    slots: &[Slot],
    specs: &[RunSpec],
) -> Result<Vec<CalibrationResult>, CalibrationError> {
    // All are asked before one is waited for.
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

fn ask(trainer: &Trainer, slot: Slot, specs: &[RunSpec]) -> Result<Child, CalibrationError> {
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
            // A trainer that died early is told by its exit, with its own words.
            let written = writeln!(input, "{line}");
            if dropped(written, "a trainer takes no more questions").is_none() {
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
        .filter_map(|line| dropped(serde_json::from_str(line), "a line has no step time"))
        .collect();
    if output.status.success() && answers.len() == expected {
        return Ok(answers);
    }
    let words = String::from_utf8_lossy(&output.stderr)
        .lines()
        .last()
        .unwrap_or("it said nothing")
        .to_owned();
    Err(CalibrationError::Refused(
        words.trim_start_matches("error: ").to_owned(),
    ))
}
