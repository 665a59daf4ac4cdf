//! The feed-forward layer: activation(x·W_in + b_in)·W_out + b_out.

use isoflop::arch::{Activation, Architecture};
use tch::Tensor;

use crate::parameters::Views;

#[derive(Debug)]
pub(super) struct FeedForward {
    w_in: Tensor,  // [F, d]
    b_in: Tensor,  // [F]
    w_out: Tensor, // [d, F]
    b_out: Tensor, // [d]
    activation: Activation,
}

impl FeedForward {
    pub(super) fn bind(arch: &Architecture, views: &Views<'_>, name: &str) -> Self {
        Self {
            w_in: views.get(&format!("{name}.in.weight")),
            b_in: views.get(&format!("{name}.in.bias")),
            w_out: views.get(&format!("{name}.out.weight")),
            b_out: views.get(&format!("{name}.out.bias")),
            activation: arch.activation,
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let hidden = activate(self.activation, &x.linear(&self.w_in, Some(&self.b_in))); // [B, T, F]
        hidden.linear(&self.w_out, Some(&self.b_out)) // [B, T, d]
    }
}

fn activate(activation: Activation, x: &Tensor) -> Tensor {
    match activation {
        Activation::Relu => x.relu(),
        Activation::SquaredRelu => x.relu().square(), // arXiv:2109.08668, section 4
        Activation::Gelu => x.gelu("none"),
    }
}
