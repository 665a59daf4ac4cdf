//! Causal depthwise convolution of Primer's multi-DConv-head attention.

use isoflop_core::arch::ModelConfig;
use tch::Tensor;

use super::init;
use crate::fused;
use crate::parameters::{TensorSlot, TensorViews};

#[derive(Debug)]
pub(super) struct CausalConvolution {
    taps: Tensor, // [width, C], one weight for each tap and channel
    residual: bool,
}

impl CausalConvolution {
    pub(super) fn slot(config: &ModelConfig, name: &str) -> Option<TensorSlot> {
        let convolution = config.architecture.qkv_convolution.convolution()?;
        let channels = i64::from(config.convolved_channels());
        let dims = [i64::from(convolution.width), channels];
        Some(TensorSlot::exempt(
            name,
            &dims,
            init::taps(convolution, channels),
        ))
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Option<Self> {
        let residual = config.architecture.qkv_convolution.convolution()?.residual;
        Some(Self {
            taps: views.get(name),
            residual,
        })
    }

    /// Computes `y[t] = Σ_k w_k ∘ x[t-k]` along the sequence, with zeros before its start
    /// (arXiv:2109.08668, "Multi-DConv-Head Attention", and its released code), plus x with a
    /// residual. Q, K and V are convolved in one pass: their channels are side by side and
    /// independent.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        if fused::supports(x) {
            return fused::convolve(x, &self.taps, self.residual);
        }
        let y = convolve(x, &self.taps).to_kind(x.kind()); // [B, T, C]
        if self.residual { y + x } else { y }
    }
}

/// Computes the convolution by multiply-adds over shifted views. A grouped `conv1d` is slower on a
/// CPU.
pub(crate) fn convolve(x: &Tensor, taps: &Tensor) -> Tensor {
    let (width, t) = (taps.size()[0], x.size()[1]);
    let padded = x.constant_pad_nd([0, 0, width - 1, 0]); // [B, T + width - 1, C], zeros on the left only
    let shifted = |k: i64| padded.narrow(1, width - 1 - k, t); // x[t - k]
    let mut y = x * taps.get(0);
    for k in 1..width {
        y = y.addcmul(&shifted(k), &taps.get(k));
    }
    y // [B, T, C]
}
