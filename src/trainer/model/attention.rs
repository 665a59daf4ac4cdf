//! Multi-head attention, and Primer's multi-DConv-head attention.

use isoflop::arch::{Architecture, QkvConvolution, Shape};
use tch::{Kind, Tensor};

use crate::parameters::Views;

#[derive(Debug)]
pub(super) struct Attention {
    qkv: Tensor,          // [3, D, d]
    taps: Option<Tensor>, // [width, 3, D]
    out: Tensor,          // [d, D]
    heads: i64,
    d_head: i64,
}

impl Attention {
    pub(super) fn bind(arch: &Architecture, shape: &Shape, views: &Views<'_>, name: &str) -> Self {
        Self {
            qkv: views.get(&format!("{name}.qkv")),
            taps: (arch.qkv_convolution != QkvConvolution::None).then(|| views.get(&format!("{name}.conv"))),
            out: views.get(&format!("{name}.out")),
            heads: i64::from(shape.heads),
            d_head: i64::from(shape.d_head),
        }
    }

    /// softmax(Q·Kᵀ + bias)·V·W_o. There is no scaling by d_head^-0.5: it is folded into the
    /// initialisation of W_q (T5, arXiv:1910.10683).
    pub(super) fn forward(&self, x: &Tensor, bias: &Tensor) -> Tensor {
        let (b, t, d_attention) = (x.size()[0], x.size()[1], self.heads * self.d_head);
        let mut qkv = x.linear(&self.qkv.view([3 * d_attention, -1]), None::<&Tensor>); // [B, T, 3·D]
        if let Some(taps) = &self.taps {
            qkv = causal_depthwise_convolution(&qkv, &taps.view([-1, 3 * d_attention]));
        }
        let qkv = qkv.view([b, t, 3, self.heads, self.d_head]).permute([2, 0, 3, 1, 4]).contiguous(); // [3, B, H, T, h]
        let (q, k, v) = (qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2)); // [B, H, T, h]
        let scores = q.matmul(&k.transpose(-2, -1)) + bias; // [B, H, T, T]
        let mixed = scores.softmax(-1, Kind::Float).matmul(&v); // [B, H, T, h]
        mixed.transpose(1, 2).reshape([b, t, d_attention]).linear(&self.out, None::<&Tensor>) // [B, T, d]
    }
}

/// `y[t] = Σ_k w_k ∘ x[t-k]` along the sequence, zeros before its start (arXiv:2109.08668, section 4 and
/// appendix A). Q, K and V are convolved in one pass: their channels stand side by side and none is shared.
///
/// Multiply-adds over shifted views, not a grouped `conv1d`, which is slower on CPU.
pub(super) fn causal_depthwise_convolution(x: &Tensor, taps: &Tensor) -> Tensor {
    let (width, t) = (taps.size()[0], x.size()[1]);
    let padded = x.constant_pad_nd([0, 0, width - 1, 0]); // [B, T + width - 1, C]
    let shifted = |k: i64| padded.narrow(1, width - 1 - k, t); // x[t - k]
    let mut y = x * taps.get(0);
    for k in 1..width {
        y = y.addcmul(&shifted(k), &taps.get(k));
    }
    y // [B, T, C]
}
