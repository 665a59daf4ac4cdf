//! Validation: every held-out window once, exact token counts.

use isoflop_core::data::{EVALUATED_AT_ONCE, TokenFile, validation_windows};
use isoflop_core::metrics::Scores;
use isoflop_core::run::RunSpec;
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::training::Training;

/// Held-out windows, ready to score.
#[derive(Debug)]
pub(crate) struct Validation {
    batches: Vec<(Tensor, Tensor)>, // ([B, T], [B, T])
    /// Held-out tokens that are scored.
    pub(crate) tokens: u64,
}

impl Validation {
    pub(crate) fn new(spec: &RunSpec, file: &TokenFile, device: Device) -> Self {
        let (text, length) = (file.tokens(), spec.sequence_length);
        let starts = validation_windows(text.len(), length, spec.evaluation.tokens);
        Self {
            batches: starts
                .chunks(EVALUATED_AT_ONCE)
                .map(|chunk| windows(text, chunk.iter().copied(), length, device))
                .collect(),
            tokens: (starts.len() as u64) * u64::from(length),
        }
    }

    pub(crate) fn score(&self, training: &Training<'_>) -> Scores {
        let loss = tch::no_grad(|| {
            let views = training.parameters.views(training.spec.precision);
            let model = Model::bind(&training.config, &views);
            let mean = |(inputs, targets): &(Tensor, Tensor)| {
                model
                    .loss(inputs, targets, &training.positions)
                    .cross_entropy
            };
            let means: Vec<Tensor> = self.batches.iter().map(mean).collect();
            // Brought from the device at once: each number waits for it.
            let means = Tensor::stack(&means, 0)
                .to_kind(Kind::Double)
                .to_device(Device::Cpu);
            // Summed in float64: the mean must not depend on how windows are batched.
            let sum = |(i, (_, targets)): (usize, &(Tensor, Tensor))| {
                means.double_value(&[i as i64]) * targets.numel() as f64
            };
            self.batches.iter().enumerate().map(sum).sum::<f64>() / self.tokens as f64
        });
        // Byte tokens: one byte of text a token.
        Scores::new(loss, loss / std::f64::consts::LN_2)
    }
}

/// Inputs and targets of the windows that begin at `starts`, `[B, T]` each.
pub(crate) fn windows(
    tokens: &[u8],
    starts: impl Iterator<Item = usize>,
    sequence_length: u32,
    device: Device,
) -> (Tensor, Tensor) {
    let t = sequence_length as usize;
    let flat: Vec<i64> = starts
        .flat_map(|start| {
            tokens[start..=start + t]
                .iter()
                .map(|token| i64::from(*token))
        })
        .collect();
    let both = sent(Tensor::from_slice(&flat), device).view([-1, t as i64 + 1]); // [B, T + 1]
    (
        both.narrow(1, 0, t as i64).contiguous(),
        both.narrow(1, 1, t as i64).contiguous(),
    )
}

/// A tensor of this process's memory on the device, without waiting for what the device is doing: a copy is only made
/// beside its work from memory that the system cannot move.
fn sent(x: Tensor, device: Device) -> Tensor {
    if device.is_cuda() {
        x.pin_memory(device)
            .to_device_(device, x.kind(), true, false)
    } else {
        x
    }
}
