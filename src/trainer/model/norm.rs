//! Norms: LayerNorm, RMSNorm and Primer's norm.

use isoflop_core::arch::{BiasPlacement, ModelConfig, Norm as Kind};
use tch::{Kind as Number, Tensor};

use crate::parameters::{TensorInit, TensorSlot, TensorViews};

#[derive(Debug)]
pub(super) struct NormLayer {
    kind: Kind,
    scale: Tensor,        // γ [C]
    bias: Option<Tensor>, // β [C]
    eps: f64,
    to: Number,
}

impl NormLayer {
    pub(super) fn slots(config: &ModelConfig, name: &str) -> Vec<TensorSlot> {
        let dims = [i64::from(config.shape.d_model)];
        let scale = TensorSlot::exempt(&format!("{name}.scale"), &dims, TensorInit::Constant(1.0));
        let bias = has_bias(config)
            .then(|| TensorSlot::exempt(&format!("{name}.bias"), &dims, TensorInit::Constant(0.0)));
        [scale].into_iter().chain(bias).collect()
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Self {
        Self {
            kind: config.architecture.norm,
            scale: views.get(&format!("{name}.scale")),
            bias: has_bias(config).then(|| views.get(&format!("{name}.bias"))),
            eps: config.architecture.norm_eps,
            to: views.products(),
        }
    }

    /// Normalises in float32, and converts the result to the format of matrix products.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let channels = self.scale.size();
        let x = x.to_kind(Number::Float);
        let y = match self.kind {
            // (x - μ) / sqrt(var + eps) · γ + β, arXiv:1607.06450, equation 4.
            // Primer's mean[x(x - μ)] equals this variance.
            Kind::Layer | Kind::Primer => x.layer_norm(
                channels,
                Some(&self.scale),
                self.bias.as_ref(),
                self.eps,
                false,
            ),
            // x / sqrt(mean[x²] + eps) · γ, arXiv:1910.07467, equation 4.
            Kind::Rms => x.rms_norm(channels, Some(&self.scale), self.eps),
        };
        y.to_kind(self.to)
    }
}

fn has_bias(config: &ModelConfig) -> bool {
    config.architecture.norm != Kind::Rms && config.architecture.biases != BiasPlacement::None
}

/// RMSNorm of each head's query or key, with one scale for all heads (arXiv:2010.04245,
/// arXiv:2302.05442).
#[derive(Debug)]
pub(super) struct HeadNorm {
    scale: Tensor, // [h]
    eps: f64,
}

impl HeadNorm {
    pub(super) fn slot(config: &ModelConfig, name: &str) -> TensorSlot {
        TensorSlot::exempt(
            &format!("{name}.scale"),
            &[i64::from(config.shape.d_head)],
            TensorInit::Constant(1.0),
        )
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, name: &str) -> Self {
        Self {
            scale: views.get(&format!("{name}.scale")),
            eps: config.architecture.norm_eps,
        }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let normed =
            x.to_kind(Number::Float)
                .rms_norm(self.scale.size(), Some(&self.scale), self.eps);
        normed.to_kind(x.kind()) // [B, T, H, h]
    }
}
