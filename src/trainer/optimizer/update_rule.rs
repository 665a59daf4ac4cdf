//! What every optimizer answers.

use std::fmt::Debug;

use tch::Tensor;

use crate::parameters::Parameters;

/// What one step is given beside the gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSettings {
    pub(crate) learning_rate: f64,
    /// The gradient is scaled down to this norm.
    pub(crate) clip_norm: f64,
    /// From 1.
    pub(crate) step: u64,
}

/// An optimizer's equations with its moments.
pub(super) trait UpdateRule: Debug {
    /// What a step takes from the parameters, the moments brought up to date with a gradient that is clipped.
    fn update(&mut self, parameters: &Parameters, gradient: &Tensor, with: StepSettings) -> Tensor;

    /// A whole step by a kernel of ours, where there is one for it: the norms of [`super::Optimizer::step`].
    fn fused_step(&self, _: &Parameters, _: &Tensor, _: StepSettings) -> Option<Tensor> {
        None
    }

    /// The state that the next step depends on, by name, for a checkpoint.
    fn state(&self) -> Vec<(&'static str, &Tensor)>;
}
