//! Settings and memory of Adafactor. The defaults are those of Mesh TensorFlow, which
//! arXiv:2109.08668 used.

use super::OptimizerMemory;
use super::memory::vectors;
use super::settings::settings;
use crate::arch::ModelConfig;

settings! {
    /// Adafactor (arXiv:1804.04235) as arXiv:2109.08668 used it: without momentum and weight decay,
    /// updates scaled by the parameter's root mean square (algorithm 4, section 8), factored if
    /// both dimensions of a matrix are at least `factor_from`.
    Adafactor {
        /// c in the second moment's decay, β₂(t) = 1 - t^-c.
        decay_power: f64 = 0.8, in 0.1..=1.0;
        /// ε₁, added to the squared gradient.
        eps_gradient: f64 = 1e-30, in f64::MIN_POSITIVE..=1e-3;
        /// ε₂, lower bound of the parameter's root mean square that scales its update.
        eps_parameter: f64 = 1e-3, in f64::MIN_POSITIVE..=1.0;
        /// d, upper bound of the root mean square of an update before scaling.
        clip_threshold: f64 = 1.0, in f64::MIN_POSITIVE..=1e6;
        /// Smallest dimension of a matrix whose second moment is stored as means of rows and
        /// columns.
        factor_from: u32 = 128, in 2..=1 << 20;
    }
}

impl Adafactor {
    pub(super) fn memory(&self, model: &ModelConfig, _fused: bool) -> OptimizerMemory {
        let all = model.params().total().0 as f64;
        let shape = &model.shape;
        let [d, d_ff, d_attention, vocabulary] = [
            shape.d_model,
            shape.d_ff,
            shape.d_attention(),
            model.vocabulary,
        ]
        .map(f64::from);
        let factored = d.min(d_attention).min(d_ff) >= f64::from(self.factor_from);
        let largest = d * d_ff.max(d_attention).max(vocabulary);
        OptimizerMemory {
            state: if factored { 0.0 } else { all },
            update: vectors(all) + 5.0 * largest,
        }
    }
}
