//! Validation: every held-out window once, exact token counts.

use isoflop::data::{TokenFile, validation_windows};
use isoflop::run::RunSpec;
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::training::Training;

/// Windows scored at once.
const BATCH: usize = 16;

/// Held-out windows, ready to score.
#[derive(Debug)]
pub(crate) struct Validation {
    batches: Vec<(Tensor, Tensor)>, // ([B, T], [B, T])
    /// Held-out tokens that are scored.
    pub(crate) tokens: u64,
}

/// A mean over the held-out tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score {
    /// Nats/token.
    pub(crate) loss: f64,
    pub(crate) bits_per_byte: f64,
}

impl Validation {
    pub(crate) fn new(spec: &RunSpec, file: &TokenFile, device: Device) -> Self {
        let starts = validation_windows(file.tokens().len(), spec.sequence_length, spec.evaluation.tokens);
        let batches: Vec<_> = starts
            .chunks(BATCH)
            .map(|chunk| windows(file.tokens(), chunk.iter().copied(), spec.sequence_length, device))
            .collect();
        let tokens = (starts.len() as u64) * u64::from(spec.sequence_length);
        Self { batches, tokens }
    }

    pub(crate) fn score(&self, training: &Training<'_>) -> Score {
        let loss = tch::no_grad(|| {
            let views = training.parameters.views(training.spec.precision);
            let model = Model::bind(&training.config, &views);
            // Summed in float64: the mean must not depend on how windows are batched.
            let sum: f64 = self
                .batches
                .iter()
                .map(|(inputs, targets)| {
                    let loss = model.loss(inputs, targets, &training.positions).cross_entropy;
                    let mean = loss.to_kind(Kind::Double).double_value(&[]);
                    mean * targets.numel() as f64
                })
                .sum();
            sum / self.tokens as f64
        });
        // Byte tokens: one byte of text a token.
        Score { loss, bits_per_byte: loss / std::f64::consts::LN_2 }
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
    let flat: Vec<i64> =
        starts.flat_map(|start| tokens[start..=start + t].iter().map(|token| i64::from(*token))).collect();
    let both = Tensor::from_slice(&flat).view([-1, t as i64 + 1]).to_device(device); // [B, T + 1]
    (both.narrow(1, 0, t as i64).contiguous(), both.narrow(1, 1, t as i64).contiguous())
}
