//! Evaluation on held-out text: every window once, with exact token counts.

use isoflop_core::data::{EVALUATION_BATCH, TokenFile, validation_windows};
use isoflop_core::metrics::Scores;
use isoflop_core::run::RunSpec;
use tch::{Device, Kind, Tensor};

use crate::model::LanguageModel;
use crate::training::TrainingState;

/// Held-out windows, ready to score.
#[derive(Debug)]
pub(crate) struct ValidationSet {
    batches: Vec<(Tensor, Tensor)>, // ([B, T], [B, T])
    /// Held-out tokens that are scored.
    pub(crate) tokens: u64,
}

impl ValidationSet {
    pub(crate) fn new(spec: &RunSpec, file: &TokenFile, device: Device) -> Self {
        let (text, length) = (file.tokens(), spec.sequence_length);
        let starts = validation_windows(text.len(), length, spec.evaluation.tokens);
        Self {
            batches: starts
                .chunks(EVALUATION_BATCH)
                .map(|chunk| windows(text, chunk.iter().copied(), length, device))
                .collect(),
            tokens: (starts.len() as u64) * u64::from(length),
        }
    }

    pub(crate) fn score(&self, training: &TrainingState<'_>) -> Scores {
        let loss = tch::no_grad(|| {
            let views = training.parameters.views(training.spec.precision);
            let model = LanguageModel::bind(&training.config, &views);
            let mean = |(inputs, targets): &(Tensor, Tensor)| {
                model
                    .loss(inputs, targets, &training.positions)
                    .cross_entropy
            };
            let means: Vec<Tensor> = self.batches.iter().map(mean).collect();
            // Copy all means at once, because each copy waits for the device.
            let means = Tensor::stack(&means, 0)
                .to_kind(Kind::Double)
                .to_device(Device::Cpu);
            // Sum in float64, so that the mean does not depend on the batches of windows.
            let sum = |(i, (_, targets)): (usize, &(Tensor, Tensor))| {
                means.double_value(&[i as i64]) * targets.numel() as f64
            };
            self.batches.iter().enumerate().map(sum).sum::<f64>() / self.tokens as f64
        });
        // A token is one byte of text.
        Scores::new(loss, loss / std::f64::consts::LN_2)
    }
}

/// Returns inputs and targets of the windows that begin at `starts`, each `[B, T]`.
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
    let both = copy_to_device(Tensor::from_slice(&flat), device).view([-1, t as i64 + 1]); // [B, T + 1]
    (
        both.narrow(1, 0, t as i64).contiguous(),
        both.narrow(1, 1, t as i64).contiguous(),
    )
}

/// Copies a tensor to the device without waiting for the device's current work. Such an
/// asynchronous copy needs pinned memory.
fn copy_to_device(x: Tensor, device: Device) -> Tensor {
    if device.is_cuda() {
        x.pin_memory(device)
            .to_device_(device, x.kind(), true, false)
    } else {
        x
    }
}
