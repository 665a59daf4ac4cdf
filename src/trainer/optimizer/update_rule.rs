//! Interface of all optimizers.

use std::fmt::Debug;

use tch::Tensor;

use crate::parameters::ModelParameters;

/// Settings of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSettings {
    pub(crate) learning_rate: f64,
    /// Norm to which a larger gradient is scaled down.
    pub(crate) clip_norm: f64,
    /// Number of the step, from 1.
    pub(crate) step: u64,
}

/// Equations of an optimizer, with its moments.
pub(super) trait UpdateRule: Debug {
    /// Updates the moments with a clipped gradient, and returns the update to subtract from the
    /// parameters.
    fn update(
        &mut self,
        parameters: &ModelParameters,
        gradient: &Tensor,
        with: StepSettings,
    ) -> Tensor;

    /// Makes a whole step with a fused kernel, if one exists, and returns the norms of
    /// [`super::OptimizerState::step`].
    fn fused_step(&self, _: &ModelParameters, _: &Tensor, _: StepSettings) -> Option<Tensor> {
        None
    }

    /// Returns the state that the next step depends on, by name, for a checkpoint.
    fn state(&self) -> Vec<(&'static str, &Tensor)>;
}
