//! Adafactor's settings and memory; the defaults are those of Mesh TensorFlow, which arXiv:2109.08668 trained with.

use super::OptimizerMemory;
use super::memory::vectors;
use super::settings::settings;
use crate::arch::ModelConfig;

settings! {
    /// Adafactor (arXiv:1804.04235) as arXiv:2109.08668 used it: without momentum and weight decay, updates scaled by
    /// the parameter's root mean square (algorithm 4, section 8), factored where both dimensions of a matrix are at
    /// least `factor_from`.
    Adafactor {
        /// c in the second moment's decay, β₂(t) = 1 - t^-c.
        decay_power: f64 = 0.8, in 0.1..=1.0;
        /// ε₁, added to the squared gradient.
        eps_gradient: f64 = 1e-30, in f64::MIN_POSITIVE..=1e-3;
        /// ε₂, least root mean square of a parameter that scales its update.
        eps_parameter: f64 = 1e-3, in f64::MIN_POSITIVE..=1.0;
        /// d, the root mean square that an update before scaling is cut down to.
        clip_threshold: f64 = 1.0, in f64::MIN_POSITIVE..=1e6;
        /// Least dimension of a matrix whose second moment is kept as means of rows and columns.
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
