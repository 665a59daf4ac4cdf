//! Settings and memory of AdamW.

use super::OptimizerMemory;
use super::memory::vectors;
use super::settings::settings;
use crate::arch::ModelConfig;

settings! {
    /// AdamW (arXiv:1711.05101). Norms, biases, convolution taps and the relative position
    /// bias are exempt from weight decay.
    Adamw {
        /// Decay of the first moment.
        beta1: f64 = 0.9, in 0.0..=0.999_999;
        /// Decay of the second moment.
        beta2: f64 = 0.95, in 0.0..=0.999_999;
        /// Added to the root of the second moment.
        eps: f64 = 1e-8, in f64::MIN_POSITIVE..=1.0;
        /// Decoupled weight decay of matrices, times the learning rate.
        weight_decay: f64 = 0.1, in 0.0..=10.0;
        /// True if embeddings decay: of tokens, of positions, and an untied output head.
        decay_embeddings: bool = true;
    }
}

impl Adamw {
    pub(super) fn memory(&self, model: &ModelConfig, fused: bool) -> OptimizerMemory {
        let all = model.params().total().0 as f64;
        OptimizerMemory {
            state: 2.0 * all,
            update: if fused {
                0.0
            } else {
                // libtorch's operations hold the square, the root and the quotient in addition to
                // the vectors.
                vectors(all) + 3.0 * all
            },
        }
    }
}
