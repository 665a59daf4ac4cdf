//! Update rules of the optimizers, one file for each.

mod adafactor;
mod adamw;
mod muon;

use isoflop_core::run::Optimizer;

use super::update_rule::UpdateRule;
use crate::parameters::ModelParameters;

/// Builds the update rule of an optimizer, with zero moments for these parameters.
pub(super) fn rule(settings: Optimizer, parameters: &ModelParameters) -> Box<dyn UpdateRule> {
    match settings {
        Optimizer::Adamw(settings) => Box::new(adamw::Adamw::new(settings, parameters, 0)),
        Optimizer::Adafactor(settings) => Box::new(adafactor::Adafactor::new(settings, parameters)),
        Optimizer::Muon(settings) => Box::new(muon::Muon::new(settings, parameters)),
    }
}
