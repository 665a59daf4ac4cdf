//! How long a run will take on this machine. Estimates, and called so wherever they are shown.

use crate::run::{CalibrationResult, RunSpec};

/// Seconds for one step beyond its FLOPs, where nothing was measured: dispatching small kernels.
const STEP_SECONDS: f64 = 0.003;
/// FLOP/s of one CPU thread, where nothing was measured.
const FLOP_PER_SECOND: f64 = 3e10;
/// Seconds to start a trainer.
const START_SECONDS: f64 = 0.5;

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
