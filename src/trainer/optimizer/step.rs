//! Step of any optimizer.

use isoflop_core::run;
use tch::Tensor;

use super::rules::rule;
use super::update_rule::{StepSettings, UpdateRule};
use crate::parameters::ModelParameters;

/// An optimizer with its state.
#[derive(Debug)]
pub(crate) struct OptimizerState(Box<dyn UpdateRule>);

impl OptimizerState {
    pub(crate) fn new(settings: run::Optimizer, parameters: &ModelParameters) -> Self {
        Self(rule(settings, parameters))
    }

    /// Makes one step with the gradient of `parameters.flat`, and sets that gradient to zero.
    /// Returns the norms of the gradient before clipping and of the parameters' change, `[2]`,
    /// still on the device.
    pub(crate) fn step(&mut self, parameters: &mut ModelParameters, with: StepSettings) -> Tensor {
        let gradient = parameters.flat.grad(); // [P]
        let fused = self.0.fused_step(parameters, &gradient, with);
        let norms = fused.unwrap_or_else(|| {
            tch::no_grad(|| {
                let (gradient, norm) = clipped(&gradient, with.clip_norm);
                let update = self.0.update(parameters, &gradient, with);
                parameters.flat -= &update;
                Tensor::stack(&[norm, update.norm()], 0)
            })
        });
        parameters.flat.zero_grad();
        norms
    }

    /// Returns the state that the next step depends on, by name, for a checkpoint.
    pub(crate) fn state(&self) -> Vec<(&'static str, &Tensor)> {
        self.0.state()
    }
}

/// Returns min(1, clip / norm)·gradient and the norm, without waiting for the device.
fn clipped(gradient: &Tensor, clip_norm: f64) -> (Tensor, Tensor) {
    let norm = gradient.norm();
    (gradient * (clip_norm / (&norm + 1e-6)).clamp_max(1.0), norm)
}
