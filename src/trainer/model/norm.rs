//! LayerNorm: the mean subtracted, scale and bias (arXiv:1607.06450).

use tch::Tensor;

use crate::parameters::Views;

/// Added to the variance.
pub(super) const EPS: f64 = 1e-6;

#[derive(Debug)]
pub(super) struct LayerNorm {
    scale: Tensor, // [d]
    bias: Tensor,  // [d]
}

impl LayerNorm {
    pub(super) fn bind(views: &Views<'_>, name: &str) -> Self {
        Self { scale: views.get(&format!("{name}.scale")), bias: views.get(&format!("{name}.bias")) }
    }

    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm([self.scale.size()[0]], Some(&self.scale), Some(&self.bias), EPS, false)
    }
}
