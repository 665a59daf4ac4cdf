//! Settings and memory of Muon.

use super::memory::vectors;
use super::settings::settings;
use super::{Adamw, OptimizerMemory};
use crate::arch::ModelConfig;

settings! {
    /// Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>): Nesterov momentum,
    /// orthogonalised by a quintic Newton-Schulz iteration and scaled by 0.2·sqrt(max(rows,
    /// columns)). An update is then as large as AdamW's, and takes the same learning rate and
    /// weight decay (arXiv:2502.16982, eq. 4).
    Muon {
        /// Decay of the momentum.
        momentum: f64 = 0.95, in 0.0..=0.999_999;
        /// Newton-Schulz iterations.
        iterations: u32 = 5, in 1..=20;
        /// AdamW for embeddings, head, norms, biases and taps; its `weight_decay` also applies to
        /// the matrices.
        adamw: Adamw = Adamw::DEFAULT;
    }
}

impl Muon {
    pub(super) fn memory(&self, model: &ModelConfig, _fused: bool) -> OptimizerMemory {
        let all = model.params().total().0 as f64;
        let hidden = model.params().without_embedding().0 as f64;
        let shape = &model.shape;
        let [d, d_ff, d_attention, layers] =
            [shape.d_model, shape.d_ff, shape.d_attention(), shape.layers].map(f64::from);
        // Matrices of one shape are orthogonalised together, which takes five times their size.
        let gates = if model.architecture.gated { 2.0 } else { 1.0 };
        let together = layers * d * (gates * d_ff).max(4.0 * d_attention);
        OptimizerMemory {
            state: hidden + 2.0 * (all - hidden),
            update: vectors(all) + hidden + 5.0 * together,
        }
    }
}
