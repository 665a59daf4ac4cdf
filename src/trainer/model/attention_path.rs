//! Implementations of attention.

use tch::Tensor;

use crate::fused;

/// Implementation that computes softmax(Q·Kᵀ + bias)·V.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttentionPath {
    /// The fused kernel, on the CPU.
    Fused,
    /// libtorch's `scaled_dot_product_attention`, whose CUDA kernels keep no scores in memory.
    Library,
    /// Products and a softmax, because the other two cannot soft-cap scores.
    Composed,
}

impl AttentionPath {
    /// Returns the path for activations of the device and format of `x`.
    pub(super) fn of(x: &Tensor, bounds_scores: bool) -> Self {
        match (bounds_scores, fused::supports(x)) {
            (true, _) => Self::Composed,
            (false, true) => Self::Fused,
            (false, false) => Self::Library,
        }
    }
}
