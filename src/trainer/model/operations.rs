//! Operations that several parts of a model use.

use tch::Tensor;

/// Computes x·Wᵀ + b in W's number format.
pub(super) fn dense(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let bias = bias.map(|bias| bias.to_kind(weight.kind()));
    x.to_kind(weight.kind()).linear(weight, bias.as_ref())
}

pub(super) fn scaled(x: Tensor, scale: Option<f64>) -> Tensor {
    match scale {
        Some(scale) => x * scale,
        None => x,
    }
}

/// Computes cap·tanh(x / cap) (arXiv:2408.00118, section 2).
pub(super) fn soft_cap(x: Tensor, cap: Option<f64>) -> Tensor {
    match cap {
        Some(cap) => (x / cap).tanh() * cap,
        None => x,
    }
}
