//! Feed-forward layer: act(x·W_in + b_in)·W_out + b_out, or gated,
//! (act(x·W_g + b_g) ∘ (x·W_in + b_in))·W_out + b_out (arXiv:2002.05202, equation 6).

use isoflop_core::arch::{Activation, BiasPlacement, ModelConfig};
use tch::Tensor;

use super::init;
use super::operations::dense;
use crate::fused::{self, FusedActivation};
use crate::parameters::{TensorInit, TensorSlot, TensorViews};

#[derive(Debug)]
pub(super) struct FeedForward {
    into: Dense,         // d -> F
    gate: Option<Dense>, // d -> F
    out: Dense,          // F -> d
    activation: Activation,
}

impl FeedForward {
    pub(super) fn slots(config: &ModelConfig, name: &str) -> Vec<TensorSlot> {
        let (d, d_ff) = (config.shape.d_model, config.shape.d_ff);
        let dense = |part: &str, dims: [u32; 2], init: TensorInit| {
            Dense::slots(config, &format!("{name}.{part}"), dims, init)
        };
        let mut slots = dense("in", [d_ff, d], init::dense(config, d));
        if config.architecture.gated {
            slots.extend(dense("gate", [d_ff, d], init::dense(config, d)));
        }
        slots.extend(dense("out", [d, d_ff], init::dense_out(config)));
        slots
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Self {
        let dense = |part: &str| Dense::bind(config, views, &format!("{name}.{part}"));
        Self {
            into: dense("in"),
            gate: config.architecture.gated.then(|| dense("gate")),
            out: dense("out"),
            activation: config.architecture.activation,
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let hidden = match (&self.gate, fused_activation(self.activation)) {
            (Some(gate), _) => activate(self.activation, &gate.forward(x)) * self.into.forward(x),
            (None, Some(activation)) if fused::supports(x) => fused::activate(
                dense(x, &self.into.weight, None),
                self.into.bias.as_ref(),
                activation,
            ),
            (None, _) => activate(self.activation, &self.into.forward(x)),
        }; // [B, T, F]
        self.out.forward(&hidden) // [B, T, d]
    }
}

fn fused_activation(activation: Activation) -> Option<FusedActivation> {
    match activation {
        Activation::Relu => Some(FusedActivation::Relu),
        Activation::SquaredRelu => Some(FusedActivation::SquaredRelu),
        Activation::Gelu | Activation::Swish => None,
    }
}

fn activate(activation: Activation, x: &Tensor) -> Tensor {
    match activation {
        Activation::Relu => x.relu(),
        Activation::SquaredRelu => x.relu().square(), // arXiv:2109.08668, "Squared ReLU"
        Activation::Gelu => x.gelu("none"),
        Activation::Swish => x.silu(),
    }
}

#[derive(Debug)]
struct Dense {
    weight: Tensor,       // [outputs, inputs]
    bias: Option<Tensor>, // [outputs]
}

impl Dense {
    fn slots(
        config: &ModelConfig,
        name: &str,
        dims: [u32; 2],
        init: TensorInit,
    ) -> Vec<TensorSlot> {
        let dims = dims.map(i64::from);
        let weight = TensorSlot::matrix(&format!("{name}.weight"), &dims, init);
        let bias = has_bias(config).then(|| {
            TensorSlot::exempt(
                &format!("{name}.bias"),
                &dims[..1],
                TensorInit::Constant(0.0),
            )
        });
        [weight].into_iter().chain(bias).collect()
    }

    fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Self {
        Self {
            weight: views.matrix(&format!("{name}.weight")),
            bias: has_bias(config).then(|| views.get(&format!("{name}.bias"))),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        dense(x, &self.weight, self.bias.as_ref())
    }
}

fn has_bias(config: &ModelConfig) -> bool {
    config.architecture.biases != BiasPlacement::None
}
