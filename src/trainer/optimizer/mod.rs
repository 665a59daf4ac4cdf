//! From gradients to updates, on the flat vector. One file an optimizer.

mod adafactor;
mod adamw;
mod muon;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;

use isoflop_core::run;
use tch::Tensor;

use crate::parameters::Parameters;
use adafactor::Adafactor;
use adamw::Adamw;
use muon::Muon;

/// An optimizer with its state.
#[derive(Debug)]
pub(crate) enum Optimizer {
    Adamw(Adamw),
    Adafactor(Adafactor),
    Muon(Muon),
}

/// What one step is given beside the gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSettings {
    pub(crate) learning_rate: f64,
    /// The gradient is scaled down to this norm.
    pub(crate) clip_norm: f64,
    /// From 1.
    pub(crate) step: u64,
}

impl Optimizer {
    pub(crate) fn new(settings: run::Optimizer, parameters: &Parameters) -> Self {
        match settings {
            run::Optimizer::Adamw(settings) => Self::Adamw(Adamw::new(settings, parameters)),
            run::Optimizer::Adafactor(settings) => {
                Self::Adafactor(Adafactor::new(settings, parameters))
            }
            run::Optimizer::Muon(settings) => Self::Muon(Muon::new(settings, parameters)),
        }
    }

    /// One step with the gradient in `parameters.flat`, which is zero afterwards. Returns the norms of the gradient
    /// before clipping and of the parameters' change, `[2]`, still on the device.
    pub(crate) fn step(&mut self, parameters: &mut Parameters, settings: StepSettings) -> Tensor {
        let gradient = parameters.flat.grad(); // [P]
        let norms = match self {
            Self::Adamw(adamw) => adamw.step(parameters, &gradient, settings),
            Self::Adafactor(adafactor) => adafactor.step(parameters, &gradient, settings),
            Self::Muon(muon) => muon.step(parameters, &gradient, settings),
        };
        parameters.flat.zero_grad();
        norms
    }

    /// The state that the next step depends on, by name, for a checkpoint.
    pub(crate) fn state(&self) -> Vec<(&'static str, &Tensor)> {
        match self {
            Self::Adamw(adamw) => adamw.state(),
            Self::Adafactor(adafactor) => adafactor.state(),
            Self::Muon(muon) => muon.state(),
        }
    }
}

/// min(1, clip / norm)·gradient with the norm, without asking the device for a number.
fn clipped(gradient: &Tensor, clip_norm: f64) -> (Tensor, Tensor) {
    let norm = gradient.norm();
    (gradient * (clip_norm / (&norm + 1e-6)).clamp_max(1.0), norm)
}
