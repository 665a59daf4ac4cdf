//! Every fixture on a device.

use std::io::Write;
use std::path::Path;

use isoflop_core::run::{self, Precision, TrainerExit};
use serde::Serialize;

use super::fixture::{Differences, Fixture};
use super::models::architectures;
use crate::cuda;
use crate::failure::Failure;

/// One line of `isoflop-trainer compare`.
#[derive(Serialize)]
struct Line<'a> {
    fixture: &'a str,
    precision: Precision,
    #[serde(flatten)]
    differences: Differences,
    within: bool,
}

/// Compares a device with every fixture of a folder in both number formats: a line of JSON each on stdout. Fails where a
/// difference is more than rounding.
pub(crate) fn compare(folder: &Path, device: &str) -> Result<(), Failure> {
    // Tensors are tiny: more threads would wait for each other.
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
            let line = Line {
                fixture: name,
                precision,
                differences,
                within,
            };
            let text = serde_json::to_string(&line)
                .map_err(|e| Failure::cannot_write("the answer", &e.into()))?;
            writeln!(output, "{text}").map_err(|e| Failure::cannot_write("the answer", &e))?;
        }
    }
    if off.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        TrainerExit::Crash,
        format!("not the reference's numbers: {}", off.join(", ")),
    ))
}

fn parse(device: &str) -> Result<run::Device, Failure> {
    let index = |digits: &str| digits.parse().ok().map(run::Device::Cuda);
    match device {
        "cpu" => Some(run::Device::Cpu),
        other => other.strip_prefix("cuda:").and_then(index),
    }
    .ok_or_else(|| Failure::bad_launch(format!("`{device}` is no device; use `cpu` or `cuda:0`")))
}
