//! The ways to compute attention.

use tch::Tensor;

use crate::fused;

/// By what softmax(Q·Kᵀ + bias)·V is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttentionPath {
    /// Our kernel, on the processor.
    Fused,
    /// libtorch's `scaled_dot_product_attention`, whose kernels on CUDA hold no scores in memory.
    Library,
    /// Products and a softmax: neither of the others bounds scores.
    Composed,
}

impl AttentionPath {
    /// The path for a model whose activations are like `x`.
    pub(super) fn of(x: &Tensor, bounds_scores: bool) -> Self {
        match (bounds_scores, fused::serves(x)) {
            (true, _) => Self::Composed,
            (false, true) => Self::Fused,
            (false, false) => Self::Library,
        }
    }
}
