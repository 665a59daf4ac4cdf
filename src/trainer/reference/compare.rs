//! Comparison of a device with every fixture.

use std::io::Write;
use std::path::Path;

use isoflop_core::run::{self, Precision, TrainerExit};
use serde::Serialize;

use super::fixture::{Differences, Fixture};
use super::models::architectures;
use crate::cuda;
use crate::failure::TrainerFailure;

/// One output line of `isoflop-trainer compare`.
#[derive(Serialize)]
struct ComparisonLine<'a> {
    fixture: &'a str,
    precision: Precision,
    #[serde(flatten)]
    differences: Differences,
    within: bool,
}

/// Compares a device with every fixture of a folder in both number formats, and prints one line of
/// JSON for each. Fails if a difference exceeds rounding.
pub(crate) fn compare(folder: &Path, device: &str) -> Result<(), TrainerFailure> {
    // Tensors are tiny, so more threads would only wait for each other.
    tch::set_num_threads(1);
    let device = cuda::device(parse(device)?)?;
    let mut output = std::io::stdout().lock();
    let mut off = Vec::new();
    for (name, architecture) in architectures() {
        let fixture = Fixture::read(folder, name)?;
        for precision in [Precision::Float32, Precision::Bfloat16] {
            let differences = fixture.differences(architecture, precision, device);
            let within = differences.are_rounding(precision);
            if !within {
                off.push(name);
            }
            let line = ComparisonLine {
                fixture: name,
                precision,
                differences,
                within,
            };
            let text = serde_json::to_string(&line)
                .map_err(|e| TrainerFailure::cannot_write("stdout", &e.into()))?;
            writeln!(output, "{text}").map_err(|e| TrainerFailure::cannot_write("stdout", &e))?;
        }
    }
    if off.is_empty() {
        return Ok(());
    }
    Err(TrainerFailure::new(
        TrainerExit::Crash,
        format!("numbers differ from the reference: {}", off.join(", ")),
    ))
}

fn parse(device: &str) -> Result<run::Device, TrainerFailure> {
    let index = |digits: &str| digits.parse().ok().map(run::Device::Cuda);
    match device {
        "cpu" => Some(run::Device::Cpu),
        other => other.strip_prefix("cuda:").and_then(index),
    }
    .ok_or_else(|| {
        TrainerFailure::bad_launch(format!(
            "unknown device `{device}`: expected `cpu` or `cuda:0`"
        ))
    })
}
