//! Optimizers of the flat parameter vector.

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;
mod rules;
mod step;
mod update_rule;

pub(crate) use step::OptimizerState;
pub(crate) use update_rule::StepSettings;
