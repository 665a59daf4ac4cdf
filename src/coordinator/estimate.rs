//! What a run will cost on this machine. Estimates, and called so wherever they are shown.

use crate::arch::Positions;
use crate::run::{CalibrationResult, RunSpec};

/// Seconds for one step beyond its FLOPs, where nothing was measured: dispatching small kernels.
const STEP_SECONDS: f64 = 0.003;
/// FLOP/s of one CPU thread, where nothing was measured.
const FLOP_PER_SECOND: f64 = 3e10;
/// Seconds to start a trainer.
const START_SECONDS: f64 = 0.5;
/// Memory of a trainer before its model, bytes: mostly libtorch.
const BASE_BYTES: f64 = 1.5e8;

/// A run's expected cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Seconds from start to end.
    pub seconds: f64,
}

impl Cost {
    /// From a calibration on this machine; of the steps, `shared` are another run's.
    pub fn calibrated(spec: &RunSpec, shared: u64, measured: &CalibrationResult) -> Self {
        let own = own_part(spec, shared);
        let evaluated = evaluations(spec) * own * spec.evaluation.tokens as f64 * measured.eval_token_seconds;
        Self { seconds: START_SECONDS + own * spec.steps as f64 * measured.step_seconds + evaluated }
    }

    /// From the FLOPs alone: enough to order runs and to weigh progress.
    pub fn guessed(spec: &RunSpec, shared: u64) -> Self {
        let step = STEP_SECONDS + (spec.flops_per_token() * spec.batch_tokens()).0 / FLOP_PER_SECOND;
        let evaluation = spec.evaluation.tokens as f64 * spec.flops_per_token().0 as f64 / 3.0 / FLOP_PER_SECOND;
        let own = own_part(spec, shared);
        Self { seconds: START_SECONDS + own * (spec.steps as f64 * step + evaluations(spec) * evaluation) }
    }
}

/// The part of a run that is trained by the run itself.
fn own_part(spec: &RunSpec, shared: u64) -> f64 {
    1.0 - shared as f64 / spec.steps as f64
}

fn evaluations(spec: &RunSpec) -> f64 {
    f64::from(spec.evaluation.points) + 1.0
}

/// Memory that a run will hold, bytes, an estimate: libtorch, parameters with gradient and moments, and
/// what the backward pass keeps of each layer.
pub fn memory_bytes(spec: &RunSpec) -> u64 {
    let shape = &spec.shape;
    let [d, d_ff, heads, t] = [shape.d_model, shape.d_ff, shape.heads, spec.sequence_length].map(f64::from);
    let d_attention = f64::from(shape.d_attention());
    let sequences = f64::from(spec.pass_sequences());
    let tokens = sequences * t;
    // Parameters, gradient (twice while it is concatenated), two moments, and the update's temporaries.
    let parameters = 4.0 * 8.0 * spec.params_total().0 as f64;
    // Per token and layer: norms and residuals, Q, K, V with their copies, what convolutions, rotations and QK-norms
    // make of them, the feed-forward's hidden layers; per pair of positions: scores, biased scores and weights of each head.
    let architecture = &spec.architecture;
    let convolved = 2.0 * f64::from(spec.model().convolved_channels());
    let rotated = if matches!(architecture.positions, Positions::Rotary { .. }) { 6.0 } else { 0.0 };
    let normed = if architecture.qk_norm { 4.0 } else { 0.0 };
    let hidden = if architecture.gated { 5.0 } else { 3.0 };
    let per_token = 8.0 * d + (8.0 + rotated + normed) * d_attention + convolved + hidden * d_ff;
    let per_layer = tokens * per_token + 3.0 * sequences * heads * t * t;
    let head = 3.0 * tokens * f64::from(spec.data.vocabulary());
    (BASE_BYTES + parameters + 4.0 * (f64::from(shape.layers) * per_layer + head)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::example;

    /// What the backward pass keeps falls with the pass; parameters and libtorch stay.
    #[test]
    fn a_micro_batch_needs_less_memory() {
        let whole = RunSpec { batch_sequences: 1024, ..example() };
        let split = RunSpec { micro_batch_sequences: Some(64), ..whole.clone() };
        let small = RunSpec { batch_sequences: 64, ..whole.clone() };
        assert_eq!(memory_bytes(&split), memory_bytes(&small));
        assert!(4 * memory_bytes(&split) < memory_bytes(&whole));
    }
}
