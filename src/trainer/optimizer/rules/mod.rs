//! The optimizers, a file each.

mod adafactor;
mod adamw;
mod muon;

use isoflop_core::run::Optimizer;

use super::update_rule::UpdateRule;
use crate::parameters::Parameters;

/// The equations of an optimizer, with moments for these parameters.
pub(super) fn rule(settings: Optimizer, parameters: &Parameters) -> Box<dyn UpdateRule> {
    match settings {
        Optimizer::Adamw(settings) => Box::new(adamw::Adamw::new(settings, parameters, 0)),
        Optimizer::Adafactor(settings) => Box::new(adafactor::Adafactor::new(settings, parameters)),
        Optimizer::Muon(settings) => Box::new(muon::Muon::new(settings, parameters)),
    }
}
